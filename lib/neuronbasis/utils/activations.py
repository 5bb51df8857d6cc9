"""Activations as directions: unit rows, read in chunks from arrays, tensors or files."""

import math
import mmap
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuronbasis.errors import UserError
from neuronbasis.utils.checks import check_dense, check_order, plain, rounding
from neuronbasis.utils.threads import compiled, share

#: Numbers in the largest array that one chunk of activations leads to: 32 MB of float64.
CHUNK = 2**22

_RAGGED = (
    "activations are rows of unequal lengths; they must form a matrix (samples, n): pass rows of "
    "equal length"
)


class Activations:
    """Unit rows of some activations, read in chunks and as often as wanted.

    Parameters
    ----------
    activations : array_like, torch.Tensor, or anything with `shape`, `dtype` and slices by rows
        Shape (samples, n), real finite numbers on any device. A memory-mapped array or a data set
        in an open file is never held whole.
    n : int, optional
        The width they must have; default: whatever it is.
    m : int
        Number of vectors they will be projected on, which sets the size of a chunk.
    shift : ndarray, shape (n,), optional
        Taken off each row before it is made unit length. What then is no more than the rounding
        of the row's type, or of a mean over all rows, counts as zero: it is not a direction.

    Attributes
    ----------
    rows, width : int
        Shape of the source.
    rounding : float
        By how much its numbers may differ for rounding alone, see `checks.rounding`.
    samples, zero_rows : int
        Rows with a direction, and without one; known after a pass.

    Raises
    ------
    UserError
        At once if the shape or type is wrong; while reading, at a number that is not finite or
        if all rows are zero.

    Examples
    --------
    >>> directions = Activations([[3, 4], [0, 0]], n=2)
    >>> [(unit.tolist(), kept.tolist()) for unit, kept in directions]
    [([[0.6, 0.8]], [True, False])]
    >>> directions.samples, directions.zero_rows
    (1, 1)
    """

    def __init__(
        self,
        activations: Any,
        n: int | None = None,
        m: int = 1,
        shift: NDArray[np.float64] | None = None,
    ) -> None:
        self._source = _as_source(activations)
        self._map, self.rounding = _mapped(self._source), rounding(self._source)
        self.rows, self.width = (int(size) for size in self._source.shape)
        if n is not None and self.width != n:
            raise UserError(
                f"activations have width {self.width} and the basis {n}; the two must be equal: "
                "pass the layer that the basis belongs to"
            )
        self._size, self._shift = max(CHUNK // max(m, self.width), 1), shift
        self._held: list[tuple[NDArray[np.float64], NDArray[np.bool_]]] = []
        self.samples = self.zero_rows = 0

    def __iter__(self) -> Iterator[tuple[NDArray[np.float64], NDArray[np.bool_]]]:
        """Yield chunks: unit rows (rows kept, n), and which rows of the chunk were kept."""
        if self._held:
            yield from self._held
            return
        samples, held = 0, []
        for raw in self.raw():
            chunk = _unit(raw if self._shift is None else self._shifted(raw, self._shift))
            samples += len(chunk[0])
            if raw.shape[1] * self.rows <= CHUNK:
                held.append(chunk)
            yield chunk
        if not samples:
            what = "zeros" if self._shift is None else "zeros once their mean is off"
            raise UserError(
                f"activations are {self.rows} rows of {what}, which have no direction: pass at "
                "least one row that is not zero"
            )
        self.samples, self.zero_rows, self._held = samples, self.rows - samples, held

    def _shifted(self, raw: NDArray[np.float64], shift: NDArray[np.float64]) -> NDArray[np.float64]:
        rows = raw - shift
        relative = max(self.rows * float(np.finfo(np.float64).eps), self.rounding)
        size = np.maximum(np.abs(raw), np.abs(shift))
        rows[(np.abs(rows) <= relative * size).all(axis=1)] = 0
        return rows

    def raw(self) -> Iterator[NDArray[np.float64]]:
        """Yield the activations themselves as chunks (rows, n), float64, to be read only."""
        for start in range(0, self.rows, self._size):
            rows = plain(self._source[start : start + self._size], "activations")
            rows = np.ascontiguousarray(rows, dtype=np.float64)
            if not np.isfinite(rows).all():
                at = np.argwhere(~np.isfinite(rows))[0]
                raise UserError(
                    f"activations hold {rows[tuple(at)]} at row {start + at[0]}, column {at[1]}; "
                    "all must be finite: leave such rows out or mend the recording"
                )
            yield rows
            del rows
            _release(self._map)


def _mapped(source: Any) -> mmap.mmap | None:
    """The map of a mapped file behind an array, None where there is none.

    Nor where it is a private copy, whose changes would be lost if its pages were given back.
    """
    # Past `data`, which would read the whole of a file that xarray has open.
    data = getattr(getattr(source, "variable", None), "_data", source)
    shared = False
    while isinstance(data, np.ndarray):
        shared = shared or (isinstance(data, np.memmap) and data.mode in ("r", "r+", "w+"))
        data = data.base
    return data if shared and isinstance(data, mmap.mmap) else None


def _release(mapped: mmap.mmap | None) -> None:
    """Let go of the pages of a mapped file: otherwise all of it counts as this process's memory."""
    if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


def _unit(raw: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    rows, kept = raw.copy(), np.empty(len(raw), np.bool_)
    share(lambda part: _make_unit(rows[part], kept[part]), len(rows), cost=20 * rows.size)
    return (rows if kept.all() else rows[kept]), kept


def _as_source(activations: Any) -> Any:
    """Something of shape (samples, n) and a real type, of which rows can be sliced."""
    if isinstance(activations, np.ma.MaskedArray):
        raise UserError(
            "activations are a masked array; its mask would be ignored: pass its rows that are "
            "not masked as a plain array"
        )
    if hasattr(activations, "detach"):
        check_dense(activations, "activations")
        kind = plain(activations.new_zeros(1), "activations").dtype
    else:
        check_order(activations, "activations")
        typed = isinstance(getattr(activations, "dtype", None), np.dtype)  # no column of a table
        if not (typed and hasattr(activations, "shape") and hasattr(activations, "__getitem__")):
            activations = plain(activations, "activations", _RAGGED)
        kind = activations.dtype
    if np.dtype(kind).kind not in "fiu":
        raise UserError(
            f"activations are of type {kind}; they must be real numbers: convert them to float32 "
            "or float64"
        )
    if len(activations.shape) != 2 or 0 in activations.shape:
        raise UserError(
            f"activations have shape {tuple(activations.shape)}; it must be (samples, n), neither "
            "0: reshape them to one row a sample"
        )
    return activations


@compiled(fastmath={"reassoc", "nsz"})  # infinity must stay infinity here
def _make_unit(rows, kept):  # type: ignore[no-untyped-def]
    """Divide each row by its length; `kept` says which have one."""
    for i in range(len(rows)):
        row, square, peak = rows[i], 0.0, 0.0
        for j in range(row.size):
            square += row[j] * row[j]
        kept[i] = True
        if not 1e-200 < square < 1e200:
            # Divided by the largest entry first, no square over- or underflows.
            for j in range(row.size):
                peak = max(peak, abs(row[j]))
            kept[i] = peak > 0
            square = 0.0 if kept[i] else 1.0
            for j in range(row.size if kept[i] else 0):
                row[j] /= peak
                square += row[j] * row[j]
        length = math.sqrt(square)
        for j in range(row.size):
            row[j] /= length


# Order of summation does not matter here, and fixing it would cost a factor of five.
