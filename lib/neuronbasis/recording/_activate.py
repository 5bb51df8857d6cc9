"""The activations of a layer as a function of the inputs that can be differentiated."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from neuronbasis.errors import UserError
from neuronbasis.recording import _hooks, _values
from neuronbasis.recording._forms import Called, called, checked_axis, modules
from neuronbasis.recording._inference import inference

#: Inputs of shape (runs, ...) to activations (runs, n), differentiable.
Activate = Callable[[Tensor], Tensor]


def activate(
    model: nn.Module,
    name: str | Sequence[str],
    position: tuple[int, int] | None = None,
    units_axis: int | None = None,
) -> Activate:
    """Activations of a layer of a model at one position, for `visualisation.maximised`.

    Parameters
    ----------
    model : torch.nn.Module
        Runs in evaluation mode, and is left as it was after each call.
    name : str or sequence of str
        As in `recording.record`; several are joined along their units.
    position : (int, int), optional
        Row and column of feature maps, (N, units, H, W) or (N, H, W, units). Default:
        (H // 2, W // 2). A layer of vectors (N, units) has none.
    units_axis : int, optional
        As in `recording.record`.

    Returns
    -------
    callable
        Inputs to activations (N, units).

    Raises
    ------
    UserError
        If there is no such layer; when called, if it gives neither vectors nor maps, nothing tells
        which axis holds the units, or it has no such position.

    Examples
    --------
    >>> net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(inplace=True))
    >>> activate(net, "0")(torch.zeros(2, 1, 8, 8)).shape
    torch.Size([2, 4])
    """
    found = _hooks.sites(model, {"": name})
    wanted, names = found[""], modules(found)
    known: dict[str, list[Called]] = {}

    def take(layer: str, call: int, output: Tensor | None) -> Tensor:
        if output is None:
            raise UserError(f"layer {layer!r} gives no tensor: name another layer")
        axis = known[layer][call - 1].axis if units_axis is None else units_axis
        return _at(output, axis, position, layer)

    def activate(inputs: Tensor) -> Tensor:
        with inference(model) as like:
            if not known:
                known.update(called(model, _values.on(inputs[:1].detach(), like), names, "output"))
            with torch.enable_grad():
                taken = _hooks.run(model, _values.on(inputs, like), names, take)
        return torch.cat([_hooks.the_call(site, taken[site.module]) for site in wanted], dim=1)

    return activate


def _at(output: Tensor, axis: int | None, position: tuple[int, int] | None, name: str) -> Tensor:
    """The vectors at one position, copied since the model may overwrite them."""
    if output.ndim == 2 and position is None:
        return output.clone()
    if output.ndim != 4:
        raise UserError(
            f"layer {name!r} gives {tuple(output.shape)}; legal are vectors (N, units), without a "
            "position, and maps (N, units, H, W): name another layer"
        )
    if axis is None:
        raise UserError(
            f"layer {name!r} gives {tuple(output.shape)}, and nothing tells which axis holds the "
            "units: pass units_axis=1, or units_axis=-1 where they come last"
        )
    maps = output.movedim(checked_axis(axis, output.shape, name), 1)
    height, width = maps.shape[2:]
    row, col = position or (height // 2, width // 2)
    if not (0 <= row < height and 0 <= col < width):
        raise UserError(
            f"position is {position}; {name!r} has {height} x {width}: pass one of them"
        )
    return maps[:, :, row, col].clone()
