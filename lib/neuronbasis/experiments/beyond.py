"""Bases beyond principal components, found so that the same measures take them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from neuronbasis import decomposition
from neuronbasis.decomposition import OrderedBasis, three
from neuronbasis.errors import UserError

TOLERANCES = (1e-4, 1e-3, 1e-2, 1e-1)


def five(
    activations: Any,
    rng: np.random.Generator,
    share: float = 0.9,
    times: int = 2,
    steps: int = 1000,
) -> list[OrderedBasis]:
    """Neurons, principal components, a random basis, independent components, a sparse autoencoder.

    Parameters
    ----------
    activations : array_like or DataArray, shape (samples, n)
        On which all are found.
    rng : numpy.random.Generator
        Decides the random basis, and the starts of the searches.
    share : float in (0, 1)
        Independent components are sought among as many principal components as hold so much of
        the variance. With more, the last ones are noise made as large as the first.
    times : int
        Units of the sparse autoencoder, in multiples of n.
    steps : int
        Of its training.

    Returns
    -------
    list of OrderedBasis
        Each of at most n vectors: of the sparse autoencoder those of largest variance.
        Independent components are followed by the principal components outside their span.

    Raises
    ------
    UserError
        As `decomposition.independent` and `decomposition.sparse_autoencoder`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> [b.m for b in five(rng.laplace(size=(300, 4)), rng, times=2, steps=50)]
    [4, 4, 4, 4, 4]
    """
    found = three(activations, rng)
    n, components = found[0].n, found[1]
    k = _holding(components, share)
    ics = independent(activations, k, rng)
    features = decomposition.sparse_autoencoder(activations, times * n, rng, steps=steps).basis
    return [*found, _continued(ics, components), _first(features, n)]


def independent(
    activations: Any, k: int, rng: np.random.Generator, tolerances: Sequence[float] = TOLERANCES
) -> OrderedBasis:
    """Independent components at the tightest of several tolerances that the search reaches.

    Where activations are nearly Gaussian in some directions, no rotation of these is better than
    another, and the search turns for ever.

    Parameters
    ----------
    activations, k
        As of `decomposition.independent`.
    rng : numpy.random.Generator
        Decides the starts.
    tolerances : sequence of float
        Tried in this order.

    Returns
    -------
    OrderedBasis
        Its name says nothing of the tolerance, so that layers can be compared.

    Raises
    ------
    UserError
        As `decomposition.independent`, at the last tolerance.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> independent(rng.laplace(size=(300, 3)), 2, rng)
    OrderedBasis('independent components', m=2, n=3)
    """
    for tolerance in tolerances[:-1]:
        try:
            return decomposition.independent(activations, k, rng, 300, tolerance)
        except decomposition.NotConvergedError:
            continue
    return decomposition.independent(activations, k, rng, 300, tolerances[-1])


def _continued(ics: OrderedBasis, components: OrderedBasis) -> OrderedBasis:
    """A basis of the whole space: ICs vary no less than PC k, and so more than those after it."""
    rest = slice(ics.m, None)
    vectors = np.concatenate([ics.vectors, components.vectors[rest]])
    variances = np.concatenate([ics.variances, components.variances[rest]])
    return OrderedBasis(vectors, np.minimum.accumulate(variances), ics.mean, ics.name)


def _first(basis: OrderedBasis, k: int) -> OrderedBasis:
    return OrderedBasis(basis.vectors[:k], basis.variances[:k], basis.mean, basis.name)


def _holding(components: OrderedBasis, share: float) -> int:
    """How many components hold so much of the variance."""
    if not 0 < share < 1:
        raise UserError(f"share is {share!r}; it must lie in (0, 1): pass such as 0.9")
    cumulated = np.cumsum(components.variances)
    return int(np.searchsorted(cumulated, share * cumulated[-1])) + 1
