"""Rows of pictures along basis vectors, and the ways in which they can be shuffled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuronbasis.errors import UserError
from neuronbasis.utils.checks import whole_number

if TYPE_CHECKING:  # the server, which reads rows too, starts without torch
    import xarray as xr
    from torch import nn

    from neuronbasis.datasets import Limits
    from neuronbasis.recording import Names, UnitsAxis

BASES = ("pc", "neuron", "random")
_LONGEST_NAME = 100
_KEYS = ("layer", "basis", "vector", "pictures")
_DIM = 32  # an eighth of the levels: pictures of fewer would be black to the eye


@dataclass(frozen=True, eq=False, repr=False)
class Row:
    """The pictures at points along one basis vector, from one end to the other.

    Parameters
    ----------
    layer : str
        Name of the layer.
    basis : str
        "pc", "neuron" or "random".
    vector : int
        Which vector of the basis, from 0.
    pictures : array, shape (points, patches, H, W) or (points, patches, H, W, 3), uint8
        0 is black and 255 full brightness. At least three points, not all of the same pictures:
        otherwise no shuffled row differs from the ordered one.

    Raises
    ------
    UserError
        If one of these is not so.

    Examples
    --------
    >>> Row("conv1", "pc", 0, np.arange(3 * 2 * 4 * 4, dtype=np.uint8).reshape(3, 2, 4, 4))
    Row('conv1', 'pc', 0, 3 points of 2 pictures)
    """

    layer: str
    basis: str
    vector: int
    pictures: NDArray[np.uint8]

    def __post_init__(self) -> None:
        fits = isinstance(self.layer, str) and 0 < len(self.layer) <= _LONGEST_NAME
        if not fits or not self.layer.isprintable():
            legal = f"a printable name of 1 to {_LONGEST_NAME} characters"
            raise UserError(f"layer is {self.layer!r}; it must be {legal}: pass such a one")
        if self.basis not in BASES:
            raise UserError(f"basis is {self.basis!r}; it must be one of {', '.join(BASES)}")
        object.__setattr__(self, "vector", whole_number(self.vector, "vector", 0))
        object.__setattr__(self, "pictures", _as_pictures(self.pictures, self.name))
        if len(self.pictures) < 3 or not self.columns.any():
            raise UserError(
                f"{self.name}: {len(self.pictures)} points of {self.columns.max() + 1} kinds have "
                "no shuffled order; at least 3 points that differ are needed: leave the row out"
            )

    def __repr__(self) -> str:
        size = f"{len(self.pictures)} points of {self.pictures.shape[1]} pictures"
        return f"Row({self.layer!r}, {self.basis!r}, {self.vector}, {size})"

    @property
    def name(self) -> str:
        """How messages call the row."""
        return f"row {self.layer} {self.basis} {self.vector}"

    @property
    def columns(self) -> NDArray[np.intp]:
        """For each point a number that points with the very same pictures share, from 0."""
        kinds: dict[bytes, int] = {}
        return np.array([kinds.setdefault(each.tobytes(), len(kinds)) for each in self.pictures])


def as_rows(rows: Iterable[Any]) -> list[Row]:
    """The rows checked; anything with a row's four attributes will do.

    Raises
    ------
    UserError
        If there is none, one is not a row, or a vector is there twice.
    """
    try:
        found = [
            each if isinstance(each, Row) else Row(*(getattr(each, key) for key in _KEYS))
            for each in rows
        ]
    except (TypeError, AttributeError):
        raise UserError(
            "rows hold something that is no Row: pass a sequence of study.Row"
        ) from None
    if not found:
        raise UserError("there are no rows; a study needs at least one: pass some")
    names = [row.name for row in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise UserError(f"{twice} is there twice; each vector may come once: leave one out")
    return found


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
    units_axis: UnitsAxis = None,
) -> tuple[list[Row], dict[str, int]]:
    """Walk along principal components, neurons and random directions of layers.

    Each row is what `visualisation.walk` finds along a vector: at each point of its line stand the
    patches whose activations are nearest to it (Dey et al. 2025).

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
    units_axis
        As of `recording.record`.

    Returns
    -------
    rows : list of Row
    without : dict of str to int
        By basis, the number of vectors that have no row, since their activations do not vary or
        the pictures are the same at every point: no order is then the right one.

    Raises
    ------
    UserError
        As `visualisation.walk`; or if no vector has a row.

    Examples
    --------
    >>> from neuronbasis import datasets, networks, training
    >>> digits = datasets.load("digits")
    >>> spec = training.ClassifierSpecification.of(digits)
    >>> images = training.inputs(spec, digits, "test")[:40]
    >>> rows, without = along(networks.convnet((1, 8, 8)), ["fc3"], images, vectors=2)
    >>> rows[0], len(rows), without
    (Row('fc3', 'pc', 0, 9 points of 3 pictures), 6, {'pc': 0, 'neuron': 0, 'random': 0})
    """
    from neuronbasis import visualisation

    whole_number(points, "points", 3)
    walks = visualisation.walk(
        model, layers, inputs, limits=limits, vectors=vectors, points=points, patches=patches,
        seed=seed, units_axis=units_axis,
    )  # fmt: skip
    rows: list[Row] = []
    without = dict.fromkeys(BASES, 0)
    for layer, walk in walks.items():
        for name, (kind, basis) in zip(BASES, walk.bases.items(), strict=True):
            made = _rows_of(walk.pictures(kind), layer, name)
            rows += made
            without[name] += min(basis.m, vectors or basis.m) - len(made)
    if not rows:
        raise UserError("no vector has pictures that change along it: pass more images")
    return rows, without


def _rows_of(found: xr.Dataset, layer: str, basis: str) -> list[Row]:
    """Rows of what `visualisation.pictures` gave, without those of one picture throughout.

    Parameters
    ----------
    found : xarray.Dataset
        With `picture` over (vector, point, rank, y, x[, channel]), uint8.
    layer, basis : str
        See `Row`.

    Examples
    --------
    >>> import xarray as xr
    >>> pictures = np.zeros((2, 3, 1, 2, 2), np.uint8)
    >>> pictures[1, 2] = 9
    >>> dims = ("vector", "point", "rank", "y", "x")
    >>> _rows_of(xr.Dataset({"picture": (dims, pictures)}, {"vector": [4, 7]}), "fc1", "pc")
    [Row('fc1', 'pc', 7, 3 points of 1 pictures)]
    """
    return [
        Row(layer, basis, int(one.vector), one.picture.values)
        for one in (found.isel(vector=i) for i in range(found.sizes["vector"]))
        if (one.picture != one.picture.isel(point=0)).any()
    ]


def shuffles(row: Row, count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Draw orders of the points that look neither like the row nor like the row backwards.

    Whole points are shuffled, with the pictures of a point kept together, so that nothing but the
    order from left to right tells the two rows apart.

    Returns
    -------
    ndarray, shape (count, points), int
        Each row a permutation, evenly drawn among the legal ones.

    Examples
    --------
    >>> row = Row("a", "pc", 0, np.arange(3, dtype=np.uint8).reshape(3, 1, 1, 1))
    >>> orders = shuffles(row, 100, np.random.default_rng(0))
    >>> sorted(set(map(tuple, orders.tolist())))
    [(0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1)]
    """
    columns = row.columns
    orders = rng.permuted(np.tile(np.arange(len(columns)), (count, 1)), axis=1)
    while True:
        seen = columns[orders]
        alike = (seen == columns).all(axis=1) | (seen == columns[::-1]).all(axis=1)
        if not alike.any():
            return orders
        orders[alike] = rng.permuted(orders[alike], axis=1)


