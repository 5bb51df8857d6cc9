"""Layers of a model: which there are, in which order they run, what each gives for an image."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from neuronbasis.errors import UserError
from neuronbasis.recording import _hooks, _receptive
from neuronbasis.recording._field import Field
from neuronbasis.recording._hooks import Site, the_call
from neuronbasis.recording._images import Images
from neuronbasis.recording._positions import Form, form

#: Inputs of shape (runs, ...) to activations (runs, n), differentiable.
Activate = Callable[[Tensor], Tensor]


class Layer(NamedTuple):
    """What can be recorded under a name.

    Attributes
    ----------
    name : str
        As `record` takes it.
    type : str
        The module's class.
    shape : tuple of int
        For one image: (units,), (tokens, units) or (units, height, width).
    field : Field or None
        Its receptive field in pixels; None where the images are not (C, H, W).
    """

    name: str
    type: str
    shape: tuple[int, ...]
    field: Field | None


@dataclass(frozen=True)
class Step:
    """One call of a module that has no parts.

    Attributes
    ----------
    name : str
        Of the module in the network, such as "encoder.0"; at its second call the same again.
    module : nn.Module
        The module itself.
    shape : tuple of int
        Of one sample's output.
    """

    name: str
    module: nn.Module
    shape: tuple[int, ...]


def layers(model: nn.Module, image: Any, device: str | torch.device | None = None) -> list[Layer]:
    """List what `record` can be asked for, in the order of the modules.

    Parameters
    ----------
    model : nn.Module
        Left as it was.
    image : Tensor or ndarray, shape (C, H, W)
        One image as the model takes it, floating-point; of a batch (N, C, H, W) the first.
    device : str or torch.device, optional
        Where the model runs meanwhile. Default: where it is.

    Returns
    -------
    list of Layer
        Modules that are called and give vectors, tokens or feature maps; each call of those that
        are called several times.

    Raises
    ------
    UserError
        As `record`.

    Examples
    --------
    >>> net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))
    >>> for layer in layers(net, torch.zeros(1, 8, 8)):
    ...     print(layer.name, layer.type, layer.shape, layer.field.size)
    0 Conv2d (4, 6, 6) (3, 3)
    1 ReLU (4, 6, 6) (3, 3)
    2 Flatten (144,) (8, 8)
    3 Linear (10,) (8, 8)
    """
    one = Images(image if getattr(image, "ndim", 4) == 4 else image[None]).read(0, 1)
    named = {name: module for name, module in model.named_modules() if name}
    with _hooks.inference(model, device) as like:
        calls = _calls(model, one.to(like), list(named), "output")
        shape = tuple(one.shape[1:])
        fields = _receptive.receptive_fields(model, shape) if len(shape) == 3 else {}
    found = []
    for name, made in calls.items():
        for i, each in enumerate(made):
            if each.form:
                site = Site(name, i + 1 if len(made) > 1 else None)
                field = fields[name][i] if fields else None
                found.append(Layer(str(site), type(named[name]).__name__, each.form.shape, field))
    return found


def steps(network: nn.Module, inputs: tuple[int, ...]) -> list[Step]:
    """Follow one sample of zeros through a network and note every step.

    Parameters
    ----------
    network : nn.Module
        Any network of one input; it stays as it is.
    inputs : tuple of int
        Shape of one sample, without the axis of samples.

    Returns
    -------
    list of Step
        Modules without parts in the order of their calls, identities left out.

    Raises
    ------
    UserError
        If the network does not take such a sample.

    Examples
    --------
    >>> net = nn.Sequential(nn.Linear(4, 2), nn.Tanh(), nn.Identity(), nn.Linear(2, 4))
    >>> [(step.name, step.shape) for step in steps(net, (4,))]
    [('0', (2,)), ('1', (2,)), ('3', (4,))]
    """
    if not isinstance(network, nn.Module):
        raise UserError(f"network is a {type(network).__name__}; it must be a torch.nn.Module")
    parts = {
        name: module
        for name, module in network.named_modules()
        if next(module.children(), None) is None and not isinstance(module, nn.Identity)
    }
    found: list[Step] = []

    def note(name: str, call: int, output: Tensor | None) -> None:
        if output is not None:
            found.append(Step(name, parts[name], tuple(output.shape[1:])))

    try:
        with _hooks.inference(network) as like:
            _hooks.run(network, like.new_zeros((1, *inputs)), list(parts), note)
    except (RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"inputs is {inputs}; this network takes other samples: {reason}") from None
    return found


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
    found = _hooks.sites(model, {"": name})
    wanted, names = found[""], modules(found)

    def take(layer: str, call: int, output: Tensor | None) -> Tensor:
        if output is None:
            raise UserError(f"layer {layer!r} gives no tensor: name another layer")
        return _at(output, position, layer)

    def activate(inputs: Tensor) -> Tensor:
        with _hooks.inference(model) as like, torch.enable_grad():
            taken = _hooks.run(model, inputs.to(like), names, take)
        return torch.cat([_hooks.the_call(site, taken[site.module]) for site in wanted], dim=1)

    return activate


def forms(
    model: nn.Module, wanted: Mapping[str, Sequence[Site]], image: Tensor, what: str
) -> dict[str, Form]:
    """What layers give for one image, shape (1, ...), or get: by name, joined modules together.

    Raises
    ------
    UserError
        If the model does not take the image; a module is not called, or it is not clear which
        call is meant; it gives no vectors, tokens or maps; or joined ones differ in their grids.

    Examples
    --------
    >>> net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU())
    >>> forms(net, _hooks.sites(net, {"both": ["0", "1"]}), torch.zeros(1, 1, 8, 8), "output")
    {'both': Form(units=8, grid=(6, 6))}
    """
    calls = _calls(model, image, modules(wanted), what)
    return {
        name: _joined(name, [_form(site, calls[site.module], what) for site in places])
        for name, places in wanted.items()
    }


def modules(wanted: Mapping[str, Sequence[Site]]) -> list[str]:
    """Names of all modules that are meant, each once.

    Examples
    --------
    >>> modules({"both": [Site("a", 1), Site("a", 2)], "b": [Site("b", None)]})
    ['a', 'b']
    """
    return list(dict.fromkeys(site.module for places in wanted.values() for site in places))


class _Call(NamedTuple):
    given: str
    form: Form | None


def _calls(model: nn.Module, image: Tensor, names: list[str], what: str) -> dict[str, list[_Call]]:
    """What some modules give for one image at each of their calls."""

    def look(name: str, call: int, output: Tensor | None) -> _Call:
        if output is None or not output.is_floating_point():
            return _Call("no floating-point tensor", None)
        return _Call(str(tuple(output.shape)), form(tuple(output.shape)))

    try:
        return _hooks.run(model, image, names, look, what)
    except UserError:
        raise
    except (RuntimeError, ValueError, TypeError, IndexError, AssertionError) as error:
        shape, reason = tuple(image.shape), str(error).partition("\n")[0]
        raise UserError(
            f"{type(model).__name__} takes no images of shape {shape} ({reason}): pass them as it "
            "takes them, (N, C, H, W) for most"
        ) from error


def _form(site: Site, calls: list[_Call], what: str) -> Form:
    given, found = the_call(site, calls)
    if found is None:
        raise UserError(
            f"layer {str(site)!r}: its {what} for one image is {given}; it must be (1, units), "
            "(1, tokens, units) or (1, units, height, width): name another layer"
        )
    return found


def _joined(name: str, parts: list[Form]) -> Form:
    if len({part.grid for part in parts}) > 1:
        shapes = ", ".join(str(part.shape) for part in parts)
        raise UserError(
            f"layer {name!r} joins modules of shapes {shapes}; their places must be the same: "
            "record them under names of their own"
        )
    return Form(sum(part.units for part in parts), parts[0].grid)


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
