"""Which pairs of coordinates come into the cone at all, found without a look at every plane.

With cosine c between two vectors, r^2 <= (p^2 + g^2) / (1 - |c|) for a direction's dot products p
and g with them. So its two largest squares, on vectors that are not parallel, are large enough if
it is in the cone of any plane: to find them takes m steps, in place of m (m - 1) / 2.

Two coordinates on orthogonal vectors come into the cone somewhere on their circle only if
p^2 + q^2 is at least epsilon^2. With the coordinates in descending order of their squares, the
partners of each are the first ones, and the search ends at the first coordinate that has none. So
the work is the order, which need only be rough, and the arcs themselves; how many planes there are
plays no part in the mean curve over all of them.

For the counts of any planes, the rows in which a vector's coordinate has partners are looked up
vector by vector: then the planes that are written to are those of one vector, which the cache can
hold. A plane belongs to two vectors. It is written to by the one that stands first in it in a first
pass and by the other in a second, so that no two threads write to one plane.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuronbasis.spotlight._ends import (
    BATCH,
    add_batch,
    add_batch_or_each,
    add_one,
    ends_of_batch,
    room,
    wind,
)
from neuronbasis.spotlight._planes import PARALLEL, Planes
from neuronbasis.utils.threads import compiled, share

# By so much may the squares on two vectors differ that count as parallel, for two of them.
_SLACK = 4 * (2 * PARALLEL) ** 0.5 + 1e-9
# Directions taken at once: three rows of them stay in L1. The share of them within reach from which
# on it is not worth to look, by a sample.
_COLUMNS, _MOST, _SAMPLE = 256, 0.5, 64


def within_reach(
    projections: NDArray[np.float64], planes: Planes, epsilon: float
) -> NDArray[np.float64]:
    """Those directions that may come into the cone in some plane, or all if few do not.

    Parameters
    ----------
    projections : ndarray, shape (m, samples), float64, C order
        Dot products of the basis vectors with unit directions.
    planes : Planes
        Pairs of its rows.
    epsilon : float in (0, 1]
        Cosine of the spotlight's half-angle.

    Returns
    -------
    ndarray, shape (m, some), float64, C order
        Columns of `projections`.

    Examples
    --------
    >>> from neuronbasis.spotlight._planes import choose
    >>> rows = np.array([[1.0, 0.0, 0.0], [0.6, 0.6, 0.529]])
    >>> within_reach(rows.T.copy(), choose(np.eye(3)), epsilon=0.9).T.tolist()
    [[1.0, 0.0, 0.0]]
    """
    least = epsilon**2 * (1 - float(np.abs(planes.cosines).max())) - _SLACK
    if least <= 0 or not projections.size:
        return projections
    step = max(projections.shape[1] // _SAMPLE, 1)
    if _reaching(projections[:, ::step], planes.lines, least).mean() > _MOST:
        return projections
    return projections[:, _reaching(projections, planes.lines, least)]


@compiled(fastmath=True)
def _reaching(projections, lines, least):  # type: ignore[no-untyped-def]
    samples = projections.shape[1]
    found = np.empty(samples, np.bool_)
    first, second = np.empty(_COLUMNS), np.empty(_COLUMNS)
    for start in range(0, samples, _COLUMNS):
        size = min(_COLUMNS, samples - start)
        first[:], second[:] = 0.0, 0.0
        for k in lines:
            row = projections[k, start : start + size]
            for j in range(size):
                square = row[j] * row[j]
                second[j] = max(second[j], min(first[j], square))
                first[j] = max(first[j], square)
        for j in range(size):
            found[start + j] = first[j] + second[j] >= least
    return found


#: Cosines so small change an angle by far less than its margin.
ORTHOGONAL = 1e-12
#: Levels of the squares in units of epsilon^2; within one the order is left as it is.
LEVELS = 64
#: Rows whose coordinates are laid out at once: one line of the cache for each vector.
TOGETHER = 8


@compiled()
def enter_rows(projections, cosines, epsilon, steps):  # type: ignore[no-untyped-def]
    """Enter the arcs of some rows in the planes of all pairs of vectors, in both senses.

    The cosines are those of the pairs in their order: (0, 1), (0, 2), and so on.
    """
    m, samples = projections.shape
    near, cells = room()
    rows, values = np.empty((TOGETHER, m)), np.empty(m)
    order, levels = np.empty(m, np.int32), np.empty(m, np.int32)
    pairs, beyond = np.empty((2, BATCH), np.int32), np.empty(LEVELS + 1, np.int64)
    for start in range(0, samples, TOGETHER):
        for i in range(lay_out(projections, start, rows)):
            row, hits = rows[i], 0
            in_order(row, epsilon, levels, beyond, values, order)
            for j in range(m):
                stop = partners(levels[order[j]], beyond, m)
                if stop <= j + 1:
                    break
                for at in range(j + 1, stop, BATCH):
                    size = min(stop - at, BATCH)
                    if hits + size > BATCH:
                        _flush(row, near, pairs, hits, cosines, epsilon, steps, cells)
                        hits = 0
                    near[0, hits : hits + size] = values[j]
                    near[1, hits : hits + size] = values[at : at + size]
                    pairs[0, hits : hits + size] = order[j]
                    pairs[1, hits : hits + size] = order[at : at + size]
                    hits += size
            _flush(row, near, pairs, hits, cosines, epsilon, steps, cells)


@compiled()
def lay_out(projections, start, rows):  # type: ignore[no-untyped-def]
    """Copy the dot products of some directions to `rows`; how many there are."""
    together = min(TOGETHER, projections.shape[1] - start)
    for a in range(len(projections)):
        for i in range(together):
            rows[i, a] = projections[a, start + i]
    return together


@compiled()
def in_order(row, epsilon, levels, beyond, values, order):  # type: ignore[no-untyped-def]
    """Coordinates by descending level of their square; ``beyond[l]`` have a higher one than l."""
    scale, m = 1 / (epsilon * (1 - 1e-12)), row.size
    for a in range(m):
        ratio = min(abs(row[a]) * scale, 1.0)
        levels[a] = int(ratio * ratio * LEVELS)
    beyond[:] = 0
    for a in range(m):
        beyond[levels[a]] += 1
    for level in range(LEVELS - 1, -1, -1):
        beyond[level] += beyond[level + 1]
    for a in range(m):  # each level is filled from behind
        at = beyond[levels[a]] - 1
        beyond[levels[a]], values[at], order[at] = at, row[a], a


@compiled()
def partners(level, beyond, m):  # type: ignore[no-untyped-def]
    """How many of the first coordinates may reach the cone together with one of that level.

    A square is less than one level above its own, so two that are together two short do not.
    """
    short = LEVELS - 2 - level
    return beyond[short] if short >= 0 else m


@compiled()
def _flush(row, near, pairs, hits, cosines, epsilon, steps, cells):  # type: ignore[no-untyped-def]
    if hits > 0 and not add_batch(near, hits, epsilon, True, steps, cells):
        add_pairs(near[:2, :hits].T, pairs[:, :hits].T, row.size, cosines, epsilon, steps)


@compiled()
def add_pairs(values, pairs, m, cosines, epsilon, steps):  # type: ignore[no-untyped-def]
    """Enter the arcs of pairs of coordinates one by one, as in their planes to the last bit."""
    for k in range(len(pairs)):
        first = 0 if pairs[k, 0] < pairs[k, 1] else 1
        a, b = pairs[k, first], pairs[k, 1 - first]
        p, g = values[k, first], values[k, 1 - first]
        cosine = cosines[a * (2 * m - a - 1) // 2 + b - a - 1]
        scale = 1 / math.sqrt((1 - cosine) * (1 + cosine))
        add_one(p, (g - cosine * p) * scale, epsilon, math.acos(cosine), True, steps)


# Partners that are looked up at once.
_AT_ONCE = 256


class Reach:
    """For each vector, the rows and the partners with which it may come into the cone.

    With cosine c between two vectors, r^2 <= (p^2 + g^2) / (1 - |c|) for the dot products p and g
    of a row, so that the smaller of the two is searched for where the larger one is.
    """

    def __init__(self, projections: NDArray[np.float64], planes: Planes, epsilon: float) -> None:
        self.planes, self.epsilon = planes, epsilon
        m, samples = projections.shape
        cone = epsilon * math.sqrt(1 - float(np.abs(planes.cosines).max()))
        self.values, self.order = np.empty((samples, m)), np.empty((samples, m), np.int32)
        parts: list[NDArray[Any]] = []

        def sort(part: slice) -> None:
            leads = np.empty(((part.stop - part.start) * m, 4), np.int32)  # most of it unused
            found = _sort(projections, part.start, part.stop, cone, self.values, self.order, leads)
            parts.append(leads[:found].copy())

        share(sort, samples, cost=10 * projections.size)
        leads = np.concatenate(parts)
        #: Vector, row, place in the row's order, and where the partners stop; by vector.
        self.leads = leads[np.argsort(leads[:, 0], kind="stable")]
        self._starts = np.searchsorted(self.leads[:, 0], np.arange(m + 1))

    def partners(self) -> int:
        """How many pairs of coordinates may come into the cone, of all rows together."""
        return int((self.leads[:, 3].astype(np.int64) - self.leads[:, 2] - 1).sum())

    def count(self, weight: int, counts: NDArray[np.int32]) -> None:
        """Add to `counts` (plane, angle) what `_arcs.count` does."""

        def work(part: slice) -> None:
            _count_vectors(part.start, part.stop, *laid, *own, self.epsilon, weight, counts)

        laid = self.values, self.order, self.leads, self._starts
        for side in (0, 1):
            own = self._owned(side)
            share(work, self.values.shape[1])

    def total(self, angles: int) -> NDArray[np.int64]:
        """Steps at the ends of the arcs, summed over all planes and both senses."""
        parts: list[NDArray[Any]] = []

        def work(part: slice) -> None:
            steps = np.zeros(2 * angles + 3, np.int64)
            _total_vectors(part.start, part.stop, *laid, *own, self.epsilon, steps)
            parts.append(steps)

        laid = self.values, self.order, self.leads, self._starts
        for side in (0, 1):
            own = self._owned(side)
            share(work, self.values.shape[1])
        return np.sum(parts, axis=0)

    def _owned(self, side: int) -> tuple[Any, ...]:
        """Planes by the vector that stands at `side` in them: number, other vector, cosine."""
        own = self.planes.corners[:, side]
        order = np.argsort(own, kind="stable")
        starts = np.searchsorted(own[order], np.arange(self.values.shape[1] + 1))
        others, cosines = self.planes.corners[order, 1 - side], self.planes.cosines[order, 0]
        return side, starts, order, others, cosines


@compiled()
def _sort(projections, first, last, cone, values, order, leads):  # type: ignore[no-untyped-def]
    """Put rows in order, and find the coordinates in them that have partners; how many."""
    m, found = len(projections), 0
    rows, levels = np.empty((TOGETHER, m)), np.empty(m, np.int32)
    beyond = np.empty(LEVELS + 1, np.int64)
    for start in range(first, last, TOGETHER):
        for k in range(min(lay_out(projections, start, rows), last - start)):
            i = start + k
            in_order(rows[k], cone, levels, beyond, values[i], order[i])
            for j in range(m):
                a = order[i, j]
                stop = partners(levels[a], beyond, m)
                if stop <= j + 1:
                    break
                lead = leads[found]
                lead[0], lead[1], lead[2], lead[3] = a, i, j, stop
                found += 1
    return found


@compiled()
def _tables(m):  # type: ignore[no-untyped-def]
    """Space for what `_look_up` tells about a vector's planes."""
    return np.empty(m, np.bool_), np.empty(m), np.empty(m), np.empty(m)


