"""How many directions a spotlight holds at each angle of its turn.

A direction with coordinates (p, q) in a plane, r = hypot(p, q), lies in the cone of cosine epsilon
about the axis at angle theta exactly when r cos(theta - atan2(q, p)) >= epsilon: on the one arc of
half-width acos(epsilon / r) about atan2(q, p), and nowhere if r < epsilon. So each direction is
looked at once a plane, not once an angle, and a curve is the running sum of its arcs' ends.
"""

import math

import numpy as np
from numpy.typing import NDArray

from neuronbasis.spotlight._ends import BATCH, add_arc, add_batch_or_each, room, wind
from neuronbasis.spotlight._planes import Planes, circles
from neuronbasis.spotlight._search import ORTHOGONAL, Reach, enter_rows, within_reach
from neuronbasis.utils.threads import compiled, one_blas_thread, share

#: The cone is wider by this share of epsilon than asked, so that a direction exactly on its edge
#: (always so at epsilon = 1) is inside in spite of rounding.
EDGE = 1e-12
# Rows screened at once for any that the plane reaches: 4 kB of two vectors, well inside L1.
_SCREEN = 256
# From so many vectors on the mean over all their planes is taken row by row.
_MANY = 32
# Whether planes are taken vector by vector is asked from so many planes on, of so many rows, and
# if the steps of all angles fit into so many cells.
_WORTH, _SAMPLE, _CELLS = 1000, 32, 2**24
# Nanoseconds, of which only the ratios count (`benchmarks/srm.py`): a plane and a row where none
# of the rows beside it is reached, and where some are; a coordinate that is put in order; and a
# partner that is found.
_EMPTY, _FILLED, _COORDINATE, _PARTNER = 0.25, 1.25, 8, 18
#: Counts held at once where only their mean and quantiles are wanted: 256 MB of int32.
BLOCK = 2**26


