"""Completeness."""

import numpy as np

from neuronbasis import completeness, decomposition
from neuronbasis.exercises import _measured
from neuronbasis.exercises._check import Answer, NotYet, array, called, expect, same


def along(answer: Answer) -> str:
    """The variance of the activations along each vector, one number a vector."""
    rows = _measured.activations("Fig. 6")
    told: dict[str, float] = {}
    rng = np.random.default_rng(0)
    for b in decomposition.three(rows, 0):
        # In an order of which the answer knows nothing: the neurons' own, or a random one.
        vectors = np.eye(b.n) if b.name == "neurons" else rng.permutation(b.vectors)
        right = np.var(rows @ vectors.T, axis=0)
        found = array(called(answer, rows, vectors), (b.m,))
        if np.allclose(found, np.mean((rows @ vectors.T) ** 2, axis=0)):
            raise NotYet("That is the second moment; variance is that about the mean.")
        if np.allclose(found, np.sqrt(right)):
            raise NotYet("That is the standard deviation; the variance is its square.")
        if not same(found, right) and same(np.sort(found), np.sort(right)):
            raise NotYet("These are the right numbers in another order; keep that of the vectors.")
        if not np.allclose(found, right, rtol=1e-3):
            raise NotYet(
                f"Along the first of the {b.name} of a network of Fig. 6 the variance is "
                f"{right[0]:.4g}, and you find {found[0]:.4g}."
            )
        told[b.name] = right.max() / right.sum()
    said = ", ".join(f"{share:.0%} ({name})" for name, share in told.items())
    return (
        f"The best single vector of each kind holds, in a network of Fig. 6: {said}. The sums over "
        "all vectors are equal: a rotation only shares the same variance out."
    )


def needed(answer: Answer) -> str:
    """The smallest number of vectors that hold the fraction of the variance, the largest first."""
    for fraction, right in ((0.5, 1), (0.75, 2)):  # which their sums reach exactly
        expect(
            called(answer, np.array([2.0, 1.0, 1.0]), fraction),
            right,
            f"the number of vectors for {fraction:g} of variances of 2, 1 and 1",
            "A fraction that is just reached is held.",
        )
    rows = _measured.activations("Fig. 9")
    told: dict[str, tuple[int, ...]] = {}
    for b in decomposition.three(rows, 0):
        variances = np.var(rows @ b.vectors.T, axis=0)
        shuffled = np.random.default_rng(0).permutation(variances)
        for fraction in (0.8, 0.99):
            found = completeness.explained_variance(rows, b, shares=(fraction,))
            right = int(found.needed[0, 0])
            expect(
                called(answer, shuffled, fraction),
                right,
                f"the number of {b.name} for {fraction:.0%} in a network of Fig. 9",
                "Sort first, the largest in front; then the first sum that reaches the fraction.",
                [
                    (right - 1, "Counting begins at 0 in Python; one vector is missing."),
                    (right + 1, "One vector too many: is the fraction reached or passed?"),
                ],
            )
            told[b.name] = (*told.get(b.name, ()), right)
    said = ", ".join(f"{a} and {b} {name}" for name, (a, b) in told.items())
    return f"For 80% and 99% of the variance of 24 units, in a network of Fig. 9: {said}."