@compiled()
def _look_up(others, cosines, tables):  # type: ignore[no-untyped-def]
    """Set, by the other vector: whether there is a plane, cosine, scale of q, angle between."""
    there, cosine, scale, between = tables
    there[:] = False
    for i in range(others.size):
        b, c = others[i], cosines[i]
        there[b], cosine[b], between[b] = True, c, math.acos(c)
        scale[b] = 1 / math.sqrt((1 - c) * (1 + c))


@compiled()
def _append(values, order, x, side, tables, near, which, hits):  # type: ignore[no-untyped-def]
    """Append the partners with which a vector has a plane; how many there are now."""
    there, cosine, scale, between = tables
    for k in range(order.size):
        b = order[k]
        p, g = (x, values[k]) if side == 0 else (values[k], x)
        near[0, hits], near[1, hits] = p, (g - cosine[b] * p) * scale[b]
        near[2, hits], which[hits] = between[b], b
        hits += there[b]
    return hits


@compiled()
def _count_vectors(first, last, values, order, leads, starts, side, owned, planes, others, cosines, epsilon, weight, counts):  # type: ignore[no-untyped-def] # fmt: skip # noqa: E501
    m, angles = values.shape[1], counts.shape[1]
    (near, cells), tables, which = room(), _tables(m), np.empty(BATCH + 1, np.int32)
    steps, touched = np.zeros((m, 2 * angles + 3), np.int32), np.zeros(m, np.bool_)
    for a in range(first, last):
        if starts[a] == starts[a + 1] or owned[a] == owned[a + 1]:
            continue
        _look_up(others[owned[a] : owned[a + 1]], cosines[owned[a] : owned[a + 1]], tables)
        hits = 0
        for _, i, place, end in leads[starts[a] : starts[a + 1]]:
            for at in range(place + 1, end, _AT_ONCE):
                some = slice(at, min(at + _AT_ONCE, end))
                x = values[i, place]
                hits = _append(values[i, some], order[i, some], x, side, tables, near, which, hits)
                if hits > BATCH - _AT_ONCE:
                    _enter(near, which, hits, epsilon, steps, touched, cells)
                    hits = 0
        _enter(near, which, hits, epsilon, steps, touched, cells)
        for i in range(owned[a], owned[a + 1]):
            if touched[others[i]]:
                wind(steps[others[i]], weight, counts[planes[i]])
                touched[others[i]] = False


