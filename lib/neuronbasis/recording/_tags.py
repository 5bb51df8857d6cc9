"""Where a basis is privileged: which layers an activation function stands behind, or before."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from neuronbasis.recording import _hooks, _values
from neuronbasis.recording._flow import Node, flowing

#: What can be said of a layer's units, in this order.
TAGS = ("before", "after", "gated", "norm", "residual", "unknown", "linear")

_ALONE = ("moved", "kept", "sum", "joined")  # each unit stays on its own axis
_FOLLOWED = (*_ALONE, "norm", "gate")


def tags(model: nn.Module, image: Any, names: Sequence[str]) -> dict[str, list[tuple[str, ...]]]:
    """What stands behind and before the units of layers; see `recording.Layer`.

    Parameters
    ----------
    model : nn.Module
        In evaluation mode, see `recording.inference`.
    image : Tensor, tuple or mapping
        One image as a batch, on the model's device.
    names : sequence of str
        Of modules.

    Returns
    -------
    dict of str to list of tuple of str
        By name, call by call, some of `TAGS`.

    Examples
    --------
    >>> net = nn.Sequential(nn.Linear(4, 3), nn.GELU(), nn.Linear(3, 4)).eval()
    >>> tags(net, torch.zeros(1, 4), ["0", "1", "2"])
    {'0': [('before',)], '1': [('after',)], '2': [('linear',)]}
    """
    with torch.inference_mode(False), torch.no_grad():
        image = _values.mapped(image, Tensor.clone)
        try:
            with flowing(model, image) as flow:
                seen = _hooks.run(model, image, names, lambda name, call, x: (flow.of(x),))
        except RuntimeError:  # a few compiled operations do not run while others look on
            return _nothing_known(model, image, names)
    told = _told(flow.decide())
    return {
        name: [("unknown",) if node is None else told[node.number] for (node,) in calls]
        for name, calls in seen.items()
    }


def _nothing_known(
    model: nn.Module, image: Any, names: Sequence[str]
) -> dict[str, list[tuple[str, ...]]]:
    return _hooks.run(model, image, names, lambda name, call, x: ("unknown",))


def _told(nodes: Sequence[Node]) -> list[tuple[str, ...]]:
    """The tags of each node of a graph."""
    found: list[set[str]] = [set() for _ in nodes]
    for node in nodes:
        found[node.number] |= _handed_on(node, found)
    ahead: list[set[str]] = [set() for _ in nodes]
    for node in reversed(nodes):
        for parent in node.parents:
            ahead[parent.number] |= _seen_ahead(node, ahead)
    for node in nodes:
        found[node.number] |= ahead[node.number]
    for node in nodes:
        if node.kind == "sum":
            for carried in _carried(*node.parents[:2]):
                found[carried].add("residual")
    return [_ordered(each) for each in found]


def _handed_on(node: Node, found: Sequence[set[str]]) -> set[str]:
    """What is known of a tensor from how it was made."""
    of = [found[parent.number] for parent in node.parents]
    if node.kind == "moved":
        return set(of[0]) if of else set()
    if node.kind == "joined":
        either, both = set().union(*of), set(of[0]).intersection(*of[1:])
        return both | ({"unknown"} if either - both - {"residual", "norm"} else set())
    made = {
        "activation": {"after"},
        "gate": {"gated"},
        "sum": {"residual"},
        "norm": {"norm"},
        "unknown": {"unknown"},
    }
    lasting = {"after", "gated", "unknown"} if node.kind in _FOLLOWED else set()
    return made.get(node.kind, set()) | (set().union(*of) & lasting)


def _seen_ahead(node: Node, ahead: Sequence[set[str]]) -> set[str]:
    """What is known of that which an operation is done to."""
    if node.kind == "activation":
        return {"before"}
    own = {"gated"} if node.kind == "gate" else {"unknown"} if node.kind == "unknown" else set()
    return own | (ahead[node.number] if node.kind in _FOLLOWED else set())


def _carried(a: Node, b: Node) -> set[int]:
    """Numbers of the tensors that a skip connection carries past a part of the network."""
    return {
        each.number
        for one, other in ((a, b), (b, a))
        for each in _copies(one)
        if _made_of(other, each)
    }


def _copies(node: Node) -> list[Node]:
    """A tensor, and those of which it is a copy."""
    found = [node]
    while found[-1].kind == "moved" and found[-1].parents:
        found.append(found[-1].parents[0])
    return found


def _made_of(node: Node, wanted: Node) -> bool:
    """Whether a tensor was made, by way of others, of the wanted one."""
    stack, seen = [node], set()
    while stack:
        for parent in stack.pop().parents:
            if parent is wanted:
                return True
            if parent.number > wanted.number and parent.number not in seen:
                seen.add(parent.number)
                stack.append(parent)
    return False


def _ordered(found: set[str]) -> tuple[str, ...]:
    acted = {"before", "after", "gated"}
    if found & acted:
        found = found - {"unknown"}
    elif not found & {"unknown", "norm"}:
        found = found | {"linear"}
    return tuple(tag for tag in TAGS if tag in found)
