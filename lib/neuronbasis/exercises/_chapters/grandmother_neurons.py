"""Grandmother neurons."""

import numpy as np

from neuronbasis import spotlight
from neuronbasis.exercises import _measured
from neuronbasis.exercises._check import Answer, NotYet, array, called, number, same


def signed(answer: Answer) -> str:
    """The fraction of the activations in the cone minus the fraction in the opposite cone."""
    rows, digits = _measured.activations("Fig. 6"), _measured.labels()
    vectors, epsilon = _measured.basis("Fig. 6"), 0.75
    right = spotlight.by_class(rows, digits, vectors, epsilon).values
    right = right if right.shape[0] == 10 else right.T
    vector = int(np.ptp(right, axis=0).argmax())
    for digit in range(10):
        some = rows[digits == digit]
        found = number(called(answer, some, vectors.vectors[vector], epsilon), "the fraction")
        if not same(found, right[digit, vector]):
            cosines = some @ vectors.vectors[vector] / np.linalg.norm(some, axis=1)
            raise NotYet(
                f"Of the digits {digit}, {np.mean(cosines >= epsilon):.3f} are in the cone and "
                f"{np.mean(cosines <= -epsilon):.3f} in the opposite one, and you find {found:.3f}."
            )
    high, low = right[:, vector].argmax(), right[:, vector].argmin()
    return (
        f"On vector {vector} of a network of Fig. 6 the digit {high} has {right[high, vector]:.2f} "
        f"and the digit {low} has {right[low, vector]:.2f}: the widest range of all its vectors. "
        "Whether shuffled labels give as much is the next question."
    )


def p_values(answer: Answer) -> str:
    """One p-value a vector, against the largest over all vectors in each shuffle."""
    rng, finds, single = np.random.default_rng(0), [], []
    for _ in range(300):
        values, shuffled = rng.random(20), rng.random((39, 20))
        found = array(called(answer, values, shuffled), (20,), "the p-values")
        if found.min() <= 0 or found.max() > 1:
            raise NotYet("A p-value lies above 0 and is at most 1: add the 1 for the data itself.")
        finds.append(bool((found <= 0.05).any()))
        single.append(np.mean(shuffled >= values, axis=0).min() <= 0.05)
    rate = float(np.mean(finds))
    if rate > 0.12:
        raise NotYet(
            f"In noise you find a selective vector in {rate:.0%} of the networks, and should in "
            "about 5%. Compare with the largest value of each shuffle."
        )
    if rate < 0.01:
        raise NotYet(f"In noise you find a vector in {rate:.0%} of the networks, and should in 5%.")
    return (
        f"In networks of noise you find a selective vector in {rate:.0%} of 300. Vector by vector "
        f"it would be {np.mean(single):.0%}: twenty tries, of which one succeeds by chance."
    )
