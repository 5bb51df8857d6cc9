"""Bases found in activations: principal components, independent components, and their controls."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from sklearn.decomposition import FastICA
from sklearn.exceptions import ConvergenceWarning

from neuronbasis import basis as bases
from neuronbasis.basis import Basis
from neuronbasis.decomposition import _moments
from neuronbasis.decomposition._ordered import OrderedBasis, ordered
from neuronbasis.errors import UserError
from neuronbasis.utils import threads
from neuronbasis.utils.checks import number, whole_number
from neuronbasis.utils.seeds import Seed, generator

Floats = NDArray[np.float64]


class NotConvergedError(UserError):
    """A search has not ended within its iterations."""


def principal(activations: Any) -> OrderedBasis:
    """Principal components: directions of greatest variance, each orthogonal to those before.

    The eigenvectors of the covariance, exact to float64 rounding. The sign of each is such that
    its largest entry (the first, among equals) is positive. All n are given: where units are
    constant, or samples are fewer than units, the last ones have a variance of 0, which here is
    one below the rounding error of the largest.

    Parameters
    ----------
    activations : array_like, torch.Tensor or file-backed array, shape (samples, n), or Moments
        At least two samples. Where several bases of the same activations are wanted, take
        ``moments(activations)`` once and pass that to each.

    Returns
    -------
    OrderedBasis
        n vectors, orthonormal, labelled "PC 1", "PC 2", ...

    Raises
    ------
    UserError
        As `decomposition.moments`; or if all units are constant, but for rounding.

    Notes
    -----
    Dey et al. (2025), arXiv 2011.03043, compare these with neurons.

    Examples
    --------
    >>> b = principal([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])
    >>> np.round(b.vectors, 3).tolist(), np.round(b.variances, 12).tolist()
    ([[0.707, 0.707], [0.707, -0.707]], [2.0, 0.0])
    """
    found = _moments.varying(activations)
    variances, vectors = eigh(found.covariance, driver="evd")
    variances, vectors = variances[::-1], _signed(vectors.T[::-1])
    noise = found.n * np.finfo(float).eps * variances[0]
    variances = np.where(variances > noise, variances, 0.0)
    labels = [f"PC {i + 1}" for i in range(found.n)]
    return OrderedBasis(vectors, variances, found.mean, "principal components", labels)


def neurons(activations: Any) -> OrderedBasis:
    """The neurons themselves, by descending variance (equal ones, as constant units, in order).

    Parameters
    ----------
    activations
        As of `principal`.

    Returns
    -------
    OrderedBasis
        The n axes, labelled "neuron 0", ... by their place in the layer.

    Raises
    ------
    UserError
        As `principal`.

    Examples
    --------
    >>> b = neurons([[0.0, 7.0, 2.0], [1.0, 7.0, -2.0]])
    >>> b.labels, b.variances.tolist()
    (('neuron 2', 'neuron 0', 'neuron 1'), [8.0, 0.5, 0.0])
    """
    found = _moments.varying(activations)
    labels = [f"neuron {i}" for i in range(found.n)]
    return ordered(Basis(np.eye(found.n), "neurons", labels), found)


def random(activations: Any, seed: Seed = 0) -> OrderedBasis:
    """Draw an orthonormal basis with no regard to the activations, and order it by variance.

    The control of both `neurons` and `principal`: the axes turned by a random rotation (Haar).

    Parameters
    ----------
    activations
        As of `principal`; they decide the order and the mean alone.
    seed : int or numpy.random.Generator
        Decides the rotation.

    Raises
    ------
    UserError
        As `principal`, or for a seed that is none.

    Examples
    --------
    >>> b = random([[0.0, 1.0, 2.0], [1.0, 1.0, 0.0]], seed=1)
    >>> b.m, b.orthonormal, round(float(b.variances.sum()), 12)
    (3, True, 2.5)
    """
    found = _moments.varying(activations)
    turned = bases.standard(found.n).rotated(seed)
    name = "random" if isinstance(seed, np.random.Generator) else f"random (seed {seed})"
    return ordered(Basis(turned.vectors, name), found)


def independent(
    activations: Any,
    k: int,
    seed: Seed = 0,
    max_iterations: int = 1000,
    tolerance: float | Sequence[float] = 1e-4,
) -> OrderedBasis:
    """Independent components: directions along which sources as independent as can be add up.

    FastICA (Hyvarinen and Oja 2000; scikit-learn's, symmetric, logcosh) on the first k principal
    components, made white in float64. The vectors are the columns of the mixing matrix: what a
    source adds to the activation. They are oblique, and together span what those components
    span. Signs as in `principal`.

    Parameters
    ----------
    activations : array_like, torch.Tensor or file-backed array, shape (samples, n)
        At least two samples; of these, k numbers a sample are held in memory.
    k : int
        Number of components, at most that of the directions in which the activations vary.
    seed : int or numpy.random.Generator
        Decides the start.
    max_iterations : int
        Where the search is given up.
    tolerance : float, or several
        Largest ``1 - |cos|`` between an unmixing vector and its successor at the end. Several are
        tried in their order, from new starts, until the search reaches one: where activations are
        nearly Gaussian no rotation is better than another, and a tight search turns for ever.

    Returns
    -------
    OrderedBasis
        k vectors, by descending variance of the activations along them (which for oblique ones is
        not what each adds), labelled "IC 1", ...

    Raises
    ------
    UserError
        As `principal`; or if k or a setting is out of range, or the search does not converge.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> sources = rng.uniform(-1, 1, (2000, 2))
    >>> b = independent(sources @ [[3.0, 0.0], [1.0, 1.0]], k=2)
    >>> np.abs(np.round(b.vectors, 1)).tolist()
    [[1.0, 0.0], [0.7, 0.7]]
    """
    tolerances = _check_search(max_iterations, tolerance)
    found = _moments.moments(activations)
    components = principal(found)
    rank = int(np.count_nonzero(components.variances))
    if whole_number(k, "k", 1) > rank:
        raise UserError(
            f"k is {k}; the activations, {found.samples} samples of width {found.n}, vary in "
            f"{rank} directions: pass a k of at most {rank}"
        )
    scale = np.sqrt(components.variances[:k, None])
    whitening = components.vectors[:k] / scale
    rows = _moments.source(activations).raw()
    white = np.concatenate([(chunk - found.mean) @ whitening.T for chunk in rows])
    unmixing = _unmixing(white, generator(seed, "independent"), max_iterations, tolerances)
    mixing = _signed(unmixing @ (components.vectors[:k] * scale))  # its inverse is its transpose
    result = ordered(Basis(mixing, "independent components"), found)
    labels = [f"IC {i + 1}" for i in range(result.m)]
    return OrderedBasis(result.vectors, result.variances, result.mean, result.name, labels)


def _signed(vectors: Floats) -> Floats:
    """Turn each row so that its largest entry, the first among equals, is positive."""
    size = np.abs(vectors)
    # Equal up to rounding counts as equal, or the sign would depend on the machine.
    first = np.argmax(size > size.max(axis=1, keepdims=True) * (1 - 1e-6), axis=1)
    signs = np.sign(vectors[np.arange(len(vectors)), first])
    return vectors * signs[:, None] + 0.0  # which leaves no negative zeros


def _unmixing(
    white: Floats, rng: np.random.Generator, max_iterations: int, tolerances: Sequence[float]
) -> Floats:
    """Orthogonal (k, k) matrix that turns white rows into independent sources."""
    for tolerance in tolerances:
        start = rng.standard_normal((white.shape[1], white.shape[1]))
        search = FastICA(whiten=False, w_init=start, max_iter=max_iterations, tol=tolerance)
        with warnings.catch_warnings(), threads.one_blas_thread():
            warnings.simplefilter("error", ConvergenceWarning)
            try:
                return np.asarray(search.fit(white).components_, dtype=np.float64)
            except ConvergenceWarning:
                continue
    raise NotConvergedError(
        f"no independent components within max_iterations = {max_iterations} to a "
        f"tolerance of {tolerances[-1]:g}: raise either, pass a smaller k or more samples"
    )


def _check_search(max_iterations: int, tolerance: float | Sequence[float]) -> list[float]:
    whole_number(max_iterations, "max_iterations", 1)
    many = isinstance(tolerance, Sequence) and not isinstance(tolerance, str)
    several: Any = tolerance if many else [tolerance]
    if not several:
        raise UserError(f"tolerance is {tolerance!r}, empty: pass at least one such as 1e-4")
    return [number(each, "tolerance", "(0, 1)", "such as 1e-4") for each in several]


def three(activations: Any, seed: Seed) -> list[OrderedBasis]:
    """Neurons, principal components and a random basis, found on these activations.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> [b.name for b in three(rng.standard_normal((20, 3)), rng)]
    ['neurons', 'principal components', 'random']
    """
    found = _moments.moments(activations)
    return [neurons(found), principal(found), random(found, seed)]
