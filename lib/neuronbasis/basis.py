"""Directions of an activation space: the ``Basis``, and how the usual ones are built."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import helmert
from scipy.optimize import minimize

from neuronbasis.errors import UserError
from neuronbasis.utils.checks import plain, whole_number
from neuronbasis.utils.seeds import Seed, generator
from neuronbasis.utils.threads import one_blas_thread

Vectors = NDArray[np.float64]

_STARTS = 4
_FEW_NUMBERS = 4096  # up to here a start takes well under a second


@dataclass(frozen=True, eq=False, repr=False)
class Basis:
    """Directions in R^n, complete or not, orthogonal or not.

    Parameters
    ----------
    vectors : array_like or torch.Tensor, shape (m, n), real numbers
        One direction a row. Lengths do not matter: the rows are made unit length, and rows that
        have it already keep every bit.
    name : str
        What figures and tables call the basis.
    labels : sequence of str, length m, optional
        What they call each vector.

    Attributes
    ----------
    vectors : ndarray, shape (m, n), float64, read-only
        The unit vectors.
    m, n : int
        Number of vectors; dimension of their space.

    Raises
    ------
    UserError
        If the vectors are not a non-empty two-dimensional array of finite real numbers without
        zero rows, or the labels are not one string a vector.

    Examples
    --------
    >>> b = Basis([[3.0, 4.0], [0.0, 2.0]], name="mine")
    >>> b
    Basis('mine', m=2, n=2)
    >>> b.vectors.tolist()
    [[0.6, 0.8], [0.0, 1.0]]
    """

    vectors: Vectors
    name: str = ""
    labels: tuple[str, ...] | None = None

    def __init__(self, vectors: Any, name: str = "", labels: Sequence[str] | None = None) -> None:
        units = _unit_rows(_as_array(vectors))
        units.flags.writeable = False
        if not isinstance(name, str):
            raise UserError(f"name is {name!r}; it must be a string: pass one such as 'neurons'")
        object.__setattr__(self, "vectors", units)
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "labels", _as_labels(labels, len(units)))

    @property
    def m(self) -> int:
        """Number of vectors."""
        return self.vectors.shape[0]

    @property
    def n(self) -> int:
        """Dimension of the space."""
        return self.vectors.shape[1]

    def __repr__(self) -> str:
        return f"Basis({self.name!r}, m={self.m}, n={self.n})"

    def rotated(self, seed: Seed) -> "Basis":
        """Turn all vectors together by one random rotation.

        Parameters
        ----------
        seed : int or numpy.random.Generator
            Decides the rotation, drawn evenly (Haar) among those of determinant +1. In R^1 the
            only one is to stay.

        Returns
        -------
        Basis
            The same angles between vectors, the same order and labels.

        Examples
        --------
        >>> b = standard(3).rotated(seed=1)
        >>> bool(np.allclose(b.vectors @ b.vectors.T, np.eye(3)))
        True
        """
        turn = _rotation(self.n, generator(seed, "rotated"))
        return Basis(self.vectors @ turn.T, f"{self.name} rotated".strip(), self.labels)


def standard(n: int) -> Basis:
    """The n neurons themselves: unit vectors along the axes of R^n, in their order.

    Examples
    --------
    >>> standard(2).vectors.tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    return Basis(np.eye(whole_number(n, "n", 1, "one such as 24")), f"standard({n})")


def random(m: int, n: int, seed: Seed = 0) -> Basis:
    """Draw m independent directions, each evenly distributed over the sphere of R^n.

    Examples
    --------
    >>> random(5, 3, seed=2)
    Basis('random(5, 3)', m=5, n=3)
    """
    size = whole_number(m, "m", 1, "one such as 24"), whole_number(n, "n", 1, "one such as 24")
    return Basis(generator(seed, "random").standard_normal(size), f"random({m}, {n})")


