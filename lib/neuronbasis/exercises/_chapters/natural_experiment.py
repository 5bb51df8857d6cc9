"""Where no activation function acts."""

import numpy as np

from neuronbasis import basis, spotlight
from neuronbasis.exercises import _measured
from neuronbasis.exercises._check import Answer, NotYet, called, expect, number, same


def nearest(answer: Answer) -> str:
    """The mean, over activations (rows), of the cosine to the nearest axis."""
    rows = _measured.activations("Fig. 6")[:500]
    vectors = basis.standard(rows.shape[1])
    right = float(spotlight.nearest_cosine(rows, [vectors])[0])
    expect(
        called(answer, rows),
        right,
        "the mean cosine in a network of Fig. 6",
        "The cosine with axis j is coordinate j of the activation at length 1.",
        [
            (float(rows.max(axis=1).mean()), "Divide each activation by its length first."),
            (
                float((abs(rows) / np.linalg.norm(rows, axis=1)[:, None]).max(axis=1).mean()),
                "The opposite of an axis is no axis: leave the signs.",
            ),
        ],
    )
    turned = [
        float(spotlight.nearest_cosine(rows, [vectors.rotated(seed)])[0]) for seed in range(9)
    ]
    strength = spotlight.strength(right, turned)
    return (
        f"In a network of Fig. 6 it is {right:.3f} for the neurons and {np.mean(turned):.3f} for "
        f"rotated copies of their axes, a strength of {strength:.2f}."
    )


def strength(answer: Answer) -> str:
    """The strength, from the mean cosine of activations and that of rotated copies."""
    for cosine, chance in ((0.6, 0.2), (1.0, 0.3), (0.25, 0.25)):
        expect(
            called(answer, cosine, chance),
            spotlight.strength(cosine, chance),
            f"the strength for {cosine} against {chance}",
            "Which part of the way from chance to 1 is it?",
            [(cosine - chance, "Divide by the way that there is in all.")],
        )
    rng = np.random.default_rng(0)
    for n in (24, 384):
        rows = rng.standard_normal((400, n))
        level = float(spotlight.nearest_cosine(rows, [basis.standard(n)])[0])
        rows[:100] = np.eye(n)[rng.integers(0, n, 100)]
        found = number(
            called(answer, spotlight.nearest_cosine(rows, [basis.standard(n)])[0], level)
        )
        if not same(found, 0.25, 0.05):
            raise NotYet(f"A quarter of simulated rows on the axes has {found:.2f} at n = {n}.")
    return (
        "If a quarter of simulated rows lies on the axes, your strength is 0.25 for 24 neurons and "
        "for 384. No slope does that."
    )
