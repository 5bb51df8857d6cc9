"""What the alignment test measures in a basis and in its rotated copies."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from neuronbasis.basis import Basis
from neuronbasis.spotlight import _arcs, _device, _quick
from neuronbasis.spotlight._planes import Planes
from neuronbasis.utils import threads
from neuronbasis.utils.activations import Activations

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
    if _quick.suits(basis):
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
    common, size = _quick.signs(basis.n, turns), data.samples * len(turns)
    device = _device.found() if _arcs.by_rows(sums[0].planes, basis.m) else None
    transform = None if device is None else _device.Transform(basis.n, device)

    def of_rotation(k: int) -> None:
        signs = _quick.signs(basis.n, turns[k])
        if transform is None:
            sums[k].add(_quick.turned(rows, signs).T)
        else:
            sums[k].add_on_device(transform(there, signs))

    with tqdm(None, "rotated rows", size, unit_scale=True, disable=not progress) as bar:
        for rows in _quick.chunks(data, basis, common):
            there = None if transform is None else transform.send(rows)
            each = threads.each if transform is None else map
            for _ in each(of_rotation, range(len(turns))):
                bar.update(len(rows))
    return [each.measures() for each in sums]
