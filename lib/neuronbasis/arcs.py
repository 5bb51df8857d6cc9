"""How many directions a spotlight holds at each angle of its turn.

A direction with coordinates (p, q) in a plane, r = hypot(p, q), lies in the cone of cosine epsilon
about the axis at angle theta exactly when r cos(theta - atan2(q, p)) >= epsilon: on the one arc of
half-width acos(epsilon / r) about atan2(q, p), and nowhere if r < epsilon. So each direction is
looked at once a plane, not once an angle, and a curve is the running sum of its arcs' ends.
"""

import functools
import math
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from neuronbasis.errors import UserError
from neuronbasis.planes import Planes, circles

#: The cone is wider by this share of epsilon than asked, so that a direction exactly on its edge
#: (always so at epsilon = 1) is inside in spite of rounding.
EDGE = 1e-12
# Rows screened at once for any that the plane reaches: 4 kB of two vectors, well inside L1.
_SCREEN = 256
# Multiplications not worth the hand-over to other threads: a few milliseconds.
_SMALL = 10**8
# Tasks for each thread: planes near a crowded vector take far longer than others.
_TASKS = 8
#: Numbers in the largest array that one chunk of activations leads to: 32 MB of float64.
CHUNK = 2**22
#: Counts held at once where only their mean and quantiles are wanted: 256 MB of int32.
BLOCK = 2**26


