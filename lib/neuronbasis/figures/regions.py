"""Pictures of many neurons at once: boundaries, the cells between them, and their signs."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from numpy.typing import NDArray

from neuronbasis.figures import style
from neuronbasis.figures.style import PALETTE

POSITIVE, NEGATIVE = PALETTE[3], PALETTE[0]
"""Colours of the two signs: vermilion and blue, which also differ in lightness."""

_MARKED = (PALETTE[9], PALETTE[4])  # the two regions that are compared
_LINE = "0.35"


def line_guides(cells: xr.Dataset, inputs: Sequence[float]) -> Figure:
    """Draw a layer of one input: outputs at marked inputs, and where they change sign.

    Parameters
    ----------
    cells : Dataset
        Of one input, from `regions.arrangement`.
    inputs
        The inputs to mark.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.6), sharey=True)
    for axes in (left, right):
        _guides(axes, cells)
    for x in inputs:
        left.axvline(x, color="0.8", zorder=0)
        outputs = cells.weight.values[:, 0] * x + cells.bias.values
        _signed(left, np.full(len(outputs), x), outputs, outputs)
    _triangles(right, cells)
    left.set(ylabel="output y = w x + b", title="outputs at two inputs")
    right.set(title="where a neuron changes sign")
    for axes, key in (
        (left, _sign_key("o", "s", "positive output", "negative output")),
        (right, _sign_key("^", "v", "weight w > 0", "weight w < 0")),
    ):
        axes.legend(*key, loc="lower center", bbox_to_anchor=(0.5, 1.08), ncols=2)
    return figure


def line_signs(cells: xr.Dataset, inputs: Sequence[float]) -> Figure:
    """Draw the input line alone, a strip a neuron: where it is positive and where negative.

    Parameters
    ----------
    cells : Dataset
        Of one input.
    inputs
        The inputs to mark.
    """
    figure, axes = plt.subplots(figsize=(9, 4.6))
    ends = cells.vertices.values[..., 0]
    for (low, high), signs in zip(ends, cells.signs.values, strict=True):
        for row, sign in enumerate(signs):
            colour = POSITIVE if sign > 0 else NEGATIVE
            axes.fill_between([low, high], row - 0.4, row + 0.4, color=colour, linewidth=0)
            if high - low > 0.04 * (ends.max() - ends.min()):
                text = "+" if sign > 0 else "−"
                axes.text((low + high) / 2, row, text, color="white", ha="center", va="center")
    for x in cells.ends.values.ravel():
        axes.axvline(x, color="white", linewidth=1.6)
    for x in inputs:
        axes.axvline(x, color="black", linestyle="--", linewidth=1.4)
        axes.text(x, -0.75, f"x = {x:g}", ha="center", va="bottom")
    count = cells.sizes["neuron"]
    axes.set_yticks(range(count), [str(k + 1) for k in range(count)])
    axes.set(xlabel="input x", ylabel="neuron", ylim=(count - 0.4, -0.6))
    axes.set(xlim=(ends.min(), ends.max()))
    return figure


def plane_guides(cells: xr.Dataset) -> Figure:
    """Draw a layer of two inputs as planes over the input plane, and their traces in it.

    Parameters
    ----------
    cells : Dataset
        Of two inputs; few neurons.
    """
    figure = plt.figure(figsize=(10, 5))
    space: Any = figure.add_subplot(1, 2, 1, projection="3d")
    plane = figure.add_subplot(1, 2, 2)
    (left, right), (low, high) = cells.window.values
    top = _sheet(space, cells, (0, 0), 0, "0.6")
    for k, colour in enumerate(_neuron_colours(cells)):
        top = max(top, _sheet(space, cells, cells.weight.values[k], cells.bias.values[k], colour))
        for ends in cells.ends.values[cells.flips.values[:, k]]:
            space.plot(*ends.T, np.zeros(2), color=colour, linewidth=2.4)
            plane.plot(*ends.T, color=colour, linewidth=2.4)
    _name_lines(plane, cells, _neuron_colours(cells))
    space.set(xlim=(left, right), ylim=(low, high), zlim=(-top, top))
    space.set(xlabel="input $x_1$", ylabel="input $x_2$", zlabel="output")
    space.set(xticks=(left, right), yticks=(low, high), zticks=(0,))
    space.grid(visible=False)
    space.zaxis.labelpad = -2
    space.set_box_aspect(None, zoom=0.82)  # or its label lies on the other panel
    space.set_title("neurons as planes")
    square(plane, cells)
    plane.set_title("their boundaries in the input plane")
    return figure


