"""The alignment of an autoencoder."""

import numpy as np

from neuronbasis import spotlight
from neuronbasis.exercises import _measured
from neuronbasis.exercises._check import Answer, called, expect


def mean_share(answer: Answer) -> str:
    """The fraction, from 0 to 1, of the second moment that the mean activation holds."""
    shares = []
    for figure in ("Fig. 1", "Fig. 1, without the mean image"):
        rows = _measured.activations(figure)
        mean, squares = rows.mean(axis=0), (rows**2).sum(axis=1)
        right = float(mean @ mean / squares.mean())
        expect(
            called(answer, rows),
            right,
            "the fraction in a network of Fig. 1",
            "It is the squared length of the mean over the mean of the squared lengths.",
            [
                (np.sqrt(right), "Both lengths must be squared."),
                (float(mean @ mean / squares.sum()), "Average the squared lengths, not their sum."),
                (float(mean @ mean / np.sqrt(squares).mean() ** 2), "Square before you average."),
            ],
        )
        shares.append(right)
    return (
        f"In a network of Fig. 1 one common offset holds {shares[0]:.0%} of the second moment; "
        f"trained without the mean image it holds {shares[1]:.0%}. Read every large slope with it."
    )


def nearest(answer: Answer) -> str:
    """The mean over the activations of the cosine to the nearest basis vector."""
    rows, vectors = _measured.activations("Fig. 1"), _measured.basis("Fig. 1")
    cosines = rows @ vectors.vectors.T / np.linalg.norm(rows, axis=1, keepdims=True)
    (right,) = spotlight.nearest_cosine(rows, [vectors])
    expect(
        called(answer, rows, vectors.vectors),
        float(right),
        "the mean cosine in a network of Fig. 1",
        "First the largest cosine of each row, then the mean over the rows.",
        [
            (float(cosines.max()), "That is one pair; average over the rows."),
            (float(cosines.mean(axis=0).max()), "You average before you look for the nearest."),
            (float((rows @ vectors.vectors.T).max(axis=1).mean()), "Divide by the rows' lengths."),
        ],
    )
    near = int(np.bincount(cosines.argmax(axis=1)).max())
    return (
        f"The mean is {right:.2f}, which looks like alignment. But {near / len(rows):.0%} of the "
        "images have the same nearest vector: one offset, not many directions."
    )


def beyond(answer: Answer) -> str:
    """How much larger the nearest cosine is on the basis than on average over its copies."""
    told = []
    for figure in ("Fig. 2", "Fig. 2, without the mean image"):
        rows, b = _measured.activations(figure)[:2000], _measured.basis(figure)
        copies = [b.rotated(seed) for seed in range(19)]
        found = spotlight.nearest_cosine(rows, [b, *copies])
        expect(
            called(answer, rows, b.vectors, [each.vectors for each in copies]),
            float(found[0] - found[1:].mean()),
            "the difference in a network of Fig. 2",
            "The nearest cosine on the basis, minus the mean of those on the copies.",
            [
                (float(found[0] - found[1:].max()), "Take the mean over the copies, not the best."),
                (float(found[1:].mean() - found[0]), "The sign is turned round."),
            ],
        )
        told.append(found[0] - found[1:].mean())
    return (
        f"It is {told[0]:+.3f} in a network of Fig. 2, and {told[1]:+.3f} in one that was trained "
        "without the mean image. Without copies neither number could be read."
    )
