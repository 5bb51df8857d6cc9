"""Which pixels a layer's activations can depend on: receptive fields."""

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakTensorKeyDictionary

from neuronbasis.errors import UserError
from neuronbasis.recording import _hooks, _values
from neuronbasis.recording._field import Field, whole
from neuronbasis.recording._inference import inference
from neuronbasis.recording._units import following
from neuronbasis.utils.checks import whole_number

_aten = torch.ops.aten


def receptive_field(
    model: nn.Module,
    layer: str | Sequence[str],
    image_shape: tuple[int, int, int],
    what: str = "output",
) -> Field:
    """Receptive field of one layer, or of several joined along their units.

    Parameters
    ----------
    model : torch.nn.Module
        Takes images (N, C, H, W). It is left as it was.
    layer : str or sequence of str
        Names of ``model.named_modules()``, each perhaps with "#1", "#2" for its first or second
        call in a forward pass. The field of several is their union.
    image_shape : (int, int, int)
        Channels, height and width of the images.
    what : str
        "output" or "input" of the layer.

    Returns
    -------
    Field
        See `fields` for what is followed exactly and what is stated as the whole image.

    Raises
    ------
    UserError
        If there is no such layer or call, several calls to choose from, or the model does not take
        such images.

    Examples
    --------
    >>> net = nn.Sequential(nn.Conv2d(1, 2, 5, stride=2, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2))
    >>> receptive_field(net, "2", (1, 28, 28))
    Field(size=(9, 9), stride=(4, 4), start=(-2, -2), image=(28, 28))
    """
    (wanted,) = _hooks.sites(model, {"": layer}).values()
    found = receptive_fields(model, image_shape, what)
    calls = [_hooks.the_call(site, found[site.module]) for site in wanted]
    return reduce(Field.union, calls)


def receptive_fields(
    model: nn.Module, image_shape: tuple[int, int, int], what: str = "output"
) -> dict[str, list[Field]]:
    """Receptive fields of all layers, each in the order of its calls (none if it is not called).

    One image of zeros passes through the model while each operation on it is followed.
    Convolutions (strided, dilated, padded with zeros), pooling (``ceil_mode`` too, adaptive where
    it divides evenly), whatever acts on each position alone, sums and channels joined from
    branches are followed exactly, a sum being the union of its branches. Behind anything else,
    such as flattening, linear layers, attention and other normalisations than batch
    normalisation, the field is stated as the whole image, which always holds the true one; so it
    is everywhere if the model takes its images as (H, W, C).

    Parameters
    ----------
    model : torch.nn.Module
        Takes images (N, C, H, W). It runs in evaluation mode and is left as it was.
    image_shape : (int, int, int)
        Channels, height and width of the images.
    what : str
        "output" or "input" of each layer.

    Returns
    -------
    dict of str to list of Field
        By name of ``model.named_modules()``.

    Raises
    ------
    UserError
        If the shape is not three positive integers or the model does not take it.

    Examples
    --------
    >>> net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 36, 2))
    >>> found = receptive_fields(net, (3, 8, 8))
    >>> found["0"][0].size, found["2"][0].whole
    ((3, 3), True)
    """
    return _trace(model, image_shape, _hooks.names(model), what)


def _trace(
    model: nn.Module, image_shape: Any, modules: Sequence[str], what: str
) -> dict[str, list[Field]]:
    if not isinstance(image_shape, tuple | list) or len(image_shape) != 3:
        raise UserError(
            f"image_shape is {image_shape!r}; it must be (C, H, W): pass three integers"
        )
    if what not in ("output", "input"):
        raise UserError(f"what is {what!r}; it must be 'output' or 'input': pass one of them")
    shape = [whole_number(extent, "image_shape", 1) for extent in image_shape]
    # Inference mode, if the caller is in it, would hide the parts of composite operations.
    with torch.inference_mode(False), inference(model) as like:
        image = like.new_zeros(1, *shape)
        follow, units = _Follow(image), following([image])
        try:
            with units, follow:
                found = _hooks.run(model, image, modules, lambda _, call, x: follow.of(x), what)
        except UserError:
            raise
        except (RuntimeError, ValueError, TypeError, IndexError, AssertionError) as error:
            reason = str(error).partition("\n")[0]
            message = f"the model refuses an image of shape {tuple(shape)} ({reason}); pass its own"
            raise UserError(_values.own_fault(model, error) or message) from error
    if units.axis(units.inputs[0]) != 1:  # the last two axes are not those of the pixels
        return {name: [whole(follow.size) for _ in calls] for name, calls in found.items()}
    return found


