"""Whether what is read of an image is the same whatever stands beside it, and each time."""

import pickle
import random
from collections.abc import Iterable
from itertools import zip_longest
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from neuronbasis.errors import UserError
from neuronbasis.recording import _hooks, _values
from neuronbasis.recording._hooks import Site
from neuronbasis.recording._images import Images

_Key = tuple[str, int]  # a module's name, and which call of it

# Where numbers are drawn, those of few passes may be the same by chance.
_PASSES = 32
_FIRST, _LAST = 0, -1


def check_steady(
    model: nn.Module,
    wanted: Iterable[Site],
    images: Images,
    like: Tensor,
    batch: int,
    what: str = "output",
) -> None:
    """Refuse what depends on the batch or on chance; two small passes show it.

    Parameters
    ----------
    model : nn.Module
        In evaluation mode, see `recording.inference`.
    wanted : iterable of Site
        Whose values are compared; ``Site("", None)`` is the model itself.
    images : Images
        The first and the last are run alone, then side by side.
    like : Tensor
        Of the model's device and type.
    batch : int
        Images that will stand together in a pass; with 1 the first is run alone twice.
    what : str
        "output" or "input".

    Raises
    ------
    UserError
        If the values of one of them differ, beyond rounding. The cause is named.

    Examples
    --------
    >>> net = nn.BatchNorm2d(2, track_running_stats=False).eval()
    >>> images = torch.arange(16.0).reshape(2, 2, 2, 2)
    >>> check_steady(net, [Site("", None)], Images(images, 20), torch.empty(0), batch=2)
    Traceback (most recent call last):
        ...
    neuronbasis.errors.UserError: the model gives an image other values when others stand beside \
it: the model (BatchNorm2d, which keeps no running statistics) mixes the images of a batch; pass \
batch=1, or mend it
    """
    meant = {(site.module, site.call or 1) for site in wanted}
    modules = list(dict.fromkeys(name for name, _ in meant))
    first = both = _values.on(images.read(0, 1), like)
    alone = {_FIRST: first}
    if min(batch, len(images)) > 1:
        alone[_LAST] = _values.on(images.read(len(images) - 1, len(images)), like)
        both = _beside(first, alone[_LAST])

    def differing(one: Any, two: Any, row: int) -> list[_Key]:
        a, b = (_pass(model, modules, each, row) for each in (one, two))
        return [key for key in _changed(a, b, what) if key in meant]

    drawn = _drawn(like)
    found = {row: differing(each, both, row) for row, each in alone.items()}
    changed = next(((row, keys) for row, keys in found.items() if keys), None)
    passes = 1 if _drawn(like) == drawn else _PASSES
    if not changed and passes == 1:
        return
    again = (differing(both, both, _FIRST) for _ in range(passes))
    if chance := next(filter(None, again), None):
        culprit = _culprit(model, both, both, _FIRST)
        raise UserError(
            f"{_named(chance[0])} gives other values each time, in evaluation mode too: {culprit} "
            "draws at random, or remembers; mend it, such as by "
            "dropout(x, training=self.training), or seed it in forward"
        )
    if changed:
        row, keys = changed
        culprit = _culprit(model, alone[row], both, row)
        raise UserError(
            f"{_named(keys[0])} gives an image other values when others stand beside it: {culprit} "
            "mixes the images of a batch; pass batch=1, or mend it"
        )


class _Call(NamedTuple):
    """What a module got and gave for one of the images."""

    key: _Key
    input: Tensor | None
    output: Tensor | None


def _pass(model: nn.Module, modules: list[str], inputs: Any, row: int) -> list[_Call]:
    """The calls of modules in the order in which they are done."""
    given: dict[_Key, Tensor | None] = {}
    found: list[_Call] = []

    def before(name: str, call: int, value: Any) -> None:
        given[name, call] = _image(_values.first(value), row)

    def after(name: str, call: int, value: Any) -> None:
        scores = None if name else _values.answer(value)  # of a classifier that gives its loss too
        output = _values.first(value) if scores is None else scores
        found.append(_Call((name, call), given[name, call], _image(output, row)))

    with _hooks.hooked(model, modules, before, "input"), _hooks.hooked(model, modules, after):
        _values.call(model, inputs)
    return found


def _image(tensor: Tensor | None, row: int) -> Tensor | None:
    """What a tensor holds of the first image or of the last."""
    if tensor is None:
        return None
    return (tensor[row:][:1] if tensor.ndim else tensor).detach().clone()


def _changed(one: list[_Call], two: list[_Call], what: str) -> list[_Key]:
    """Calls that differ; those within another are done, and so stand, before it."""
    nothing = _Call(("", 0), None, None)
    pairs = zip_longest(one, two, fillvalue=nothing)
    return [a.key for a, b in pairs if not _same(getattr(a, what), getattr(b, what))]


def _same(a: Tensor | None, b: Tensor | None) -> bool:
    """Whether both are equal, but for batches of other sizes being summed in another order."""
    if a is None or b is None or a.shape != b.shape:
        return a is b
    if not a.is_floating_point():
        return torch.equal(a, b)
    scale = a.nan_to_num().abs().amax() if a.numel() else 0
    near = (a - b).abs() <= scale * torch.finfo(a.dtype).eps ** 0.5
    return bool((near | ~a.isfinite() | ~b.isfinite()).all())


def _drawn(like: Tensor) -> list[Any]:
    """How far the generators of random numbers of torch, numpy and Python are."""
    states = [torch.get_rng_state()]
    if like.is_cuda:
        states.append(torch.cuda.get_rng_state(like.device))
    old = pickle.dumps(np.random.get_state())  # noqa: NPY002, a model may draw from it
    return [*(state.numpy().tobytes() for state in states), old, random.getstate()]


def _named(key: _Key) -> str:
    return f"layer {key[0]!r}" if key[0] else "the model"


def _culprit(model: nn.Module, one: Any, two: Any, row: int) -> str:
    """The innermost part of a model in which an image's values become different."""
    modules, changed = ["", *_hooks.names(model)], None
    for _ in range(_PASSES):
        calls = [_pass(model, modules, inputs, row) for inputs in (one, two)]
        got = _changed(calls[0], calls[1], "input")
        changed = [key for key in _changed(calls[0], calls[1], "output") if key not in got]
        if changed:
            break
    name = changed[0][0] if changed else ""
    module = model.get_submodule(name)
    kind = type(module).__name__
    if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.running_mean is None:
        kind += ", which keeps no running statistics"
    elif next(module.children(), None) is not None:
        kind = f"the forward method of {kind}"
    return f"{name!r} ({kind})" if name else f"the model ({kind})"


def _beside(one: Any, other: Any) -> Any:
    """A batch of both."""
    others = _values.tensors(other)
    return _values.mapped(one, lambda x: torch.cat([x, next(others)]))