def simplex(n: int) -> Basis:
    """The n + 1 vectors of R^n that are as far from one another as can be: cosines -1/n.

    Examples
    --------
    >>> b = simplex(3)
    >>> np.round(b.vectors @ b.vectors[0], 6).tolist()
    [1.0, -0.333333, -0.333333, -0.333333]
    """
    return Basis(helmert(whole_number(n, "n", 1, "one such as 24") + 1).T, f"simplex({n})")


def orthoplex(n: int, seed: Seed | None = None) -> Basis:
    """The 2n vectors +e_i and -e_i, in the order +e_0, -e_0, +e_1, -e_1, ...

    So the opposite of row k is row k ^ 1, and all other rows are orthogonal to it. A seed turns
    the whole by a random rotation.

    Examples
    --------
    >>> orthoplex(2).vectors.astype(int).tolist()
    [[1, 0], [-1, 0], [0, 1], [0, -1]]
    """
    axes = np.eye(whole_number(n, "n", 1, "one such as 24"))
    vectors = np.stack([axes, -axes], axis=1).reshape(2 * n, n)
    if seed is not None:
        vectors = vectors @ _rotation(n, generator(seed, "orthoplex")).T
    return Basis(vectors + 0.0, f"orthoplex({n})")  # + 0.0 leaves no negative zeros


def thompson(m: int, n: int, seed: Seed = 0) -> Basis:
    """Spread m unit vectors evenly over the sphere of R^n, in a random orientation.

    Least energy (`energy`) says what even means. Where the optimum is known it is built exactly:
    a simplex of m - 1 dimensions for m <= n + 1, an orthoplex for m = 2n (rows in the order of
    `orthoplex`), a regular polygon for n = 2 (rows by angle); these have the least energy
    for every energy that falls with distance in the way this one does (Cohn and Kumar 2007).
    Otherwise a local minimum is searched from a few random starts and the best one kept.

    Parameters
    ----------
    m, n : int
        Number of vectors and dimension; in R^1 there are at most two.
    seed : int or numpy.random.Generator
        Decides orientation and starts.

    Raises
    ------
    UserError
        If m or n is not a positive integer, or n is 1 and m above 2.

    Notes
    -----
    Bird (2025), arXiv 2505.13471, App. C (which m gives which figure) and App. D.

    Examples
    --------
    >>> b = thompson(m=6, n=3, seed=0)
    >>> np.round(np.sort(b.vectors @ b.vectors[0]), 6).tolist()[0]
    -1.0
    """
    whole_number(m, "m", 1, "one such as 24")
    if whole_number(n, "n", 1, "one such as 24") == 1 and m > 2:
        raise UserError(f"m is {m}; R^1 has two directions only: pass m of 1 or 2, or a larger n")
    rng = generator(seed, "thompson")
    vectors = _known_optimum(m, n)
    if vectors is None:
        starts = _STARTS if m * n <= _FEW_NUMBERS else 1
        vectors = min((_relaxed(m, n, rng) for _ in range(starts)), key=_energy)
    else:
        vectors = vectors @ _rotation(n, rng).T
    return Basis(vectors, f"thompson({m}, {n})")


def energy(basis: Basis) -> float:
    """How unevenly the vectors are spread: the energy that `thompson` makes small.

    The sum over ordered pairs of ``b_i . b_j / |b_i - b_j|^2`` (Bird 2025, Eq. 16 and 17). For unit
    vectors each term is ``1 / |b_i - b_j|^2 - 1/2``, so it is an inverse-square repulsion. It is
    infinite where two vectors coincide.

    Examples
    --------
    >>> round(energy(orthoplex(2)), 12)
    -1.0
    """
    return _energy(basis.vectors)


def _energy(units: Vectors) -> float:
    """Energy of unit rows, shape (m, n)."""
    cosines = units @ units.T
    off = ~np.eye(len(units), dtype=bool)
    with np.errstate(divide="ignore"):
        return float((0.5 / np.maximum(1 - cosines[off], 0) - 0.5).sum())


