"""The mean curve over all planes of orthogonal vectors, row by row, at the cost of what is reached.

Two coordinates p and q of a row come into the cone somewhere on their circle only if p^2 + q^2 is
at least epsilon^2. With the coordinates in descending order of their squares, the partners of each
are the first ones, and the search ends at the first coordinate that has none. So the work is the
order, which need only be rough, and the arcs themselves; how many planes there are plays no part.
"""

import math

import numpy as np

from neuronbasis.spotlight._ends import BATCH, add_batch, add_one, room
from neuronbasis.utils.threads import compiled

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
