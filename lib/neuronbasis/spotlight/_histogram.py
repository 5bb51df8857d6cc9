"""Quantiles of counts that are too many to be held."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuronbasis.utils.threads import share


class Histogram:
    """Counts of planes at each angle, in bins fine enough for quantiles.

    A bin is one count wide below 256 and at most 1/128 of its count beyond.

    Parameters
    ----------
    largest : int
        Largest absolute count there can be.
    angles : int
        Number of angles.

    Attributes
    ----------
    sums : ndarray, shape (angles,), int64
        Exact sum of all counts.

    Examples
    --------
    >>> histogram = Histogram(largest=10, angles=1)
    >>> histogram.add(np.array([[3], [-1], [7]], np.int32))
    >>> histogram.sums.tolist(), histogram.quantiles(np.array([0.0, 0.5, 1.0])).tolist()
    ([9], [[-1.0], [3.0], [7.0]])
    """

    def __init__(self, largest: int, angles: int) -> None:
        self.sums, self._largest = np.zeros(angles, np.int64), largest
        self._zero = int(_bin(np.array([largest]))[0])
        self._cells = np.zeros((angles, 2 * self._zero + 1), np.int32)

    def add(self, counts: NDArray[np.int32]) -> None:
        """Take in ``counts`` (planes, angles)."""
        self.sums += counts.sum(axis=0, dtype=np.int64)

        def tally(part: slice) -> None:
            for k in range(part.start, part.stop):
                bins = self._zero + _bin(counts[:, k])
                self._cells[k] += np.bincount(bins, minlength=self._cells.shape[1])

        share(tally, len(self._cells))

    def quantiles(self, wanted: NDArray[np.float64]) -> NDArray[np.float64]:
        """Count that a share of the planes does not exceed, shape (quantiles, angles)."""
        below = np.cumsum(self._cells, axis=1)
        ranks = np.maximum(np.ceil(wanted * below[0, -1]), 1)
        bins = np.array([[np.searchsorted(row, rank) for row in below] for rank in ranks])
        bins -= self._zero
        size = np.abs(bins)
        shift = np.maximum(size // 128 - 1, 0)
        middle = ((size - 128 * shift) << shift) + ((1 << shift) - 1) / 2
        return np.sign(bins) * np.minimum(middle, self._largest)  # its bin may reach beyond


def _bin(counts: NDArray[Any]) -> NDArray[np.int64]:
    """Signed number of the bin: a count's own up to 255, then 128 bins each time it doubles."""
    size = np.abs(counts.astype(np.int64))
    shift = np.maximum(np.frexp(size)[1] - 8, 0)
    return np.sign(counts) * (128 * shift + (size >> shift))
