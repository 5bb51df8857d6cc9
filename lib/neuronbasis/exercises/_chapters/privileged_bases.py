"""Privileged bases and the generalised tanh."""

from typing import Any

import numpy as np
import torch

from neuronbasis import basis
from neuronbasis.exercises._check import Answer, NotYet, called, expect
from neuronbasis.nonlinearity import GeneralisedTanh, IsotropicTanh


def ratio(answer: Answer) -> str:
    """The gain along the diagonal divided by the gain along an axis, for n neurons and length r."""
    for n in (4, 10):
        tanh = GeneralisedTanh(basis.orthoplex(n))
        for r in (0.01, 2.0, 100.0):
            axis = np.linalg.norm(_applied(tanh, r * np.eye(n)[0]))
            diagonal = np.linalg.norm(_applied(tanh, np.full(n, r / np.sqrt(n))))
            expect(
                called(answer, n, r),
                float(diagonal / axis),
                f"the ratio for n = {n} and r = {r:g}",
                "On the diagonal each of the n entries is r/√n before tanh acts on it.",
                [(float(axis / diagonal), "Yours is the inverse: the axis over the diagonal.")],
            )
    return (
        "The activation function of the library gives the same. A long input on one neuron loses "
        f"√n times more of its length than on all neurons; a short one ({0.01:g}) loses nothing."
    )


def commutes(answer: Answer) -> str:
    """Whether sigma(turn x) equals turn sigma(x) for the given x: True or False."""
    rng = np.random.default_rng(0)
    x, turn = rng.standard_normal(5), basis.standard(5).rotated(1).vectors
    swap = np.eye(5)[rng.permutation(5)]
    cases = {
        "the isotropic tanh and a rotation": (IsotropicTanh(), turn, True),
        "the elementwise tanh and a rotation": (np.tanh, turn, False),
        "the elementwise tanh and a permutation of neurons": (np.tanh, swap, True),
    }
    for name, (sigma, matrix, right) in cases.items():

        def apply(values: Any, sigma: Any = sigma) -> Any:
            return sigma(values) if sigma is np.tanh else _applied(sigma, values)

        found = called(answer, apply, matrix, 2 * x)
        if not isinstance(found, bool | np.bool_):
            raise NotYet("Return True or False: `np.allclose` compares two arrays.")
        if bool(found) != right:
            raise NotYet(f"For {name} it is {right}, and you say {bool(found)}.")
    return (
        "The isotropic tanh commutes with the rotation, so it knows no axes. The elementwise one "
        "commutes with permutations only: it knows the axes, but not their numbers."
    )


def _applied(sigma: torch.nn.Module, x: Any) -> Any:
    with torch.no_grad():
        return sigma(torch.as_tensor(np.asarray(x), dtype=torch.float64)).numpy()
