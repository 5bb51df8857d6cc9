"""How long the alignment test will take, from a trial on a few rows."""

import time
from typing import Any

from neuronbasis.basis import Basis, check_basis
from neuronbasis.spotlight import _quick
from neuronbasis.spotlight._copies import of_copies
from neuronbasis.spotlight._planes import choose
from neuronbasis.utils import threads
from neuronbasis.utils.activations import Activations
from neuronbasis.utils.checks import checked_angles, checked_epsilon, whole_number

# Rows of a trial, and what the test does beside its rotated copies, counted in copies.
_ROWS, _BESIDE = 64, 5


def expected_seconds(
    activations: Any,
    basis: Basis,
    epsilon: float = 0.9,
    rotations: int = 199,
    angles: int = 360,
    max_planes: int | None = None,
) -> float:
    """Wall-clock seconds that `alignment` will take on this machine, as it is used now.

    One rotated copy is measured on the first rows, and the rest follows by proportion: the cost is
    that of the copies, and grows with their number and with the rows.

    Parameters
    ----------
    activations, basis, epsilon, rotations, angles, max_planes
        As in `alignment`.

    Returns
    -------
    float
        Above 0. Right within a factor of two where the first rows are like the others.

    Raises
    ------
    UserError
        As in `alignment`.

    Examples
    --------
    >>> from neuronbasis import basis
    >>> rows = basis.random(5000, 8).vectors
    >>> 0 < expected_seconds(rows, basis.standard(8)) < 60
    True
    """
    check_basis(basis)
    epsilon, angles = checked_epsilon(epsilon), checked_angles(angles)
    rotations = whole_number(rotations, "rotations", 1, "such as 199")
    samples = Activations(activations, basis.n).rows
    data = Activations(activations[: min(_ROWS, samples)], basis.n, basis.m)
    for _ in data:  # so that its rows are counted, and held
        pass
    planes = choose(basis.vectors, max_planes=max_planes)

    def copy() -> Any:
        return of_copies(data, basis, planes, epsilon, angles, [0], False)

    _timed(copy)  # which compiles
    turn = 0.0 if _quick.suits(basis) else _timed(lambda: basis.rotated(0))
    by_row = max(_timed(copy) - turn, 1e-9) / data.samples
    return (rotations + _BESIDE) * (turn / threads.count() + by_row * samples)


def _timed(call: Any) -> float:
    with threads.one_blas_thread():
        start = time.perf_counter()
        call()
    return time.perf_counter() - start
