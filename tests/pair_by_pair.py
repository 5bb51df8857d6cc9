"""The spotlight's counts with every pair of a plane and a direction looked at, one after another.

The pass that `neuronbasis.spotlight` made at all widths before it followed what the spotlight
reaches; kept as the oracle of the faster ones, to the last count, and as what benchmarks are set
against. It is `slow_twin` done by arcs.
"""

import math

import numba
import numpy as np

from neuronbasis.utils.threads import share

EDGE = 1e-12
_SCREEN = 256


def count(projections, planes, epsilon, counts, weight=1):
    """What `spotlight._arcs.count` adds to `counts`, for pairs."""
    projections = np.ascontiguousarray(projections)

    def work(part):
        corners, cosine = planes.corners[part], planes.cosines[part, 0].copy()
        _count_pairs(projections, corners, cosine, epsilon * (1 - EDGE), weight, counts[part])

    share(work, len(planes))


def total(projections, planes, epsilon, angles):
    """What `spotlight._arcs.total` gives."""
    projections, parts = np.ascontiguousarray(projections), []

    def work(part):
        steps = np.zeros(2 * angles + 2, np.int64)
        corners, cosine = planes.corners[part], planes.cosines[part, 0].copy()
        _enter_pairs(projections, corners, cosine, epsilon * (1 - EDGE), steps)
        parts.append(steps)

    share(work, len(planes))
    running = np.cumsum(np.sum(parts, axis=0))
    return running[:angles] + running[angles : 2 * angles]


@numba.njit(nogil=True, error_model="numpy", fastmath=True)
def _reached(p, g, cosine, scale, least):
    hits = 0.0
    for j in range(p.size):
        q = (g[j] - cosine * p[j]) * scale
        hits += 1.0 if p[j] * p[j] + q * q >= least else 0.0
    return hits


@numba.njit(nogil=True, error_model="numpy")
def _add_arc(centre, half, steps):
    angles = steps.size // 2 - 1
    per_radian = angles / (2 * math.pi)
    first = math.ceil((centre - half) * per_radian)
    last = min(math.floor((centre + half) * per_radian), first + angles - 1)
    steps[first + angles] += 1
    steps[last + angles + 1] -= 1


@numba.njit(nogil=True, error_model="numpy")
def _enter_pair(projections, corners, cosine, epsilon, both, steps, near):
    least, scale = max(epsilon * epsilon, 1e-300), 1 / math.sqrt((1 - cosine) * (1 + cosine))
    between, touched = math.acos(cosine), False
    for start in range(0, projections.shape[1], _SCREEN):
        p = projections[corners[0], start : start + _SCREEN]
        g = projections[corners[1], start : start + _SCREEN]
        if _reached(p, g, cosine, scale, least) == 0:
            continue
        touched = True
        hits = 0
        for j in range(p.size):
            q = (g[j] - cosine * p[j]) * scale
            near[0, hits], near[1, hits] = p[j], q
            hits += p[j] * p[j] + q * q >= least
        for k in range(hits):
            p_k, q_k = near[0, k], near[1, k]
            centre = math.atan2(q_k, p_k)
            half = math.acos(min(epsilon / math.sqrt(p_k * p_k + q_k * q_k), 1.0))
            _add_arc(centre, half, steps)
            if both:
                turn = 2 * math.pi if between - centre > math.pi else 0.0
                _add_arc(between - centre - turn, half, steps)
    return touched


@numba.njit(nogil=True, error_model="numpy")
def _count_pairs(projections, corners, cosine, epsilon, weight, counts):
    angles = counts.shape[1]
    steps, near = np.zeros(2 * angles + 2, np.int64), np.empty((2, _SCREEN))
    for i in range(len(corners)):
        if _enter_pair(projections, corners[i], cosine[i], epsilon, False, steps, near):
            running = 0
            for k in range(2 * angles + 1):
                running += steps[k]
                counts[i, k % angles] += weight * running
            steps[:] = 0


@numba.njit(nogil=True, error_model="numpy")
def _enter_pairs(projections, corners, cosine, epsilon, steps):
    near = np.empty((2, _SCREEN))
    for i in range(len(corners)):
        _enter_pair(projections, corners[i], cosine[i], epsilon, True, steps, near)
