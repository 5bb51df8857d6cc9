"""Signs of the neurons of a linear layer, at inputs and along a way, without errors of rounding."""

from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from neuronbasis.errors import UserError
from neuronbasis.utils.checks import numbers

Floats = NDArray[np.float64]


def signs_at(weight: Any, bias: Any, points: Any) -> NDArray[np.int8]:
    """Signs of all neurons at some inputs, without an error of rounding: shape (N, m), int8.

    Where the float result is too near to 0 to be sure, it is taken again in whole numbers.

    Examples
    --------
    >>> signs_at([[1, -1]], [0], [[0.3, 0.1], [0.5, 0.5]]).tolist()
    [[1], [0]]
    """
    weight, bias = layer(weight, bias, widest=None)
    points = numbers(points, "points", 2)
    if points.shape[1] != weight.shape[1]:
        raise UserError(
            f"points have {points.shape[1]} numbers each; the layer has {weight.shape[1]} inputs: "
            "pass as many"
        )
    values = points @ weight.T + bias
    size = np.abs(points) @ np.abs(weight).T + np.abs(bias)
    signs = np.sign(values).astype(np.int8)
    rounding = 4 * (weight.shape[1] + 2) * np.finfo(float).eps * size
    unsure = (np.abs(values) <= rounding) & (size > 0)
    for row, neuron in zip(*np.nonzero(unsure), strict=True):
        one = slice(neuron, neuron + 1)
        point = [Fraction(x) for x in points[row].tolist()]
        signs[row, neuron] = _sign(_values(weight[one], bias[one], point)[0])
    return signs


def along(weight: Any, bias: Any, start: Any, end: Any) -> xr.Dataset:
    """What flips along the straight way from one input to another, in exact arithmetic.

    Knows nothing of cells: where boundaries are met is solved for, and the signs between are taken
    half-way from one meeting to the next. So it checks `arrangement`, and works for any number of
    inputs.

    Parameters
    ----------
    weight, bias
        Of the layer, shapes (m, n) and (m,).
    start, end : sequence of n numbers

    Returns
    -------
    Dataset
        ``at`` (crossing): where boundaries are met, 0 at the start and 1 at the end, rounded;
        ``met`` (crossing, neuron), bool: whose boundary is met there; ``signs`` (stretch, neuron),
        int8: between the crossings; there is one stretch more than crossings.

    Examples
    --------
    >>> way = along([[1.0], [-2.0]], [-0.5, 0.8], [0.3], [0.7])
    >>> way["at"].values.round(3).tolist(), way.signs.values.tolist()
    ([0.25, 0.5], [[-1, 1], [-1, -1], [1, -1]])
    """
    weight, bias = layer(weight, bias, widest=None)
    here = _point(start, "start", weight.shape[1])
    there = _point(end, "end", weight.shape[1])
    first, last = (_values(weight, bias, point) for point in (here, there))
    meets = [a / (a - b) if a * b < 0 else None for a, b in zip(first, last, strict=True)]
    at = sorted({t for t in meets if t is not None})
    ends = [Fraction(0), *at, Fraction(1)]
    signs = []
    for t in ((a + b) / 2 for a, b in pairwise(ends)):
        point = [x + t * (y - x) for x, y in zip(here, there, strict=True)]
        signs.append([_sign(value) for value in _values(weight, bias, point)])
    return xr.Dataset(
        {
            "at": ("crossing", np.array([float(t) for t in at])),
            "met": (("crossing", "neuron"), _met(at, meets)),
            "signs": (("stretch", "neuron"), np.array(signs, dtype=np.int8)),
        }
    )


def layer(weight: Any, bias: Any, widest: int | None = 2) -> tuple[Floats, Floats]:
    """Weight (m, n) and bias (m,) as float64, once they are sure to be a layer of n inputs.

    Examples
    --------
    >>> [array.tolist() for array in layer([[1, 2]], [3])]
    [[[1.0, 2.0]], [3.0]]
    """
    weight, bias = numbers(weight, "weight", 2), numbers(bias, "bias", 1)
    if widest is not None and weight.shape[1] > widest:
        raise UserError(
            f"weight has {weight.shape[1]} columns; regions are built for layers of 1 or 2 inputs: "
            "pass one column or two"
        )
    if len(weight) != len(bias):
        raise UserError(
            f"weight has {len(weight)} rows and bias {len(bias)} numbers; each neuron has one of "
            "both: pass shapes (m, n) and (m,)"
        )
    return weight, bias


def _point(place: Any, name: str, n: int) -> list[Fraction]:
    point = numbers(place, name, 1).tolist()
    if len(point) != n:
        raise UserError(f"{name} has {len(point)} numbers; the layer has {n} inputs: pass {n}")
    return [Fraction(x) for x in point]


def _values(weight: Floats, bias: Floats, point: list[Fraction]) -> list[Fraction]:
    return [
        sum((Fraction(w) * x for w, x in zip(row, point, strict=True)), Fraction(b))
        for row, b in zip(weight.tolist(), bias.tolist(), strict=True)
    ]


def _sign(value: Fraction) -> int:
    return (value > 0) - (value < 0)


def _met(at: list[Fraction], meets: list[Fraction | None]) -> NDArray[np.bool_]:
    return np.array([[t == own for own in meets] for t in at], dtype=bool).reshape(-1, len(meets))
