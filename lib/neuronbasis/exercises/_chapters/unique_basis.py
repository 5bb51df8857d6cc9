"""The chapter that asks whether the signal is unique to the privileged basis."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from neuronbasis import basis, spotlight
from neuronbasis.exercises import _measured
from neuronbasis.exercises._check import Answer, NotYet, array, called, expect

Values = NDArray[np.float64]


def rotated(answer: Answer) -> str:
    """The basis vectors, one a row, all turned by the same random rotation."""
    vectors = _basis().vectors
    one, two = (
        array(called(answer, vectors, np.random.default_rng(seed)), vectors.shape, "the copy")
        for seed in (0, 1)
    )
    if not np.allclose(np.linalg.norm(one, axis=1), 1, atol=1e-6):
        raise NotYet("The vectors of your copy are no longer of length 1; a rotation keeps it.")
    if not np.allclose(one @ one.T, vectors @ vectors.T, atol=1e-6):
        raise NotYet("The angles between the vectors have changed; multiply all by one rotation.")
    if np.allclose(one, vectors) or np.allclose(one, two):
        raise NotYet("Two calls with different generators must give two different copies.")
    rows = _measured.activations("Fig. 2")
    here, there = spotlight.nearest_cosine(rows, [_basis(), basis.Basis(one)])
    return (
        "All angles are kept, so the copy differs in its orientation only. In a network of Fig. 2 "
        f"the nearest cosine is {here:.2f} on the privileged basis and {there:.2f} on your copy."
    )


def p_value(answer: Answer) -> str:
    """The fraction of all values, the observed one included, that are at least the observed."""
    observed, null = _nearest(0)
    for value in (observed, float(np.median(null)), float(null.max()) + 1):
        expect(
            called(answer, value, null),
            _p_value(value, null),
            f"the p-value of {value:.3f} among {len(null)} copies",
            "Count the copies that are at least as large, and the basis itself.",
            [
                (float(np.mean(null >= value)), "The basis itself counts too: p is never 0."),
                (float(np.mean(null < value)), "You count the copies that are smaller."),
            ],
        )
    found = [_p_value(*_nearest(seed)) for seed in range(10)]
    return (
        f"Of the ten networks of Fig. 2, {sum(p <= 0.05 for p in found)} have p ≤ 0.05 on their "
        f"privileged basis; the largest p is {max(found):.2f}. No p can be below 1/40 here."
    )


def _p_value(observed: float, null: Values) -> float:
    return float((1 + np.sum(null >= observed)) / (1 + len(null)))


def _basis() -> basis.Basis:
    return _measured.basis("Fig. 2")


@cache
def _nearest(seed: int) -> tuple[float, Values]:
    """The nearest cosine on the privileged basis of a network, and on rotated copies."""
    b = _measured.basis("Fig. 2", seed)
    copies = [b, *(b.rotated(copy) for copy in range(39))]
    found = spotlight.nearest_cosine(_measured.activations("Fig. 2", seed)[:1000], copies)
    return float(found[0]), found[1:]
