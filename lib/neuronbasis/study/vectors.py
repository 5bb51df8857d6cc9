"""A difference between two kinds of vectors, told for other vectors of these kinds too."""

import numpy as np
from numpy.typing import NDArray

_ROUNDING = 1e-9


def between(
    values: NDArray[np.float64], is_first: NDArray[np.bool_], layers: NDArray[np.str_]
) -> tuple[float, float, int]:
    """Mean difference of a value between two kinds of vectors, layers held equal.

    Parameters
    ----------
    values : array, shape (vectors,), float64
        One number a vector.
    is_first : array, shape (vectors,), bool
        Whether it is of the first kind.
    layers : array, shape (vectors,)
        Its layer.

    Returns
    -------
    difference : float
        The first kind less the second, in the unit of the values.
    variance : float
        Of it: as if both kinds varied alike, or not (HC2 of MacKinnon and White 1985), whichever is
        larger, since a few that happen to agree tell nothing. 0 where no vector of a kind and layer
        differs from another.
    freedom : int
        Its degrees of freedom: one less than there are vectors of the rarer kind, the cautious
        choice where kinds may vary unequally (Mickey and Brown 1966).

    Examples
    --------
    >>> values, is_first = np.array([0.9, 1.0, 0.8, 0.5, 0.7]), np.array([1, 1, 1, 0, 0]) == 1
    >>> difference, variance, freedom = between(values, is_first, np.array(["fc1"] * 5))
    >>> round(difference, 2), round(variance, 4), freedom
    (0.3, 0.0133, 1)
    """
    design = np.array([*(layers == each for each in np.unique(layers)), is_first], dtype=float).T
    solved = np.linalg.pinv(design)
    rest = values - design @ (solved @ values)
    freedom = len(design) - design.shape[1]
    alike = rest @ rest / freedom if freedom else 0.0
    unlike = rest**2 / np.maximum(1 - np.einsum("vk,kv->v", design, solved), _ROUNDING)
    weights = solved[-1] ** 2
    variance = max(float(weights @ unlike), float(weights.sum() * alike))
    size = float(np.abs(values).max(initial=0)) * _ROUNDING  # what is below it is rounding
    fewest = int(min(is_first.sum(), (~is_first).sum()))
    difference = float(solved[-1] @ values)
    return (
        difference if abs(difference) > size else 0.0,
        variance if variance > size**2 else 0.0,
        fewest - 1,
    )
