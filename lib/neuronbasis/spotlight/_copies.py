"""What the alignment test measures in a basis and in its rotated copies, and how long that takes.

Rotations of wide layers cost n log n for a row, and a test with them is exact. A random sign for
each coordinate, a cosine transform, signs, the transform again, and signs: an orthogonal map S as
likely as its inverse, since the transform (DCT-IV) is its own. All copies of a basis are turned
from one common point: with the basis at U, that is S0 U, and the copies lie at S1 S0 U, S2 S0 U,
and so on. As the inverse of S0 is as likely as S0, the basis itself lies at one more such turn from
the common point, and among its copies it is one of many that are alike. So the p-value is exact for
a basis that has no relation to the activations, whatever the law of S (Besag & Clifford 1989,
parallel method); and with two transforms that mix all coordinates the copies read like evenly
(Haar) rotated ones, which a test shows.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from neuronbasis.basis import Basis, check_basis
from neuronbasis.spotlight import _arcs, _device
from neuronbasis.spotlight._planes import Planes, choose
from neuronbasis.utils import threads
from neuronbasis.utils.activations import Activations
from neuronbasis.utils.checks import checked_angles, checked_epsilon, whole_number

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Measures:
    """What is measured in one basis."""

    curve: Floats  # mean fraction over planes in both senses, by angle
    held: Floats  # fraction in the spotlight that rests on a vector, by vector
    cosine: float  # mean over samples of the cosine to the nearest vector
    kurtosis: float  # of the coordinates about zero, pooled


class Sums:
    """What is added up over chunks of activations."""

    def __init__(self, m: int, planes: Planes, epsilon: float, angles: int) -> None:
        self.planes, self.epsilon, self.samples = planes, epsilon, 0
        self.curve, self.held = np.zeros(angles, np.int64), np.zeros(m, np.int64)
        self.cosine = self.square = self.fourth = 0.0

    def add(self, projections: Floats) -> None:
        """Take in dot products, shape (m, samples), which are overwritten."""
        self.curve += _arcs.total(projections, self.planes, self.epsilon, len(self.curve))
        self.held += (projections >= self.epsilon * (1 - _arcs.EDGE)).sum(axis=1)
        self.cosine += float(projections.max(axis=0).sum())
        np.square(projections, out=projections)
        self.square += float(projections.sum())
        flat = projections.ravel(order="K")
        self.fourth += float(np.vdot(flat, flat))
        self.samples += projections.shape[1]

    def add_on_device(self, rows: Any) -> None:
        """Take in dot products, a tensor of shape (samples, m)."""
        angles, widened = len(self.curve), self.epsilon * (1 - _arcs.EDGE)
        steps = _device.total(rows, self.planes.cosines[:, 0], widened, angles)
        self.curve += _arcs.on_one_turn(steps, angles)
        self.held += (rows >= widened).sum(dim=0).cpu().numpy()
        self.cosine += float(rows.max(dim=1).values.sum())
        squares = rows * rows
        self.square += float(squares.sum())
        self.fourth += float((squares * squares).sum())
        self.samples += len(rows)

    def measures(self) -> Measures:
        samples, square = self.samples, self.square
        # Directions all orthogonal to every vector have no coordinates: as flat as can be.
        kurtosis = self.fourth * samples * len(self.held) / square**2 if square else 1.0
        curve = self.curve / (2 * len(self.planes) * samples)
        return Measures(curve, self.held / samples, self.cosine / samples, kurtosis)


def measure(
    data: Activations, basis: Basis, planes: Planes, epsilon: float, angles: int
) -> Measures:
    sums = Sums(basis.m, planes, epsilon, angles)
    for rows, _ in data:
        sums.add(_arcs.project(basis.vectors, rows))
    return sums.measures()


def of_copies(
    data: Activations,
    basis: Basis,
    planes: Planes,
    epsilon: float,
    angles: int,
    turns: list[int],
    progress: bool,
) -> list[Measures]:
    """Measure the copies of a basis, turned by one rotation for each of `turns`."""
    sums = [Sums(basis.m, planes, epsilon, angles) for _ in turns]
    if suits(basis):
        return _quickly_turned(data, basis, sums, turns, progress)

    def of_rotation(turn: int) -> Measures:
        return measure(data, basis.rotated(turn), planes, epsilon, angles)

    bar = tqdm(threads.each(of_rotation, turns), "rotations", len(turns), disable=not progress)
    with threads.one_blas_thread():
        return list(bar)


def _quickly_turned(
    data: Activations, basis: Basis, sums: list[Sums], turns: list[int], progress: bool
) -> list[Measures]:
    """Measure copies of a wide orthonormal basis; the activations are read once for all."""
    common, size = signs(basis.n, turns), data.samples * len(turns)
    device = _device.found() if _arcs.by_rows(sums[0].planes, basis.m) else None
    transform = None if device is None else _device.Transform(basis.n, device)

    def of_rotation(k: int) -> None:
        drawn = signs(basis.n, turns[k])
        if transform is None:
            sums[k].add(turned(rows, drawn).T)
        else:
            sums[k].add_on_device(transform(there, drawn))

    with tqdm(None, "rotated rows", size, unit_scale=True, disable=not progress) as bar:
        for rows in chunks(data, basis, common):
            there = None if transform is None else transform.send(rows)
            each = threads.each if transform is None else map
            for _ in each(of_rotation, range(len(turns))):
                bar.update(len(rows))
    return [each.measures() for each in sums]


#: From this width on the copies of an orthonormal basis are turned by signs and cosine transforms.
WIDE = 1024


def suits(basis: Basis) -> bool:
    """Whether the vectors are as many as their space has dimensions, orthogonal, and wide.

    Examples
    --------
    >>> from neuronbasis import basis
    >>> suits(basis.standard(1024)), suits(basis.standard(24)), suits(basis.orthoplex(1024))
    (True, False, False)
    """
    if basis.m != basis.n or basis.n < WIDE:
        return False
    with threads.one_blas_thread():
        gram = basis.vectors @ basis.vectors.T
    gram[np.diag_indices(basis.m)] -= 1
    return bool(np.abs(gram).max() < 1e-9)


def signs(n: int, seed: int | list[int]) -> Floats:
    """Draw the signs of one rotation, shape (3, n)."""
    drawn: Floats = np.random.default_rng(seed).choice([-1.0, 1.0], (3, n))
    return drawn


def turned(rows: Floats, drawn: Floats) -> Floats:
    """Rotate rows, shape (rows, n), by the signs drawn for one rotation.

    Examples
    --------
    >>> x = turned(np.eye(3)[:1], signs(3, seed=0))
    >>> float(np.linalg.norm(x).round(12))
    1.0
    >>> bool(np.allclose(turned(x, signs(3, seed=0)[::-1]), np.eye(3)[:1]))  # the inverse
    True
    """
    from scipy.fft import dct

    last, middle, first = drawn
    x = dct(rows * first, type=4, norm="ortho", overwrite_x=True)
    x *= middle
    x = dct(x, type=4, norm="ortho", overwrite_x=True)
    x *= last
    return x


def chunks(data: Activations, basis: Basis, common: Floats) -> Iterator[Floats]:
    """Coordinates of the rows in the basis, turned to the point from which the copies start."""
    for rows, _ in data:
        coordinates = np.ascontiguousarray(_arcs.project(basis.vectors, rows).T)
        parts = np.array_split(coordinates, max(len(coordinates) // 256, 1))
        yield np.concatenate(list(threads.each(lambda part: turned(part, common), parts)))


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
    turn = 0.0 if suits(basis) else _timed(lambda: basis.rotated(0))
    by_row = max(_timed(copy) - turn, 1e-9) / data.samples
    return (rotations + _BESIDE) * (turn / threads.count() + by_row * samples)


def _timed(call: Any) -> float:
    with threads.one_blas_thread():
        start = time.perf_counter()
        call()
    return time.perf_counter() - start
