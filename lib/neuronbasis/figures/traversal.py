"""Pictures of what lies along basis vectors."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from neuronbasis.figures.style import PALETTE

_WIDTH = 11.0  # inches, of the whole figure
_GAP = 0.08  # between pictures, as a share of their size
_SMALLEST = 9  # points


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
    shown = [0, (len(centres) - 1) // 2, len(centres) - 1] if len(centres) % 2 else [0, -1]
    axes.set_xticks(
        [centres[i] for i in shown], [f"{result.coordinate.values[i]:.3g}" for i in shown]
    )
    axes.set_yticks([])
    axes.tick_params(length=0, labelsize=_SMALLEST)
    axes.set_ylabel(str(result.label.item()), fontsize=_SMALLEST + 1)
    axes.spines[:].set_visible(False)
    return axes


def _height(result: xr.Dataset) -> float:
    """Height of a block as a share of its width."""
    sizes = result.picture.sizes
    return sizes["rank"] * sizes["y"] / (sizes["point"] * sizes["x"])


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
    figure, row = plt.subplots(
        1, len(results), figsize=(4.4 * len(results), 4.2), sharex=True, sharey=True, squeeze=False
    )
    for axes, (title, found) in zip(row[0], results.items(), strict=True):
        axes.plot(*feasible.T, ".", color="0.75", markersize=2, rasterized=True)
        axes.plot([], [], "o", color="0.75", label="feasible")
        axes.axline(mean, np.add(mean, vector), color=PALETTE[1], label="the basis vector's line")
        targets = [one.attrs["target"] for one in found if one.attrs["target"] != "none"]
        points = np.asarray(mean) + np.multiply.outer(targets, np.asarray(vector))
        axes.plot(*points.reshape(-1, 2).T, "x", color="black", markersize=8, label="target")
        ends = np.concatenate([one.activation.values for one in found])
        axes.plot(*ends.T, "o", color=PALETTE[0], markersize=6, label="result")
        axes.set(title=title, xlabel="activation of the first unit", aspect="equal")
    row[0][0].set_ylabel("activation of the second unit")
    handles, labels = row[0][-1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure
