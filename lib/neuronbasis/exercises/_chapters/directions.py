"""What excites a direction."""

import numpy as np

from neuronbasis import basis, visualisation
from neuronbasis.exercises import _measured
from neuronbasis.exercises._check import Answer, NotYet, array, called, expect


def top(answer: Answer) -> str:
    """The numbers of the k images with the largest read-out, the largest first."""
    rows, k = _measured.activations("Fig. 2"), 9
    direction = basis.random(1, 10, seed=0).vectors[0]
    reads = rows @ direction
    right = np.argsort(-reads, kind="stable")[:k]
    found = array(called(answer, rows, direction, k), (k,)).astype(int)
    hits = len(set(found) & set(right))
    if hits < k and set(found) == set(np.argsort(reads)[:k]):
        raise NotYet("These are the images with the smallest read-out; sorting puts those first.")
    if hits < k:
        raise NotYet(
            f"{hits} of your {k} images are among the top {k}. Sort by the read-out itself, which "
            "is not divided by any length."
        )
    digits = _measured.labels()[right]
    best = np.bincount(digits).argmax()
    return (
        f"Along a random direction of a network of Fig. 2, {np.sum(digits == best)} of the {k} top "
        f"images show the digit {best}. Nobody told the network of digits, and this is no neuron."
    )


def purity(answer: Answer) -> str:
    """The fraction of the labels that belong to their most frequent class."""
    rows, k = _measured.activations("Fig. 2"), 9
    neurons = basis.standard(10)
    right = visualisation.coherence(rows, neurons, k, _measured.labels()).purity.values
    for vector, pure in zip(neurons.vectors, right, strict=True):
        shown = _measured.labels()[np.argsort(-(rows @ vector), kind="stable")[:k]]
        expect(
            called(answer, shown),
            float(pure),
            f"the purity of the labels {' '.join(map(str, shown))}",
            "Divide the largest count by the number of labels.",
            [(float(np.bincount(shown).max()), "That is a count; which fraction is it?")],
        )
    chance = visualisation.random_images(10_000, k, labels=_measured.labels()).purity
    return (
        f"The ten neurons of a network of Fig. 2 have a mean purity of {right.mean():.2f}; images "
        f"drawn at random have {float(chance.mean()):.2f}, far above one tenth."
    )
