"""The counts of any planes, vector by vector, at the cost of what the spotlight reaches.

Rows are put in the order of `_rows`, and those in which a vector's coordinate has partners are
looked up vector by vector: then the planes that are written to are those of one vector, which the
cache can hold. A plane belongs to two vectors. It is written to by the one that stands first in it
in a first pass and by the other in a second, so that no two threads write to one plane.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuronbasis.spotlight._ends import (
    BATCH,
    add_batch_or_each,
    add_one,
    ends_of_batch,
    room,
    wind,
)
from neuronbasis.spotlight._planes import Planes
from neuronbasis.spotlight._rows import LEVELS, TOGETHER, in_order, lay_out, partners
from neuronbasis.utils.threads import compiled, share

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
