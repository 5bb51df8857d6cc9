"""Ablation."""

from typing import Any

import numpy as np
import torch

from neuronbasis import completeness, datasets, decomposition, training
from neuronbasis.exercises import _measured
from neuronbasis.exercises._check import Answer, NotYet, array, called, expect


def ablate(answer: Answer) -> str:
    """The activations, with the coordinate along the unit vector at its mean in every row."""
    rows = _measured.activations("Fig. 6")[:1000]
    told = {}
    for b in (decomposition.principal(rows), decomposition.neurons(rows)):
        vector, mean = b.vectors[0], rows.mean(axis=0)
        right = completeness.ablate(rows, vector[None], mean)
        found = array(called(answer, rows, vector), rows.shape)
        if np.allclose(found, rows - np.outer(rows @ vector, vector), atol=1e-6):
            raise NotYet("That is zero ablation: the coordinate is 0 now. Put its mean there.")
        if not np.allclose(found, right, atol=1e-4):
            spread = np.std(found @ vector)
            raise NotYet(
                f"Along the vector your rows have a spread of {spread:.3f}, where it should be 0, "
                f"and their mean has moved by {np.linalg.norm(found.mean(axis=0) - mean):.3f}."
            )
        told[b.name] = _loss(found) / _loss(rows)
    said = ", ".join(f"{times:.2f} times ({name})" for name, times in told.items())
    return (
        "When the vector of largest variance is ablated, a network of Fig. 6 decodes the rest with "
        f"a larger error: {said}."
    )


def removed(answer: Answer) -> str:
    """The fraction of the total variance that some orthonormal vectors hold."""
    rows = _measured.activations("Fig. 6")
    total, told = np.var(rows, axis=0).sum(), {}
    for b in decomposition.three(rows, 0):
        kept = b.vectors[:3]
        right = float(np.var(rows @ kept.T, axis=0).sum() / total)
        expect(
            called(answer, rows, kept),
            right,
            f"the fraction for the first three {b.name} of a network of Fig. 6",
            "Add the variances along the vectors; divide by the sum over all neurons.",
            [
                (1 - right, "That is the fraction which is left."),
                (float(((rows @ kept.T) ** 2).sum() / (rows**2).sum()), "Subtract the mean first."),
            ],
        )
        told[b.name] = right
    said = ", ".join(f"{share:.0%} ({name})" for name, share in told.items())
    return (
        f"Of the variance three of ten vectors remove {said}. So the *number* of vectors is an "
        "unequal treatment; the second test of this chapter removes equal variance."
    )


def _loss(rows: Any) -> float:
    """Mean squared error of the pictures that a network of Fig. 6 makes of latent activations."""
    network = _measured.networks("Fig. 6")[0]
    images = training.inputs(network.spec, datasets.load("mnist"), "test")[: len(rows)]
    with torch.no_grad():
        made = network.after.decode(torch.as_tensor(np.array(rows), dtype=torch.float32))
    return float(((made - images) ** 2).mean())
