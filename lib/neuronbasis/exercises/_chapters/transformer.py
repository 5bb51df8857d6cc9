"""The same questions asked of a transformer."""

from functools import cache
from typing import Any

import numpy as np
import torch

from neuronbasis import basis, decomposition, networks
from neuronbasis.exercises._check import Answer, NotYet, array, called, expect
from neuronbasis.experiments import language


def rotated(answer: Answer) -> str:
    """The matrices that write to a rotated residual stream and read from it, as a pair."""
    model = networks.pretrained("stories260k")
    write, read = (
        model.get_parameter(f"model.layers.{part}.weight").detach().double().numpy()
        for part in ("1.mlp.down_proj", "2.mlp.gate_proj")
    )
    turn = basis.standard(64).rotated(0).vectors
    found = called(answer, write, read, turn)
    if not isinstance(found, tuple | list) or len(found) != 2:
        raise NotYet("The answer must be a pair: the matrix that writes, then the one that reads.")
    new_write = array(found[0], write.shape, "the matrix that writes")
    new_read = array(found[1], read.shape, "the matrix that reads")
    if not np.allclose(new_write, turn @ write):
        raise NotYet("What is written is a column: to rotate it, multiply it by R from the left.")
    if not np.allclose(new_read @ new_write, read @ write):
        gap = abs(new_read @ new_write - read @ write).max()
        raise NotYet(
            f"What is read differs by up to {gap:.2f}. What comes is rotated; undo that first."
        )
    return (
        "The second block of stories260K writes along other axes now, and the third reads the same "
        "numbers. The normalisation between them was left out here."
    )


def purity(answer: Answer) -> str:
    """The fraction that the commonest of some token numbers has among them."""
    for tokens, right in (([5, 7, 5, 5], 0.75), ([1, 2, 3, 4, 5], 0.2), ([9], 1.0)):
        expect(called(answer, np.array(tokens)), right, f"the purity of {tokens}")
    rows, ids = _stream()
    means = {}
    for b in decomposition.three(rows, np.random.default_rng(0)):
        found = language.purities(rows, b.vectors, ids).id.values
        means[b.name] = np.mean([float(called(answer, each)) for each in found])
    said = ", ".join(f"{value:.2f} for {name}" for name, value in means.items())
    return f"In the middle block of stories260K, behind the activation function, it is {said}."


@cache
def _stream() -> tuple[Any, torch.Tensor]:
    """Hidden activations of 60 texts that stories260K writes, and the numbers of their tokens."""
    model = networks.pretrained("stories260k")
    ids = language.written(model, 60, 32, seed=0)
    place = language.sites(model, [language.AFTER])[language.AFTER, 3]
    return language.recorded(model, {"here": place}, ids)["here"], ids