class _Follow(TorchDispatchMode):
    """Knows the field of each tensor that was computed from the image."""

    supports_higher_order_operators = True  # such as torch's flexible attention

    def __init__(self, image: Tensor) -> None:
        super().__init__()
        self.size = (image.shape[-2], image.shape[-1])
        self.known = WeakTensorKeyDictionary()
        self.known[image] = Field((1, 1), (1, 1), (0, 0), self.size)

    def of(self, output: Any) -> Field:
        if isinstance(output, Tensor) and output in self.known:
            return self.known[output]
        return whole(self.size)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        inputs = [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)]
        seen = [(self.known[x], x.shape[-2:]) for x in inputs if x in self.known]
        outputs = func(*args, **kwargs)
        if seen:
            alike = all(shape == seen[0][1] for _, shape in seen)
            joined = reduce(Field.union, [field for field, _ in seen])
            after = _after(func, joined, args, kwargs, outputs) if alike else None
            for output in tree_leaves(outputs):
                if isinstance(output, Tensor):
                    self.known[output] = after or whole(self.size)
                    mutable = hasattr(func, "_schema") and func._schema.is_mutable
                    if mutable and output._base is not None:
                        self.known[output._base] = whole(self.size)  # a part of it was overwritten
        return outputs


def _after(func: Any, seen: Field, args: Any, kwargs: Any, outputs: Any) -> Field | None:
    """The field behind an operation; None where it is not followed."""
    if not hasattr(func, "overloadpacket"):
        return None
    operation = func.overloadpacket
    if operation in _WINDOWS:
        return _WINDOWS[operation](seen, *args, **kwargs)
    if torch.Tag.pointwise in func.tags or operation in _COPIES:
        return seen
    if operation is _aten.cat:
        dimension = args[1] if len(args) > 1 else kwargs.get("dim", 0)
        return seen if dimension % args[0][0].ndim == args[0][0].ndim - 3 else None
    if func.is_view:
        views = outputs if isinstance(outputs, list | tuple) else [outputs]
        return seen if all(_same_positions(args[0], view) for view in views) else None
    return None


def _same_positions(x: Tensor, view: Tensor) -> bool:
    return x.shape[-2:] == view.shape[-2:] and x.stride()[-2:] == view.stride()[-2:]


def _convolution(
    seen: Field, x: Tensor, weight: Tensor, bias: Any, stride: Any, padding: Any, *more: Any
) -> Field | None:
    dilation, transposed = more[0], more[1]
    if transposed or weight.ndim != 4:
        return None
    return seen.through(weight.shape[2:], stride, padding, dilation)


def _max_pool(
    seen: Field,
    x: Tensor,
    kernel: Any,
    stride: Any = (),
    padding: Any = 0,
    dilation: Any = 1,
    *_: Any,
) -> Field:
    return seen.through(kernel, stride, padding, dilation)


def _average_pool(
    seen: Field, x: Tensor, kernel: Any, stride: Any = (), padding: Any = 0, *_: Any
) -> Field:
    return seen.through(kernel, stride, padding, 1)


def _adaptive_pool(seen: Field, x: Tensor, cells: Any) -> Field | None:
    if any(extent % count for extent, count in zip(x.shape[-2:], cells, strict=True)):
        return None  # windows of several sizes
    kernel = [extent // count for extent, count in zip(x.shape[-2:], cells, strict=True)]
    return seen.through(kernel, kernel, 0, 1)


def _pad(seen: Field, x: Tensor, widths: Any, *_: Any) -> Field:
    left, top = widths[0], widths[2] if len(widths) > 2 else 0
    return seen.through(1, 1, (top, left), 1)


def _batch_norm(seen: Field, *args: Any, **_: Any) -> Field | None:
    return None if args[5] else seen  # instance normalisation arrives as if training


_WINDOWS: dict[Any, Callable[..., Field | None]] = {
    _aten.convolution: _convolution,
    _aten.max_pool2d_with_indices: _max_pool,
    _aten.avg_pool2d: _average_pool,
    _aten._adaptive_avg_pool2d: _adaptive_pool,
    _aten.adaptive_max_pool2d: _adaptive_pool,
    _aten.constant_pad_nd: _pad,
    _aten.native_batch_norm: _batch_norm,
    _aten.cudnn_batch_norm: _batch_norm,
    _aten.miopen_batch_norm: _batch_norm,
}
_COPIES = {_aten.clone, _aten._to_copy, _aten.alias, _aten.detach}
