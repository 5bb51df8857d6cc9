"""Looking into a torch model while it runs, and leaving it as it was."""

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from typing import Any, NamedTuple

from torch import Tensor, nn
from torch.jit import ScriptModule
from torch.utils.hooks import RemovableHandle

from neuronbasis.errors import UserError
from neuronbasis.recording import _values

_COMPILED = "_orig_mod."
_CLOSED = (
    "scripted or traced, which runs past its modules: pass the torch.nn.Module that it was made "
    "from"
)
Names = str | Sequence[str] | Mapping[str, str | Sequence[str]]


class Site(NamedTuple):
    """A call of a module: the module's name, and which call (from 1; None: the only one)."""

    module: str
    call: int | None

    def __str__(self) -> str:
        return self.module if self.call is None else f"{self.module}#{self.call}"


def sites(model: nn.Module, layers: Names) -> dict[str, tuple[Site, ...]]:
    """Look up the modules that are meant by names, and by names joined under a new one.

    Parameters
    ----------
    model : nn.Module
        Any model.
    layers : str, sequence of str, or mapping of str to str or sequence of str
        Names of ``model.named_modules()``, each perhaps with "#1", "#2" for its first or second
        call in a forward pass; or new names for one or several of them.

    Returns
    -------
    dict of str to tuple of Site
        By the name under which the result goes.

    Raises
    ------
    UserError
        If the model is none, there is no name, or a name is no module's.

    Examples
    --------
    >>> sites(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), ["0", "1#2"])
    {'0': (Site(module='0', call=None),), '1#2': (Site(module='1', call=2),)}
    """
    names(model)
    if not isinstance(layers, Mapping):
        layers = {name: name for name in _several(layers)}
    found = {
        str(name): tuple(_site(each, model) for each in _several(several))
        for name, several in layers.items()
    }
    if not all(found.values()) or not found:
        raise UserError("no layers are named; pass names such as those of recording.layers()")
    return found


def the_call(site: Site, calls: Sequence[Any]) -> Any:
    """What was kept of the call that is meant, if it is clear which one that is.

    Examples
    --------
    >>> the_call(Site("a", 2), ["first", "second"])
    'second'
    >>> the_call(Site("a", None), ["first", "second"])
    Traceback (most recent call last):
        ...
    neuronbasis.errors.UserError: layer 'a' is called 2 times a forward pass: name 'a#1' or 'a#2'
    """
    if not calls:
        raise UserError(
            f"layer {site.module!r} is never called in a forward pass: name another, such as the "
            "module that holds it (recording.layers lists all)"
        )
    if (site.call is None and len(calls) > 1) or (site.call or 1) > len(calls):
        numbered = [f"{site.module}#{i + 1}" for i in range(len(calls))]
        every = numbered if calls[1:] else [site.module]
        times = f"{len(calls)} times" if calls[1:] else "once"
        remedy = " or ".join(map(repr, every))
        raise UserError(f"layer {str(site)!r} is called {times} a forward pass: name {remedy}")
    return calls[(site.call or 1) - 1]


def run(
    model: nn.Module,
    images: Any,
    modules: Sequence[str],
    take: Callable[[str, int, Tensor | None], Any],
    what: str = "output",
) -> dict[str, list[Any]]:
    """Run the model once and collect what was taken at every call of some of its modules.

    Parameters
    ----------
    model : nn.Module
        Has none of the hooks left afterwards, even when it raises.
    images : Tensor, tuple or mapping
        What the model takes, several positionally or by name; copied, since it may change them.
    modules : sequence of str
        Names of ``named_modules``.
    take : callable
        Gets, at once, the module's name, the number of the call (from 1) and its first output or
        input tensor (None where there is none); what it returns is kept. It must copy, since the
        model may overwrite the tensor.
    what : str
        "output" or "input".

    Returns
    -------
    dict of str to list
        What was taken, call by call.

    Examples
    --------
    >>> import torch
    >>> net = nn.Sequential(nn.Identity(), nn.ReLU(inplace=True))
    >>> run(net, torch.tensor([-1.0, 2.0]), ["0"], lambda name, call, output: output.tolist())
    {'0': [[-1.0, 2.0]]}
    """
    taken: dict[str, list[Any]] = {name: [] for name in modules}

    def keep(name: str, call: int, value: Any) -> None:
        taken[name].append(take(name, call, _values.first(value)))

    with hooked(model, modules, keep, what):
        _values.call(model, images)
    return taken


