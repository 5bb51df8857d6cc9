"""Trained networks for a chapter, with images to find bases on and others to measure them on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import Subset, TensorDataset

from neuronbasis import datasets, networks, training
from neuronbasis.experiments import subjects
from neuronbasis.training import Store
from neuronbasis.utils.checks import whole_number


@dataclass(frozen=True, eq=False)
class Case:
    """A trained network, some of its layers, and two sets of images without a common one.

    Attributes
    ----------
    model : nn.Module
        Classifier in eval mode, on the CPU.
    layers : dict of str to list of str
        Modules that each layer consists of, before the nonlinearity.
    fit, held_out : Tensor, shape (N, C, H, W), or dataset
        Images on which bases are found; images on which they are measured.
    labels : ndarray, shape (images held out,), int64
        Classes of the images held out.
    seed : int
        Decides which positions of the images are read, and random bases.
    data : dict of str to str
        Checksum of the images by their name.
    """

    model: nn.Module
    layers: Mapping[str, list[str]]
    fit: Any
    held_out: Any
    labels: NDArray[np.int64]
    seed: int
    data: Mapping[str, str]


def cases(
    model: str = "convnet",
    dataset: str = "digits",
    layers: str = "all",
    images: int = 1000,
    seeds: int = 3,
    width: int = 16,
    weights: str = "",
    data_folder: str = "",
    store: Store | None = None,
) -> list[Case]:
    """Make the cases that the parameters of a chapter ask for.

    Parameters
    ----------
    model : str
        "convnet": a network for each seed, trained on the dataset where it is not in the store.
        Bases are found on the first of its training images, measured on the first test images.
        Else one of torchvision's, as of `networks.pretrained`: there is one network, so each
        seed draws two halves of its pictures.
    dataset : str
        As of `datasets.load`, or of `experiments.subjects.imagenet` the folder.
    layers : str
        As of `networks.layer_names`.
    images : int
        At most so many to find bases on, and at most so many to measure them on.
    seeds : int
        How many cases, from seed 0.
    width : int
        Of a convnet.
    weights : str
        File of the weights of a network of torchvision's; empty: a download.
    data_folder : str
        As of `datasets.load`; empty: its default.
    store : Store, optional
        As of `training.trained_classifier`.

    Raises
    ------
    UserError
        As `datasets.load`, `training.trained_classifier`, `networks.layer_names` and
        `experiments.subjects.imagenet`; or
        if a number is out of range.

    Examples
    --------
    >>> import tempfile
    >>> temporary = Store(tempfile.mkdtemp())
    >>> case, = cases(layers="conv2, fc1", images=100, seeds=1, width=2, store=temporary)
    >>> case.layers, case.held_out.shape, case.labels.shape
    ({'conv2': ['conv2'], 'fc1': ['fc1']}, torch.Size([100, 1, 8, 8]), (100,))
    """
    whole_number(images, "images", 4), whole_number(seeds, "seeds", 1)
    wanted = networks.layer_names(layers, model)
    if model == "convnet":
        data = datasets.load(dataset, folder=data_folder or None)
        specs = [
            training.ClassifierSpecification.of(data, seed=seed, width=width)
            for seed in range(seeds)
        ]
        return _convnets(data, wanted, images, specs, store)
    return _halves(subjects.imagenet(model, dataset, 2 * images, weights), wanted, seeds)


def _convnets(
    data: datasets.Dataset,
    layers: Mapping[str, list[str]],
    images: int,
    specs: Sequence[training.ClassifierSpecification],
    store: Store | None,
) -> list[Case]:
    networks = [training.trained_classifier(spec, data, store).after for spec in specs]
    # Copies, since views would keep every image of the dataset in memory.
    fit, held_out = (
        training.classifier_inputs(data, split)[:images].clone() for split in ("train", "test")
    )
    labels, named = data.y_test[:images], {data.name: data.checksum}
    return [
        Case(network, layers, fit, held_out, labels, spec.seed, named)
        for network, spec in zip(networks, specs, strict=True)
    ]


def _halves(subject: subjects.Subject, layers: Mapping[str, list[str]], seeds: int) -> list[Case]:
    found, every = [], TensorDataset(subject.inputs)
    for seed in range(seeds):
        order = np.random.default_rng(seed).permutation(len(every))
        # In their own order, which reads memory in one direction.
        fit, held_out = (np.sort(half) for half in np.array_split(order, 2))
        parts = Subset(every, fit.tolist()), Subset(every, held_out.tolist())
        labels = subject.labels[held_out]
        found.append(Case(subject.model, layers, parts[0], parts[1], labels, seed, subject.data))
    return found
