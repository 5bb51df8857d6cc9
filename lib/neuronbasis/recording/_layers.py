"""Layers of a model by name: which there are, and what each gives for an image."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from neuronbasis.errors import UserError
from neuronbasis.recording import _hooks, _receptive
from neuronbasis.recording._field import Field
from neuronbasis.recording._hooks import Site, the_call
from neuronbasis.recording._images import Images
from neuronbasis.recording._positions import Form, form


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
