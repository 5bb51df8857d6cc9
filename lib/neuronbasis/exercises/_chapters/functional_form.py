"""The chapter that asks which functional form causes the alignment."""

import numpy as np
import torch

from neuronbasis import basis
from neuronbasis.exercises import _measured
from neuronbasis.exercises._check import Answer, NotYet, array, called, number
from neuronbasis.nonlinearity import IsotropicTanh


def penalties(squares: Answer, absolute: Answer) -> str:
    """Two functions of a matrix of weights: the sum of squares and the sum of absolute values."""
    weights = _measured.networks("Fig. 2")[0].after.encoder[0].weight.detach().numpy()
    weights = weights.astype(float)
    turned = basis.standard(10).rotated(1).vectors @ weights
    found = [
        [number(called(penalty, each), "a penalty") for each in (weights, turned)]
        for penalty in (squares, absolute)
    ]
    for (value, _), right, name in zip(
        found, ((weights**2).sum(), np.abs(weights).sum()), ("squares", "absolute"), strict=True
    ):
        if not np.isclose(value, right):
            raise NotYet(f"`{name}` of the encoder's weights is {right:.2f}, not {value:.2f}.")
    change = found[1][1] / found[1][0] - 1
    return (
        "Turning the ten latent neurons of a network of Fig. 2 leaves weight decay at "
        f"{found[0][1]:.1f} and changes the ℓ1 penalty by {change:+.1%}. Only ℓ1 knows the axes."
    )


def isotropic(answer: Answer) -> str:
    """An array of the shape of x: each row shortened to the tanh of its length."""
    x = _measured.activations("Fig. 2, without the mean image")[:500]
    right = IsotropicTanh()(torch.as_tensor(x.copy())).detach().numpy()
    found = array(called(answer, x), x.shape)
    if np.allclose(found, np.tanh(x), atol=1e-6):
        raise NotYet("That is tanh of each neuron; take tanh of each row's length.")
    if not np.allclose(found, right, atol=1e-6):
        lengths = np.linalg.norm(found[0]), np.linalg.norm(right[0])
        raise NotYet(
            f"Your first row has length {lengths[0]:.3f}, and it should have {lengths[1]:.3f}, in "
            "the direction of the input. Keep one length a row: `keepdims=True`."
        )
    turn = basis.standard(10).rotated(0).vectors
    if not np.allclose(array(called(answer, x @ turn), x.shape), found @ turn, atol=1e-6):
        raise NotYet("It does not commute with a rotation; does it use single coordinates?")
    return (
        "It is the library's, and it commutes with a rotation of real activations. A network with "
        "it has neurons, but nothing is applied along them."
    )
