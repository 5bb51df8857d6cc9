"""The patches that directions read most strongly, and patches as short vectors."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from neuronbasis.basis import Basis
from neuronbasis.decomposition import OrderedBasis
from neuronbasis.errors import UserError
from neuronbasis.recording import Field
from neuronbasis.utils.checks import whole_number
from neuronbasis.visualisation._coherence import coherence

_PLACES = ("image", "row", "col")
_SAMPLES = 6  # in each direction that a mean over a part of a window is of, at most


def strongest(
    activations: xr.DataArray,
    basis: OrderedBasis,
    vectors: int | Sequence[int] = 5,
    patches: int = 5,
    seed: int = 0,
) -> xr.Dataset:
    """The activations with the largest dot product with each vector, each of another image.

    Parameters
    ----------
    activations : DataArray (sample, unit)
        Of a layer, with the coordinate ``image``, as of `recording.record`.
    basis : OrderedBasis
        Its vectors and the mean, from which coordinates are counted.
    vectors : int or sequence of int
        How many of the first, or which.
    patches : int
        How many of each, from 2 up to the number of images.
    seed : int
        Decides the order of equal ones.

    Returns
    -------
    Dataset over (vector, point, rank), of which rank has one place
        In the form of `visualisation.nearest`, so that `pictures` cuts the patches out: ``sample``,
        and ``coordinate`` (vector, point) along the vector from the mean, in descending order.

    Raises
    ------
    UserError
        If the activations do not say of which image they are, the basis has no mean, or as
        `visualisation.coherence`.

    Examples
    --------
    >>> from neuronbasis import decomposition
    >>> rows = xr.DataArray(
    ...     [[3.0, 0], [2, 0], [1, 5], [0, 4]],
    ...     dims=("sample", "unit"),
    ...     coords={"image": ("sample", [0, 0, 1, 2])},
    ... )
    >>> found = strongest(rows, decomposition.neurons(rows), vectors=2, patches=2)
    >>> found.label.values.tolist(), found["sample"].values[..., 0].tolist()
    (['neuron 1', 'neuron 0'], [[2, 3], [0, 2]])
    """
    _check(activations, basis)
    chosen = np.arange(vectors) if isinstance(vectors, int) else np.asarray(vectors)
    if not chosen.size or chosen.min() < 0 or chosen.max() >= basis.m:
        raise UserError(f"vectors are {vectors!r} of {basis.m}; pass how many, or some of these")
    some = Basis(basis.vectors[chosen])
    top = coherence(
        activations.values, some, patches, seed=seed, groups=activations["image"].values
    )["top"].values
    own = activations.values.astype(np.float64)[top] - basis.mean
    labels = basis.labels or tuple(f"direction {k + 1}" for k in range(basis.m))
    patch = ("vector", "point", "rank")
    return xr.Dataset(
        {
            "coordinate": (patch[:2], np.einsum("vpn,vn->vp", own, some.vectors)),
            "sample": (patch, top[..., None]),
        },
        coords={"vector": chosen, "label": ("vector", [labels[k] for k in chosen])}
        | {
            name: (patch, activations[name].values[top][..., None])
            for name in _PLACES
            if name in activations.coords
        },
        attrs={"basis": basis.name, "samples": len(activations)},
    )


def both_ends(
    activations: xr.DataArray,
    basis: OrderedBasis,
    vectors: int | Sequence[int] = 5,
    patches: int = 4,
    seed: int = 0,
) -> xr.Dataset:
    """The activations at the two ends of each vector, each end's of different images.

    Parameters
    ----------
    activations, basis, vectors, patches, seed
        As of `strongest`; patches of each end.

    Returns
    -------
    Dataset over (vector, point, rank)
        As of `strongest`, with twice as many points, in ascending order of their coordinates.

    Raises
    ------
    UserError
        As `strongest`.

    Examples
    --------
    >>> from neuronbasis import decomposition
    >>> rows = xr.DataArray(
    ...     [[3.0, 0], [2, 0], [1, 5], [0, 4]],
    ...     dims=("sample", "unit"),
    ...     coords={"image": ("sample", [0, 0, 1, 2])},
    ... )
    >>> found = both_ends(rows, decomposition.neurons(rows), vectors=1, patches=2)
    >>> found["sample"].values.ravel().tolist()
    [1, 3, 3, 2]
    """
    _check(activations, basis)
    turned = OrderedBasis(-basis.vectors, basis.variances, basis.mean, basis.name, basis.labels)
    low, high = (
        strongest(activations, each, vectors, patches, seed) for each in (turned, basis)
    )  # fmt: skip
    low["coordinate"] = -low.coordinate
    return xr.concat([low, high.isel(point=slice(None, None, -1))], "point", combine_attrs="drop")


def thumbnails(
    inputs: Tensor, activations: xr.DataArray, field: Field, side: int = 8
) -> NDArray[np.float32]:
    """What each activation sees of its image, as a small picture of one size.

    Parameters
    ----------
    inputs : Tensor, shape (N, C, H, W), floating-point
        The images whose activations were recorded.
    activations : DataArray (sample, unit)
        With the coordinates ``image`` and, where there are positions, ``row`` and ``col``.
    field : Field
        Receptive field of the layer. Beyond the image stand zeros, as the network has them there;
        a window that is larger than the image is the whole image.
    side : int
        Height and width of the result, in pixels: means over as many parts of the window, of a
        large one over some of its pixels.

    Returns
    -------
    ndarray, shape (samples, C * side * side), float32

    Raises
    ------
    UserError
        If the activations do not say of which image they are.

    Examples
    --------
    >>> from neuronbasis.recording import whole
    >>> rows = xr.DataArray(np.zeros((1, 3)), dims=("sample", "unit"))
    >>> rows = rows.assign_coords(image=("sample", [0]))
    >>> thumbnails(torch.arange(16.0).reshape(1, 1, 4, 4), rows, whole((4, 4)), side=2)
    array([[ 2.5,  4.5, 10.5, 12.5]], dtype=float32)
    """
    from torchvision.ops import roi_align  # seconds, for what few want

    _check(activations)
    side, inputs = whole_number(side, "side", 1), torch.as_tensor(inputs)
    places = np.zeros((len(activations), 2), np.int64)
    if "row" in activations.coords:
        places = np.stack([activations[name].values for name in ("row", "col")], axis=1)
    start = np.array(field.start) + places * field.stride
    size = np.minimum(field.size, field.image)
    start[:, np.greater(field.size, field.image)] = 0
    corners = [activations["image"].values[:, None], start[:, ::-1], (start + size)[:, ::-1]]
    boxes = torch.from_numpy(np.concatenate(corners, axis=1)).to(inputs)
    samples = min(max(1, round(max(size) / side)), _SAMPLES)
    found: NDArray[np.float32] = (
        roi_align(inputs, boxes, side, sampling_ratio=samples, aligned=True).flatten(1).numpy()
    )
    return found


def _check(activations: Any, *bases: Any) -> None:
    if not isinstance(activations, xr.DataArray) or "image" not in activations.coords:
        raise UserError(
            f"the activations, a {type(activations).__name__}, do not say of which image they "
            "are; pass those of recording.record"
        )
    for basis in bases:
        if isinstance(basis, OrderedBasis):
            continue
        raise UserError(
            f"basis is a {type(basis).__name__}, without a mean of activations; pass "
            "decomposition.ordered(basis, activations)"
        )
