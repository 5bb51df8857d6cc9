"""What the checks measure: kept networks on MNIST's test images, loaded once."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from neuronbasis import datasets, training
from neuronbasis.training import Trained


@cache
def networks(
    size: str = "small", n: int = 24, m: int = 48, centre: bool = False
) -> tuple[Trained, ...]:
    """The ten kept networks of a figure; by default those of Fig. 1 of Bird (2025)."""
    return tuple(training.kept(size=size, n=n, m=m, centre=centre))


@cache
def activations(
    size: str = "small", n: int = 24, m: int = 48, centre: bool = False, seed: int = 0
) -> NDArray[np.float64]:
    """Of shape (10000, n): MNIST's test images in the latent layer of one of the networks."""
    network = networks(size, n, m, centre)[seed]
    images = training.inputs(network.spec, datasets.load("mnist"), "test")
    found = network.after.encode(images).detach().numpy().astype(float)
    found.flags.writeable = False  # a reader's function must not change what the next one gets
    return found
