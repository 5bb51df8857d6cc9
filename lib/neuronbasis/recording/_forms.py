"""What layers give for one image: how many units, at which places, along which axis."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from neuronbasis.errors import UserError
from neuronbasis.recording import _hooks, _values
from neuronbasis.recording._hooks import Site, the_call
from neuronbasis.recording._images import pixels_wanted
from neuronbasis.recording._positions import Form, form, readable
from neuronbasis.recording._units import Units, following

#: The axis of units of each layer: for all, by the layer's name, or what the network tells.
UnitsAxis = int | Mapping[str, int] | None

# Where the operations within are not known: what the module itself says.
_LAST = (nn.Linear, nn.Embedding, nn.MultiheadAttention, nn.RNNBase)
_SECOND = (nn.modules.conv._ConvNd, nn.modules.batchnorm._NormBase, nn.GroupNorm)


class Called(NamedTuple):
    """One call of a module, for one image.

    Attributes
    ----------
    shape : tuple of int or None
        Of the first tensor; None where there is none, or one of other numbers.
    axis : int or None
        That of the units; None where nothing tells.
    """

    shape: tuple[int, ...] | None
    axis: int | None


def forms(
    model: nn.Module,
    wanted: Mapping[str, Sequence[Site]],
    image: Any,
    what: str,
    units_axis: UnitsAxis = None,
) -> dict[str, list[Form]]:
    """What layers give for one image, shape (1, ...), or get: by name, one for each module.

    Raises
    ------
    UserError
        If the model does not take the image; a module is not called, or it is not clear which
        call is meant; it gives no vectors, tokens or maps, or nothing tells which axis holds the
        units; or joined ones differ in their grids.

    Examples
    --------
    >>> net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU())
    >>> forms(net, _hooks.sites(net, {"both": ["0", "1"]}), torch.zeros(1, 1, 8, 8), "output")
    {'both': [Form(units=4, grid=(6, 6), axis=1), Form(units=4, grid=(6, 6), axis=1)]}
    """
    asked = _asked(wanted, units_axis)
    calls = called(model, image, modules(wanted), what)
    found = {
        name: [_form(site, calls[site.module], what, asked.get(name)) for site in places]
        for name, places in wanted.items()
    }
    for name, parts in found.items():
        joined(name, parts)
    return found


def joined(name: str, parts: Sequence[Form]) -> Form:
    """The form of several joined along their units.

    Raises
    ------
    UserError
        If their grids differ.

    Examples
    --------
    >>> joined("both", [Form(4, (6, 6), 1), Form(8, (6, 6), 1)])
    Form(units=12, grid=(6, 6), axis=1)
    """
    if len({part.grid for part in parts}) > 1:
        shapes = ", ".join(str(part.shape) for part in parts)
        raise UserError(
            f"layer {name!r} joins modules of shapes {shapes}; their places must be the same: "
            "record them under names of their own"
        )
    return parts[0]._replace(units=sum(part.units for part in parts))


def modules(wanted: Mapping[str, Sequence[Site]]) -> list[str]:
    """Names of all modules that are meant, each once.

    Examples
    --------
    >>> modules({"both": [Site("a", 1), Site("a", 2)], "b": [Site("b", None)]})
    ['a', 'b']
    """
    return list(dict.fromkeys(site.module for places in wanted.values() for site in places))


def called(model: nn.Module, image: Any, names: list[str], what: str) -> dict[str, list[Called]]:
    """What some modules give for one image at each of their calls."""
    # Inference mode, if the caller is in it, would hide the parts of composite operations.
    with torch.inference_mode(False), torch.no_grad():
        image = _values.mapped(image, Tensor.clone)
        units = following(list(_values.tensors(image)))

        def look(name: str, call: int, given: Tensor | None) -> tuple[Any, Any]:
            if given is None or not given.is_floating_point():
                return None, None
            return tuple(given.shape), units.of(given)

        try:
            try:
                with units:
                    seen = _hooks.run(model, image, names, look, what)
            except RuntimeError:  # a few compiled operations do not run while others look on
                seen = _hooks.run(model, image, names, look, what)
        except UserError:
            raise
        except (RuntimeError, ValueError, TypeError, IndexError, AssertionError) as error:
            fault = _values.own_fault(model, error)
            told = UserError(fault) if fault else _refused(model, image, error)
            raise told from error
    return {
        name: [_called(model.get_submodule(name), what, shape, known, units) for shape, known in of]
        for name, of in seen.items()
    }


def checked_axis(axis: Any, shape: Sequence[int], name: str) -> int:
    """An axis of units that was asked for, counted from 0, if an output of that shape has it.

    Examples
    --------
    >>> checked_axis(-1, (1, 8, 8, 96), "mlp")
    3
    """
    legal = isinstance(axis, int | np.integer) and not isinstance(axis, bool)
    if not legal or not -len(shape) < axis < len(shape) or axis == 0:
        raise UserError(
            f"units_axis is {axis!r}; layer {name!r} gives {tuple(shape)}, the first axis being "
            f"the images: pass one of 1 to {len(shape) - 1}, or -1 for the last"
        )
    return int(axis) % len(shape)


def _called(module: nn.Module, what: str, shape: Any, known: Any, units: Units) -> Called:
    axis = units.axis(known)
    if shape is None:
        return Called(None, None)
    if len(shape) == 2:
        return Called(shape, 1)
    own = None
    if isinstance(module, _LAST + _SECOND) and len(shape) > 2:
        own = len(shape) - 1 if isinstance(module, _LAST) else 1
    # A linear layer reads the last axis of whatever it is given, be it tokens side by side.
    plain = type(module).__module__.startswith("torch.nn")
    return Called(shape, own if axis is None or (what == "input" and own and plain) else axis)


def _refused(model: nn.Module, image: Any, error: Exception) -> UserError:
    pixels = isinstance(image, Tensor) and (image.dtype is torch.uint8 or image.ndim >= 4)
    if pixels and not image.is_floating_point():  # and not token ids
        return pixels_wanted(image.dtype)
    reason = str(error).partition("\n")[0]
    if isinstance(image, Tensor):
        told = f"takes no images of shape {tuple(image.shape)}"
    else:
        shapes = _values.mapped(image, lambda x: tuple(x.shape))
        told = f"does not take the inputs {shapes}"
    return UserError(
        f"{type(model).__name__} {told} ({reason}): pass them as it takes them, (N, C, H, W) for "
        "most, several inputs as a tuple, or by name as a mapping"
    )


def _asked(wanted: Mapping[str, Any], units_axis: UnitsAxis) -> Mapping[str, Any]:
    if units_axis is None:
        return {}
    if not isinstance(units_axis, Mapping):
        return dict.fromkeys(wanted, units_axis)
    if unknown := set(units_axis) - set(wanted):
        raise UserError(
            f"units_axis names {', '.join(map(repr, unknown))}; the layers are "
            f"{', '.join(map(repr, wanted))}: name some of these"
        )
    return units_axis


def _form(site: Site, calls: list[Called], what: str, asked: Any) -> Form:
    found = the_call(site, calls)
    shape = found.shape
    if shape is None or not readable(shape):
        given = "no floating-point tensor" if shape is None else shape
        raise UserError(
            f"layer {str(site)!r}: its {what} for one image is {given}; it must be (1, units), "
            "(1, tokens, units) or (1, units, height, width): name another layer"
        )
    if asked is not None:
        return form(shape, checked_axis(asked, shape, str(site)))
    if found.axis is None:
        raise UserError(
            f"layer {str(site)!r}: its {what} for one image is {shape}, and nothing tells which "
            "axis holds the units: pass units_axis=1 where they come before the positions, "
            "units_axis=-1 where they come last"
        )
    return form(shape, found.axis)