@compiled()
def _enter(near, which, hits, epsilon, steps, touched, cells):  # type: ignore[no-untyped-def]
    for k in range(hits):
        touched[which[k]] = True
    if ends_of_batch(near, hits, epsilon, (steps.shape[1] - 3) // 2, cells):
        for k in range(hits):
            steps[which[k], cells[0, k]] += 1
            steps[which[k], cells[1, k]] -= 1
    else:
        for k in range(hits):
            add_one(near[0, k], near[1, k], epsilon, near[2, k], False, steps[which[k]])


@compiled()
def _total_vectors(first, last, values, order, leads, starts, side, owned, _, others, cosines, epsilon, steps):  # type: ignore[no-untyped-def] # fmt: skip # noqa: E501
    m = values.shape[1]
    (near, cells), tables, which = room(), _tables(m), np.empty(BATCH + 1, np.int32)
    for a in range(first, last):
        if starts[a] == starts[a + 1] or owned[a] == owned[a + 1]:
            continue
        _look_up(others[owned[a] : owned[a + 1]], cosines[owned[a] : owned[a + 1]], tables)
        hits = 0
        for _, i, place, end in leads[starts[a] : starts[a + 1]]:
            for at in range(place + 1, end, _AT_ONCE):
                some = slice(at, min(at + _AT_ONCE, end))
                x = values[i, place]
                hits = _append(values[i, some], order[i, some], x, side, tables, near, which, hits)
                if hits > BATCH - _AT_ONCE:
                    add_batch_or_each(near, hits, epsilon, True, steps, cells)
                    hits = 0
        add_batch_or_each(near, hits, epsilon, True, steps, cells)
