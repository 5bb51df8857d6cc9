"""MNIST: the published images, those of the test in the package, the others when asked for."""

import dataclasses
import hashlib
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from neuronbasis import datasets
from neuronbasis.errors import UserError

# MD5 sums of the four published files, unpacked.
PUBLISHED = {
    "x_train": "6bbc9ace898e44ae57da46a324031adb",
    "y_train": "a25bea736e30d166cdddb491f175f624",
    "x_test": "2646ac647ad5339dbf082846283269ea",
    "y_test": "27ae3e4e09519cfbb04c329615203637",
}


def _md5(array: np.ndarray) -> str:
    """MD5 sum of the file in which MNIST publishes such an array."""
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return hashlib.md5(head + array.astype(np.uint8).tobytes()).hexdigest()


def test_test_images_are_the_published_ones_without_any_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEURONBASIS_DATA", str(tmp_path))
    d = datasets.load("mnist")
    assert [_md5(d.x_test), _md5(d.y_test)] == [PUBLISHED["x_test"], PUBLISHED["y_test"]]
    assert np.bincount(d.y_test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert (d.name, d.image_shape, d.sizes["train"]) == ("mnist", (28, 28), 60000)
    assert d.scaled("test").shape == (10000, 784)
    assert not d.x_test.flags.writeable
    assert not list(tmp_path.iterdir())


@pytest.mark.data
def test_training_images_are_the_published_ones(data_file: Callable[[str], Path]) -> None:
    d = datasets.load("mnist", folder=data_file("mnist.npz").parent)
    assert {name: _md5(getattr(d, name)) for name in PUBLISHED} == PUBLISHED
    parts = {f.name: getattr(d, f.name) for f in dataclasses.fields(d)}
    whole = datasets.Dataset(**parts)  # nothing of it is known before it is computed
    assert (whole.checksum, whole.sizes, repr(whole)) == (d.checksum, d.sizes, repr(d))
    assert np.array_equal(whole.mean_image, d.mean_image)


def test_training_images_of_other_bytes_are_refused(tmp_path: Path) -> None:
    d = datasets.load("mnist")
    x = np.zeros((3, 28, 28), np.uint8)
    y = np.arange(3)
    np.savez(tmp_path / "mnist.npz", x_train=x, y_train=y, x_test=d.x_test, y_test=d.y_test)
    mine = datasets.load("mnist", folder=tmp_path)
    assert np.array_equal(mine.x_test, d.x_test)
    message = (
        rf"^{tmp_path}/mnist\.npz: its images are not the published MNIST \(checksum .{{16}}, "
        r"published 920d510d10e10581\): put the published file there, or name this one otherwise$"
    )
    with pytest.raises(UserError, match=message):
        _ = mine.x_train


def test_networks_without_the_mean_image_need_no_training_images(tmp_path: Path) -> None:
    from neuronbasis import training

    d = datasets.load("mnist", folder=tmp_path)
    spec = training.Specification.of(d, centre=True)
    x = training.inputs(spec, d, "test").numpy()
    np.testing.assert_array_equal(x, d.scaled("test") - d.mean_image)
