"""MNIST: its test images are part of the package, its training images are read when asked for."""

from collections.abc import Callable
from functools import cached_property
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from neuronbasis.datasets._dataset import Dataset

#: `Dataset.checksum` of the published images and labels; a test compares them with the MD5 sums
#: of the four published files.
CHECKSUM = "920d510d10e105818113d2bc39359f9781df578be5449297b1db1b537f920ef3"


class Published(Dataset):
    """A dataset whose training images are read when something asks for them."""

    @cached_property
    def _whole(self) -> Dataset:
        read: Callable[[], Dataset] = self.__dict__["read"]
        return read()

    @cached_property
    def x_train(self) -> NDArray[np.uint8]:
        """Training images; see `Dataset`."""
        return self._whole.x_train

    @cached_property
    def y_train(self) -> NDArray[np.int64]:
        """Labels of the training images; see `Dataset`."""
        return self._whole.y_train


def mnist(read: Callable[[], Dataset]) -> Dataset:
    """Give MNIST, with its test images from the package.

    Parameters
    ----------
    read : callable
        Reads the whole dataset, and checks that it is the published one; called when its
        training images are first asked for.

    Examples
    --------
    >>> from neuronbasis import datasets
    >>> datasets.load("mnist")
    Dataset('mnist', 60000 train and 10000 test images of 28x28, 10 classes)
    """
    with resources.files("neuronbasis.datasets").joinpath("mnist", "test.npz").open("rb") as file:
        held = dict(np.load(file))
    made: Dataset = object.__new__(Published)
    labels = held["y_test"].astype("<i8")
    for array in (held["x_test"], labels, held["mean_image"]):
        array.flags.writeable = False
    # In the instance's dictionary, where cached properties keep what they found.
    made.__dict__.update(
        name="mnist",
        x_test=held["x_test"],
        y_test=labels,
        classes=tuple("0123456789"),
        pixel_range=(0, 255),
        sizes={"train": 60000, "test": 10000},
        mean_image=held["mean_image"],
        checksum=CHECKSUM,
        read=read,
    )
    return made
