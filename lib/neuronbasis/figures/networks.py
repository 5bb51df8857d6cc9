"""Diagrams of networks in the notation of Bird (2025), App. H, as far as its text tells it.

Square brackets along a line hold the shape of the data that it carries, parentheses the sizes of a
module, curly brackets a stride and bars a padding. Sigma is an activation function; here it is a
module of its own, because the latent layer is read before it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch
from torch import nn

from neuronbasis.figures.style import PALETTE
from neuronbasis.recording import Step

_HEIGHT, _GAP = 0.5, 0.72  # of a box; between two boxes


@dataclass(frozen=True)
class Diagram:
    """What one diagram shows.

    Attributes
    ----------
    steps : sequence of Step
        What `recording.steps` returns.
    inputs : tuple of int
        Shape of a sample.
    latent : str
        Name of the step whose output is the latent layer; empty: none is marked.
    data, cost : str
        What goes in at the top, and by what the output is judged.
    """

    steps: Sequence[Step]
    inputs: tuple[int, ...]
    latent: str = ""
    data: str = "data"
    cost: str = "MSE"


def draw(axes: Axes, diagram: Diagram) -> Axes:
    """Draw one network from top to bottom.

    Parameters
    ----------
    axes
        Where to draw; its frame is taken off.
    diagram
        The network.
    """
    _text(axes, 0, diagram.data, weight="bold")
    shape, latent, y = diagram.inputs, False, 0.0
    for step in diagram.steps:
        _line(axes, y, shape, latent)
        y -= _HEIGHT + _GAP
        _module(axes, y, step.module)
        shape, latent = step.shape, step.name == diagram.latent
    _line(axes, y, shape, latent)
    y -= _HEIGHT + _GAP
    _text(axes, y, diagram.cost, weight="bold")
    axes.set(xlim=(-1.6, 1.6), ylim=(y - _HEIGHT, _HEIGHT), aspect="equal")
    axes.axis("off")
    return axes


def side_by_side(diagrams: Mapping[str, Diagram]) -> Figure:
    """Draw networks beside each other, on one scale, by title."""
    longest = max(len(each.steps) for each in diagrams.values()) + 2
    size = (3.6 * len(diagrams), 0.95 * longest + 0.6)
    figure, row = plt.subplots(1, len(diagrams), figsize=size, squeeze=False)
    for axes, (title, diagram) in zip(row[0], diagrams.items(), strict=True):
        draw(axes, diagram)
        axes.set_ylim(-(longest - 1) * (_HEIGHT + _GAP) - _HEIGHT, _HEIGHT)
        axes.set_title(title)
    return figure


def label(module: nn.Module) -> str:
    """What stands in a module's box: its kind, and its sizes in parentheses.

    Examples
    --------
    >>> label(nn.Linear(784, 24))
    'linear (784, 24)'
    >>> label(nn.Dropout(0.2))
    'dropout (0.2)'
    """
    for kind, describe in _LABELS.items():
        if isinstance(module, kind):
            return describe(module)
    about = str(module.extra_repr()).split(", ")[0].removeprefix("p=")
    name = type(module).__name__.lower()
    return f"{name} ({about})" if about and "=" not in about else name


def is_activation(module: nn.Module) -> bool:
    """Whether a module is an activation function: torch's own, or one of this library."""
    home = type(module).__module__
    return home in ("torch.nn.modules.activation", "neuronbasis.nonlinearity")


def _convolution(module: Any) -> str:
    sizes = (*module.kernel_size[::-1], module.in_channels, module.out_channels)
    stride, padding = (", ".join(map(str, pair[::-1])) for pair in (module.stride, module.padding))
    return f"conv {sizes} {{{stride}}} |{padding}|"


_LABELS: dict[type[nn.Module], Callable[[Any], str]] = {
    nn.Linear: lambda module: f"linear ({module.in_features}, {module.out_features})",
    nn.Conv2d: _convolution,
    nn.MaxPool2d: lambda module: f"max ({module.kernel_size}) {{{module.stride}}}",
    nn.AvgPool2d: lambda module: f"avr ({module.kernel_size}) {{{module.stride}}}",
}


def _module(axes: Axes, y: float, module: nn.Module) -> None:
    if is_activation(module):
        axes.add_patch(Circle((0, y), _HEIGHT / 2, facecolor="white", edgecolor="black"))
        _text(axes, y, "σ", size=14)
        basis = getattr(module, "basis", None)
        kind = type(module).__name__.lower() if basis is None else f"m = {basis.m}"
        axes.text(-0.35, y, kind, ha="right", va="center", fontsize=10)
        return
    box = FancyBboxPatch(
        (-1.15, y - _HEIGHT / 2),
        2.3,
        _HEIGHT,
        boxstyle="round,pad=0,rounding_size=0.08",
        facecolor=(*PALETTE[0], 0.18) if isinstance(module, nn.Linear | nn.Conv2d) else "0.93",
        edgecolor="black",
    )
    axes.add_patch(box)
    _text(axes, y, label(module))


def _line(axes: Axes, y: float, shape: tuple[int, ...], latent: bool) -> None:
    """The arrow below a box, with the shape of what it carries; the latent layer stands out."""
    start, end = y - _HEIGHT / 2, y - _HEIGHT / 2 - _GAP
    colour = PALETTE[3] if latent else "black"
    arrow = {"arrowstyle": "-|>", "color": colour, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", (0, end), (0, start), arrowprops=arrow | {"linewidth": 2 if latent else 1})
    said = f"[{', '.join(map(str, shape))}]" + (" latent" if latent else "")
    weight = "bold" if latent else "normal"
    middle = (start + end) / 2
    axes.text(0.12, middle, said, va="center", fontsize=10, color=colour, fontweight=weight)


def _text(axes: Axes, y: float, text: str, size: int = 11, weight: str = "normal") -> None:
    axes.text(0, y, text, ha="center", va="center", fontsize=size, fontweight=weight)
