"""What the checks measure: kept networks on MNIST's test images, loaded once."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from neuronbasis import datasets, training
from neuronbasis.basis import Basis
from neuronbasis.exercises._check import NotYet
from neuronbasis.experiments import kept
from neuronbasis.training import Trained


@cache
def networks(figure: str) -> tuple[Trained, ...]:
    """The ten kept networks of a figure of Bird (2025), as `experiments.kept` calls it."""
    found = kept.networks(figure)
    if found is None:
        raise NotYet(
            f"This cannot be checked here: the trained networks of {figure} are missing. Take the "
            "whole project, with its folder results/networks."
        )
    return tuple(found)


def basis(figure: str, seed: int = 0) -> Basis:
    """The basis that the activation function of one of them privileges."""
    found = networks(figure)[seed].basis
    if found is None:
        raise NotYet(f"This cannot be checked: the networks of {figure} privilege no basis.")
    return found


@cache
def activations(figure: str, seed: int = 0) -> NDArray[np.float64]:
    """Of shape (10000, n): MNIST's test images in the latent layer of one of the networks."""
    network = networks(figure)[seed]
    images = training.inputs(network.spec, datasets.load("mnist"), "test")
    found = network.after.encode(images).detach().numpy().astype(float)
    found.flags.writeable = False  # a reader's function must not change what the next one gets
    return found


@cache
def labels() -> NDArray[np.int64]:
    """The digit on each of MNIST's test images, of shape (10000,)."""
    return np.asarray(datasets.load("mnist").y_test)
