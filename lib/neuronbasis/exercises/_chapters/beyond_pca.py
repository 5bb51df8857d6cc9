"""Beyond PCA."""

from functools import cache

import numpy as np
from scipy import stats

from neuronbasis import completeness, decomposition
from neuronbasis.decomposition import OrderedBasis
from neuronbasis.exercises import _measured
from neuronbasis.exercises._check import Answer, NotYet, array, called, expect


def explained(answer: Answer) -> str:
    """The fraction of the variance in the span of some vectors, which may be oblique."""
    rows, told = _measured.activations("Fig. 6"), {}
    total = np.var(rows, axis=0).sum()
    for b in _bases():
        vectors = b.vectors[:3]
        right = float(completeness.explained_variance(rows, b).explained[0, 3])
        summed = float(np.var(rows @ vectors.T, axis=0).sum() / total)
        expect(
            called(answer, rows, vectors),
            right,
            f"the fraction of the first three {b.name}",
            "Project the mean-centred rows onto the span, and compare the variances.",
            [(summed, "The vectors are oblique: variances along them overlap and do not add up.")],
        )
        told[b.name] = right
    said = ", ".join(f"{share:.0%} ({name})" for name, share in told.items())
    return f"Three vectors explain, in a network of Fig. 6: {said}. Nothing beats PCs where found."


def kurtosis(answer: Answer) -> str:
    """The excess kurtosis of each column: the mean fourth power of z-scores, minus 3."""
    rows, told = _measured.activations("Fig. 6"), {}
    for b in _bases():
        coordinates = rows @ b.vectors.T
        right = stats.kurtosis(coordinates)
        found = array(called(answer, coordinates), (b.m,))
        if np.allclose(found, right + 3, rtol=1e-3):
            raise NotYet("Subtract 3, the value of a normal distribution.")
        if not np.allclose(found, right, rtol=1e-3, atol=1e-3):
            raise NotYet(
                f"Along the first of the {b.name} it is {right[0]:.3f}, and you find "
                f"{found[0]:.3f}. Subtract the mean and divide by the standard deviation first."
            )
        told[b.name] = float(np.median(right))
    said = ", ".join(f"{value:+.1f} ({name})" for name, value in told.items())
    return f"The median over ten vectors, in a network of Fig. 6: {said}. 0 would be normal."


@cache
def _bases() -> tuple[OrderedBasis, ...]:
    rows = _measured.activations("Fig. 6")
    return decomposition.principal(rows), decomposition.independent(rows, 10, 0)
