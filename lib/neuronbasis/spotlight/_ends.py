"""Where the arcs of directions start and end on a grid of angles: compiled, many at once.

The angles of many directions are taken by a polynomial, which is off by less than `MARGIN`. Where
an end lies so near to a grid angle that this could decide, or a direction so near to the rim of
what the plane reaches, the arcs are taken one by one by the functions of the mathematics library.
So the integers are those of the latter, at the speed of the former.
"""

import math

import numpy as np

from neuronbasis.utils.threads import compiled

#: Radians; several times what the polynomial and all rounding can be off.
MARGIN = 1e-8
#: Directions whose arcs are taken at once.
BATCH = 1024
#: A multiple of the numbers that one instruction of any processor takes, and of unrolled ones.
LANES = 32
#: Share of epsilon squared by which a direction is clearly beyond the rim, or clearly not.
RIM = 1e-9
# Of arctan(t) / t in t^2, with the smallest error on [0, 1].
_C0 = 0.9999999996145259
_C1 = -0.3333332366562836
_C2 = 0.19999595854212648
_C3 = -0.1427904841732043
_C4 = 0.11053784755573867
_C5 = -0.08796117564902338
_C6 = 0.06710114003653303
_C7 = -0.04427366845022297
_C8 = 0.022203455048873853
_C9 = -0.007166164952242413
_C10 = 0.001084492760864952


@compiled()
def room():  # type: ignore[no-untyped-def]
    """Space for a batch of directions, and for the cells of their arcs' ends.

    A column of the first is p, q, and the angle between the two vectors.
    """
    return np.full((3, BATCH + LANES), 0.5 * math.pi), np.empty((4, BATCH + LANES), np.int32)


@compiled()
def add_arc(centre, half, steps):  # type: ignore[no-untyped-def]
    """Enter the ends of an arc; cell k of `steps` stands for the grid angle k - angles.

    With centre and half-width at most half a turn each, two turns hold all ends unwrapped.
    """
    angles = (steps.size - 3) // 2
    per_radian = angles / (2 * math.pi)
    first = math.ceil((centre - half) * per_radian)
    last = min(math.floor((centre + half) * per_radian), first + angles - 1)
    steps[first + angles] += 1
    steps[last + angles + 1] -= 1


@compiled()
def add_one(p, q, epsilon, between, both, steps):  # type: ignore[no-untyped-def]
    """Enter the arc of one direction, exactly; in both senses if asked."""
    r_squared = p * p + q * q
    if r_squared < max(epsilon * epsilon, 1e-300):
        return
    centre = math.atan2(q, p)
    half = math.acos(min(epsilon / math.sqrt(r_squared), 1.0))
    add_arc(centre, half, steps)
    if both:  # seen from beta, the turn runs the other way
        turn = 2 * math.pi if between - centre > math.pi else 0.0
        add_arc(between - centre - turn, half, steps)


@compiled(fastmath=True)
def _arctan(t):  # type: ignore[no-untyped-def]
    """Of numbers in [0, 1], to 3e-10."""
    s = t * t
    high = _C6 + s * (_C7 + s * (_C8 + s * (_C9 + s * _C10)))
    return t * (_C0 + s * (_C1 + s * (_C2 + s * (_C3 + s * (_C4 + s * (_C5 + s * high))))))


@compiled(fastmath=True)
def _cells(p, q, between, epsilon, angles, cells):  # type: ignore[no-untyped-def]
    """Cells in which the arcs start and stop, in both senses; how many are too near to call."""
    least, inverse = max(epsilon * epsilon, 1e-300), 1 / epsilon
    per_radian, nowhere = angles / (2 * math.pi), 2 * angles + 2
    margin, doubtful = MARGIN * per_radian, 0
    for k in range(p.size):
        x, y = abs(p[k]), abs(q[k])
        beyond = p[k] * p[k] + q[k] * q[k] - least
        centre = _arctan(min(x, y) / max(max(x, y), 1e-300))
        centre = 0.5 * math.pi - centre if y > x else centre
        centre = math.pi - centre if p[k] < 0.0 else centre
        centre = -centre if q[k] < 0.0 else centre
        tangent = math.sqrt(max(beyond, 0.0)) * inverse
        half = _arctan(min(tangent, 1.0) / max(tangent, 1.0))
        half = 0.5 * math.pi - half if tangent > 1.0 else half
        turn = 2 * math.pi if between[k] - centre > math.pi else 0.0
        other = between[k] - centre - turn
        first, last = (centre - half) * per_radian, (centre + half) * per_radian
        first_back, last_back = (other - half) * per_radian, (other + half) * per_radian
        inside = beyond >= 0.0
        cells[0, k] = math.ceil(first) + angles if inside else nowhere
        cells[1, k] = math.floor(last) + angles + 1 if inside else nowhere
        cells[2, k] = math.ceil(first_back) + angles if inside else nowhere
        cells[3, k] = math.floor(last_back) + angles + 1 if inside else nowhere
        nearest = min(
            min(abs(first - math.floor(first + 0.5)), abs(last - math.floor(last + 0.5))),
            min(
                abs(first_back - math.floor(first_back + 0.5)),
                abs(last_back - math.floor(last_back + 0.5)),
            ),
        )
        unsure = nearest < margin and beyond > -RIM * least
        doubtful += 1 if unsure or abs(beyond) < RIM * least else 0
    return doubtful


@compiled()
def ends_of_batch(near, hits, epsilon, angles, cells):  # type: ignore[no-untyped-def]
    """Cells in which the arcs of ``near[:, :hits]`` start and stop, in one sense and the other.

    Whether they are sure. Directions that their plane does not reach get a cell of no angle.
    """
    whole = (hits + LANES - 1) // LANES * LANES
    near[:2, hits:whole] = 0.0
    p, q, between = near[0, :whole], near[1, :whole], near[2, :whole]
    return _cells(p, q, between, epsilon, angles, cells) == 0


@compiled()
def add_batch(near, hits, epsilon, both, steps, cells):  # type: ignore[no-untyped-def]
    """Enter the arcs of ``near[:, :hits]``, unless one is too near to call; whether it did."""
    if not ends_of_batch(near, hits, epsilon, (steps.size - 3) // 2, cells):
        return False
    for k in range(hits):
        steps[cells[0, k]] += 1
        steps[cells[1, k]] -= 1
    for k in range(hits if both else 0):  # seen from beta
        steps[cells[2, k]] += 1
        steps[cells[3, k]] -= 1
    return True


@compiled()
def add_batch_or_each(near, hits, epsilon, both, steps, cells):  # type: ignore[no-untyped-def]
    """Enter the arcs of ``near[:, :hits]``, which holds the coordinates to the last bit."""
    if not add_batch(near, hits, epsilon, both, steps, cells):
        for k in range(hits):
            add_one(near[0, k], near[1, k], epsilon, near[2, k], both, steps)


@compiled()
def wind(steps, weight, counts):  # type: ignore[no-untyped-def]
    """Sum the steps over two turns and lay them on one; `steps` is cleared."""
    angles, running, first_turn = counts.size, 0, 0
    for k in range(angles):
        first_turn += steps[k]
    for k in range(angles):
        running += steps[k] + steps[k + angles]
        counts[k] += weight * (running + first_turn)
    counts[0] += weight * (running + steps[2 * angles])
    steps[:] = 0