def project(vectors: NDArray[np.float64], rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Dot products of basis vectors with directions.

    Parameters
    ----------
    vectors : ndarray, shape (m, n), float64
        The basis.
    rows : ndarray, shape (samples, n), float64
        The directions.

    Returns
    -------
    ndarray, shape (m, samples), float64, C order
        ``vectors @ rows.T``.

    Examples
    --------
    >>> project(np.eye(2), np.array([[0.6, 0.8]]))
    array([[0.6],
           [0.8]])
    """
    projections = np.empty((len(vectors), len(rows)))

    m, n = vectors.shape
    neurons = m == n == np.count_nonzero(vectors) and bool((np.diag(vectors) == 1).all())

    def work(part: slice) -> None:
        if neurons:  # to the same bits, the sign of zero included
            np.add(rows[part].T, 0.0, out=projections[:, part])
        else:
            np.matmul(vectors, rows[part].T, out=projections[:, part])

    with one_blas_thread():
        share(work, len(rows), cost=vectors.size * len(rows))
    return projections


def count(
    projections: NDArray[np.float64],
    planes: Planes,
    epsilon: float,
    counts: NDArray[np.int32],
    weight: int = 1,
) -> None:
    """Add to `counts`, for each plane and angle, the directions in the spotlight.

    Parameters
    ----------
    projections : ndarray, shape (m, samples), float64
        Dot products of the basis vectors with unit directions.
    planes : Planes
        Pairs or triples of its rows.
    epsilon : float in (0, 1]
        Cosine of the spotlight's half-angle; its edge counts as inside.
    counts : ndarray, shape (planes, angles), int32, C order
        Changed in place. Column k stands for the angle ``2 pi k / angles``.
    weight : int
        What each direction counts.

    Examples
    --------
    >>> from neuronbasis.spotlight._planes import choose
    >>> counts = np.zeros((1, 8), np.int32)
    >>> count(np.eye(2)[:, :1], choose(np.eye(2)), 0.5, counts)
    >>> counts
    array([[1, 1, 0, 0, 0, 0, 0, 1]], dtype=int32)
    """
    projections, widened = np.ascontiguousarray(projections), epsilon * (1 - EDGE)

    def pairs(part: slice) -> None:
        corners, cosine = planes.corners[part], planes.cosines[part, 0].copy()
        _count_pairs(projections, corners, cosine, widened, weight, counts[part])

    def triples(part: slice) -> None:
        frames, radius = circles(planes[part])
        corners = planes.corners[part]
        _count_triples(projections, corners, frames, radius, widened, weight, counts[part])

    if planes.corners.shape[1] == 3:
        share(triples, len(planes))
    elif _by_vectors(projections, planes, widened, counts.shape[1]):
        Reach(projections, planes, widened).count(weight, counts)
    else:
        projections = within_reach(projections, planes, widened)
        share(pairs, len(planes))


def total(
    projections: NDArray[np.float64], planes: Planes, epsilon: float, angles: int
) -> NDArray[np.int64]:
    """Sum of the counts over all pairs, each turned in both senses.

    Parameters
    ----------
    projections, planes, epsilon
        As in `count`; pairs only.
    angles : int, at least 1
        Size of the grid.

    Returns
    -------
    ndarray, shape (angles,), int64
        What `count` on ``planes.both_senses()`` gives, summed over the planes.

    Examples
    --------
    >>> from neuronbasis.spotlight._planes import choose
    >>> total(np.eye(2), choose(np.eye(2)), 0.5, 8)
    array([2, 4, 2, 2, 0, 0, 0, 2])
    """
    parts: list[NDArray[np.int64]] = []
    cosines, widened = planes.cosines[:, 0].copy(), epsilon * (1 - EDGE)

    def rows(part: slice) -> None:
        steps = np.zeros(2 * angles + 3, np.int64)
        enter_rows(projections[:, part], cosines, widened, steps)
        parts.append(steps)

    def pairs(part: slice) -> None:
        steps = np.zeros(2 * angles + 3, np.int64)
        _enter_pairs(projections, planes.corners[part], cosines[part], widened, steps)
        parts.append(steps)

    if by_rows(planes, len(projections)):
        share(rows, projections.shape[1])
        return on_one_turn(np.sum(parts, axis=0), angles)
    projections = np.ascontiguousarray(projections)
    if _by_vectors(projections, planes, widened, angles):
        parts.append(Reach(projections, planes, widened).total(angles))
    else:
        projections = within_reach(projections, planes, widened)
        share(pairs, len(planes))
    return on_one_turn(np.sum(parts, axis=0), angles)


def on_one_turn(steps: NDArray[np.int64], angles: int) -> NDArray[np.int64]:
    """Sum the steps over two turns, from the angle -2 pi on, and lay them on one."""
    running = np.cumsum(steps)
    return running[:angles] + running[angles : 2 * angles]


def ends(
    coordinates: NDArray[np.float64], offset: NDArray[np.float64], epsilon: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where the arcs of directions start and end in one plane.

    Parameters
    ----------
    coordinates : ndarray, shape (samples, 2), float64
        Dot products with the two axes of the circle on which the spotlight runs.
    offset : ndarray, shape (samples,), float64
        Dot product with its centre.
    epsilon : float in (0, 1]
        Cosine of the spotlight's half-angle.

    Returns
    -------
    starts, ends : ndarray, shape (arcs,), float64
        Radians in [0, 2 pi]; an arc over angle 0 ends before it starts. Directions that are never
        inside have none, those that always are have (0, 2 pi).

    Examples
    --------
    >>> starts, stops = ends(np.array([[1.0, 0.0], [0.0, 0.1]]), np.zeros(2), 0.5)
    >>> np.degrees(starts).round(6).tolist(), np.degrees(stops).round(6).tolist()
    ([300.0], [60.0])
    """
    r, needed = np.hypot(*coordinates.T), epsilon * (1 - EDGE) - offset
    always = needed <= -r
    some = ~always & (needed <= r)
    centre = np.arctan2(coordinates[some, 1], coordinates[some, 0])
    half = np.arccos(needed[some] / r[some])
    full = np.full(np.count_nonzero(always), 2 * np.pi)
    starts = np.concatenate([np.mod(centre - half, 2 * np.pi), 0 * full])
    return starts, np.concatenate([np.mod(centre + half, 2 * np.pi), full])


def by_rows(planes: Planes, m: int) -> bool:
    """Whether the planes are all those of vectors that are orthogonal, and enough."""
    whole = planes.form == "combinations" and len(planes) == m * (m - 1) // 2
    return whole and m >= _MANY and bool((np.abs(planes.cosines) <= ORTHOGONAL).all())


def _by_vectors(
    projections: NDArray[np.float64], planes: Planes, epsilon: float, angles: int
) -> bool:
    """Whether few rows enough come into the cone for these planes, by a sample of the rows."""
    m, samples = projections.shape
    if planes.form == "explicit" or len(planes) < _WORTH or m * angles > _CELLS:
        return False
    some = np.ascontiguousarray(projections[:, :: max(samples // _SAMPLE, 1)])
    reached = Reach(some, planes, epsilon).partners() / some.shape[1]
    filled = min(1.0, _SCREEN * reached / (m * (m - 1) / 2))
    pair_by_pair = len(planes) * (_EMPTY + filled * _FILLED)
    return m * _COORDINATE + reached * _PARTNER < pair_by_pair


@compiled(fastmath=True)
def _reached(p, g, cosine, scale, least):  # type: ignore[no-untyped-def]
    """How many of the rows have a squared length in the plane of at least `least`."""
    hits = 0.0
    for j in range(p.size):
        q = (g[j] - cosine * p[j]) * scale
        hits += 1.0 if p[j] * p[j] + q * q >= least else 0.0
    return hits


@compiled()
def _enter_pair(projections, corners, cosine, epsilon, both, steps, near, cells):  # type: ignore[no-untyped-def]
    """Enter the arcs of all rows in one pair's plane; true if there are any."""
    least, scale = max(epsilon * epsilon, 1e-300), 1 / math.sqrt((1 - cosine) * (1 + cosine))
    hits, touched = 0, False
    near[2] = math.acos(cosine)
    for start in range(0, projections.shape[1], _SCREEN):
        p = projections[corners[0], start : start + _SCREEN]
        g = projections[corners[1], start : start + _SCREEN]
        if _reached(p, g, cosine, scale, least) == 0:
            continue
        # Gathered without a branch, which would be guessed wrong once or twice an arc.
        for j in range(p.size):
            q = (g[j] - cosine * p[j]) * scale
            near[0, hits], near[1, hits] = p[j], q
            hits += p[j] * p[j] + q * q >= least
        if hits > BATCH - _SCREEN:
            add_batch_or_each(near, hits, epsilon, both, steps, cells)
            touched, hits = True, 0
    add_batch_or_each(near, hits, epsilon, both, steps, cells)
    return touched or hits > 0


@compiled()
def _count_pairs(projections, corners, cosine, epsilon, weight, counts):  # type: ignore[no-untyped-def]
    steps = np.zeros(2 * counts.shape[1] + 3, np.int64)
    near, cells = room()
    for i in range(len(corners)):
        pair = corners[i], cosine[i], epsilon, False
        if _enter_pair(projections, *pair, steps, near, cells):
            wind(steps, weight, counts[i])


@compiled()
def _enter_pairs(projections, corners, cosine, epsilon, steps):  # type: ignore[no-untyped-def]
    near, cells = room()
    for i in range(len(corners)):
        _enter_pair(projections, corners[i], cosine[i], epsilon, True, steps, near, cells)


@compiled()
def _count_triples(projections, corners, frames, radius, epsilon, weight, counts):  # type: ignore[no-untyped-def]
    angles = counts.shape[1]
    steps = np.zeros(2 * angles + 3, np.int64)
    for i in range(len(corners)):
        a, b, c = projections[corners[i, 0]], projections[corners[i, 1]], projections[corners[i, 2]]
        x, y = frames[i, 0], frames[i, 1]
        for j in range(a.size):
            p = x[0] * a[j] + x[1] * b[j] + x[2] * c[j]
            q = y[0] * a[j] + y[1] * b[j] + y[2] * c[j]
            # The circle's centre adds the same to the dot product all the way round.
            needed = epsilon - (a[j] - radius[i] * p)
            r = radius[i] * math.sqrt(p * p + q * q)
            if needed <= -r:
                add_arc(0.0, 1.5 * math.pi, steps)  # cut to one turn, whatever the rounding
            elif needed <= r:
                add_arc(math.atan2(q, p), math.acos(needed / r), steps)
        wind(steps, weight, counts[i])
