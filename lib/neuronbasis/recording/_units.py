"""Which axis of each tensor holds the units: followed through all operations of a forward pass."""

import re
import sys
from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakTensorKeyDictionary

from neuronbasis.recording._parts import (
    Layout,
    Part,
    extent,
    fresh,
    joined,
    learn,
    places,
    regrouped,
    resized,
    units_axis,
)

_PRODUCTS = {"mm": 0, "bmm": 0, "_int_mm": 0, "addmm": 1, "baddbmm": 1, "_addmm_activation": 1}
_MOVING = {"rot90", "view_as_complex", "view_as_real"}  # in ways not followed
_LAST = re.compile(r"linear|rnn|lstm|gru|multi_head_attention|transformer_encoder")
_SECOND = re.compile(r"(batch|group)_norm|conv(olution|\d)")
_WINDOWS = re.compile(r"(?:pool|upsample|pad|grid_sampler).*(\d)d")


class Units(TorchDispatchMode):
    """Meanwhile knows, of each tensor computed from the inputs, which axis holds the units.

    Convolutions, batch and group normalisation and pooling take the axis behind that of the
    images; linear layers, embeddings, layer normalisation over one axis and recurrent layers the
    last. All else hands on what is known: elementwise operations, sums, permuted, merged and
    split axes, attention. Where an input runs into one of the former before anything is known of
    it, that tells what the input's axes were.

    Parameters
    ----------
    inputs : sequence of Tensor
        Their first axis is that of the images.

    Examples
    --------
    >>> import torch
    >>> x = torch.zeros(1, 4, 5, 6)
    >>> with Units([x]) as units:
    ...     y = torch.nn.functional.linear(x, torch.ones(3, 6))
    ...     z = y.relu().permute(0, 3, 1, 2)
    >>> units.axis(units.of(x)), units.axis(units.of(y)), units.axis(units.of(z))
    (3, 3, 1)
    """

    def __init__(self, inputs: Sequence[Tensor]) -> None:
        super().__init__()
        self.known = WeakTensorKeyDictionary()
        self.inputs = [fresh(x.shape) for x in inputs]
        for x, layout in zip(inputs, self.inputs, strict=True):
            self.known[x] = layout
            if not x.is_floating_point():  # such as token ids
                for part in (part for axis in layout for part in axis):
                    part.say(False)

    def of(self, tensor: Tensor) -> Layout | None:
        """What is known of a tensor now; later operations may add to it."""
        found: Layout | None = self.known.get(tensor)
        return found

    def axis(self, layout: Layout | None) -> int | None:
        """The axis of units; to be asked when the pass is over."""
        for each in self.inputs:
            if len(each) == 4:  # images are (N, C, H, W) unless the network says otherwise
                learn(each, 1)
        return None if layout is None else units_axis(layout)

    supports_higher_order_operators = True  # such as torch's flexible attention

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return cls.__name__ != "Units"

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        schema = getattr(func, "_schema", None)
        names = [each.name for each in schema.arguments] if schema else map(str, range(len(args)))
        given = dict(zip(names, args, strict=False)) | (kwargs or {})
        inputs = [x for x in tree_leaves(given) if isinstance(x, Tensor)]
        seen = any(x in self.known for x in inputs)
        outputs = func(*args, **(kwargs or {}))
        if seen:
            name = schema.name.partition("::")[2] if schema else ""
            for output in tree_leaves(outputs):
                if isinstance(output, Tensor):
                    layout = self._after(name, given, inputs, output)
                    self.known[output] = layout
                    base = output._base if schema and schema.is_mutable else None
                    if base is not None and base.ndim == len(layout):  # a part of it was written
                        self.known[base] = _aligned([layout], base.shape)
        return outputs

    def _after(self, name: str, given: Any, inputs: list[Tensor], output: Tensor) -> Layout:
        shape, name = tuple(output.shape), name.rstrip("_")
        known = [self.known.get(x) for x in inputs]
        layouts = [layout for layout in known if layout is not None]
        first = layouts[0]
        if name in _PRODUCTS:
            a, b = known[_PRODUCTS[name] : _PRODUCTS[name] + 2]
            return _product(a, b, shape)
        if name == "embedding":
            return (*map(places, first), (Part(shape[-1], True),))
        if name in ("view", "_unsafe_view", "_reshape_alias"):
            return regrouped(first, shape) or fresh(shape)
        if name == "permute":
            return tuple(first[i] for i in given["dims"])
        if name in ("transpose", "t"):
            order = list(range(len(first)))
            i, j = (given["dim0"], given["dim1"]) if name == "transpose" else (0, -1)
            order[i], order[j] = order[j], order[i]
            return tuple(first[i] for i in order)
        if name in _MOVING or (name == "index" and _apart(given["indices"])):
            return fresh(shape)
        if name == "as_strided":  # of the same shape only memory is laid out anew
            return first if tuple(map(extent, first)) == shape else fresh(shape)
        if name == "unfold":  # windows along an axis, behind all others
            window = resized(first[given["dimension"] % len(first)], shape[-1])
            return (*map(resized, first, shape), window)
        if name in ("unsqueeze", "stack"):
            place = given.get("dim", 0) % len(shape)
            return _aligned([(*each[:place], _NEW, *each[place:]) for each in layouts], shape)
        if len(shape) < len(first):
            return _without(first, given, shape)
        told = _told(name, given, shape)
        if told is not None and len(first) == len(shape):
            return _taken(first, told, shape)
        return _aligned(layouts, shape)


