"""Activations as differentiable functions of the input: of a layer, and of a toy known exactly."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from neuronbasis.errors import UserError
from neuronbasis.recording import _hooks

#: Inputs of shape (runs, ...) to activations (runs, n), differentiable.
Activate = Callable[[Tensor], Tensor]


def box(weight: Any) -> Activate:
    """Activations of one linear layer without bias, a toy whose feasible ones are known exactly.

    Inputs in [-1, 1] reach a parallelogram (a zonotope in more dimensions): the largest coordinate
    along v is ``sum |v weight|``, at the corner that the signs of ``v weight`` name.

    Parameters
    ----------
    weight : array_like, shape (n, inputs)

    Examples
    --------
    >>> box([[1.0, 0.2], [0.8, 1.0]])(torch.ones(1, 2))
    tensor([[1.2000, 1.8000]])
    """
    matrix = torch.as_tensor(np.asarray(weight, dtype=np.float64))
    if matrix.ndim != 2:
        raise UserError(f"weight has shape {tuple(matrix.shape)}; it must be (n, inputs)")
    return lambda inputs: inputs @ matrix.to(inputs).T


def activate(
    model: nn.Module,
    name: str | Sequence[str],
    position: tuple[int, int] | None = None,
) -> Activate:
    """Activations of a layer of a model at one position, for `visualisation.maximised`.

    Parameters
    ----------
    model : torch.nn.Module
        Runs in evaluation mode, and is left as it was after each call.
    name : str or sequence of str
        As in `recording.record`; several are joined along their units.
    position : (int, int), optional
        Row and column of feature maps (N, units, H, W). Default: (H // 2, W // 2). A layer of
        vectors (N, units) has none.

    Returns
    -------
    callable
        Inputs to activations (N, units).

    Raises
    ------
    UserError
        If there is no such layer; when called, if it gives neither vectors nor maps or has no such
        position.

    Examples
    --------
    >>> net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(inplace=True))
    >>> activate(net, "0")(torch.zeros(2, 1, 8, 8)).shape
    torch.Size([2, 4])
    """
    (wanted,) = _hooks.sites(model, {"": name}).values()
    modules = list(dict.fromkeys(site.module for site in wanted))

    def take(module: str, call: int, output: Tensor | None) -> Tensor:
        if output is None:
            raise UserError(f"layer {module!r} gives no tensor: name another layer")
        return _at(output, position, module)

    def activate(inputs: Tensor) -> Tensor:
        with _hooks.inference(model) as like, torch.enable_grad():
            taken = _hooks.run(model, inputs.to(like), modules, take)
        return torch.cat([_hooks.the_call(site, taken[site.module]) for site in wanted], dim=1)

    return activate


def _at(output: Tensor, position: tuple[int, int] | None, name: str) -> Tensor:
    """The vectors at one position, copied since the model may overwrite them."""
    if output.ndim == 2 and position is None:
        return output.clone()
    if output.ndim != 4:
        raise UserError(
            f"layer {name!r} gives {tuple(output.shape)}; legal are vectors (N, units), without a "
            "position, and maps (N, units, H, W): name another layer"
        )
    height, width = output.shape[2:]
    row, col = position or (height // 2, width // 2)
    if not (0 <= row < height and 0 <= col < width):
        raise UserError(
            f"position is {position}; {name!r} has {height} x {width}: pass one of them"
        )
    return output[:, :, row, col].clone()
