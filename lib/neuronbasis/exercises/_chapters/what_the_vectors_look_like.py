"""What the vectors look like."""

import numpy as np

from neuronbasis import basis, decomposition, visualisation
from neuronbasis.exercises import _measured
from neuronbasis.exercises._check import Answer, NotYet, array, called
from neuronbasis.experiments.isolation import box


def corner(answer: Answer) -> str:
    """The input (x1, x2), each from -1 to 1, at which the first neuron is largest."""
    plane = decomposition.neurons(np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]]))
    told = []
    for w in (0.1, 0.7, -0.5):
        weight = np.array([[1, w], [w, 1]])
        start = visualisation.noise(1, (2,)).double()
        best = visualisation.maximised(box(weight), plane, 0, start)
        found = array(called(answer, w), (2,))
        if np.abs(found).max() > 1:
            raise NotYet(f"For w = {w} you leave the square of inputs: {found.round(2)}.")
        reached = float((weight @ found)[0])
        if reached < float(best.along[0]) - 1e-3:
            raise NotYet(
                f"For w = {w} your input gives the first neuron {reached:.2f}, and maximising "
                f"reaches {float(best.along[0]):.2f}. Which sign must the second input have?"
            )
        told.append(float(visualisation.isolation(best)[0]))
    return (
        f"Maximising ends in your corner, and its isolation there is {told[0]:.2f}, {told[1]:.2f} "
        f"and {told[2]:.2f}: half of the way is along the other neuron, for every w but 0."
    )


def isolation(answer: Answer) -> str:
    """The share of a displacement's squared length that lies along the unit vector, one a row."""
    rows = _measured.activations("Fig. 2")
    moved, told = rows - rows.mean(axis=0), {}
    for name, vector in (
        ("first PC", decomposition.principal(rows).vectors[0]),
        ("first neuron", np.eye(10)[0]),
        ("random direction", basis.random(1, 10, seed=1).vectors[0]),
    ):
        right = (moved @ vector) ** 2 / (moved**2).sum(axis=1)
        found = array(called(answer, moved, vector), (len(rows),))
        if np.allclose(found, np.sqrt(right)) or np.allclose(np.abs(found), np.sqrt(right)):
            raise NotYet("That is a cosine; the isolation is a share of squared lengths.")
        if not np.allclose(found, right, atol=1e-6):
            raise NotYet(
                f"For the {name} of a network of Fig. 2 the mean isolation is {right.mean():.3f}, "
                f"and you find {found.mean():.3f}. Squares over squares, row by row."
            )
        told[name] = right.mean()
    said = ", ".join(f"{share:.2f} along the {name}" for name, share in told.items())
    return f"Test images move a network of Fig. 2 from its mean by {said}; chance is 1/10."
