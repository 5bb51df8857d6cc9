"""Which directions tell classes apart: the signed spotlight, class by class."""

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from neuronbasis.basis import Basis
from neuronbasis.errors import UserError
from neuronbasis.utils.checks import checked_epsilon, matrix, plain, whole_number

Floats = NDArray[np.float64]


def by_class(activations: Any, labels: Any, basis: Basis, epsilon: float) -> xr.DataArray:
    """Signed fraction of every class in the spotlight that rests on each vector.

    The fraction of a class's activations within the cone around the vector, less the fraction
    within the cone around its opposite.

    Parameters
    ----------
    activations : array_like, shape (samples, n)
        Finite; rows of zeros have no direction and are in no cone.
    labels : array_like of int, shape (samples,)
        The class of each sample.
    basis : Basis
        m directions in R^n.
    epsilon : float in (0, 1]
        Cosine of the spotlight's half-angle.

    Returns
    -------
    DataArray over (class, vector), in [-1, 1]

    Raises
    ------
    UserError
        If shapes do not match, a number is not finite, there are fewer than two classes, or
        epsilon is out of range.

    Notes
    -----
    Bird (2025), arXiv 2505.13471, App. B.2: signed SRM, read where the plane's turn is at a vector.

    Examples
    --------
    >>> from neuronbasis import basis
    >>> x = np.array([[1.0, 0], [1, 0.1], [-1, 0], [0, 1]])
    >>> by_class(x, [0, 0, 1, 1], basis.standard(2), epsilon=0.9).values.tolist()
    [[1.0, 0.0], [-0.5, 0.5]]
    """
    signs, labels = _signs(activations, labels, basis, epsilon)
    classes, codes = np.unique(labels, return_inverse=True)
    return xr.DataArray(
        _class_means(signs, codes, len(classes)),
        dims=("class", "vector"),
        coords={"class": classes, "vector": np.arange(basis.m)},
    )


def selectivity(
    activations: Any,
    labels: Any,
    basis: Basis,
    epsilon: float,
    shuffles: int = 199,
    seed: int = 0,
) -> xr.Dataset:
    """How far apart a direction holds the classes, against the same with shuffled labels.

    The selectivity of a vector is the range over classes of the signed fraction of `by_class`: 0
    where all classes light up alike, 2 where one lies wholly in its cone and another wholly in
    the opposite one.

    Parameters
    ----------
    activations, labels, basis, epsilon
        As in `by_class`.
    shuffles : int
        Times that the labels are shuffled over the samples.
    seed : int
        Of the shuffles.

    Returns
    -------
    Dataset
        ``selectivity`` (vector); ``shuffled`` (shuffle), the largest over vectors; ``p_value``
        (vector), the share of shuffles, the true labels among them, whose largest is at least
        as large: it holds for the search over all vectors at once.

    Examples
    --------
    >>> from neuronbasis import basis
    >>> x = np.repeat(np.eye(3), 50, axis=0)
    >>> found = selectivity(x, np.repeat([0, 1, 2], 50), basis.standard(3), 0.9, shuffles=19)
    >>> found.selectivity.values.tolist(), found.p_value.values.tolist()
    ([1.0, 1.0, 1.0], [0.05, 0.05, 0.05])
    """
    shuffles = whole_number(shuffles, "shuffles", 1)
    rng = np.random.default_rng(whole_number(seed, "seed", 0))
    signs, labels = _signs(activations, labels, basis, epsilon)
    classes, codes = np.unique(labels, return_inverse=True)
    own = np.ptp(_class_means(signs, codes, len(classes)), axis=0)
    largest = np.array(
        [
            np.ptp(_class_means(signs, rng.permutation(codes), len(classes)), axis=0).max()
            for _ in range(shuffles)
        ]
    )
    beyond = (largest >= own[:, None] - 1e-12).sum(axis=1)
    return xr.Dataset(
        {
            "selectivity": ("vector", own),
            "shuffled": ("shuffle", largest),
            "p_value": ("vector", (1 + beyond) / (1 + shuffles)),
        },
        attrs={"epsilon": epsilon, "classes": len(classes), "basis": basis.name},
    )


def _signs(
    activations: Any, labels: Any, basis: Basis, epsilon: float
) -> tuple[Floats, NDArray[np.int64]]:
    """1 where a sample lies in a vector's cone, -1 in the opposite one, 0 elsewhere."""
    epsilon = checked_epsilon(epsilon)
    x, y = matrix(activations, "activations"), plain(labels, "labels")
    if x.shape[1] != basis.n or y.shape != x.shape[:1]:
        raise UserError(
            f"activations have shape {x.shape} and labels {y.shape}; they must be (samples, "
            f"{basis.n}) and (samples,): pass one label a row"
        )
    if y.dtype.kind not in "iu" or len(np.unique(y)) < 2:
        raise UserError("labels must be whole numbers of at least two classes: pass those of y")
    lengths = np.linalg.norm(x, axis=1, keepdims=True)
    cosines = np.divide(x, lengths, out=np.zeros_like(x), where=lengths > 0) @ basis.vectors.T
    edge = epsilon * (1 - 1e-12)  # rounding must not push a vector out of its own cone
    return (cosines >= edge).astype(float) - (cosines <= -edge), y


def _class_means(signs: Floats, codes: NDArray[np.int64], classes: int) -> Floats:
    members = np.zeros((classes, len(codes)))
    members[codes, np.arange(len(codes))] = 1
    means: Floats = members @ signs / members.sum(axis=1, keepdims=True)
    return means
