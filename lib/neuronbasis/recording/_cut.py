"""A network cut at a layer: the part before it runs once, the part after it many times."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, fx, nn

from neuronbasis.errors import UserError
from neuronbasis.recording import _values
from neuronbasis.recording._hooks import Names, Site, hooked, sites, the_call


@dataclass(frozen=True)
class Passed:
    """What is known of one batch of images once it has passed the layer.

    Attributes
    ----------
    outputs : list of Tensor
        What each of the modules gave, before anything changed it.
    images : Tensor, tuple or mapping
        The batch itself.
    kept : dict
        By node of the traced network: what the part after the layer needs besides the outputs,
        such as the other arm of a residual block, and what the outputs stood in. Empty where the
        whole network is run again.
    """

    outputs: list[Tensor]
    images: Any
    kept: dict[fx.Node, Any] = field(default_factory=dict)


class Cut(Protocol):
    """A network cut at the outputs of some of its modules; made by `cut`.

    Attributes
    ----------
    once : bool
        Whether the part before the cut is spared when the part after it runs again.
    """

    once: bool

    def before(self, images: Any) -> Passed:
        """Run a batch of images up to the cut."""

    def after(self, passed: Passed, outputs: Sequence[Tensor]) -> Any:
        """Give the network's answer if its modules had given these outputs instead.

        The outputs must have the shapes of ``passed.outputs``. They are copied, so neither they
        nor what has passed is changed by in-place operations that follow in the network.
        """


def cut(model: nn.Module, layer: Names, images: Any) -> Cut:
    """Cut a network at the outputs of some of its modules.

    The network is traced (`torch.fx`) with every module that holds none of the named ones taken
    as one step, so only the forward methods around these have to be traceable. Whatever does not
    depend on their outputs then belongs to the part before. A network that cannot be traced, or
    whose parts together do not give its very answer, is run as a whole each time, with hooks that
    replace the outputs: as exact, and as slow as the network.

    Parameters
    ----------
    model : torch.nn.Module
        Called as ``model(images)``, in eval mode (see `recording.inference`), here and later.
        Nothing is left attached to it. It gives one tensor, be it in a tuple, dictionary or
        dataclass, or one called ``logits`` or ``out`` besides others: that is its answer.
    layer : str, sequence of str, or mapping of one name to them
        Names of modules, see `recording.sites`; each must give one tensor, be it in a tuple.
    images : Tensor, shape (N, ...), or several in a tuple or mapping
        A few images, on which the cut is tried: with nothing replaced it gives, to the last bit,
        what the network gives. Where they are given by name, the whole network is run.

    Returns
    -------
    Cut

    Raises
    ------
    UserError
        If a name is unknown, a module does not run, runs more than once with no call named, or
        gives no single tensor; if the network is in training mode or gives no single tensor, or
        its answer is not the same when the outputs are put back.

    Examples
    --------
    >>> net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(inplace=True), nn.Linear(4, 2)).eval()
    >>> images = torch.ones(5, 3)
    >>> halves = cut(net, "0", images)
    >>> passed = halves.before(images)
    >>> halves.once, torch.equal(halves.after(passed, passed.outputs), net(images))
    (True, True)
    >>> silent = halves.after(passed, [torch.zeros(5, 4)])
    >>> torch.equal(silent[0], net[2].bias)
    True
    """
    places = [site for several in sites(model, layer).values() for site in several]
    if len({(site.module, site.call or 1) for site in places}) < len(places):
        raise UserError(f"layer {layer!r} names a module twice; name each once")
    if any(module.training for module in model.modules()):
        raise UserError("the model is in training mode, so its answers vary: call model.eval()")
    whole = _Whole(model, places)
    _, answer = whole.observed(images)
    if not isinstance(answer, Tensor):
        raise UserError(f"the model gives a {type(answer).__name__}; it must give one tensor")
    traced = None if isinstance(images, Mapping) else _traced(model, places)
    if traced and _agrees(traced, images, answer):
        return traced
    if _agrees(whole, images, answer):
        return whole
    raise UserError(
        f"putting back what {', '.join(map(str, places))} gave changes the model's answer: it is "
        "random, or the tensor is changed under another name; name another layer"
    )


class _Whole:
    """Runs the whole network each time, with hooks that replace the outputs."""

    once = False

    def __init__(self, model: nn.Module, places: Sequence[Site]) -> None:
        self.model, self.sites = model, places
        self._calls = [(site.module, site.call or 1) for site in places]

    @torch.no_grad()
    def observed(self, images: Any) -> tuple[list[Tensor], Any]:
        """Outputs at the sites, and the network's answer, or whatever it gives in its place."""
        seen: dict[str, list[Any]] = {site.module: [] for site in self.sites}

        def keep(name: str, call: int, output: Any) -> None:
            seen[name].append(_copy(output))

        with hooked(self.model, seen, keep):
            given = _values.call(self.model, images)
        answer = _values.answer(given)
        outputs = [_output(site, the_call(site, seen[site.module])) for site in self.sites]
        return outputs, given if answer is None else answer

    def before(self, images: Any) -> Passed:
        return Passed(self.observed(images)[0], images)

    @torch.no_grad()
    def after(self, passed: Passed, outputs: Sequence[Tensor]) -> Any:
        instead = dict(zip(self._calls, _alike(passed.outputs, outputs), strict=True))
        names = {name for name, _ in instead}

        def put(name: str, call: int, output: Any) -> Any:
            given = instead.get((name, call))
            return None if given is None else _values.with_first(output, given)

        with hooked(self.model, names, put):
            return _values.answer(_values.call(self.model, passed.images))