def read_rows(paths: Sequence[str | Path]) -> list[Row]:
    """Read rows from .npz files, without pickle.

    Parameters
    ----------
    paths
        Files with the arrays `layer` and `basis` (n, strings), `vector` (n, integers) and
        `pictures` (n, points, patches, H, W[, 3], uint8). Layers whose pictures differ in size go
        to files of their own.

    Raises
    ------
    UserError
        If a file is missing, damaged or lacks an array, or its rows are not legal.
    """
    return as_rows(row for path in paths for row in _read(Path(path)))


def _read(path: Path) -> list[Row]:
    wanted = f"an .npz file of {', '.join(_KEYS)}"
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            layer, basis, vector, pictures = (archive[key] for key in _KEYS)
            counts = {len(each) for each in (layer, basis, vector, pictures)}
    except Exception as error:  # numpy and zipfile raise many kinds on a damaged file
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{path}: not {wanted} ({reason}); write it anew") from None
    if len(counts) != 1:
        raise UserError(f"{path}: its arrays differ in length {sorted(counts)}; write it anew")
    if pictures.dtype == np.uint8 and 0 < pictures.max(initial=0) < _DIM:
        raise UserError(
            f"{path}: no pixel of its pictures is brighter than {pictures.max()} of 255, so all "
            "would look black: scale them to 0 to 255"
        )
    names = zip(layer.tolist(), basis.tolist(), vector.tolist(), strict=True)
    return [Row(*name, each) for name, each in zip(names, pictures, strict=True)]


def _as_pictures(pictures: Any, name: str) -> NDArray[np.uint8]:
    try:
        array = np.asarray(pictures)
    except ValueError:
        raise UserError(f"{name}: its pictures differ in size; give them all one") from None
    if array.dtype != np.uint8:
        raise UserError(f"{name}: pictures are of {array.dtype}; scale them to uint8, 0 to 255")
    if array.ndim not in (4, 5) or 0 in array.shape or array.shape[4:] not in ((), (3,)):
        legal = "(points, patches, H, W) or (points, patches, H, W, 3), none 0"
        raise UserError(f"{name}: pictures have shape {array.shape}; it must be {legal}")
    array = np.ascontiguousarray(array).view()
    array.flags.writeable = False
    return array
