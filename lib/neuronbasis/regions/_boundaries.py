"""Where linear neurons change sign, in exact arithmetic.

A float is a ratio of two integers, so the zero line of a neuron and every crossing of two such
lines are known exactly: whether three of them meet in one point is decided, not rounded. A point
is written (X, Y, D) with the place (X / D, Y / D), a line (a, b, c) with a x + b y + c = 0, all
whole numbers without a common factor.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

Objects = NDArray[np.object_]
Box = tuple[tuple[Fraction, Fraction], tuple[Fraction, Fraction]]


@dataclass(frozen=True, eq=False)
class Boundaries:
    """The distinct lines on which neurons of a layer change sign, and which neuron has which.

    Attributes
    ----------
    lines : ndarray, shape (line, 3), Python integers
        Each one once, however many neurons share it.
    line : ndarray, shape (neuron,), int
        The neuron's line, -1 if it has none.
    side : ndarray, shape (neuron,), int8
        1 or -1: the neuron is positive where the line's ``a x + b y + c`` is, or where that is
        negative. Without a line: its sign, which is the same everywhere.
    """

    lines: Objects
    line: NDArray[np.intp]
    side: NDArray[np.int8]


def boundaries(
    weight: NDArray[np.float64], bias: NDArray[np.float64], box: Box | None
) -> Boundaries:
    """The lines of a layer that cross the inside of a box (of the whole plane, if there is none).

    Examples
    --------
    >>> b = boundaries(np.array([[2.0, 0], [-1, 0], [0, 0]]), np.array([1.0, -0.5, 3]), None)
    >>> b.lines.tolist(), b.line.tolist(), b.side.tolist()
    ([[2, 0, 1]], [0, 0, -1], [1, -1, 1])
    """
    corners = None if box is None else corner_points(box)
    found: dict[tuple[int, ...], int] = {}
    line, side = [], []
    for row in np.column_stack([weight, bias]).tolist():
        a, b, c = whole(map(Fraction, row))
        values = [c] if corners is None else [a * x + b * y + c * d for x, y, d in corners]
        low, high = min(values), max(values)
        if not (a or b) or (corners is not None and (low >= 0 or high <= 0)):
            line.append(-1)
            side.append(_sign(high) or _sign(low))
            continue
        turned = _sign(a) or _sign(b)
        line.append(found.setdefault((turned * a, turned * b, turned * c), len(found)))
        side.append(turned)
    return Boundaries(as_rows(found), np.array(line), np.array(side, dtype=np.int8))


def box_sides(box: Box) -> Objects:
    """The four lines around a box, each not negative inside: left, right, lower, upper."""
    (left, right), (lower, upper) = box
    sides = [(1, 0, -left), (-1, 0, right), (0, 1, -lower), (0, -1, upper)]
    return as_rows(whole([Fraction(number) for number in side]) for side in sides)


def corner_points(box: Box) -> list[tuple[int, ...]]:
    """The four corners of a box as points."""
    return [whole([x, y, Fraction(1)]) for x in box[0] for y in box[1]]


def crossings(lines: Objects, sides: Objects | None = None) -> dict[tuple[int, ...], set[int]]:
    """All points in which two or more distinct lines meet, with the lines that pass through each.

    Parameters
    ----------
    lines
        Shape (line, 3).
    sides
        Lines that are not negative inside a region: points outside it are left out, those on its
        rim kept.

    Returns
    -------
    dict
        Point (X, Y, D), D > 0, to the numbers of its lines.

    Examples
    --------
    >>> crossings(as_rows([(1, 0, 0), (0, 2, -1), (2, 2, -1)]))
    {(0, 1, 2): {0, 1, 2}}
    """
    first, second = np.triu_indices(len(lines), 1)
    a, b, c = lines[first].T
    p, q, r = lines[second].T
    x, y, d = b * r - q * c, c * p - r * a, a * q - p * b
    kept = d != 0
    for u, v, w in () if sides is None else sides:
        kept &= (u * x + v * y + w * d) * d >= 0
    found: dict[tuple[int, ...], set[int]] = {}
    for i, j, *point in zip(
        *(each[kept].tolist() for each in (first, second, x, y, d)), strict=True
    ):
        divisor = math.gcd(*point) if point[2] > 0 else -math.gcd(*point)
        key = tuple(value // divisor for value in point)
        found.setdefault(key, set()).update((i, j))
    return found


def whole(ratios: Iterable[Fraction]) -> tuple[int, ...]:
    """The smallest integers in the same proportion, signs kept.

    Examples
    --------
    >>> whole([Fraction(1, 2), Fraction(-1, 3)])
    (3, -2)
    """
    ratios = list(ratios)
    common = math.lcm(*(ratio.denominator for ratio in ratios))
    numbers = [int(ratio * common) for ratio in ratios]
    divisor = math.gcd(*numbers) or 1
    return tuple(number // divisor for number in numbers)


def as_rows(triples: Iterable[Any]) -> Objects:
    """Triples as an array of Python integers, which never overflow; shape (0, 3) if none."""
    return np.array([list(triple) for triple in triples], dtype=object).reshape(-1, 3)


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)
