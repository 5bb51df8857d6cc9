"""Mean and covariance of activations, streamed in float64."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dsyrk

from neuronbasis.errors import UserError
from neuronbasis.utils.activations import Activations

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Moments:
    """First and second moments of activations.

    Attributes
    ----------
    samples : int
        Number of rows they were taken of.
    mean : ndarray, shape (n,), float64, read-only
        In the unit of the activations.
    covariance : ndarray, shape (n, n), float64, read-only
        Sample covariance (divisor ``samples - 1``), exactly symmetric, in the unit of the
        activations squared; exactly 0 in the row and column of a constant unit.
    rounding : float
        By how much the activations may differ for rounding alone, relative to their size: twice
        the machine epsilon of their type, 0 for integers.
    """

    samples: int
    mean: Floats
    covariance: Floats
    rounding: float = 2 * float(np.finfo(np.float64).eps)

    @property
    def n(self) -> int:
        """Width of the layer."""
        return len(self.mean)

    @property
    def variances(self) -> Floats:
        """Variance of each unit, shape (n,)."""
        return self.covariance.diagonal()

    def along(self, vectors: Floats) -> Floats:
        """Variance along each row v of a matrix (m, n), with covariance C: ``v.C v``, shape (m,).

        Examples
        --------
        >>> moments([[0.0, 0.0], [2.0, 2.0]]).along(np.array([[1.0, 0.0], [0.6, 0.8]]))
        array([2.  , 3.92])
        """
        products = np.einsum("mn,mn->m", vectors @ self.covariance, vectors)
        return np.maximum(products, 0.0)  # rounding may leave less than nothing

    def __repr__(self) -> str:
        return f"Moments(samples={self.samples}, n={self.n})"


def moments(activations: Any) -> Moments:
    """Mean and covariance in one pass that never holds more than a chunk of the activations.

    Each chunk is centred on its own mean and its moments are merged with those so far (Chan,
    Golub and LeVeque 1983), so that a mean far from 0 costs no digits.

    Parameters
    ----------
    activations : array_like, torch.Tensor or file-backed array, shape (samples, n)
        Real finite numbers, on any device; at least two samples. Read pages of an array that is
        mapped read-only are given back.

    Raises
    ------
    UserError
        If shape or type is wrong, a number is not finite, there is one sample only, or the
        numbers are too large or too small to be squared.

    Examples
    --------
    >>> found = moments([[1.0, 5.0], [3.0, 5.0]])
    >>> found.mean.tolist(), found.covariance.tolist()
    ([2.0, 5.0], [[2.0, 0.0], [0.0, 0.0]])
    """
    data = source(activations)
    stream = Stream(data.rounding)
    # Overflow shows in the result, where it is told in one line.
    with np.errstate(over="ignore", invalid="ignore"):
        for rows in data.raw():
            stream.add(rows)
    return stream.moments()


def varying(activations: Any) -> Moments:
    """Moments of activations (or such moments themselves) in which at least one unit varies.

    What rounding leaves of a constant (a standard deviation of at most two units in the last place
    of the activations' own type) does not vary: pass activations in the type they were computed in.

    Raises
    ------
    UserError
        As `moments`; or if all units are constant, but for rounding.

    Examples
    --------
    >>> varying([[1.0, 5.0], [1.0, 5.0]])
    Traceback (most recent call last):
        ...
    neuronbasis.errors.UserError: all 2 units are constant over 2 samples, so no direction has \
variance: pass another layer or other images
    """
    found = activations if isinstance(activations, Moments) else moments(activations)
    if (np.sqrt(found.variances) <= found.rounding * np.abs(found.mean)).all():
        rounded = " but for rounding" if found.variances.any() else ""
        raise UserError(
            f"all {found.n} units are constant over {found.samples} samples{rounded}, so no "
            "direction has variance: pass another layer or other images"
        )
    return found


def source(activations: Any) -> Activations:
    """Checked access to activations whose width nobody has said, in chunks.

    Examples
    --------
    >>> [rows.shape for rows in source(np.zeros((5, 3), np.float32)).raw()]
    [(5, 3)]
    """
    return Activations(activations)


class Stream:
    """Moments of rows that come in pieces, of which none is kept.

    Parameters
    ----------
    rounding : float
        As of the `Moments`; default: that of float64.

    Examples
    --------
    >>> stream = Stream()
    >>> stream.add(np.array([[1.0], [2.0]]))
    >>> stream.add(np.array([[6.0]]))
    >>> stream.moments().mean, stream.moments().covariance
    (array([3.]), array([[7.]]))
    """

    def __init__(self, rounding: float = Moments.rounding) -> None:
        self.samples, self.rounding = 0, rounding

    def add(self, rows: Floats) -> None:
        """Merge some rows, float64 of shape (rows, n)."""
        n = rows.shape[1]
        if not self.samples:
            # Off the first row a constant unit is exactly 0, and a large mean costs no digits.
            self._origin, self._mean = rows[0].copy(), np.zeros(n)
            self._scatter, self._moved = np.zeros((n, n), order="F"), False
        block = np.empty((len(rows) + 1, n))
        centred = np.subtract(rows, self._origin, out=block[:-1])
        self._moved = self._moved or bool(centred.any())
        mean = centred.mean(axis=0)
        centred -= mean
        # The means' distance enters as one row more: products of it and of the rows in one call.
        before, self.samples = self.samples, self.samples + len(rows)
        block[-1] = (mean - self._mean) * math.sqrt(before * len(rows) / self.samples)
        self._scatter = dsyrk(1.0, block.T, beta=1.0, c=self._scatter, overwrite_c=True)
        self._mean += (mean - self._mean) * (len(rows) / self.samples)

    def moments(self) -> Moments:
        """Give the moments of all rows so far; a `UserError` as from `moments`."""
        if self.samples < 2:
            raise UserError(
                f"activations are {self.samples} sample(s); a variance takes at least 2: record "
                "more images"
            )
        covariance = self._scatter / (self.samples - 1)
        trace = float(covariance.trace())
        if not math.isfinite(trace) or (self._moved and trace < 1e-290):
            raise UserError(
                "activations are too large or too small for their variance to be a float64: "
                "divide them by their largest value"
            )
        for i in range(len(covariance)):
            covariance[i + 1 :, i] = covariance[i, i + 1 :]
        mean = self._origin + self._mean
        mean.flags.writeable = covariance.flags.writeable = False
        return Moments(self.samples, mean, covariance, self.rounding)
