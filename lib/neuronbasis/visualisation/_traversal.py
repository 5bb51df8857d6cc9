"""Points on the line of a basis vector, and the patches whose activations are nearest to them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from torch import nn

from neuronbasis import datasets, decomposition, recording
from neuronbasis.datasets import Limits
from neuronbasis.decomposition import OrderedBasis
from neuronbasis.errors import UserError
from neuronbasis.recording import Field, Names, UnitsAxis, whole
from neuronbasis.utils import threads
from neuronbasis.utils.activations import CHUNK, Activations
from neuronbasis.utils.checks import whole_number
from neuronbasis.utils.threads import compiled

Floats = NDArray[np.float64]

# Rows read at once: few enough that what is computed of them stays in the processor's cache.
_ROWS = 1024
_VARIES = 1e-9  # of the largest variance; vectors with less have nothing to show
_PLACES = ("image", "row", "col", "token")


def nearest(
    activations: Any,
    basis: OrderedBasis,
    vectors: int | Sequence[int] = 5,
    points: int = 9,
    patches: int = 5,
) -> xr.Dataset:
    """Points along basis vectors, and for each the patches whose activations are nearest to it.

    Along a unit vector v through the mean the points are ``mean + t v``, with t evenly spaced from
    the smallest to the largest coordinate ``(a - mean) . v`` of the activations. An activation of
    coordinate c is at ``sqrt(|a - mean|^2 - c^2 + (c - t)^2)`` from a point, so one product with
    the vectors and the norms give the distances to all points.

    Parameters
    ----------
    activations : array_like, torch.Tensor or file-backed array, shape (samples, n)
        One row a patch, read in chunks. The coordinates ``image``, ``row``, ``col`` and ``token``
        of a DataArray, such as `recording.record` gives, say where the patches are.
    basis : OrderedBasis
        As of `decomposition`: unit vectors in R^n and the mean that their lines go through.
    vectors : int or sequence of int
        The first so many vectors of the basis, or which ones.
    points : int, at least 2
        Points along each vector.
    patches : int
        Patches for each point; of equally near ones, those of the earlier rows.

    Returns
    -------
    xarray.Dataset
        Over (vector, point): ``coordinate`` t. Over (vector, point, rank), nearest first:
        ``sample``, the row of the activations; ``distance`` from the point (l2, in the unit of the
        activations, to about 1e-8 of the distance from the mean); ``along``, the coordinate c, and
        ``off``, the distance from the line. Coordinates: ``vector``, its place in the basis;
        ``label``; and those of the activations that say where, over (vector, point, rank).
        attrs: ``basis`` and ``samples``. It takes 8 bytes of memory a row and vector.

    Raises
    ------
    UserError
        If the activations are refused as elsewhere or fewer than `patches`, the basis has no mean,
        a setting is out of range, or all have the same coordinate along a vector but for rounding.

    Notes
    -----
    Dey et al. (2025), "3. Visualize points along basis vectors": points uniform between minimum
    and maximum, k receptive-field-sized patches with the least l2 distance.

    Examples
    --------
    >>> from neuronbasis import decomposition
    >>> rows = [[0.0, 0.1], [1.0, 3.0], [1.0, 0.0], [2.0, -0.1], [1.0, -3.0]]
    >>> b = decomposition.neurons(rows)
    >>> b.labels
    ('neuron 1', 'neuron 0')
    >>> found = nearest(rows, b, vectors=[1], points=3, patches=2)
    >>> found.coordinate.values.tolist(), found.sample.values.tolist()
    ([[-1.0, 0.0, 1.0]], [[[0, 2], [2, 0], [3, 2]]])
    """
    if not hasattr(basis, "mean"):
        raise UserError(
            f"basis is {basis!r}, without a mean to go through: pass decomposition.ordered(basis, "
            "activations)"
        )
    chosen = _vectors(vectors, basis.m)
    points, patches = whole_number(points, "points", 2), whole_number(patches, "patches", 1)
    rows = Activations(activations, basis.n, CHUNK // _ROWS)
    if rows.rows < patches:
        raise UserError(f"patches is {patches} of {rows.rows} activations: pass at most that many")
    units = basis.vectors[chosen]
    along, squares = _coordinates(rows, basis.mean, units)
    low, high = along.min(axis=1), along.max(axis=1)
    # A constant may differ from its mean by rounding, which is no extent.
    alike = squares.max() <= rows.rounding**2 * (basis.mean @ basis.mean)
    size = np.abs([low, high, units @ basis.mean]).max(0)
    for i in np.flatnonzero(alike | (high - low <= 1e-12 * size)):
        raise UserError(
            f"vector {chosen[i]} of {basis.name!r}: all activations have the same coordinate "
            "along it, so it has no points to show: choose another"
        )
    targets = np.linspace(low, high, points, axis=1)
    sample = np.empty((len(chosen), points, patches), np.int64)

    def search(part: slice) -> None:
        for i in range(part.start, part.stop):
            _nearest(along[i], squares, targets[i], sample[i])

    threads.share(search, len(chosen), cost=along.size * points)
    return _labelled(activations, basis, chosen, along, squares, targets, sample)


def pictures(
    result: xr.Dataset, images: Any, field: Field | None = None, fill: Any = 0
) -> xr.Dataset:
    """Add to a traversal its patches, cut out of their images.

    Parameters
    ----------
    result : xarray.Dataset
        What `nearest` returned, with the coordinate ``image``.
    images : ndarray, shape (N, H, W) or (N, H, W, C), or anything that gives one by its number
        The images whose activations were recorded, in that order.
    field : Field, optional
        Receptive field of the layer (`recording.receptive_field`). Without it, or without ``row``
        and ``col``, a patch is the whole image.
    fill : number or ndarray, shape (C,)
        What stands where a patch hangs over its image's rim.

    Returns
    -------
    xarray.Dataset
        The result with ``picture`` over (vector, point, rank, y, x) or (..., y, x, channel), of
        the images' dtype.

    Raises
    ------
    UserError
        If the result does not say which images it is of, or an image has another size than the
        field's.

    Examples
    --------
    >>> from neuronbasis import decomposition
    >>> rows = np.array([[0.0, 1.0], [2.0, 0.0]])
    >>> rows = xr.DataArray(rows, dims=("sample", "unit"), coords={"image": ("sample", [0, 1])})
    >>> found = nearest(rows, decomposition.neurons(rows), vectors=1, points=2, patches=1)
    >>> pictures(found, np.arange(8).reshape(2, 2, 2)).picture.values.tolist()
    [[[[[0, 1], [2, 3]]], [[[4, 5], [6, 7]]]]]
    """
    if "image" not in result.coords:
        raise UserError(
            "the result does not say which image a patch is of; pass activations with the "
            "coordinate 'image' along their samples, as of recording.record"
        )
    placed = field is not None and "row" in result.coords
    cut = []
    for place in np.ndindex(result["sample"].shape):
        image = np.asarray(images[int(result["image"].values[place])])
        seen = field if placed and field else whole((image.shape[0], image.shape[1]))
        row, col = (int(result[name].values[place]) if placed else 0 for name in ("row", "col"))
        cut.append(seen.cut(image, row, col, fill))
    dims = (*result["sample"].dims, "y", "x", "channel")[: 3 + cut[0].ndim]
    stacked = np.stack(cut).reshape(*result["sample"].shape, *cut[0].shape)
    return result.assign(picture=(dims, stacked))


@dataclass(frozen=True, eq=False, repr=False)
class Walk:
    """What lies along the vectors of a layer, in several bases; made by `walk`.

    Attributes
    ----------
    activations : DataArray (sample, unit)
        Of the layer, one for each image and draw.
    images : ndarray, shape (N, H, W) or (N, H, W, 3), uint8
        The images, to look at.
    field : Field
        What an activation sees of its image.
    beyond : ndarray or number
        What stands where a patch hangs over its image's rim: the level of the zeros there.
    bases : dict of str to OrderedBasis
    along : dict of str to Dataset
        By basis what `nearest` found.
    """

    activations: xr.DataArray
    images: NDArray[np.uint8]
    field: Field
    beyond: Any
    bases: dict[str, OrderedBasis]
    along: dict[str, xr.Dataset]

    def pictures(self, basis: str) -> xr.Dataset:
        """What was found along a basis with its patches cut out, see `visualisation.pictures`."""
        return pictures(self.along[basis], self.images, self.field, self.beyond)


def walk(
    model: nn.Module,
    layers: Names,
    inputs: Any,
    bases: Callable[[xr.DataArray], Mapping[str, OrderedBasis]] | None = None,
    *,
    limits: Limits = (-1.0, 1.0),
    vectors: int | None = 5,
    points: int = 9,
    patches: int = 5,
    seed: int = 0,
    draws: int = 1,
    inside: bool = False,
    progress: bool = False,
    units_axis: UnitsAxis = None,
) -> dict[str, Walk]:
    """Walk along the vectors of layers: record them, find bases and the patches along each.

    One activation is recorded for each image, or as many as `draws` says, each at a random
    position of a feature map. At points along each vector stand the patches nearest to them, as
    `nearest` finds them; vectors along which the activations do not vary are left out.

    Parameters
    ----------
    model : nn.Module
        Left as it was.
    layers
        As of `recording.record`.
    inputs : Tensor or ndarray, shape (N, C, H, W), floating-point
        Images as the model takes them, with one channel or three.
    bases : callable, optional
        Activations (sample, unit) to bases by name, each in the order of its variances. Default:
        "principal components", "neurons" and "random directions".
    limits : (low, high)
        Inputs of black and of white pixels, see `datasets.limits`.
    vectors : int or None
        The first so many of each basis; None: all.
    points, patches : int
        As of `nearest`.
    seed : int
        Decides the positions and the random directions.
    draws : int
        Random positions of each image.
    inside : bool
        Leave out activations whose patches hang over the rim of their image, where a patch of the
        layer can lie within one; the coordinate ``sample`` then says which are left.
    progress, units_axis
        As of `recording.record`.

    Returns
    -------
    dict of str to Walk
        By layer.

    Raises
    ------
    UserError
        As `recording.record`, `datasets.pictures`, `decomposition.three` and `nearest`.

    Examples
    --------
    >>> import torch
    >>> net = nn.Sequential(nn.Conv2d(1, 4, 3))
    >>> images = torch.rand(20, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    >>> found = walk(net, ["0"], images, vectors=2, points=3, patches=1)["0"]
    >>> found.pictures("neurons").picture.shape
    (2, 3, 1, 3, 3)
    """
    if vectors is not None:
        whole_number(vectors, "vectors", 1)
    recorded = recording.record(
        model, layers, inputs, seed=seed, draws=draws, progress=progress, units_axis=units_axis
    )
    images, shape = datasets.pictures(inputs, limits), tuple(inputs.shape[1:])
    beyond = datasets.pictures(np.zeros((1, *shape), np.float32), limits)[0, 0, 0]
    walks = {}
    for layer, activations in recorded.items():
        maps = activations.attrs["units_axis"] == 1  # elsewhere the places may be no pixels
        field = (
            recording.receptive_field(model, activations.attrs["modules"], shape)
            if maps
            else whole(shape[1:])
        )
        if inside:
            activations = _inside(activations, field, layer)
        made = dict(bases(activations) if bases else _trio(activations, seed))
        along = {}
        for name, basis in made.items():
            varying = int((basis.variances > _VARIES * basis.variances[0]).sum())
            count = min(varying, vectors or varying)
            along[name] = nearest(activations, basis, count, points, patches)
        walks[layer] = Walk(activations, images, field, beyond, made, along)
    return walks


def _inside(activations: xr.DataArray, field: Field, layer: str) -> xr.DataArray:
    """The activations whose windows lie within their image; all, where a window is larger."""
    if "row" not in activations.coords or np.greater(field.size, field.image).any():
        return activations
    places = np.stack([activations[name].values for name in ("row", "col")], axis=1)
    start = np.array(field.start) + places * field.stride
    within = (start >= 0) & (start + field.size <= np.array(field.image))
    kept = np.flatnonzero(within.all(axis=1))
    if len(kept) < 2:
        raise UserError(
            f"layer {layer!r}: {len(kept)} of {len(activations)} patches lie within their image; "
            "pass more draws, or inside=False"
        )
    return activations.isel(sample=kept).assign_coords(sample=kept)


def _trio(activations: xr.DataArray, seed: int) -> dict[str, OrderedBasis]:
    neurons, components, turned = decomposition.three(activations, seed)
    return {"principal components": components, "neurons": neurons, "random directions": turned}


def _vectors(vectors: int | Sequence[int], m: int) -> NDArray[np.int64]:
    if np.ndim(vectors) == 0:
        vectors = range(whole_number(vectors, "vectors", 1))
    chosen = [whole_number(vector, "a vector", 0) for vector in vectors]  # type: ignore[union-attr]
    if not chosen or max(chosen) >= m:
        raise UserError(
            f"vectors go up to {max(chosen, default='none')}; the basis has {m}, counted from 0: "
            "pass some of them"
        )
    return np.array(chosen)


def _coordinates(rows: Activations, mean: Floats, units: Floats) -> tuple[Floats, Floats]:
    """Coordinates about the mean, (vectors, samples), and squared distances from it, (samples,)."""
    along, squares, at = np.empty((len(units), rows.rows)), np.empty(rows.rows), 0
    with threads.one_blas_thread():
        for raw in rows.raw():
            here = slice(at, at + len(raw))
            centred = raw - mean
            np.matmul(units, centred.T, out=along[:, here])
            np.einsum("ij,ij->i", centred, centred, out=squares[here])
            at += len(raw)
    return along, squares


@compiled()
def _nearest(along: Floats, squares: Floats, targets: Floats, found: NDArray[np.int64]) -> None:
    """Rows nearest to each point, in order, by insertion into the nearest so far."""
    patches = found.shape[1]
    best = np.full(found.shape, np.inf)
    for row in range(along.size):
        c = along[row]
        off = max(squares[row] - c * c, 0.0)
        for point in range(targets.size):
            gap = c - targets[point]
            distance = off + gap * gap
            if distance < best[point, patches - 1]:
                rank = patches - 1
                while rank > 0 and distance < best[point, rank - 1]:
                    best[point, rank] = best[point, rank - 1]
                    found[point, rank] = found[point, rank - 1]
                    rank -= 1
                best[point, rank], found[point, rank] = distance, row


def _labelled(
    activations: Any,
    basis: OrderedBasis,
    chosen: NDArray[np.int64],
    along: Floats,
    squares: Floats,
    targets: Floats,
    sample: NDArray[np.int64],
) -> xr.Dataset:
    line, patch = ("vector", "point"), ("vector", "point", "rank")
    own = np.take_along_axis(along[:, None], sample, axis=2)
    off = np.maximum(squares[sample] - own**2, 0)
    labels = basis.labels or tuple(map(str, range(basis.m)))
    coords: dict[str, Any] = {"vector": chosen, "label": ("vector", [labels[i] for i in chosen])}
    if isinstance(activations, xr.DataArray):
        places = [name for name in _PLACES if name in activations.coords]
        coords |= {name: (patch, activations[name].values[sample]) for name in places}
    return xr.Dataset(
        {
            "coordinate": (line, targets),
            "sample": (patch, sample),
            "distance": (patch, np.sqrt(off + (own - targets[..., None]) ** 2)),
            "along": (patch, own),
            "off": (patch, np.sqrt(off)),
        },
        coords=coords,
        attrs={"basis": basis.name, "samples": along.shape[1]},
    )
