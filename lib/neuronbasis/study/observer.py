"""A stand-in for people: telling an ordered row from a shuffled one by its smoothness alone.

It is no person. It knows nothing of what the pictures show, and it compares them in a space that
somebody chose: pixels, or the features of another network.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import stats
from scipy.spatial.distance import cdist

from neuronbasis.errors import UserError
from neuronbasis.study.row import Row, as_rows, shuffles
from neuronbasis.study.vectors import between
from neuronbasis.uncertainty import mean_interval
from neuronbasis.utils.checks import whole_number

Features = Callable[[NDArray[np.uint8]], Any]
_TIE = 1e-9  # relative; lengths of the same steps summed in another order differ by rounding


def tell_apart(
    rows: Iterable[Row], features: Features | None = None, shuffles: int = 999, seed: int = 0
) -> xr.Dataset:
    """How often an observer of smoothness alone picks the ordered row of each vector.

    The step between two points is the mean distance between a picture of the one and a picture of
    the other, and a row is as long as its steps together. Shown the ordered row and a shuffled one,
    the observer picks the shorter; if they are equally long, it guesses.

    Parameters
    ----------
    rows : iterable of Row
        Each vector once.
    features : callable, optional
        From pictures, (N, H, W) or (N, H, W, 3) uint8, to features (N, d), numbers, whose
        Euclidean distances count. Pixels, from 0 to 1, if not given.
    shuffles : int
        How many shuffled rows each ordered one meets, drawn as for people.
    seed : int

    Returns
    -------
    xarray.Dataset, dim row
        `accuracy`, the share of shuffled rows that are longer, ties counted half (0.5 is chance),
        and `length`, the ordered row's length over the mean shuffled one's; coordinates `layer`,
        `basis`, `vector`.

    Raises
    ------
    UserError
        If the rows are not legal, or the features not finite numbers, one row a picture.

    Examples
    --------
    >>> smooth = np.arange(0, 250, 50, dtype=np.uint8).reshape(5, 1, 1, 1)
    >>> told = tell_apart([Row("conv1", "pc", 0, smooth)])
    >>> told["accuracy"].values.tolist(), round(float(told["length"][0]), 2)
    ([1.0], 0.5)
    """
    found = as_rows(rows)
    whole_number(shuffles, "shuffles", 1)
    rng = np.random.default_rng([whole_number(seed, "seed", 0), *b"observer"])
    told = [_told(row, features or _pixels, shuffles, rng) for row in found]
    accuracy, length = np.array(told).T
    return xr.Dataset(
        {"accuracy": ("row", accuracy), "length": ("row", length)},
        coords={
            "layer": ("row", [row.layer for row in found]),
            "basis": ("row", [row.basis for row in found]),
            "vector": ("row", [row.vector for row in found]),
        },
        attrs={"shuffles": shuffles, "seed": seed, "observer": "smoothness; no person"},
    )


def by_basis(told: xr.Dataset, value: str = "accuracy") -> xr.Dataset:
    """Mean of what the observer found over the vectors of each layer and basis.

    Parameters
    ----------
    told : xarray.Dataset
        From `tell_apart`.
    value : str
        "accuracy" or "length".

    Returns
    -------
    xarray.Dataset, dims (layer, basis)
        The value's `mean`, its 95% interval over vectors `low` to `high` (Student t), and the
        number of `vectors`; NaN where there are none.

    Raises
    ------
    UserError
        If a layer and basis has one vector only.
    """
    layers = list(dict.fromkeys(told["layer"].values.tolist()))
    bases = list(dict.fromkeys(told["basis"].values.tolist()))
    names = ("mean", "low", "high")
    table = {name: np.full((len(layers), len(bases)), np.nan) for name in names}
    count = np.zeros((len(layers), len(bases)), dtype=int)
    for i, layer in enumerate(layers):
        for j, basis in enumerate(bases):
            values = _of(told, layer, basis, value)
            count[i, j] = len(values)
            if len(values):
                _several(values, layer, basis)
                for name, number in zip(names, mean_interval(values.tolist()), strict=True):
                    table[name][i, j] = number
    dims = ("layer", "basis")
    return xr.Dataset(
        {**{name: (dims, each) for name, each in table.items()}, "vectors": (dims, count)},
        coords={"layer": layers, "basis": bases},
        attrs=told.attrs,
    )


def difference(
    told: xr.Dataset, first: str = "pc", second: str = "neuron", value: str = "accuracy"
) -> xr.Dataset:
    """What the observer found along one basis minus that along another, layer by layer.

    Parameters
    ----------
    told : xarray.Dataset
        From `tell_apart`.
    first, second : str
        The bases.
    value : str
        "accuracy" or "length".

    Returns
    -------
    xarray.Dataset, dim layer
        `difference` and its 95% interval over vectors, `low` to `high`, for the layers that have
        both: see `vectors.between`. Where no vector differs from another of its kind, they tell
        nothing of others, and the interval is infinite.

    Raises
    ------
    UserError
        If no layer has both, or one has a single vector of a basis.
    """
    found: dict[str, tuple[float, float, float]] = {}
    for layer in dict.fromkeys(told["layer"].values.tolist()):
        a, b = (_of(told, layer, basis, value) for basis in (first, second))
        if len(a) and len(b):
            _several(a, layer, first)
            _several(b, layer, second)
            found[layer] = _interval(a, b)
    if not found:
        there = ", ".join(sorted(set(told["basis"].values.tolist())))
        raise UserError(f"no layer has both {first} and {second}; there are {there}: pass two")
    values = np.array(list(found.values())).T
    named = {
        name: ("layer", v) for name, v in zip(("difference", "low", "high"), values, strict=True)
    }
    return xr.Dataset(named, coords={"layer": list(found)}, attrs=told.attrs)


def _interval(
    first: NDArray[np.float64], second: NDArray[np.float64]
) -> tuple[float, float, float]:
    values = np.concatenate([first, second])
    is_first = np.arange(len(values)) < len(first)
    mean, variance, freedom = between(values, is_first, np.full(len(values), ""))
    reach = float(stats.t.ppf(0.975, freedom)) * variance**0.5 if variance else np.inf
    return mean, mean - reach, mean + reach


def _told(
    row: Row, features: Features, count: int, rng: np.random.Generator
) -> tuple[float, float]:
    """Accuracy on one row, and the ordered row's length over the mean shuffled one's."""
    steps = _steps(row, features)
    orders = shuffles(row, count, rng)
    lengths = steps[orders[:, :-1], orders[:, 1:]].sum(axis=1)
    ordered = float(np.diagonal(steps, offset=1).sum())
    tie = np.abs(lengths - ordered) <= _TIE * np.maximum(lengths, ordered)
    accuracy = np.where(tie, 0.5, lengths > ordered).mean()
    mean = float(lengths.mean())
    # In a feature space where all pictures are one, all rows are equally long: none.
    return float(accuracy), ordered / mean if mean else 1.0


def _steps(row: Row, features: Features) -> NDArray[np.float64]:
    """Mean distance between the pictures of any two points, (points, points)."""
    points, patches = row.pictures.shape[:2]
    flat = row.pictures.reshape(points * patches, *row.pictures.shape[2:])
    try:
        found = np.asarray(features(flat), dtype=np.float64)
    except (TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"features of {row.name}: {reason}; return numbers (N, d)") from None
    if found.ndim != 2 or len(found) != len(flat) or not found.shape[1]:
        legal = f"({len(flat)}, d), one row a picture"
        raise UserError(f"features of {row.name} have shape {found.shape}; it must be {legal}")
    if not np.isfinite(found).all():
        raise UserError(f"features of {row.name} hold NaN or inf; all must be finite: mend them")
    distances = cdist(found, found)
    return distances.reshape(points, patches, points, patches).mean(axis=(1, 3))


def _pixels(pictures: NDArray[np.uint8]) -> NDArray[np.float64]:
    return pictures.reshape(len(pictures), -1) / 255


def _of(told: xr.Dataset, layer: str, basis: str, value: str) -> NDArray[np.float64]:
    if value not in ("accuracy", "length"):
        raise UserError(f"value is {value!r}; it must be 'accuracy' or 'length': pass one")
    here = (told["layer"] == layer) & (told["basis"] == basis)
    return told[value].values[here.values]


def _several(values: NDArray[np.float64], layer: str, basis: str) -> None:
    if len(values) < 2:
        raise UserError(f"{layer} {basis} has 1 vector; an interval needs 2 or more: add rows")
