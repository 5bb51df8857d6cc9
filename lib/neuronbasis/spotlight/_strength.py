"""How strongly activations gather at the vectors of a basis, as one number for every width."""

import numpy as np
from numpy.typing import ArrayLike

from neuronbasis.errors import UserError

#: A strength nearer to 0 than this is too small for a verdict, however surely it is not 0.
LEAST = 0.05


def strength(cosine: float, rotated: ArrayLike) -> float:
    """How near to the vectors of a basis activations lie, between chance and on a vector.

    The cosine of a sample to its nearest vector, averaged over samples, is set between two marks:
    what rotated copies of the basis get at this width, and the end of the scale. No cone is
    needed. If a share s of the samples lies on basis vectors and the others prefer no direction,
    the strength is s, at any width. If each sample consists of k equal parts along orthogonal
    vectors, its cosine is ``1 / sqrt(k)``. The opposite of a vector is none: where both ends of
    axes count, take `basis.orthoplex`.

    Parameters
    ----------
    cosine : float in [-1, 1]
        Mean over samples of the cosine to the nearest vector: see `nearest_cosine`.
    rotated : float or array_like of float in [-1, 1]
        The same for rotated copies of the basis, whose mean is taken.

    Returns
    -------
    float
        In [-1, 1]. 1: each sample lies on a vector. 0: as near as to rotated copies.
        -1: each sample is orthogonal to its nearest vector, or beyond.

    Raises
    ------
    UserError
        If a cosine is not in [-1, 1], or there is none of a rotated copy.

    Examples
    --------
    >>> strength(0.625, [0.25, 0.25])
    0.5
    >>> strength(0.1, 0.2)
    -0.5
    """
    copies = np.atleast_1d(np.asarray(rotated, np.float64))
    for value in (cosine, *copies.ravel()):
        if not abs(value) <= 1 + 1e-9:
            raise UserError(f"a cosine is {value}; it must lie in [-1, 1]")
    if not copies.size:
        raise UserError("there is no cosine of a rotated copy; give that of at least one")
    chance = float(copies.mean())
    if cosine >= chance:
        return min((cosine - chance) / (1 - chance), 1.0) if chance < 1 else 0.0
    return max((cosine - chance) / chance, -1.0) if chance > 0 else -1.0
