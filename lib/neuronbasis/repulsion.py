"""Unit vectors that repel each other until they are evenly spread (Bird 2025, App. D)."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

Vectors = NDArray[np.float64]


def energy(units: Vectors) -> float:
    """Energy of unit rows, shape (m, n): see `basis.energy`, which tells it to users."""
    cosines = units @ units.T
    off = ~np.eye(len(units), dtype=bool)
    with np.errstate(divide="ignore"):
        return float((0.5 / np.maximum(1 - cosines[off], 0) - 0.5).sum())


def relaxed(m: int, n: int, rng: np.random.Generator) -> Vectors:
    """A local minimum of the energy from a random start: unit rows, shape (m, n)."""
    start = _unit(rng.standard_normal((m, n)))
    options = {"maxiter": 2000, "maxfun": 4000, "ftol": 1e-15, "gtol": 1e-9, "maxcor": 20}
    # Products this small are up to 25 times slower on many threads, and sums stay in one order.
    with threadpool_limits(1, "blas"):
        found = minimize(
            _energy_and_gradient, start.ravel(), (m, n), "L-BFGS-B", jac=True, options=options
        )
    return _unit(found.x.reshape(m, n))


def _unit(rows: Vectors) -> Vectors:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _energy_and_gradient(flat: Vectors, m: int, n: int) -> tuple[float, Vectors]:
    """Energy of the rows made unit length, and its gradient by the rows as they stand."""
    rows = flat.reshape(m, n)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    units = rows / lengths
    gaps = np.maximum(1 - units @ units.T, 1e-12)  # a line search may lay two vectors together
    np.fill_diagonal(gaps, np.inf)
    by_units = (1 / gaps**2) @ units
    radial = (by_units * units).sum(axis=1, keepdims=True)
    value = (0.5 / gaps).sum() - 0.5 * m * (m - 1)
    return float(value), ((by_units - radial * units) / lengths).ravel()
