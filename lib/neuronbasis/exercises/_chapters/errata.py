"""Errata of the sources."""

import numpy as np

from neuronbasis import basis, spotlight
from neuronbasis.exercises._check import Answer, NotYet, called, expect, number


def cap(answer: Answer) -> str:
    """An estimate, from many random directions, of the fraction inside a cone in n dimensions."""
    for epsilon, n in ((0.0, 5), (0.5, 3), (0.6, 8)):
        found = number(called(answer, epsilon, n, np.random.default_rng(0)))
        right = spotlight.isotropic_fraction(epsilon, n) if epsilon else 0.5
        if abs(found - right) > 0.15 * right:
            said = "You count both cones, as the printed formula does." * (
                abs(found - 2 * right) < 0.2 * right
            )
            raise NotYet(
                f"For epsilon = {epsilon} in {n} dimensions it is {right:.4f}, and you find "
                f"{found:.4f}. {said or 'Draw normal numbers, and at least 10,000 directions.'}"
            )
    return (
        "Your directions agree with the volume ratio *with* the factor 1/2, and for epsilon = 0 "
        "with one half. Eq. 18 as printed gives twice as much."
    )


def in_front(answer: Answer) -> str:
    """How many of the other vectors have a positive cosine with this one."""
    seven = basis.thompson(7, 3, seed=0).vectors
    cosines = seven @ seven.T
    for row in range(7):
        right = int((cosines[row] > 1e-3).sum()) - 1
        expect(
            called(answer, seven, row),
            right,
            "the number for " + ("a pole" if right == 0 else "a vector on the equator"),
            "A right angle computed in floating point is not exactly 0: compare with 0.001.",
            [(right + 1, "The vector itself does not count.")],
        )
    return (
        "A pole has none in front of it and a vector on the equator has two. So no single function "
        "N can be right for both, although the seven vectors are spread as evenly as can be."
    )