class Directions:
    """Unit rows of some activations, read in chunks and as often as wanted.

    Parameters
    ----------
    activations : array_like, torch.Tensor, or anything with `shape`, `dtype` and slices by rows
        Shape (samples, n), real finite numbers on any device. A memory-mapped array or a data set
        in an open file is never held whole.
    n : int
        The width they must have.
    m : int
        Number of vectors they will be projected on, which sets the size of a chunk.
    shift : ndarray, shape (n,), optional
        Taken off each row before it is made unit length.

    Attributes
    ----------
    rows : int
        Number of rows of the source.
    samples, zero_rows : int
        Rows with a direction, and without one; known after a pass.

    Raises
    ------
    UserError
        At once if the shape or type is wrong; while reading, at a number that is not finite or
        if all rows are zero.

    Examples
    --------
    >>> directions = Directions([[3, 4], [0, 0]], n=2)
    >>> [(unit.tolist(), kept.tolist()) for unit, kept in directions]
    [([[0.6, 0.8]], [True, False])]
    >>> directions.samples, directions.zero_rows
    (1, 1)
    """

    def __init__(
        self, activations: Any, n: int, m: int = 1, shift: NDArray[np.float64] | None = None
    ) -> None:
        self._source = _as_source(activations)
        self.rows, width = (int(size) for size in self._source.shape)
        if width != n:
            raise UserError(
                f"activations have width {width} and the basis {n}; the two must be equal: pass "
                "the layer that the basis belongs to"
            )
        self._size, self._shift = max(CHUNK // max(m, n), 1), shift
        self._held: list[tuple[NDArray[np.float64], NDArray[np.bool_]]] = []
        self.samples = self.zero_rows = 0

    def __iter__(self) -> Iterator[tuple[NDArray[np.float64], NDArray[np.bool_]]]:
        """Yield chunks: unit rows (rows kept, n), and which rows of the chunk were kept."""
        if self._held:
            yield from self._held
            return
        samples, held = 0, []
        for raw in self.raw():
            chunk = _unit(raw if self._shift is None else raw - self._shift)
            samples += len(chunk[0])
            if raw.shape[1] * self.rows <= CHUNK:
                held.append(chunk)
            yield chunk
        if not samples:
            raise UserError(
                f"activations are {self.rows} rows of zeros, which have no direction: pass at "
                "least one row that is not zero"
            )
        self.samples, self.zero_rows, self._held = samples, self.rows - samples, held

    def raw(self) -> Iterator[NDArray[np.float64]]:
        """Yield the activations themselves as chunks (rows, n), float64, to be read only."""
        for start in range(0, self.rows, self._size):
            rows = _as_numpy(self._source[start : start + self._size])
            rows = np.ascontiguousarray(rows, dtype=np.float64)
            if not np.isfinite(rows).all():
                at = np.argwhere(~np.isfinite(rows))[0]
                raise UserError(
                    f"activations hold {rows[tuple(at)]} at row {start + at[0]}, column {at[1]}; "
                    "all must be finite: leave such rows out or mend the recording"
                )
            yield rows


def _unit(raw: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    rows, kept = raw.copy(), np.empty(len(raw), np.bool_)
    share(lambda part: _make_unit(rows[part], kept[part]), len(rows), cost=20 * rows.size)
    return (rows if kept.all() else rows[kept]), kept


def _as_numpy(array: Any) -> NDArray[Any]:
    if hasattr(array, "detach"):  # a torch tensor, on whatever device
        array = array.detach().cpu()
        return array.double().numpy() if array.is_floating_point() else array.numpy()
    return np.asarray(array)


def _as_source(activations: Any) -> Any:
    """Something of shape (samples, n) and a real type, of which rows can be sliced."""
    if isinstance(activations, np.ma.MaskedArray):
        raise UserError(
            "activations are a masked array; its mask would be ignored: pass its rows that are "
            "not masked as a plain array"
        )
    if hasattr(activations, "detach"):
        if str(activations.layout) != "torch.strided":
            raise UserError(
                f"activations are a tensor of layout {activations.layout}; it must be dense: pass "
                "activations.to_dense()"
            )
        kind = _as_numpy(activations.new_zeros(1)).dtype
    else:
        if not all(hasattr(activations, name) for name in ("shape", "dtype", "__getitem__")):
            activations = _as_array(activations)
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


def _as_array(activations: Any) -> NDArray[Any]:
    try:
        return np.asarray(activations)
    except ValueError:
        raise UserError(
            "activations are rows of unequal lengths; they must form a matrix (samples, n): pass "
            "rows of equal length"
        ) from None


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

    def work(part: slice) -> None:
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
    >>> from neuronbasis.planes import choose
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

    share(pairs if planes.corners.shape[1] == 2 else triples, len(planes))


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
    >>> from neuronbasis.planes import choose
    >>> total(np.eye(2), choose(np.eye(2)), 0.5, 8)
    array([2, 4, 2, 2, 0, 0, 0, 2])
    """
    projections, parts = np.ascontiguousarray(projections), []

    def pairs(part: slice) -> None:
        steps = np.zeros(2 * angles + 2, np.int64)
        corners, cosine = planes.corners[part], planes.cosines[part, 0].copy()
        _enter_pairs(projections, corners, cosine, epsilon * (1 - EDGE), steps)
        parts.append(steps)

    share(pairs, len(planes))
    running = np.cumsum(np.sum(parts, axis=0))
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
        self.sums = np.zeros(angles, np.int64)
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
        return np.sign(bins) * middle


def _bin(counts: NDArray[Any]) -> NDArray[np.int64]:
    """Signed number of the bin: a count's own up to 255, then 128 bins each time it doubles."""
    size = np.abs(counts.astype(np.int64))
    shift = np.maximum(np.frexp(size)[1] - 8, 0)
    return np.sign(counts) * (128 * shift + (size >> shift))


def share(work: Callable[[slice], None], items: int, cost: int = _SMALL) -> None:
    """Do `work` on slices of `items`, on as many threads as numba is set to use.

    Work whose `cost` in multiplications is known to be small is done at once.

    Threads of Python on kernels that release the interpreter's lock: unlike numba's own parallel
    loops they survive a fork and may be entered from several threads at once.

    Examples
    --------
    >>> done = []
    >>> share(lambda part: done.extend(range(part.start, part.stop)), 5)
    >>> sorted(done)
    [0, 1, 2, 3, 4]
    """
    tasks = min(numba.get_num_threads() * _TASKS, items) if cost >= _SMALL else 1
    ends = np.linspace(0, items, tasks + 1).astype(int).tolist()
    for _ in each(work, list(map(slice, ends[:-1], ends[1:]))):
        pass


def each(work: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Any]:
    """Results of `work` on each of the items, in their order; see `share` for the threads.

    Called from within such work it does its own in the thread it is in.

    Examples
    --------
    >>> list(each(abs, [-1, 2, -3]))
    [1, 2, 3]
    """
    threads = min(numba.get_num_threads(), len(items))
    if threads <= 1 or getattr(_worker, "busy", False):
        yield from map(work, items)
        return

    yield from _pool(threads).map(work, items)


@functools.cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """Threads that wait for the next call: to start them took longer than a small call's work."""

    def start() -> None:
        _worker.busy = True

    return ThreadPoolExecutor(threads, "neuronbasis", start)


# A forked process has no threads, so it must make a pool of its own.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)
_worker = threading.local()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keep the linear algebra library to one thread meanwhile.

    Its threads wait for one another, which on a machine with other work took thirty times as
    long as one alone. The limit is the process's: the first to ask sets it, the last to leave
    lifts it.

    Examples
    --------
    >>> with one_blas_thread():
    ...     product = np.eye(2) @ np.eye(2)
    """
    global _limit, _users
    with _lock:
        if not _users:
            _limit = _libraries().limit(limits=1, user_api="blas")
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if not _users:
                _limit.restore_original_limits()


@functools.cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()


_lock = threading.Lock()
_limit: Any = None
_users = 0


def _compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile at the first call, and keep the result where anything can be written."""

    def decorate(function: Callable[..., Any]) -> Any:
        try:
            return numba.njit(function, nogil=True, error_model="numpy", cache=True, **options)
        except RuntimeError:  # neither the package's folder nor the user's cache is writable
            return numba.njit(function, nogil=True, error_model="numpy", **options)

    return decorate


@_compiled(fastmath={"reassoc", "nsz"})  # infinity must stay infinity here
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
@_compiled(fastmath=True)
def _reached(p, g, cosine, scale, least):  # type: ignore[no-untyped-def]
    """How many of the rows have a squared length in the plane of at least `least`."""
    hits = 0.0
    for j in range(p.size):
        q = (g[j] - cosine * p[j]) * scale
        hits += 1.0 if p[j] * p[j] + q * q >= least else 0.0
    return hits


@_compiled()
def _add_arc(centre, half, steps):  # type: ignore[no-untyped-def]
    """Enter the ends of an arc; cell k of `steps` stands for the grid angle k - angles.

    With centre and half-width at most half a turn each, two turns hold all ends unwrapped.
    """
    angles = steps.size // 2 - 1
    per_radian = angles / (2 * math.pi)
    first = math.ceil((centre - half) * per_radian)
    last = min(math.floor((centre + half) * per_radian), first + angles - 1)
    steps[first + angles] += 1
    steps[last + angles + 1] -= 1


@_compiled()
def _enter_pair(projections, corners, cosine, epsilon, both, steps, near):  # type: ignore[no-untyped-def]
    """Enter the arcs of all rows in one pair's plane; true if there are any."""
    least, scale = max(epsilon * epsilon, 1e-300), 1 / math.sqrt((1 - cosine) * (1 + cosine))
    between, touched = math.acos(cosine), False
    for start in range(0, projections.shape[1], _SCREEN):
        p = projections[corners[0], start : start + _SCREEN]
        g = projections[corners[1], start : start + _SCREEN]
        if _reached(p, g, cosine, scale, least) == 0:
            continue
        touched = True
        # Gathered without a branch, which would be guessed wrong once or twice an arc.
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
            if both:  # seen from beta, the turn runs the other way
                turn = 2 * math.pi if between - centre > math.pi else 0.0
                _add_arc(between - centre - turn, half, steps)
    return touched


@_compiled()
def _wind(steps, weight, counts):  # type: ignore[no-untyped-def]
    """Sum the steps over two turns and lay them on one; `steps` is cleared."""
    angles, running = counts.size, 0
    for k in range(2 * angles + 1):
        running += steps[k]
        counts[k if k < angles else k - angles if k < 2 * angles else 0] += weight * running
    steps[:] = 0


@_compiled()
def _count_pairs(projections, corners, cosine, epsilon, weight, counts):  # type: ignore[no-untyped-def]
    steps, near = np.zeros(2 * counts.shape[1] + 2, np.int64), np.empty((2, _SCREEN))
    for i in range(len(corners)):
        if _enter_pair(projections, corners[i], cosine[i], epsilon, False, steps, near):
            _wind(steps, weight, counts[i])


@_compiled()
def _enter_pairs(projections, corners, cosine, epsilon, steps):  # type: ignore[no-untyped-def]
    near = np.empty((2, _SCREEN))
    for i in range(len(corners)):
        _enter_pair(projections, corners[i], cosine[i], epsilon, True, steps, near)


@_compiled()
def _count_triples(projections, corners, frames, radius, epsilon, weight, counts):  # type: ignore[no-untyped-def]
    angles = counts.shape[1]
    steps = np.zeros(2 * angles + 2, np.int64)
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
                _add_arc(0.0, 1.5 * math.pi, steps)  # cut to one turn, whatever the rounding
            elif needed <= r:
                _add_arc(math.atan2(q, p), math.acos(needed / r), steps)
        _wind(steps, weight, counts[i])
