"""Where linear neurons change sign, and the cells into which these lines cut a box, exactly.

A float is a ratio of two integers, so the zero line of a neuron and every crossing of two such
lines are known exactly: whether three of them meet in one point is decided, not rounded. A point
is written (X, Y, D) with the place (X / D, Y / D), a line (a, b, c) with a x + b y + c = 0, all
whole numbers without a common factor.

The cells are combinatorial: the order of points along a line and of lines around a point is found
with whole numbers. Floats appear only at the end, each the correctly rounded place of a corner.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cmp_to_key
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

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


Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

# Below this share of the box an area is taken from exact corners instead of rounded ones.
_THIN = 1e-10


@dataclass(frozen=True, eq=False)
class Subdivision:
    """Convex cells, ordered by the mean of their corners, left to right, then upward.

    Attributes
    ----------
    corners : ndarray, shape (cell, corner, 2), float64
        Anticlockwise; the last one is repeated for cells of fewer corners than others.
    sides : ndarray, shape (cell,), int
        Number of corners.
    area : ndarray, shape (cell,), float64
    signs : ndarray, shape (cell, line), int8
        Of ``a x + b y + c`` in the cell, 1 or -1.
    pairs : ndarray, shape (edge, 2), int
        The two cells that share an edge.
    line : ndarray, shape (edge,), int
        The line on which it lies.
    ends : ndarray, shape (edge, 2, 2), float64
        Its two ends.
    inner : list of int
        For each point inside the box in which lines meet: how many.
    """

    corners: Floats
    sides: Integers
    area: Floats
    signs: NDArray[np.int8]
    pairs: Integers
    line: Integers
    ends: Floats
    inner: list[int]


def subdivide(lines: Objects, box: Box) -> Subdivision:
    """Cut a box by distinct lines that each cross its inside.

    Examples
    --------
    >>> half = Fraction(1, 2)
    >>> cut = subdivide(as_rows([(2, 0, -1)]), ((half * 0, half * 2), (half * 0, half * 2)))
    >>> cut.area.tolist(), cut.signs.tolist()
    ([0.5, 0.5], [[-1], [1]])
    """
    count = len(lines)
    every = np.vstack([lines, box_sides(box)])
    points = crossings(every, every[count:])
    through = list(points.values())
    homogeneous = as_rows(points)
    place = np.stack([homogeneous[:, 0] / homogeneous[:, 2], homogeneous[:, 1] / homogeneous[:, 2]])
    place = place.T.astype(float)
    start, end, on = _edges(every, through, homogeneous, place)
    # Each edge is walked in both senses; the cell is to the left of the walk.
    origin, target = np.concatenate([start, end]), np.concatenate([end, start])
    turn = _turns(every)[np.concatenate([on, on + len(every)])]
    face = _faces(origin, target, turn)
    # The lower side runs to the right, so that the other way round the box is not on the left.
    outer = face[len(on) + np.flatnonzero(on == count + 2)[0]]
    rings, sides = _rings(origin, turn, face, outer)
    kept = np.delete(np.arange(len(rings)), outer)
    area = _areas(place[rings])
    thin = kept[area[kept] < _THIN * area[kept].sum()]
    area[thin] = [_exact_area(homogeneous[ring]) for ring in rings[thin]]
    kept = kept[np.lexsort(centres(place[rings[kept]], sides[kept]).T[::-1])]
    new = np.full(len(rings), -1)
    new[kept] = np.arange(len(kept))
    left, right = new[face[: len(on)]], new[face[len(on) :]]
    between = (left >= 0) & (right >= 0)
    pairs, line = np.stack([left, right], axis=1)[between], on[between]
    signs = _signs(lines, pairs, line, homogeneous[rings[kept[0]]], len(kept))
    ends = place[np.stack([start, end], axis=1)[between]]
    inner = [len(by) for by in through if max(by) < count]
    return Subdivision(place[rings[kept]], sides[kept], area[kept], signs, pairs, line, ends, inner)


def _edges(
    lines: Objects, through: list[set[int]], points: Objects, place: Floats
) -> tuple[Integers, Integers, Integers]:
    """Points next to each other on a line, in its sense, and the line."""
    line = np.array([i for by in through for i in by])
    point = np.repeat(np.arange(len(through)), [len(by) for by in through])
    axis = _axes(lines)[line]  # the coordinate in which the line runs faster
    along = place[point, axis]
    order = np.lexsort((along, line))
    line, point, along, axis = line[order], point[order], along[order], axis[order]
    same = line[1:] == line[:-1]
    for i in np.unique(line[1:][same & (along[1:] == along[:-1])]):
        rows = np.flatnonzero(line == i)
        exact = [Fraction(points[p, axis[rows[0]]], points[p, 2]) for p in point[rows]]
        point[rows] = point[rows][sorted(range(len(rows)), key=exact.__getitem__)]
    return point[:-1][same], point[1:][same], line[1:][same]


def _axes(lines: Objects) -> Integers:
    return np.array([int(abs(b) < abs(a)) for a, b, _ in lines])


def _turns(lines: Objects) -> Integers:
    """Rank of the direction of each line, then of its opposite, by angle from -180 degrees on."""
    forward = [
        (abs(b), -a if b > 0 else a) if axis == 0 else (b if a < 0 else -b, abs(a))
        for (a, b, _), axis in zip(lines, _axes(lines), strict=True)
    ]
    every = forward + [(-x, -y) for x, y in forward]

    def before(first: int, second: int) -> int:
        (x, y), (u, v) = every[first], every[second]
        halves = (y, -x) >= (0, 0), (v, -u) >= (0, 0)  # the upper half, the ray to the left apart
        if halves[0] != halves[1]:
            return halves[0] - halves[1]
        cross = x * v - y * u
        return (cross < 0) - (cross > 0)

    ranks = np.empty(len(every), dtype=int)
    ranks[sorted(range(len(every)), key=cmp_to_key(before))] = np.arange(len(every))
    return ranks


def _faces(origin: Integers, target: Integers, turn: Integers) -> Integers:
    """Number of the face to the left of each walked edge."""
    count = len(origin)
    order = np.lexsort((turn, origin))
    first = np.flatnonzero(np.diff(origin[order], prepend=-1))
    before = np.roll(order, 1)
    before[first] = order[np.append(first[1:], count) - 1]
    clockwise = np.empty(count, dtype=int)
    clockwise[order] = before
    back = np.roll(np.arange(count), count // 2)  # the same edge, walked the other way
    following = clockwise[back]
    graph = csr_array((np.ones(count), (np.arange(count), following)), shape=(count, count))
    return connected_components(graph, directed=False)[1]


def _rings(
    origin: Integers, turn: Integers, face: Integers, outer: int
) -> tuple[Integers, Integers]:
    """Corners of each face; in a convex one they follow each other as the directions turn.

    Those of the outer face, which is not wanted, may be cut short.
    """
    order = np.lexsort((turn, face))
    sides = np.bincount(face)
    first = np.cumsum(sides) - sides
    column = np.arange(np.delete(sides, outer).max())
    at = first[:, None] + np.minimum(column, sides[:, None] - 1)
    return origin[order][at], sides


def _areas(corners: Floats) -> Floats:
    spread = corners - corners[:, :1]  # far from 0 the products would lose their digits
    x, y = spread[..., 0], spread[..., 1]
    return (x[:, :-1] * y[:, 1:] - x[:, 1:] * y[:, :-1]).sum(axis=1) / 2


def _exact_area(corners: Any) -> float:
    places = [(Fraction(x, d), Fraction(y, d)) for x, y, d in corners]
    (left, low), total = places[0], Fraction(0)
    for (x, y), (u, v) in pairwise(places[1:]):
        total += (x - left) * (v - low) - (u - left) * (y - low)
    return float(total / 2)


def centres(corners: Floats, sides: Integers) -> Floats:
    """Mean of each cell's corners: shape (cell, axis); it lies inside, the cells being convex."""
    extra = corners.shape[1] - sides[:, None]
    return (corners.sum(axis=1) - extra * corners[:, -1]) / sides[:, None]


def _signs(
    lines: Objects, pairs: Integers, line: Integers, corners: Objects, cells: int
) -> NDArray[np.int8]:
    """Signs in the first cell by its corners; from there on each edge turns that of its line."""
    signs = np.empty((cells, len(lines)), dtype=np.int8)
    values = (lines @ corners.T).sum(axis=1)  # none of another sign, not all zero
    signs[0] = np.where(values > 0, 1, -1)
    first, second = pairs.T
    between = csr_array((np.ones(len(line)), (first, second)), shape=(cells, cells))
    order, previous = (
        each.astype(np.int64)  # names of edges exceed the 32 bits that it counts in
        for each in breadth_first_order(between, 0, directed=False)
    )
    # Convex cells share one edge at most, so that two cells name it.
    names = np.concatenate([first * cells + second, second * cells + first])
    by_name = np.argsort(names)
    wanted = previous[order[1:]] * cells + order[1:]
    crossed = line[by_name[np.searchsorted(names, wanted, sorter=by_name)] % max(len(line), 1)]
    for cell, came, which in zip(order[1:], previous[order[1:]], crossed, strict=True):
        signs[cell] = signs[came]
        signs[cell, which] *= -1
    return signs
