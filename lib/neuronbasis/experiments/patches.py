"""How alike the patches of photographs are that directions read most strongly."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from neuronbasis.errors import UserError
from neuronbasis.experiments import top_images
from neuronbasis.experiments.interpretable import KINDS, SMALLEST, Claim, Search
from neuronbasis.uncertainty import verdict_of_effect
from neuronbasis.visualisation import Walk, difference, thumbnails


def compare(
    walks: Mapping[str, Walk], inputs: Tensor, top: int = 5, directions: int = 200
) -> Search:
    """Look for the top patches of every direction of each layer, each of another photograph.

    Patches are compared by their pixels, and by "features": the activations of another layer that
    were recorded at the same place, of the last layer, or for the last one of the layer before.

    Parameters
    ----------
    walks : mapping of str to Walk
        By layer, at least two, of one call of `visualisation.walk`.
    inputs : Tensor, shape (N, C, H, W)
        The photographs as the network took them.
    top : int
        Patches of each direction.
    directions : int
        Random ones of each layer.

    Returns
    -------
    Search
        Of one network.

    Raises
    ------
    UserError
        With fewer than two layers, or as `top_images.search`.
    """
    if len(walks) < 2:
        raise UserError(f"layers are {', '.join(walks)}; pass at least two, to compare them")
    clouds: dict[str, NDArray[Any]] = {}
    rulers: dict[str, dict[str, Any]] = {}
    groups: dict[str, Any] = {}
    names = list(walks)
    for name, walk in walks.items():
        other = names[-1] if name != names[-1] else names[-2]
        cloud, features = _together(walk.activations, walks[other].activations)
        clouds[name], groups[name] = cloud.values, cloud["image"].values
        rulers[name] = {
            "pixels": thumbnails(inputs, cloud, walk.field),
            "features": features.values,
        }
    floor = top_images.floors([rulers], top, groups=groups)
    return top_images.search([clouds], [rulers], floor, directions, groups=groups)


def components_ahead(found: Search, measure: str) -> Claim:
    """How much more alike the patches of the first ten principal components are than of neurons.

    The mean over layers of the difference of the mean similarities. The interval is over the
    directions of each layer; the floor of `verdict_of_effect` is `SMALLEST`.
    """
    first, neurons = (
        [found.cells[0][layer, kind][measure].values for layer in found.layers]
        for kind in (KINDS[2], KINDS[0])
    )
    mean, low, high = difference(first, neurons)
    drawn = float(found.means(measure).sel(kind=KINDS[1]).mean())
    return Claim(
        mean,
        (low, high),
        next(iter(found.floor[0].values())).attrs["groups"],
        f"random directions: {drawn:.3f}, random patches: {found.floor_mean(measure):.3f}",
        verdict_of_effect(low, high, SMALLEST),
    )


def _together(own: xr.DataArray, other: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """The activations of two layers at the places that both have."""
    mine, theirs = (each.get_index("sample").to_numpy() for each in (own, other))
    kept = np.flatnonzero(np.isin(mine, theirs))
    return own.isel(sample=kept), other.isel(sample=np.searchsorted(theirs, mine[kept]))
