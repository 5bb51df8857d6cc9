"""Pictures of what lies along basis vectors, and of inputs that are made to show them."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from neuronbasis.figures import style
from neuronbasis.figures.style import PALETTE

_WIDTH = 11.0  # inches, of the whole figure
_GAP = 0.08  # between pictures, as a share of their size
_SMALLEST = 9  # points

_MARKS = "osD^"
_COLOURS = {
    "maximised": PALETTE[1],
    "stopped": PALETTE[4],
    "approached": PALETTE[0],
    "nearest patch": PALETTE[2],
}
_LABELS = {"stopped": "maximised, stopped at the same coordinate"}


def walks(results: Mapping[str, xr.Dataset], *, levels: tuple[float, float] = (0, 255)) -> Figure:
    """Draw traversals beside one another: a block a vector, in it a column a point.

    In each column the nearest patch is on top, the others below it by distance. Numbers under a
    block are the coordinates of its first, middle and last point.

    Parameters
    ----------
    results
        What `visualisation.pictures` returned, by title, such as PCs and neurons.
    levels
        Darkest and brightest level that pictures can have.
    """
    rows = max(result.sizes["vector"] for result in results.values())
    heights = [_height(result) for result in results.values()]
    block = 0.95 * _WIDTH / len(results) * max(heights)
    figure, grid = plt.subplots(
        rows, len(results), figsize=(_WIDTH, rows * (block + 0.3) + 0.3), squeeze=False
    )
    for column, (title, result) in zip(grid.T, results.items(), strict=True):
        for row, axes in enumerate(column):
            if row < result.sizes["vector"]:
                walk(axes, result.isel(vector=row), levels=levels)
            else:
                axes.set_axis_off()
        column[0].set_title(title)
    return figure


def walk(axes: Axes, result: xr.Dataset, *, levels: tuple[float, float] = (0, 255)) -> Axes:
    """Draw the traversal of one vector.

    Parameters
    ----------
    axes
        Where to draw.
    result
        One vector of what `visualisation.pictures` returned.
    levels
        Darkest and brightest level that pictures can have.
    """
    mosaic, centres = _mosaic(result.picture.values, levels)
    axes.imshow(mosaic, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    _outline(axes, result.picture.shape[:4])
    shown = [0, (len(centres) - 1) // 2, len(centres) - 1] if len(centres) % 2 else [0, -1]
    axes.set_xticks(
        [centres[i] for i in shown], [f"{result.coordinate.values[i]:.3g}" for i in shown]
    )
    axes.set_yticks([])
    axes.tick_params(length=0, labelsize=_SMALLEST)
    axes.set_ylabel(str(result.label.item()), fontsize=_SMALLEST + 1)
    axes.spines[:].set_visible(False)
    return axes


def objectives(
    feasible: NDArray[np.float64],
    results: Mapping[str, Sequence[xr.Dataset]],
    *,
    mean: Sequence[float],
    vector: Sequence[float],
) -> Figure:
    """Draw where inputs made for a basis vector end in a plane of activations, as in Fig. 12.

    Parameters
    ----------
    feasible
        Activations of random legal inputs, shape (samples, 2).
    results
        What `visualisation.maximised` returned, by title of the panel; targets are crosses.
    mean, vector
        A point and the direction of the line that is to be shown.
    """
    figure, row = style.panels(len(results), (4.4, 4.2), sharex=True, sharey=True)
    for axes, (title, found) in zip(row, results.items(), strict=True):
        axes.plot(*feasible.T, ".", color="0.75", markersize=2, rasterized=True)
        axes.plot([], [], "o", color="0.75", label="feasible")
        (x, y), (to_x, to_y) = mean, np.add(mean, vector)
        axes.axline((x, y), (to_x, to_y), color=PALETTE[1], label="the basis vector's line")
        targets = [one.attrs["target"] for one in found if one.attrs["target"] != "none"]
        points = np.asarray(mean) + np.multiply.outer(targets, np.asarray(vector))
        axes.plot(*points.reshape(-1, 2).T, "x", color="black", markersize=8, label="target")
        ends = np.concatenate([one.activation.values for one in found])
        axes.plot(*ends.T, "o", color=PALETTE[0], markersize=6, label="result")
        axes.set(title=title, xlabel="activation of the first unit", aspect="equal")
    row[0].set_ylabel("activation of the second unit")
    figure.legend(*row[-1].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def paths(results: Mapping[str, xr.Dataset]) -> Figure:
    """Draw the ways that inputs take, along the vector and off its line, a panel a layer.

    Parameters
    ----------
    results
        What `visualisation.compare_objectives` returned, by title of the panel.
    """
    figure, grid = style.panels(len(results), (4.8, 3.6), min(len(results), 2))
    for axes, (title, result) in zip(grid, results.items(), strict=True):
        for made in result.made.values:
            along, off = (
                result[name].sel(made=made).stack(each=("vector", "run")).values
                for name in ("along_path", "off_path")
            )
            axes.plot(along, off, color=_COLOURS[made], linewidth=0.8, alpha=0.6)
        for name, mark in zip(result.objective.values, _MARKS, strict=False):
            end = result.sel(objective=name)
            axes.plot(
                end.along.values.ravel(), end.off.values.ravel(), mark, color=_COLOURS[name],
                markersize=4, label=_LABELS.get(name, name),
            )  # fmt: skip
        axes.plot(1, 0, "x", color="black", markersize=10, markeredgewidth=2, label="target")
        axes.set(title=title, xlabel="along the vector / target", ylabel="off its line / target")
    figure.legend(*grid[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def isolations(values: xr.DataArray) -> Figure:
    """Draw the isolation, a panel a basis, a dot for each unit of the interval.

    Parameters
    ----------
    values : DataArray (basis, layer, shown, unit)
        Isolation in [0, 1]; ``shown`` names how the input was made, ``unit`` is a network or a
        vector.
    """
    bases = values.basis.values
    figure, row = style.panels(len(bases), (3.7, 4.2), sharey=True)
    place = np.arange(values.sizes["layer"])
    shift = np.linspace(-0.27, 0.27, values.sizes["shown"])
    for axes, basis in zip(row, bases, strict=True):
        for name, mark, move in zip(values.shown.values, _MARKS, shift, strict=False):
            own = values.sel(basis=basis, shown=name).transpose("layer", "unit")
            x = np.repeat(place + move, own.sizes["unit"])
            colour = _COLOURS[name]
            axes.plot(x, own.values.ravel(), mark, color=colour, markersize=4, alpha=0.6)
            axes.plot(
                place + move, own.mean("unit"), "_", color=colour, markersize=18,
                markeredgewidth=2.5, label=_LABELS.get(name, name),
            )  # fmt: skip
        axes.axhline(0.5, color="0.6", linewidth=1, linestyle=":")
        axes.set_xticks(place, [str(layer) for layer in values.layer.values])
        axes.set(title=str(basis), ylim=(-0.03, 1.03), xlabel="layer")
    row[0].set_ylabel("isolation: fraction along the vector")
    figure.legend(*row[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def inputs(pictures: Mapping[str, Sequence[NDArray[Any]]], titles: Sequence[str]) -> Figure:
    """Draw pictures in labelled rows, below the names of what they show.

    Parameters
    ----------
    pictures
        Row label -> pictures (H, W) or (H, W, 3), uint8, one a title.
    titles
        What each column shows.
    """
    figure, grid = plt.subplots(
        len(pictures), len(titles), squeeze=False, layout="constrained",
        figsize=(1.1 * len(titles) + 1.2, 1.15 * len(pictures) + 0.4),
    )  # fmt: skip
    for line, (label, row) in zip(grid, pictures.items(), strict=True):
        for axes, picture in zip(line, row, strict=True):
            axes.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
        line[0].set_ylabel(label, rotation=0, ha="right", va="center", fontsize=11)
    for axes, title in zip(grid[0], titles, strict=True):
        axes.set_title(title, fontsize=10)
    return figure


def _height(result: xr.Dataset) -> float:
    """Height of a block as a share of its width."""
    sizes = result.picture.sizes
    return sizes["rank"] * sizes["y"] / (sizes["point"] * sizes["x"])


def _outline(axes: Axes, shape: tuple[int, ...]) -> None:
    """A thin line about each picture of a mosaic: some are as white as the page."""
    points, ranks, height, width = shape
    step_y, step_x = (size + max(1, round(_GAP * size)) for size in (height, width))
    for point, rank in np.ndindex(points, ranks):
        corner = (point * step_x - 0.5, rank * step_y - 0.5)
        axes.add_patch(
            Rectangle(corner, width, height, fill=False, edgecolor="0.7", linewidth=0.4)
        )  # fmt: skip


def _mosaic(
    pictures: NDArray[np.generic], levels: tuple[float, float]
) -> tuple[NDArray[np.float64], list[float]]:
    """Pictures (point, rank, y, x, ...) laid out on white, and the middle of each column."""
    points, ranks, height, width = pictures.shape[:4]
    step_y, step_x = (size + max(1, round(_GAP * size)) for size in (height, width))
    low, high = levels
    scaled = np.clip((pictures.astype(float) - low) / (high - low), 0, 1)
    canvas = np.ones((ranks * step_y, points * step_x, *pictures.shape[4:]))
    for point, rank in np.ndindex(points, ranks):
        top, left = rank * step_y, point * step_x
        canvas[top : top + height, left : left + width] = scaled[point, rank]
    centres = [point * step_x + (width - 1) / 2 for point in range(points)]
    return canvas[: canvas.shape[0] - step_y + height], centres
