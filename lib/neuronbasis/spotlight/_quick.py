"""Rotations of wide layers that cost n log n for a row, and a test with them that is exact.

A random sign for each coordinate, a cosine transform, signs, the transform again, and signs: an
orthogonal map S as likely as its inverse, since the transform (DCT-IV) is its own. All copies of a
basis are turned from one common point: with the basis at U, that is S0 U, and the copies lie at
S1 S0 U, S2 S0 U, and so on. As the inverse of S0 is as likely as S0, the basis itself lies at one
more such turn from the common point, and among its copies it is one of many that are alike. So the
p-value is exact for a basis that has no relation to the activations, whatever the law of S
(Besag & Clifford 1989, parallel method); and with two transforms that mix all coordinates the
copies read like evenly (Haar) rotated ones, which a test shows.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from neuronbasis.basis import Basis
from neuronbasis.spotlight import _arcs
from neuronbasis.utils import threads
from neuronbasis.utils.activations import Activations

Floats = NDArray[np.float64]

#: From this width on the copies of an orthonormal basis are turned in this way.
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
