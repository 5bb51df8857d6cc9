"""Alignment through training."""

import numpy as np

from neuronbasis import basis, datasets, spotlight, training
from neuronbasis.exercises import _measured
from neuronbasis.exercises._check import Answer, called, expect


def moving(answer: Answer) -> str:
    """The nearest cosine of (1 - t) times one vector plus t times a neighbour at a right angle."""
    b = basis.orthoplex(10, seed=0)
    first, second = b.vectors[0], b.vectors[np.abs(b.vectors @ b.vectors[0]).argmin()]
    for t in (0.0, 0.25, 0.5, 0.8, 1.0):
        (right,) = spotlight.nearest_cosine([(1 - t) * first + t * second], [b])
        expect(
            called(answer, t),
            float(right),
            f"the nearest cosine at t = {t:g}",
            "The longer of the two parts, over the length of the sum.",
            [((1 - t) / np.hypot(t, 1 - t), "From the middle on the other vector is nearer.")],
        )
    return (
        "It falls from 1 to 0.71 and rises again, while the mean moves in one straight line: an "
        "aligned network, an anti-aligned one, an aligned one."
    )


def mean_cosine(answer: Answer) -> str:
    """The largest cosine between the mean activation and a basis vector."""
    network, b = _measured.networks("through training")[0], _measured.basis("through training")
    images = training.inputs(network.spec, datasets.load("mnist"), "test")[:2000]
    told = {}
    for epoch, each in sorted(network.snapshots.items()):
        rows = each.encode(images).detach().numpy().astype(float)
        (right,) = spotlight.nearest_cosine(rows.mean(axis=0)[None], [b])
        cosines = rows @ b.vectors.T / np.linalg.norm(rows, axis=1, keepdims=True)
        expect(
            called(answer, rows, b.vectors),
            float(right),
            f"the cosine of the mean after epoch {epoch}",
            "Average the activations first; then one cosine for each vector, and the largest.",
            [(float(cosines.max(axis=1).mean()), "You average the cosines; average activations.")],
        )
        told[epoch] = float(right)
    said = ", ".join(f"{cosine:.2f} (epoch {epoch})" for epoch, cosine in told.items())
    return (
        f"In a network of Fig. 2 it is {said}. A single offset that comes near a vector is enough "
        "to make a network look aligned."
    )
