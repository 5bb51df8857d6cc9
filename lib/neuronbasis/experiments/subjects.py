"""Networks that a chapter can look into, each with its images, by the names of parameters."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from neuronbasis import datasets, networks, training
from neuronbasis.datasets import Limits
from neuronbasis.utils.checks import whole_number


@dataclass(frozen=True, eq=False)
class Subject:
    """A trained network and images that it takes.

    Attributes
    ----------
    model : nn.Module
        In eval mode, on the CPU.
    inputs : Tensor, shape (N, C, H, W), float32
        Images as the model takes them.
    labels : ndarray, shape (N,), int64
        Their classes, as places among the model's logits.
    limits : (low, high)
        Inputs of black and white pixels, see `datasets.limits`.
    data : dict of str to str
        Checksum of the images by their name.
    """

    model: nn.Module
    inputs: Tensor
    labels: NDArray[np.int64]
    limits: Limits
    data: Mapping[str, str]


def convnet(dataset: datasets.Dataset, images: int, **settings: Any) -> Subject:
    """A convnet trained on a dataset, and the first of its training images.

    Parameters
    ----------
    dataset : Dataset
        See `datasets.load`.
    images : int
        How many; all if there are fewer.
    settings
        Of `training.ClassifierSpecification`: width, epochs, seed, ...

    Raises
    ------
    UserError
        As `training.trained_classifier`.
    """
    spec = training.ClassifierSpecification.of(dataset, **settings)
    inputs = training.classifier_inputs(dataset, "train")[: whole_number(images, "images", 2)]
    labels = dataset.y_train[: len(inputs)]
    model = training.trained_classifier(spec, dataset).after
    return Subject(model, inputs, labels, datasets.limits(model), {dataset.name: dataset.checksum})


def imagenet(name: str, folder: str | Path, images: int, weights: str = "") -> Subject:
    """One of torchvision's ImageNet classifiers, and labelled pictures of a folder.

    Parameters
    ----------
    name, weights
        As of `networks.pretrained`; empty: torchvision's download.
    folder : str or Path
        As of `datasets.samples`.
    images : int
        How many, evenly spaced in the folder's list; all if there are fewer.

    Raises
    ------
    UserError
        As `networks.pretrained`, `samples` and `transformed`.
    """
    model = networks.pretrained(name, weights or None)
    listed = datasets.samples(folder)
    count = min(whole_number(images, "images", 2), len(listed.files))
    places = np.linspace(0, len(listed.files) - 1, count).round().astype(int)
    chosen = [listed.files[i] for i in places]
    inputs = datasets.transformed(model, chosen)
    data = {Path(folder).name: datasets.checksum(chosen)}
    return Subject(model, inputs, listed.labels[places], datasets.limits(model), data)
