"""Through which operations activations go: the graph of one forward pass."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakTensorKeyDictionary

from neuronbasis.recording import _hooks, _values
from neuronbasis.recording._units import Units, following

# Numbers stay the same, moved, copied or left out; side by side from several tensors.
_MOVED = re.compile(
    r"clone|_to_copy|detach|alias|_unsafe_view|_reshape_alias|contiguous|lift_fresh|index(_select)?"
    r"|gather|flip|roll|repeat.*|constant_pad_nd|\w+_pad\dd|tri[lu]|im2col|copy|dropout|_conj"
    r"|pixel_(un)?shuffle|(native_)?channel_shuffle|masked_fill|as_strided"
)
_JOINED = re.compile(r"cat|stack")
# Each unit alone, by an affine map, or over places.
_KEPT = re.compile(
    r"neg|native_dropout|\w*batch_norm\w*|\w*pool\dd\w*|upsample\w*|_upsample\w*|interpolate"
)
_SUMS = re.compile(r"add|sub|rsub")
_PRODUCTS = re.compile(r"mul|div")
_REDUCED = re.compile(r"mean|sum|amax|amin|max|min|nansum|median")
_NORMS = re.compile(r"\w*(layer|group|rms)_norm\w*")
_MIXED = re.compile(
    r"b?mm|addmm|baddbmm|_addmm_activation_|linear|\w*convolution\w*|conv\dd|embedding(_bag)?|mv|dot"
    r"|\w*scaled_dot_product\w*|cumsum|addmv|linalg_vector_norm|var|std|var_mean|\w*_attention\w*"
)
_ACTIVATIONS = re.compile(
    r"relu6?|gelu|silu|tanh|sigmoid|elu|celu|selu|leaky_relu|rrelu\w*|_?prelu\w*|hardtanh|hardswish"
    r"|hardsigmoid|softplus|mish|threshold|clamp(_min|_max)?|erf|log_sigmoid\w*|glu|softshrink"
    r"|hardshrink"
)
_PERHAPS = "perhaps an activation"
_ACTIVATION_MODULES = ("torch.nn.modules.activation", "transformers.activations", "timm.layers.act")


@dataclass(eq=False)
class Node:
    """A tensor at the moment when one operation had made it.

    Attributes
    ----------
    kind : str
        What the operation does to units: "moved" (nothing), "joined" (puts several tensors side
        by side), "kept" (an affine map of each alone, or over places), "sum" and "gate" (of two
        activations, unit by unit), "norm", "activation", "mixed" (new units), "unknown".
    parents : list of Node
        What it was made of.
    number : int
        In the order of the pass.
    """

    kind: str
    parents: list["Node"]
    number: int
    undecided: Any = field(default=None, repr=False)


class Flow(TorchDispatchMode):
    """Meanwhile notes, of each floating-point tensor made from the inputs, how it was made."""

    supports_higher_order_operators = True

    def __init__(self, inputs: Sequence[Tensor], units: Units) -> None:
        super().__init__()
        self.known, self.units = WeakTensorKeyDictionary(), units
        self.nodes: list[Node] = []
        self.paused = 0
        for x in inputs:
            if x.is_floating_point():
                self.note(x, "mixed", [])

    def note(self, tensor: Tensor, kind: str, parents: list[Node], undecided: Any = None) -> None:
        """Say how a tensor was made."""
        node = Node(kind, parents, len(self.nodes), undecided)
        self.nodes.append(node)
        self.known[tensor] = node

    def of(self, tensor: Any) -> Node | None:
        """How a tensor was made, None where that is not from the inputs."""
        found: Node | None = self.known.get(tensor) if isinstance(tensor, Tensor) else None
        return found

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        inputs = [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)]
        seen = [(x, self.known[x]) for x in inputs if x in self.known]
        layouts = [self.units.of(x) for x, _ in seen]
        outputs = func(*args, **kwargs)
        name = _name(func)
        if self.paused or not (seen or name == "embedding"):
            return outputs
        for output in tree_leaves(outputs):
            if isinstance(output, Tensor) and output.is_floating_point():
                self._made(func, name, args, seen, layouts, output)
        return outputs

    def _made(
        self, func: Any, name: str, args: Any, seen: Any, layouts: Any, output: Tensor
    ) -> None:
        if name.startswith("new_") or name.endswith("_like") or name in ("zeros", "fill", "zero"):
            return
        parents = [node for _, node in seen]
        undecided = None
        kind = "moved" if getattr(func, "is_view", False) else _kind(name)
        if kind in ("sum", "gate") and len(parents) == 1:
            kind = "unknown" if name == "div" and args[0] is not seen[0][0] else "kept"
        elif kind == "gate" and parents[0] is parents[1]:
            kind = "unknown"  # a square
        elif kind in ("gate", "reduced"):
            undecided = (layouts, [tuple(x.shape) for x, _ in seen], args, tuple(output.shape))
        self.note(output, kind, parents, undecided)
        base = output._base
        if getattr(getattr(func, "_schema", None), "is_mutable", False) and base is not None:
            whole = base.numel() == output.numel()  # else a part of it was written
            self.note(base, "moved" if whole else "unknown", [self.known[output]])

    def decide(self) -> list[Node]:
        """The nodes in their order, once the pass is over and the axes of units are known."""
        for node in self.nodes:
            if node.undecided:
                decide = _reduction if node.kind == "reduced" else _product
                node.kind, node.parents = decide(self.units, node, *node.undecided)
                node.undecided = None
        return self.nodes


@contextmanager
def flowing(model: nn.Module, inputs: Any) -> Iterator[Flow]:
    """A `Flow` to which modules that are one activation function, or one norm, are one step.

    What such a module computes within, such as the powers of a norm, says nothing by itself. One
    that has no parts and no weights is an activation function if it uses one within and keeps the
    shape, as one that acts along the vectors of a basis does.
    """
    units = following(list(_values.tensors(inputs)))
    flow = Flow(list(_values.tensors(inputs)), units)
    steps = {name: kind for name in _hooks.names(model) if (kind := _step(model, name))}
    given: list[tuple[Any, Node | None, int]] = []

    def before(name: str, call: int, value: Any) -> None:
        flow.paused += steps[name] != _PERHAPS
        tensor = _values.first(value)
        given.append((getattr(tensor, "shape", None), flow.of(tensor), len(flow.nodes)))

    def after(name: str, call: int, value: Any) -> None:
        flow.paused -= steps[name] != _PERHAPS
        tensor, (shape, node, start) = _values.first(value), given.pop()
        if tensor is None or node is None or flow.paused:
            return
        within = [each.kind for each in flow.nodes[start:]]
        if steps[name] != _PERHAPS:
            flow.note(tensor, steps[name], [node])
        elif "activation" in within and tensor.shape == shape:
            flow.note(tensor, "activation", [node])

    with (
        _hooks.hooked(model, steps, before, "input"),
        _hooks.hooked(model, steps, after),
        units,
        flow,
    ):
        yield flow


def _name(func: Any) -> str:
    schema = getattr(func, "_schema", None)
    return schema.name.partition("::")[2].rstrip("_") if schema else ""


def _kind(name: str) -> str:
    found = {
        "moved": _MOVED,
        "joined": _JOINED,
        "activation": _ACTIVATIONS,
        "sum": _SUMS,
        "gate": _PRODUCTS,
        "reduced": _REDUCED,
        "norm": _NORMS,
        "mixed": _MIXED,
        "kept": _KEPT,
    }
    return next((kind for kind, names in found.items() if names.fullmatch(name)), "unknown")


def _step(model: nn.Module, name: str) -> str:
    """What a module without parts is as a whole; empty where it is looked into."""
    module = model.get_submodule(name)
    kind = type(module)
    if next(module.children(), None) is not None or isinstance(module, nn.MultiheadAttention):
        return ""
    if kind.__module__.startswith(_ACTIVATION_MODULES) and "oftmax" not in kind.__name__:
        return "activation"
    each_alone = isinstance(module, nn.modules.batchnorm._NormBase) or "BatchNorm" in kind.__name__
    if "Norm" in kind.__name__ and not each_alone:
        return "norm"
    return _PERHAPS if next(module.parameters(), None) is None else ""


def _axis(units: Units, layout: Any, shape: tuple[int, ...]) -> int | None:
    return 1 if len(shape) == 2 else units.axis(layout)


def _reduction(
    units: Units, node: Node, layouts: Any, shapes: Any, args: Any, shape: Any
) -> tuple[str, list[Node]]:
    """Over places each unit stays alone; over units it does not."""
    axis, axes = _axis(units, layouts[0], shapes[0]), len(shapes[0])
    dims = args[1] if len(args) > 1 else None
    if axis is None or dims is None:
        return ("unknown" if dims is not None else "mixed"), node.parents
    gone = {d % axes for d in (dims if isinstance(dims, list | tuple) else [dims])}
    return ("mixed" if axis in gone else "kept"), node.parents


def _product(
    units: Units, node: Node, layouts: Any, shapes: Any, args: Any, shape: Any
) -> tuple[str, list[Node]]:
    """Unit by unit, or the same factor for all units of a place."""
    if shapes[0] == shapes[1]:
        return "gate", node.parents
    large = 0 if len(shapes[0]) == len(shape) and shapes[0] == shape else 1
    axis = _axis(units, layouts[large], shapes[large])
    if axis is None:
        return "unknown", node.parents
    place = axis - len(shape) + len(shapes[1 - large])
    if place < 0 or shapes[1 - large][place] == 1:
        return "kept", [node.parents[large]]
    return "gate", node.parents