def _output(site: Site, output: Any) -> Tensor:
    found = _values.only(output)
    if found is None:
        kind = type(output).__name__
        raise UserError(f"layer {str(site)!r} gives a {kind}; name a layer that gives one tensor")
    return found


class _Traced:
    """Runs the steps that depend on the outputs, from what the other steps gave."""

    once = True

    def __init__(self, graph: fx.GraphModule, found: list[fx.Node], later: set[fx.Node]) -> None:
        self.graph, self.sites, self.later = graph, found, later
        needed = {node for step in later for node in step.all_input_nodes}
        self.kept = needed - later - set(found)

    @torch.no_grad()
    def before(self, images: Any) -> Passed:
        first, inputs = _First(self), images if isinstance(images, tuple) else (images,)
        first.run(*_copy(inputs))
        outputs = [next(_values.tensors(first.found[site])) for site in self.sites]
        return Passed(outputs, images, first.found)

    @torch.no_grad()
    def after(self, passed: Passed, outputs: Sequence[Tensor]) -> Any:
        # A step that has a value, be it none since nobody asks for it, is not run.
        known = dict.fromkeys(n for n in self.graph.graph.nodes if n not in self.later)
        known |= {node: _copy(v) for node, v in passed.kept.items() if node in self.kept}
        for site, output in zip(self.sites, _alike(passed.outputs, outputs), strict=True):
            known[site] = _values.with_first(passed.kept[site], output)
        return _values.answer(fx.Interpreter(self.graph).run(initial_env=known))


class _First(fx.Interpreter):
    """Runs the steps that do not depend on the outputs and keeps what is needed later."""

    def __init__(self, traced: _Traced) -> None:
        super().__init__(traced.graph)
        self.traced, self.found = traced, {}  # type: tuple[_Traced, dict[fx.Node, Any]]

    def run_node(self, node: fx.Node) -> Any:
        if node in self.traced.later:
            return None
        value = super().run_node(node)
        if node in self.traced.sites:
            self.found[node] = _copy(value)  # a later step may change the value in place
        elif node in self.traced.kept:
            self.found[node] = value
        return value


class _Tracer(fx.Tracer):
    """Looks only into the modules that hold one of the sites' modules."""

    def __init__(self, within: set[nn.Module]) -> None:
        super().__init__()
        self.within = within

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return m not in self.within


def _traced(model: nn.Module, places: Sequence[Site]) -> _Traced | None:
    """The network as a graph cut at the sites, or None where that cannot be had."""
    cuts = [model.get_submodule(site.module) for site in places]
    within = {m for m in model.modules() if any(c is not m and c in m.modules() for c in cuts)}
    try:
        graph = _Tracer(within).trace(model)
    except Exception:  # a forward method may raise anything when it is given no tensors
        return None
    found = []
    for site, module in zip(places, cuts, strict=True):
        calls = [
            node
            for node in graph.nodes
            if node.op == "call_module" and model.get_submodule(node.target) is module
        ]
        if len(calls) < (site.call or 1):  # its outer module hides it
            return None
        found.append(calls[(site.call or 1) - 1])
    later: set[fx.Node] = set()
    for node in graph.nodes:  # in the order of running, so that one pass finds all that depend
        if any(given in later or given in found for given in node.all_input_nodes):
            later.add(node)
    # Where one site feeds another, what both gave in one pass cannot be had from the graph.
    if later.intersection(found) or node not in later:
        return None
    return _Traced(fx.GraphModule(model, graph), found, later)


def _agrees(halves: Cut, images: Any, answer: Tensor) -> bool:
    """Whether the cut network gives, with nothing replaced, the very answer of the network."""
    try:
        passed = halves.before(images)
        return torch.equal(halves.after(passed, passed.outputs), answer)
    except Exception:  # a graph that no longer fits the network's own code may fail anywhere
        if halves.once:
            return False
        raise


def _copy(value: Any) -> Any:
    """Copy of each tensor in a value; other things, such as sizes, stay."""
    return _values.mapped(value, Tensor.clone)


def _alike(own: Sequence[Tensor], outputs: Sequence[Tensor]) -> list[Tensor]:
    """Copies of the outputs, laid out in memory as the network's own: kernels may depend on it."""
    for a, b in zip(own, outputs, strict=True):
        if a.shape != b.shape:
            shapes = f"{tuple(b.shape)}; the layer's own is {tuple(a.shape)}"
            raise UserError(f"an output has shape {shapes}: pass one of that shape")
    return [torch.empty_like(a).copy_(b) for a, b in zip(own, outputs, strict=True)]
