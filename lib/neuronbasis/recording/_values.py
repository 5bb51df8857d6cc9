"""What models take and give: a tensor, or several in tuples, dictionaries and dataclasses."""

import dataclasses
import os
import traceback
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from neuronbasis.errors import UserError

_TORCH, _OURS = (f"{Path(file).parent}{os.sep}" for file in (torch.__file__, Path(__file__).parent))


def tensors(value: Any) -> Iterator[Tensor]:
    """All tensors in a value, the first ones first.

    Examples
    --------
    >>> import torch
    >>> [len(x) for x in tensors({"loss": None, "hidden": (torch.ones(2), [torch.ones(3)])})]
    [2, 3]
    """
    if isinstance(value, Tensor):
        yield value
    for part in _parts(value).values():
        yield from tensors(part)


def first(value: Any) -> Tensor | None:
    """The first tensor in a value, None if there is none: attention gives its output first."""
    return next(tensors(value), None)


def only(value: Any) -> Tensor | None:
    """The tensor in a value that holds exactly one."""
    found = list(tensors(value))
    return found[0] if len(found) == 1 else None


def answer(value: Any) -> Tensor | None:
    """A classifier's scores: the only tensor, or what is called ``logits`` or ``out``.

    Examples
    --------
    >>> import torch
    >>> answer({"loss": torch.ones(()), "logits": torch.ones(2, 3)}).shape
    torch.Size([2, 3])
    """
    parts = _parts(value)
    named = (parts[name] for name in ("logits", "out") if isinstance(parts.get(name), Tensor))
    return next(named, None) if only(value) is None else only(value)


def mapped(value: Any, change: Callable[[Tensor], Any]) -> Any:
    """The same structure with each tensor changed.

    Examples
    --------
    >>> import torch
    >>> mapped({"x": (torch.ones(2), None), "flag": True}, len)
    {'x': (2, None), 'flag': True}
    """
    if isinstance(value, Tensor):
        return change(value)
    parts = {key: mapped(part, change) for key, part in _parts(value).items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*parts.values())
    if isinstance(value, tuple | list):
        return type(value)(parts.values())
    if dataclasses.is_dataclass(value):
        return dataclasses.replace(value, **parts) if parts else value  # type: ignore[type-var]
    if isinstance(value, Mapping):
        return type(value)(parts)  # type: ignore[call-arg]
    return value


def with_first(value: Any, tensor: Tensor) -> Any:
    """The same structure with another tensor in the place of the first.

    Examples
    --------
    >>> import torch
    >>> with_first((torch.ones(1), torch.ones(1)), torch.zeros(1))
    (tensor([0.]), tensor([1.]))
    """
    instead = iter([tensor])
    return mapped(value, lambda own: next(instead, own))


def call(model: nn.Module, inputs: Any) -> Any:
    """Run a model on copies of its inputs, since it may change them: one, a tuple, or by name.

    Raises
    ------
    UserError
        If whole numbers among them, such as token ids, are beyond what the model looks up.
    """
    inputs = mapped(inputs, Tensor.clone)
    try:
        if isinstance(inputs, Mapping):
            return model(**inputs)
        return model(*inputs) if isinstance(inputs, tuple) else model(inputs)
    except IndexError as error:
        ids = [int(x.max()) for x in tensors(inputs) if not x.is_floating_point()]
        if not ids or own_fault(model, error):
            raise
        raise UserError(
            f"{type(model).__name__} has no entry for one of its inputs ({error}); the largest id "
            f"is {max(ids)}: pass ids of the model's own vocabulary"
        ) from error


def on(inputs: Any, like: Tensor) -> Any:
    """Inputs on a device; numbers that are floating-point also of a type, others as they are."""

    def brought(x: Tensor) -> Tensor:
        return x.to(like) if x.is_floating_point() else x.to(like.device)

    return mapped(inputs, brought)


def own_fault(model: nn.Module, error: Exception) -> str:
    """Who raised an error by itself, and where; empty where torch did not take what it was given.

    By itself means: in a hook, or by a statement ``raise`` or ``assert`` outside of torch.

    Examples
    --------
    >>> net = nn.Linear(3, 2)
    >>> try:
    ...     net(torch.zeros(1, 4))
    ... except RuntimeError as error:
    ...     own_fault(net, error)
    ''
    """
    frames, known = traceback.extract_tb(error.__traceback__), (_TORCH, _OURS)
    hooks = [
        frame
        for caller, frame in pairwise(frames)
        if caller.filename.startswith(_TORCH) and "hook(" in (caller.line or "")
    ]
    hooks = [frame for frame in hooks if not frame.filename.startswith(known)]
    last = frames[-1]
    own = (last.line or "").startswith(("raise", "assert")) and not last.filename.startswith(known)
    if not hooks and not own:
        return ""
    who = f"a hook of {type(model).__name__}" if hooks else f"{type(model).__name__} itself"
    blamed = hooks[-1] if hooks else last
    reason = str(error).partition("\n")[0]
    place = f"{blamed.name}, {Path(blamed.filename).name} line {blamed.lineno}"
    told = f"{type(error).__name__}: {reason}" if reason else type(error).__name__
    return f"{who} raised {told} (in {place}): mend that, or pass inputs that it takes"


def _parts(value: Any) -> dict[Any, Any]:
    if isinstance(value, tuple | list):
        return dict(enumerate(value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.init}
    return dict(value) if isinstance(value, Mapping) else {}
