"""Whether what is read of an image is the same whatever stands beside it, and each time."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import torch
from torch import Tensor, nn

from neuronbasis.errors import UserError
from neuronbasis.recording import _hooks, _values
from neuronbasis.recording._hooks import Site
from neuronbasis.recording._images import Images


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
        The first one is run alone, then beside the last.
    like : Tensor
        Of the model's device and type.
    batch : int
        Images that will stand together in a pass; with 1 the first is run alone twice.
    what : str
        "output" or "input".

    Raises
    ------
    UserError
        If the values of the first image differ, beyond rounding. The cause is named.

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
    alone = _values.on(images.read(0, 1), like)
    both = alone
    if min(batch, len(images)) > 1:
        last = images.read(len(images) - 1, len(images))
        both = _beside(alone, _values.on(last, like))
    one, two = (_calls(model, modules, inputs, what) for inputs in (alone, both))
    changed = [key for key in _changed(one, two) if key in meant]
    if not changed:
        return
    chance = meant.intersection(_changed(two, _calls(model, modules, both, what)))
    culprit = _culprit(model, both if chance else alone, both)
    named = f"layer {changed[0][0]!r}" if changed[0][0] else "the model"
    if chance:
        raise UserError(
            f"{named} gives other values each time, in evaluation mode too: {culprit} draws at "
            "random; mend it, such as by dropout(x, training=self.training), or seed it in forward"
        )
    raise UserError(
        f"{named} gives an image other values when others stand beside it: {culprit} mixes the "
        "images of a batch; pass batch=1, or mend it"
    )


@dataclass(frozen=True, eq=False)
class _Call:
    """What a module got or gave for the first image."""

    name: str
    call: int
    given: Tensor | None

    @property
    def key(self) -> tuple[str, int]:
        return self.name, self.call

    def same(self, other: "_Call") -> bool:
        """Whether both are equal, but for batches of other sizes being summed in another order."""
        a, b = self.given, other.given
        if a is None or b is None or a.shape != b.shape:
            return a is b
        if not a.is_floating_point():
            return torch.equal(a, b)
        scale = a.nan_to_num().abs().amax() if a.numel() else 0
        near = (a - b).abs() <= scale * torch.finfo(a.dtype).eps ** 0.5
        return bool((near | ~a.isfinite() | ~b.isfinite()).all())


def _calls(model: nn.Module, modules: list[str], inputs: Any, what: str) -> list[_Call]:
    """What modules give for the first image, in the order in which they are done."""
    found: list[_Call] = []

    def take(name: str, call: int, given: Tensor | None) -> None:
        found.append(_Call(name, call, None if given is None else given[:1].detach().clone()))

    _hooks.run(model, inputs, modules, take, what)
    return found


def _changed(one: list[_Call], two: list[_Call]) -> list[tuple[str, int]]:
    """Calls that differ; those within another are done, and so stand, before it."""
    nothing = _Call("", 0, None)
    return [a.key for a, b in zip_longest(one, two, fillvalue=nothing) if not a.same(b)]


def _culprit(model: nn.Module, one: Any, two: Any) -> str:
    """The innermost part of a model in which the first image's values become different."""
    modules = ["", *_hooks.names(model)]
    got, gave = (
        _changed(*(_calls(model, modules, inputs, what) for inputs in (one, two)))
        for what in ("input", "output")
    )
    name = next((name for name, call in gave if (name, call) not in got), "")
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
