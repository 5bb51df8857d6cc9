"""How far single vectors are isolated, by either objective: on layers, and on toys."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn

from neuronbasis import recording, visualisation
from neuronbasis.decomposition import OrderedBasis
from neuronbasis.errors import UserError
from neuronbasis.utils.checks import whole_number


def on_layer(
    model: nn.Module,
    layer: str | Sequence[str],
    activations: xr.DataArray,
    bases: Sequence[OrderedBasis],
    start: Any,
    vectors: int = 3,
    **settings: Any,
) -> xr.Dataset:
    """Compare the objectives on a layer, along the first vectors of several bases.

    The point to be approached is the last one of the traversal, at the largest coordinate that
    any of the activations has along the vector. Feature maps are read at their centre.

    Parameters
    ----------
    model, layer
        As of `recording.activate`.
    activations : DataArray (sample, unit)
        Of that layer.
    bases : sequence of OrderedBasis
        Of those activations, through their mean.
    start
        As of `visualisation.compare_objectives`.
    vectors : int
        How many of each basis.
    settings
        Limits, steps and rate, as of `visualisation.compare_objectives`.

    Returns
    -------
    xarray.Dataset
        What `visualisation.compare_objectives` returns, and over vector: ``target``, in the unit
        of the
        activations; ``patch_isolation``, that of the recorded activation nearest to the point.
        Coordinates over vector: ``basis`` and ``label``.

    Raises
    ------
    UserError
        As `visualisation.compare_objectives` and `visualisation.nearest`.

    Examples
    --------
    >>> from neuronbasis import decomposition
    >>> from neuronbasis import recording
    >>> net = nn.Sequential(nn.Conv2d(1, 4, 3))
    >>> rows = recording.record(net, ["0"], torch.rand(50, 1, 8, 8))["0"]
    >>> start = visualisation.noise(2, (1, 8, 8), seed=0)
    >>> r = on_layer(net, "0", rows, [decomposition.principal(rows)], start, 2, steps=3)
    >>> r.isolation.sizes, r.label.values.tolist()
    (Frozen({'objective': 3, 'vector': 2, 'run': 2}), ['PC 1', 'PC 2'])
    """
    found = [visualisation.nearest(activations, b, vectors, points=2, patches=1) for b in bases]
    ends = xr.concat([each.isel(point=-1, rank=0) for each in found], "vector")
    target = ends.coordinate.values
    result = visualisation.compare_objectives(
        recording.activate(model, layer),
        np.concatenate([b.vectors[:vectors] for b in bases]),
        bases[0].mean,
        target,
        start,
        **settings,
    )
    result = result.assign_coords(
        basis=("vector", np.repeat([b.name for b in bases], vectors)),
        label=("vector", ends.label.values),
    )
    return result.assign(
        target=("vector", target),
        patch_isolation=("vector", visualisation.isolation(ends, signed=True).values),
    )


def toy(regions: int = 20, starts: int = 4, seed: int = 0, **settings: Any) -> xr.Dataset:
    """Compare the objectives on random layers of two inputs and two units, along the first unit.

    Each layer is linear with normal weights and no bias, so what inputs in [-1, 1] can reach is a
    parallelogram around the mean, 0. The target is its largest coordinate.

    Parameters
    ----------
    regions, starts : int
        Layers, and starts for each.
    seed : int
        Decides the weights and the starts.
    settings
        Steps and rate, as of `visualisation.compare_objectives`.

    Returns
    -------
    xarray.Dataset
        What `visualisation.compare_objectives` returns, a vector for each layer.

    Examples
    --------
    >>> r = toy(regions=5, starts=2)
    >>> bool((r.along.sel(objective="maximised") > 0.999).all())  # the corner is always reached
    True
    """
    count = whole_number(regions, "regions", 1)
    rng = np.random.default_rng([whole_number(seed, "seed", 0), *b"toy"])
    weight = rng.standard_normal((count, 2, 2))
    each = torch.from_numpy(weight.repeat(whole_number(starts, "starts", 1), axis=0))
    start = visualisation.noise(starts, (2,), seed).double()
    targets = np.abs(weight[:, 0]).sum(1)
    axis = np.tile([1.0, 0.0], (count, 1))

    def activate(inputs: Tensor) -> Tensor:
        return torch.einsum("rij,rj->ri", each.to(inputs), inputs)

    return visualisation.compare_objectives(activate, axis, np.zeros(2), targets, start, **settings)


def box(weight: Any) -> recording.Activate:
    """Activations of one linear layer without bias, a toy whose feasible ones are known exactly.

    Inputs in [-1, 1] reach a parallelogram (a zonotope in more dimensions): the largest coordinate
    along v is ``sum |v weight|``, at the corner that the signs of ``v weight`` name.

    Parameters
    ----------
    weight : array_like, shape (n, inputs)

    Examples
    --------
    >>> box([[1.0, 0.2], [0.8, 1.0]])(torch.ones(1, 2))
    tensor([[1.2000, 1.8000]])
    """
    matrix = torch.as_tensor(np.asarray(weight, dtype=np.float64))
    if matrix.ndim != 2:
        raise UserError(f"weight has shape {tuple(matrix.shape)}; it must be (n, inputs)")
    return lambda inputs: inputs @ matrix.to(inputs).T


def summary(results: Sequence[Mapping[str, xr.Dataset]]) -> xr.DataArray:
    """Gather the isolation of several networks' layers, starts averaged.

    Parameters
    ----------
    results : sequence of mapping of str to Dataset
        For each network, by layer, what `on_layer` returned, with the same bases in each.

    Returns
    -------
    xarray.DataArray (network, layer, basis, shown, rank)
        ``shown`` is "maximised", "stopped", "approached" or "nearest patch", ``rank`` the vector's
        place in its basis.

    Raises
    ------
    UserError
        If there is none, or layers and bases differ.

    Examples
    --------
    >>> one = xr.Dataset(
    ...     {"isolation": (("objective", "vector", "run"), [[[0.2, 0.4]]])},
    ...     coords={"objective": ["maximised"], "basis": ("vector", ["neurons"])},
    ... ).assign(patch_isolation=("vector", [0.1]))
    >>> found = summary([{"fc1": one}])
    >>> found.dims, found.values.ravel().round(6).tolist()
    (('network', 'layer', 'basis', 'shown', 'rank'), [0.3, 0.1])
    """
    kinds = {(tuple(each), *(tuple(r.basis.values) for r in each.values())) for each in results}
    if len(kinds) != 1:
        raise UserError(f"there are {len(kinds)} kinds of results; pass those of one survey")
    networks = [
        xr.concat([_by_rank(each) for each in found.values()], "layer") for found in results
    ]
    names = list(results[0])
    joined = xr.concat(networks, "network").assign_coords(layer=names)
    return joined.transpose("network", "layer", "basis", "shown", "rank").rename("isolation")


def _by_rank(result: xr.Dataset) -> xr.DataArray:
    """(shown, basis, rank), with the nearest patches beside the objectives."""
    made = result.isolation.mean("run").rename(objective="shown")
    patch = result.patch_isolation.expand_dims(shown=["nearest patch"])
    every = xr.concat([made, patch], "shown").transpose("shown", "vector")
    bases = list(dict.fromkeys(result.basis.values.tolist()))
    values = every.values.reshape(every.sizes["shown"], len(bases), -1)
    return xr.DataArray(
        values,
        dims=("shown", "basis", "rank"),
        coords={"shown": every.shown.values, "basis": bases},
    )