def plane_signs(cells: xr.Dataset, marked: Sequence[int]) -> Figure:
    """Draw the input plane alone with both sides of each boundary, and compare two regions.

    Parameters
    ----------
    cells : Dataset
        Of two inputs.
    marked
        Numbers of two cells.
    """
    figure, (plane, table) = plt.subplots(
        1, 2, figsize=(10, 5), gridspec_kw={"width_ratios": [1.6, 1]}
    )
    for colour, cell, name in zip(_MARKED, marked, "AB", strict=True):
        plane.add_patch(Polygon(cells.vertices.values[cell], color=colour, alpha=0.55))
        plane.text(*cells.centre.values[cell], name, ha="center", va="center", weight="bold")
    for k in range(cells.sizes["neuron"]):
        _sides(plane, cells, k)
    _name_lines(plane, cells, ["black"] * cells.sizes["neuron"])
    square(plane, cells)
    key = _sign_key("s", "s", "positive side", "negative side")
    plane.legend(*key, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
    _sign_table(table, cells.signs.values[list(marked)])
    return figure


def firing(panels: Mapping[str, xr.Dataset]) -> Figure:
    """Draw how many neurons are positive in each cell, a panel a layer.

    Parameters
    ----------
    panels
        Cells of two inputs, by title.
    """
    figure, row = style.panels(len(panels), (5, 4.6))
    for axes, (title, cells) in zip(row, panels.items(), strict=True):
        number = (cells.signs.values > 0).sum(axis=1)
        shapes = PolyCollection(
            list(cells.vertices.values), array=number, cmap="viridis", edgecolors="white"
        )
        shapes.set(linewidths=0.8, clim=(0, cells.sizes["neuron"]))
        axes.add_collection(shapes)
        square(axes, cells)
        axes.set_title(title)
    figure.colorbar(shapes, ax=row, label="neurons that fire", shrink=0.85)
    return figure


def _guides(axes: Axes, cells: xr.Dataset) -> None:
    low, high = cells.window.values[0]
    ends = np.array([low, high])
    heights = cells.weight.values * ends + cells.bias.values[:, None]
    axes.axhline(0, color="black", linewidth=1)
    last = np.argsort(heights[:, 1])
    # Names apart from each other, in the order of the lines' ends.
    gap = 0.055 * float(np.ptp(heights))
    places = heights[last, 1].copy()
    for k in range(1, len(places)):
        places[k] = max(places[k], places[k - 1] + gap)
    places += np.mean(heights[last, 1] - places)
    for k, place in zip(last, places, strict=True):
        axes.plot(ends, heights[k], color="0.6", linewidth=1)
        axes.annotate(str(k + 1), (high, place), (4, 0), textcoords="offset points", va="center")
    axes.set(xlim=(low, high), xlabel="input x")


def _signed(axes: Axes, x: Any, y: Any, signs: Any) -> None:
    for positive, marker, colour in ((True, "o", POSITIVE), (False, "s", NEGATIVE)):
        own = (np.asarray(signs) > 0) == positive
        axes.plot(x[own], y[own], marker, color=colour, markersize=8)


def _triangles(axes: Axes, cells: xr.Dataset) -> None:
    for x, flips in zip(cells.ends.values[:, 0, 0], cells.flips.values, strict=True):
        for k in np.flatnonzero(flips):
            up = cells.weight.values[k, 0] > 0
            marker, colour = ("^", POSITIVE) if up else ("v", NEGATIVE)
            axes.plot(x, 0, marker, color=colour, markersize=11)
            look: dict[str, Any] = {"ha": "center", "va": "center", "weight": "bold"}
            place = (0, 14 if up else -14)
            axes.annotate(str(k + 1), (x, 0), place, textcoords="offset points", **look)


def _sign_key(up: str, down: str, first: str, second: str) -> tuple[list[Any], list[str]]:
    handles = [
        plt.Line2D([], [], color=colour, marker=marker, linestyle="none", markersize=8)
        for marker, colour in ((up, POSITIVE), (down, NEGATIVE))
    ]
    return handles, [first, second]


def _sheet(axes: Any, cells: xr.Dataset, weight: Any, bias: float, colour: Any) -> float:
    """The plane of outputs over the window; the largest output's size."""
    x, y = np.meshgrid(*cells.window.values)
    heights = weight[0] * x + weight[1] * y + bias
    axes.plot_surface(x, y, heights, color=colour, alpha=0.3, edgecolor=colour, shade=False)
    return float(np.abs(heights).max())


def _neuron_colours(cells: xr.Dataset) -> list[Any]:
    return [PALETTE[k % 10] for k in (0, 1, 2, 4, 7, 8, 9, 3, 5, 6)][: cells.sizes["neuron"]]


def _trace(cells: xr.Dataset, neuron: int) -> NDArray[np.float64]:
    """Both ends of a neuron's boundary in the window; shape (0, 2) if there is none."""
    ends = cells.ends.values[cells.flips.values[:, neuron]].reshape(-1, 2)
    weight = cells.weight.values[neuron]
    along = ends @ np.array([-weight[1], weight[0]])
    return ends[[along.argmin(), along.argmax()]] if len(ends) else ends


def _name_lines(axes: Axes, cells: xr.Dataset, colours: Sequence[Any]) -> None:
    """Each neuron's number on its boundary, near the end that is further from other numbers."""
    taken: list[NDArray[np.float64]] = []
    for k, colour in enumerate(colours):
        ends = _trace(cells, k)
        if not len(ends):
            continue
        inward = (ends[::-1] - ends) / max(float(np.linalg.norm(ends[0] - ends[1])), 0.2)
        places = ends + 0.09 * inward
        apart = [min((float(np.linalg.norm(p - q)) for q in taken), default=9.0) for p in places]
        x, y = places[int(np.argmax(apart))]
        taken.append(np.array([x, y]))
        ring = {"boxstyle": "circle,pad=0.2", "facecolor": "white", "edgecolor": colour}
        name = axes.text(x, y, str(k + 1), ha="center", va="center", color=colour, bbox=ring)
        name.set_fontweight("bold")


def _sides(axes: Axes, cells: xr.Dataset, neuron: int) -> None:
    """A ribbon on each side of a boundary, in the colour of the sign there."""
    ends = _trace(cells, neuron)
    if not len(ends):
        return
    weight = cells.weight.values[neuron]
    step = 0.022 * float(np.ptp(cells.window.values)) * weight / np.linalg.norm(weight)
    for shift, colour in ((step, POSITIVE), (-step, NEGATIVE)):
        ribbon = np.vstack([ends, ends[::-1] + shift])
        axes.add_patch(Polygon(ribbon, color=colour, alpha=0.8, linewidth=0))
    axes.plot(*ends.T, color="black", linewidth=1)


def _sign_table(axes: Axes, signs: NDArray[np.int8]) -> None:
    for column, own in enumerate(signs):
        for row, sign in enumerate(own):
            colour = POSITIVE if sign > 0 else NEGATIVE
            axes.add_patch(plt.Rectangle((column, row - 0.4), 0.9, 0.8, color=colour))
            text = "+" if sign > 0 else "−"
            axes.text(column + 0.45, row, text, color="white", ha="center", va="center", size=14)
    for row in np.flatnonzero(signs[0] != signs[1]).tolist():
        axes.text(2.05, row, "flips", va="center")
    axes.set_xticks([0.45, 1.45], ["region A", "region B"])
    axes.set_yticks(range(signs.shape[1]), [f"neuron {k + 1}" for k in range(signs.shape[1])])
    axes.set(xlim=(-0.1, 2.7), ylim=(signs.shape[1] - 0.4, -0.6))
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)


def square(axes: Axes, cells: xr.Dataset) -> None:
    """Give axes the window of some cells of two inputs."""
    (left, right), (low, high) = cells.window.values
    axes.set(xlim=(left, right), ylim=(low, high), aspect="equal")
    axes.set(xticks=np.linspace(left, right, 5), yticks=np.linspace(low, high, 5))
    axes.set(xlabel="input $x_1$", ylabel="input $x_2$")
    for side in axes.spines.values():
        side.set_visible(True)
