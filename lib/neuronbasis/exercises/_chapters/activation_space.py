"""Activation space."""

import numpy as np

from neuronbasis import basis
from neuronbasis.exercises import _measured
from neuronbasis.exercises._check import Answer, NotYet, array, called


def read_out(answer: Answer) -> str:
    """The read-out of each activation along a direction of any length, one number a row."""
    rows, direction = _measured.activations("Fig. 2"), np.ones(10)
    right = rows @ direction / np.sqrt(10)
    found = array(called(answer, rows, direction), (len(rows),))
    if np.allclose(found, rows @ direction):
        raise NotYet("A direction has length 1: divide the vector by its length first.")
    if np.allclose(found, right / np.linalg.norm(rows, axis=1)):
        raise NotYet("Divide by the length of the direction, not by that of the activation.")
    if not np.allclose(found, right):
        raise NotYet(
            f"The first image reads {right[0]:.3f} along all ten neurons at once, and you find "
            f"{found[0]:.3f}."
        )
    firsts = {*rows.argmax(axis=0)}
    said = "is not" if right.argmax() not in firsts else "is also"
    return (
        "Of MNIST's test images the first along the diagonal of a network of Fig. 2 "
        f"{said} the first on one of its ten neurons. Top images belong to the direction."
    )


def rebuild(answer: Answer) -> str:
    """The activations, of shape (samples, n), from their read-outs along n orthonormal vectors."""
    rows = _measured.activations("Fig. 2")[:1000]
    for vectors in (np.eye(10), basis.standard(10).rotated(0).vectors):
        reads = rows @ vectors.T
        found = array(called(answer, reads, vectors), rows.shape)
        if not np.allclose(found, rows, atol=1e-6):
            right = np.allclose(reads @ vectors.T, found) and not np.allclose(vectors, vectors.T)
            said = "You read a second time: multiply by the vectors, not by their transpose."
            raise NotYet(
                said
                if right
                else f"The first activation begins with {rows[0, 0]:.3f}, and yours with "
                f"{found[0, 0]:.3f}. Add the vectors, each times its read-out."
            )
    return (
        "Neurons and a random orthonormal basis both give back every activation of a network of "
        "Fig. 2. As a description none is better; the book asks which is the better one to *read*."
    )