def _relaxed(m: int, n: int, rng: np.random.Generator) -> Vectors:
    """A local minimum of the energy from a random start (Bird 2025, App. D): unit rows."""
    start = _normed(rng.standard_normal((m, n)))
    options = {"maxiter": 2000, "maxfun": 4000, "ftol": 1e-15, "gtol": 1e-9, "maxcor": 20}
    # Products this small are up to 25 times slower on many threads, and sums stay in one order.
    with one_blas_thread():
        found = minimize(
            _energy_and_gradient, start.ravel(), (m, n), "L-BFGS-B", jac=True, options=options
        )
    return _normed(found.x.reshape(m, n))


def _normed(rows: Vectors) -> Vectors:
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


def _known_optimum(m: int, n: int) -> Vectors | None:
    if m <= n + 1:
        corners = simplex(m - 1).vectors if m > 1 else np.ones((1, 1))
        return np.pad(corners, ((0, 0), (0, n - corners.shape[1])))
    if m == 2 * n:
        return orthoplex(n).vectors
    if n == 2:
        angles = 2 * np.pi * np.arange(m) / m
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return None


def _rotation(n: int, rng: np.random.Generator) -> Vectors:
    q, r = np.linalg.qr(rng.standard_normal((n, n)))
    q = q * np.where(np.diag(r) < 0, -1.0, 1.0)  # without it QR's choice of signs is not Haar
    if np.linalg.det(q) < 0:
        q[:, 0] = -q[:, 0]
    return q


def _as_array(vectors: Any) -> Vectors:
    ragged = "the vectors' rows differ in length; give each row the same n numbers"
    array = plain(vectors, "vectors", ragged)
    if array.dtype.kind not in "iuf":
        raise UserError(f"vectors are of type {array.dtype}; they must be real: pass floats")
    if array.ndim != 2 or 0 in array.shape:
        raise UserError(
            f"vectors have shape {array.shape}; it must be (m, n), neither 0: pass one vector a row"
        )
    return np.array(array, dtype=np.float64)


def _unit_rows(rows: Vectors) -> Vectors:
    bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if bad.size:
        raise UserError(f"vector {bad[0]} holds NaN or inf; all must be finite: drop or mend it")
    largest = np.abs(rows).max(axis=1, keepdims=True)
    zero = np.flatnonzero(largest == 0)
    if zero.size:
        raise UserError(f"vector {zero[0]} is zero; it has no direction: drop it")
    scaled = rows / largest  # so that no square overflows or vanishes
    lengths = np.linalg.norm(scaled, axis=1, keepdims=True)  # 1 or more
    # Dividing by a length off by rounding only would change bits at every copy.
    already = np.abs(lengths * np.minimum(largest, 2) - 1) <= 64 * np.finfo(float).eps
    return np.where(already, rows, scaled / lengths)


def _as_labels(labels: Sequence[str] | None, m: int) -> tuple[str, ...] | None:
    if labels is None:
        return None
    if isinstance(labels, str) or not all(isinstance(label, str) for label in labels):
        raise UserError(f"labels are {labels!r}; they must be strings: pass one a vector")
    if len(labels) != m:
        raise UserError(f"there are {len(labels)} labels for {m} vectors; pass one a vector")
    return tuple(labels)


def check_basis(basis: Any) -> None:
    """Say so if `basis` is not a Basis.

    Raises
    ------
    UserError
        If it is anything else.

    Examples
    --------
    >>> check_basis([1, 0])
    Traceback (most recent call last):
        ...
    neuronbasis.errors.UserError: basis is a list; it must be a Basis: pass basis.Basis(vectors)
    """
    if not isinstance(basis, Basis):
        raise UserError(
            f"basis is a {type(basis).__name__}; it must be a Basis: pass basis.Basis(vectors)"
        )