class _Skipped(Units):
    """The same where there is a compiler, which torch tells to leave this alone."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return super().__torch_dispatch__(func, types, args, kwargs)


def following(inputs: Sequence[Tensor]) -> Units:
    """`Units` of inputs; if no compiler was imported none is, which would take seconds."""
    return (_Skipped if "torch._dynamo" in sys.modules else Units)(inputs)


_NEW = (Part(1, False),)


def _told(name: str, given: dict[str, Any], shape: tuple[int, ...]) -> int | None:
    """The axis that an operation takes for that of the units; None where it takes any."""
    if "layer_norm" in name or "rms_norm" in name:
        return len(shape) - 1 if len(given.get("normalized_shape", ())) == 1 else None
    if windows := _WINDOWS.search(name):
        return max(len(shape) - int(windows[1]) - 1, 0) or None
    if _LAST.search(name):
        return len(shape) - 1
    return 1 if _SECOND.search(name) else None


def _taken(first: Layout, axis: int, shape: tuple[int, ...]) -> Layout:
    """Behind an operation that takes this axis for that of the units."""
    told = learn(first, axis)
    kept = told and extent(first[axis]) == shape[axis]
    units = first[axis] if kept else (Part(shape[axis], True),)
    rest = [resized(places(parts), n) for parts, n in zip(first, shape, strict=True)]
    return (*rest[:axis], units, *rest[axis + 1 :])


def _product(a: Layout | None, b: Layout | None, shape: tuple[int, ...]) -> Layout:
    """Of a matrix product: with weights, which make new units, or of two activations."""
    if b is None and a is not None:
        learn(a, -1)
        return (*map(places, a[:-1]), (Part(shape[-1], True),))
    if a is None and b is not None:
        if not learn(b, -2) and units_axis(b) == len(b) - 1:  # mixes places, as in a graph
            return (*b[:-2], (Part(shape[-2], False),), b[-1])
        return (*map(places, b[:-2]), (Part(shape[-2], True),), places(b[-1]))
    if a is None or b is None:  # only what is added is an activation
        return fresh(shape)
    return (*b[:-2], a[-2], b[-1])


def _without(first: Layout, given: dict[str, Any], shape: tuple[int, ...]) -> Layout:
    """Without the axes that are averaged, selected, squeezed, ..."""
    dim = given.get("dim", 0 if "index" in given else None)
    if dim is None:
        gone = {i for i, axis in enumerate(first) if extent(axis) == 1}
    else:
        gone = {i % len(first) for i in (dim if isinstance(dim, list | tuple) else [dim])}
    kept = [axis for i, axis in enumerate(first) if i not in gone]
    return _aligned([tuple(kept)], shape) if len(kept) == len(shape) else fresh(shape)


def _apart(indices: Sequence[Tensor | None]) -> bool:
    """Whether an index has slices between its tensors, which puts their axes first."""
    places = [i for i, each in enumerate(indices) if each is not None]
    return len(places) > 1 and places[-1] - places[0] >= len(places)


def _aligned(layouts: list[Layout], shape: tuple[int, ...]) -> Layout:
    """Of tensors whose axes correspond from the last to the first, as in broadcasting."""
    if max(map(len, layouts)) > len(shape):
        return fresh(shape)
    backwards = [
        joined([each[-i] for each in layouts if len(each) >= i], n)
        for i, n in enumerate(reversed(shape), 1)
    ]
    return tuple(reversed(backwards))
