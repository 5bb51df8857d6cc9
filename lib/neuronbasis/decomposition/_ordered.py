"""A basis in the order of the variance along its vectors, and the spans of its first ones."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuronbasis.basis import Basis, check_basis
from neuronbasis.decomposition import _moments
from neuronbasis.errors import UserError
from neuronbasis.utils.checks import plain

Floats = NDArray[np.float64]

# A part of a unit vector shorter than this lies in the span of the others, up to rounding.
_DEPENDENT = 1e-8


@dataclass(frozen=True, eq=False, repr=False)
class OrderedBasis(Basis):
    """A basis through the mean of some activations, ordered by their variance along its vectors.

    Parameters
    ----------
    vectors, name, labels
        As of a `Basis`.
    variances : array_like, shape (m,)
        Variance of the activations along each vector, in their unit squared; descending.
    mean : array_like, shape (n,)
        Mean activation.

    Raises
    ------
    UserError
        As `Basis`; or if the variances are not m descending numbers >= 0, or the mean is not n
        finite numbers.

    Examples
    --------
    >>> b = OrderedBasis([[0, 1], [1, 0]], variances=[4.0, 1.0], mean=[0.5, 0.0], name="mine")
    >>> b, b.orthonormal
    (OrderedBasis('mine', m=2, n=2), True)
    """

    variances: Floats = field(init=False)
    mean: Floats = field(init=False)

    def __init__(
        self,
        vectors: Any,
        variances: Any,
        mean: Any,
        name: str = "",
        labels: Sequence[str] | None = None,
    ) -> None:
        super().__init__(vectors, name, labels)
        for what, given, size in (("variances", variances, self.m), ("mean", mean, self.n)):
            object.__setattr__(self, what, _numbers(given, what, size))
        if self.variances[-1] < 0 or (np.diff(self.variances) > 0).any():
            raise UserError("variances must be >= 0 and descending: use decomposition.ordered")

    @cached_property
    def orthonormal(self) -> bool:
        """Whether all vectors are orthogonal to one another, to 1e-8."""
        if self.m > self.n:
            return False
        gram = self.vectors @ self.vectors.T
        gram.flat[:: self.m + 1] -= 1
        return bool(np.abs(gram).max() < _DEPENDENT)

    def __repr__(self) -> str:
        return f"OrderedBasis({self.name!r}, m={self.m}, n={self.n})"


def ordered(basis: Basis, activations: Any) -> OrderedBasis:
    """Put any basis in the order of the variance of activations along its vectors.

    Parameters
    ----------
    basis : Basis
        m vectors in R^n, orthogonal or not.
    activations
        As of `principal`, of width n.

    Returns
    -------
    OrderedBasis
        The same vectors, name and labels; the variance along a unit vector v is ``v.C v`` with C
        the covariance, for oblique vectors too.

    Raises
    ------
    UserError
        As `principal`; or if the widths differ.

    Examples
    --------
    >>> b = ordered(Basis([[1, 0], [1, 1]], labels=["a", "b"]), [[0.0, 0.0], [1.0, 1.0]])
    >>> b.labels, np.round(b.variances, 12).tolist()
    (('b', 'a'), [1.0, 0.5])
    """
    check_basis(basis)
    found = _moments.varying(activations)
    if basis.n != found.n:
        raise UserError(
            f"activations have width {found.n} and the basis {basis.n}; the two must be equal: "
            "pass the layer that the basis belongs to"
        )
    variances = found.along(basis.vectors)
    order = np.argsort(-variances, kind="stable")
    labels = None if basis.labels is None else [basis.labels[i] for i in order]
    vectors = basis.vectors[order]
    return OrderedBasis(vectors, variances[order], found.mean, basis.name, labels)


def nested_span(basis: Basis) -> Floats:
    """Orthonormal rows whose first k span what the first k vectors of a basis span.

    Gram-Schmidt in the basis's order, each vector projected twice for full accuracy. A row is 0
    where its vector lies in the span of those before, to 1e-8.

    Parameters
    ----------
    basis : Basis
        m vectors in R^n, orthogonal or not; m may exceed n.

    Returns
    -------
    ndarray, shape (m, n), float64
        The vectors themselves, bit for bit, of an `OrderedBasis` that is orthonormal.

    Examples
    --------
    >>> nested_span(Basis([[1, 0, 0], [1, 0, 0], [1, 1, 0]])).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """
    if isinstance(basis, OrderedBasis) and basis.orthonormal:
        return basis.vectors
    rows, found, rank = np.zeros(basis.vectors.shape), np.empty((basis.n, basis.n)), 0
    for i, vector in enumerate(basis.vectors):
        if rank == basis.n:
            break
        before = found[:rank]
        for _ in range(2):
            vector = vector - before.T @ (before @ vector)
        length = float(np.linalg.norm(vector))
        if length > _DEPENDENT:
            rows[i] = found[rank] = vector / length
            rank += 1
    return rows


def _numbers(given: Any, what: str, size: int) -> Floats:
    """A read-only copy of so many finite numbers."""
    array = plain(given, what)
    legal = array.dtype.kind in "iuf" and array.shape == (size,) and np.isfinite(array).all()
    if not legal:
        raise UserError(f"{what} must be {size} finite numbers: use decomposition.ordered")
    numbers = np.array(array, dtype=np.float64)
    numbers.flags.writeable = False
    return numbers
