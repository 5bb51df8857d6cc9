"""Rows of a study from a network: the patches along the vectors of its layers."""

from collections.abc import Mapping
from typing import Any

import xarray as xr
from torch import nn

from neuronbasis import datasets, decomposition, recording, visualisation
from neuronbasis.datasets import Limits
from neuronbasis.errors import UserError
from neuronbasis.recording import Names
from neuronbasis.study.row import BASES, Row
from neuronbasis.utils.checks import whole_number

_VARIES = 1e-9  # of the largest variance; vectors with less have nothing to show


def along(
    model: nn.Module,
    layers: Names,
    inputs: Any,
    *,
    limits: Limits = (-1.0, 1.0),
    vectors: int | None = 5,
    points: int = 9,
    patches: int = 3,
    seed: int = 0,
) -> tuple[list[Row], dict[str, int]]:
    """Walk along principal components, neurons and random directions of layers.

    One activation is recorded for each image, at a random position of a feature map; at each point
    of a vector's line stand the patches nearest to it (Dey et al. 2025; see
    `visualisation.nearest`).

    Parameters
    ----------
    model : nn.Module
        Left as it was.
    layers
        As of `recording.record`.
    inputs : Tensor or ndarray, shape (N, C, H, W), floating-point
        Images as the model takes them.
    limits : (low, high)
        Inputs of black and of white pixels, see `datasets.limits`.
    vectors : int or None
        How many of each basis, by descending variance; None: all.
    points, patches : int
        Points along each vector, at least 3; patches at each.
    seed : int
        Decides the positions in feature maps and the random directions.

    Returns
    -------
    rows : list of Row
    without : dict of str to int
        By basis, the number of vectors that have no row, since their activations do not vary or
        the pictures are the same at every point: no order is then the right one.

    Raises
    ------
    UserError
        As `recording.record`, `datasets.pictures` and `visualisation.nearest`; or if no vector has
        a
        row.

    Examples
    --------
    >>> from neuronbasis import networks
    >>> from neuronbasis import datasets
    >>> from neuronbasis import training
    >>> images = training.classifier_inputs(datasets.load("digits"), "test")[:40]
    >>> rows, without = along(networks.convnet((1, 8, 8)), ["fc3"], images, vectors=2)
    >>> rows[0], len(rows), without
    (Row('fc3', 'pc', 0, 9 points of 3 pictures), 6, {'pc': 0, 'neuron': 0, 'random': 0})
    """
    whole_number(points, "points", 3)
    if vectors is not None:
        whole_number(vectors, "vectors", 1)
    recorded = recording.record(model, layers, inputs, seed=seed, progress=False)
    images = datasets.pictures(inputs, limits)
    beyond = datasets.pictures(0 * inputs[:1], limits)[0, 0, 0]  # what the network pads with
    parts = recording.sites(model, layers)
    rows: list[Row] = []
    without = dict.fromkeys(BASES, 0)
    for layer, activations in recorded.items():
        names = [str(site) for site in parts[layer]]
        field = recording.receptive_field(model, names, tuple(inputs.shape[1:]))
        for name, basis in _bases(activations, seed).items():
            wanted = basis.m if vectors is None else min(basis.m, vectors)
            count = int((basis.variances[:wanted] > _VARIES * basis.variances[0]).sum())
            found = visualisation.nearest(activations, basis, count, points, patches)
            made = of(visualisation.pictures(found, images, field, beyond), layer, name)
            rows += made
            without[name] += wanted - len(made)
    if not rows:
        raise UserError("no vector has pictures that change along it: pass more images")
    return rows, without


def of(found: xr.Dataset, layer: str, basis: str) -> list[Row]:
    """Rows of what `visualisation.pictures` gave, without those of one picture throughout.

    Parameters
    ----------
    found : xarray.Dataset
        With `picture` over (vector, point, rank, y, x[, channel]), uint8.
    layer, basis : str
        See `Row`.

    Examples
    --------
    >>> import numpy as np
    >>> pictures = np.zeros((2, 3, 1, 2, 2), np.uint8)
    >>> pictures[1, 2] = 9
    >>> dims = ("vector", "point", "rank", "y", "x")
    >>> of(xr.Dataset({"picture": (dims, pictures)}, {"vector": [4, 7]}), "fc1", "pc")
    [Row('fc1', 'pc', 7, 3 points of 1 pictures)]
    """
    return [
        Row(layer, basis, int(one.vector), one.picture.values)
        for one in (found.isel(vector=i) for i in range(found.sizes["vector"]))
        if (one.picture != one.picture.isel(point=0)).any()
    ]


def _bases(activations: xr.DataArray, seed: int) -> Mapping[str, decomposition.OrderedBasis]:
    found = decomposition.moments(activations)
    return {
        "pc": decomposition.principal(found),
        "neuron": decomposition.neurons(found),
        "random": decomposition.random(found, seed),
    }
