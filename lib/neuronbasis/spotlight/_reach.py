"""Which directions can come into the cone at all, asked before any plane is looked at.

With cosine c between two vectors, r^2 <= (p^2 + g^2) / (1 - |c|) for a direction's dot products p
and g with them. Its two largest squares, on vectors that are not parallel, are therefore large
enough if it is in the cone of any plane. To find them takes m steps, in place of m (m - 1) / 2.
"""

import numpy as np
from numpy.typing import NDArray

from neuronbasis.spotlight._planes import PARALLEL, Planes
from neuronbasis.utils.threads import compiled

# By so much may the squares on two vectors differ that count as parallel, for two of them.
_SLACK = 4 * (2 * PARALLEL) ** 0.5 + 1e-9
# Directions taken at once: three rows of them stay in L1. The share of them within reach from which
# on it is not worth to look, by a sample.
_AT_ONCE, _MOST, _SAMPLE = 256, 0.5, 64


def within_reach(
    projections: NDArray[np.float64], planes: Planes, epsilon: float
) -> NDArray[np.float64]:
    """Those directions that may come into the cone in some plane, or all if few do not.

    Parameters
    ----------
    projections : ndarray, shape (m, samples), float64, C order
        Dot products of the basis vectors with unit directions.
    planes : Planes
        Pairs of its rows.
    epsilon : float in (0, 1]
        Cosine of the spotlight's half-angle.

    Returns
    -------
    ndarray, shape (m, some), float64, C order
        Columns of `projections`.

    Examples
    --------
    >>> from neuronbasis.spotlight._planes import choose
    >>> rows = np.array([[1.0, 0.0, 0.0], [0.6, 0.6, 0.529]])
    >>> within_reach(rows.T.copy(), choose(np.eye(3)), epsilon=0.9).T.tolist()
    [[1.0, 0.0, 0.0]]
    """
    least = epsilon**2 * (1 - float(np.abs(planes.cosines).max())) - _SLACK
    if least <= 0 or not projections.size:
        return projections
    step = max(projections.shape[1] // _SAMPLE, 1)
    if _reaching(projections[:, ::step], planes.lines, least).mean() > _MOST:
        return projections
    return projections[:, _reaching(projections, planes.lines, least)]


@compiled(fastmath=True)
def _reaching(projections, lines, least):  # type: ignore[no-untyped-def]
    samples = projections.shape[1]
    found = np.empty(samples, np.bool_)
    first, second = np.empty(_AT_ONCE), np.empty(_AT_ONCE)
    for start in range(0, samples, _AT_ONCE):
        size = min(_AT_ONCE, samples - start)
        first[:], second[:] = 0.0, 0.0
        for k in lines:
            row = projections[k, start : start + size]
            for j in range(size):
                square = row[j] * row[j]
                second[j] = max(second[j], min(first[j], square))
                first[j] = max(first[j], square)
        for j in range(size):
            found[start + j] = first[j] + second[j] >= least
    return found