@contextmanager
def hooked(
    model: nn.Module,
    modules: Iterable[str],
    hook: Callable[[str, int, Any], Any],
    what: str = "output",
) -> Iterator[None]:
    """Meanwhile show a hook what some modules give or get, at each call, and let it change that.

    Parameters
    ----------
    model : nn.Module
        Has none of the hooks left afterwards.
    modules : iterable of str
        Names of ``named_modules``.
    hook : callable
        Gets the module's name, the number of the call (from 1) and the output, or all inputs. An
        output that it returns takes the place of the module's own; None leaves that.
    what : str
        "output" or "input".

    Examples
    --------
    >>> import torch
    >>> net = nn.Sequential(nn.Identity(), nn.ReLU())
    >>> with hooked(net, ["0"], lambda name, call, output: call * output):
    ...     net(torch.ones(1)), net(torch.ones(1))
    (tensor([1.]), tensor([2.]))
    """
    with ExitStack() as handles:
        for name in modules:
            handles.enter_context(_attach(model.get_submodule(name), name, hook, what))
        yield


def _several(names: str | Sequence[str]) -> tuple[str, ...]:
    found = (names,) if isinstance(names, str) or not isinstance(names, Iterable) else tuple(names)
    for name in found:
        if not isinstance(name, str):
            raise UserError(
                f"a layer is named by a {type(name).__name__}; pass its name as text, such as "
                "those of recording.layers()"
            )
    return found


def names(model: nn.Module) -> list[str]:
    """Names of all modules that can be looked into, under each place where one stands.

    Raises
    ------
    UserError
        If the model is none, or scripted or traced as a whole.

    Examples
    --------
    >>> names(nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.ReLU())))
    ['0', '1', '1.0']
    """
    if not isinstance(model, nn.Module):
        raise UserError(f"model is a {type(model).__name__}; it must be a torch.nn.Module")
    if isinstance(model, ScriptModule):
        raise UserError(f"the model is a {type(model).__name__}, {_CLOSED}")
    # Under every name of a module that stands at several places, unlike torch's default.
    named = dict(model.named_modules(remove_duplicate=False))
    closed = tuple(f"{n}." for n, module in named.items() if isinstance(module, ScriptModule))
    return [name for name in named if name and not f"{name}.".startswith(closed)]


def _site(name: str, model: nn.Module) -> Site:
    # What torch.compile wraps can be asked for by its own name, too.
    known = {known.replace(_COMPILED, ""): known for known in names(model)}
    known |= {each: each for each in known.values()}
    module, mark, call = str(name).rpartition("#")
    if name in known:
        return Site(known[name], None)
    if module in known and call.isdecimal() and int(call) > 0:
        return Site(known[module], int(call))
    wanted = module if mark else str(name)
    if (
        wanted
        and wanted not in known
        and wanted in dict(model.named_modules(remove_duplicate=False))
    ):
        raise UserError(f"layer {name!r} belongs to a part of the model {_CLOSED}")
    close, several = difflib.get_close_matches(wanted, known, n=3), ", ".join(list(known)[:8])
    remedy = f"did you mean {', '.join(close)}?" if close else f"it has {several}, ..."
    raise UserError(
        f"no layer {name!r} in {type(model).__name__}: {remedy} (recording.layers lists all)"
    )


def _attach(
    module: nn.Module, name: str, hook: Callable[[str, int, Any], Any], what: str
) -> RemovableHandle:
    calls = count(1)

    def before(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        hook(name, next(calls), (*args, *kwargs.values()))

    def after(_: nn.Module, args: Any, output: Any) -> Any:
        return hook(name, next(calls), output)

    if what == "input":
        return module.register_forward_pre_hook(before, with_kwargs=True)
    return module.register_forward_hook(after)
