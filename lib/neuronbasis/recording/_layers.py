"""Layers of a model: which there are, in which order they run, what each gives for an image."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from neuronbasis.errors import UserError
from neuronbasis.recording import _hooks, _receptive, _values
from neuronbasis.recording._field import Field
from neuronbasis.recording._forms import called
from neuronbasis.recording._hooks import Site
from neuronbasis.recording._images import Images
from neuronbasis.recording._inference import inference
from neuronbasis.recording._positions import readable
from neuronbasis.recording._tags import tags


class Layer(NamedTuple):
    """What can be recorded under a name.

    Attributes
    ----------
    name : str
        As `record` takes it.
    type : str
        The module's class.
    shape : tuple of int
        For one image: (units,), (tokens, units), (units, height, width), (height, width, units).
    field : Field or None
        Its receptive field in pixels; None where the images are not (C, H, W).
    units_axis : int or None
        Which axis of the output holds the units, that of the images being 0; None where nothing
        tells, so that `record` asks for it.
    tags : tuple of str
        What acts on the units one by one, and so may privilege their basis. "before": an
        activation function, directly or behind what leaves each unit on its own axis, such as
        batch normalisation, pooling or a sum; "after": one did; "gated": a product with other
        activations, as in SwiGLU; "norm": they come from a layer or RMS normalisation, whose gains
        act on them; "residual": a sum with what skips a part of the network, or what is so
        carried on; "unknown": not made of the image, or an operation that is not followed, such as
        softmax; "linear": nothing but "residual".
    """

    name: str
    type: str
    shape: tuple[int, ...]
    field: Field | None
    units_axis: int | None = 1
    tags: tuple[str, ...] = ()


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
    image : Tensor or ndarray, shape (C, H, W); tuple or mapping
        One image as the model takes it, or one row of token ids (T,). Of a batch, (N, C, H, W) or
        token ids (N, T), the first; several inputs, see `recording.Images`, are always a batch.
    device : str or torch.device, optional
        Where the model runs meanwhile. Default: where it is.

    Returns
    -------
    list of Layer
        Modules that are called and give vectors, tokens or feature maps, as their output or as
        the first tensor in it; each call of those that are called several times.

    Raises
    ------
    UserError
        As `record`.

    Examples
    --------
    >>> net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))
    >>> for each in layers(net, torch.zeros(1, 8, 8)):
    ...     print(each.name, each.type, each.shape, each.units_axis, each.field.size, *each.tags)
    0 Conv2d (4, 6, 6) 1 (3, 3) before
    1 ReLU (4, 6, 6) 1 (3, 3) after
    2 Flatten (144,) 1 (8, 8) after
    3 Linear (10,) 1 (8, 8) linear
    """
    names = _hooks.names(model)
    one = Images(_batch(image)).read(0, 1)
    with inference(model, device) as like:
        calls = called(model, _values.on(one, like), names, "output")
        told = tags(model, _values.on(one, like), names)
        picture = isinstance(one, Tensor) and one.is_floating_point() and one.ndim == 4
        fields = _receptive.receptive_fields(model, tuple(one.shape[1:])) if picture else {}
    found = []
    for name, made in calls.items():
        for i, each in enumerate(made):
            if each.shape and readable(each.shape):
                site = Site(name, i + 1 if len(made) > 1 else None)
                field = fields[name][i] if fields else None
                kind = type(model.get_submodule(name)).__name__
                found.append(
                    Layer(str(site), kind, each.shape[1:], field, each.axis, told[name][i])
                )
    return found


def _batch(image: Any) -> Any:
    """The image as a batch of one, or the batch that it is."""
    if not hasattr(image, "ndim"):
        return image
    dtype = str(image.dtype)
    axes = 4 if "float" in dtype or "uint8" in dtype else 2  # of images, or of token ids
    return image if image.ndim >= axes else image[None]


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
        with inference(network) as like:
            _hooks.run(network, like.new_zeros((1, *inputs)), list(parts), note)
    except UserError:
        raise
    except (RuntimeError, ValueError, TypeError, IndexError, AssertionError) as error:
        reason = str(error).partition("\n")[0]
        fault = _values.own_fault(network, error)
        told = fault or f"inputs is {inputs}; this network takes other samples: {reason}"
        raise UserError(told) from error
    return found
