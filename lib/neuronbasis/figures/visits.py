"""Pictures of the regions of a network: how many there are, and which of them data visit."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from neuronbasis.figures import style
from neuronbasis.figures.regions import square
from neuronbasis.figures.style import PALETTE


def counts(measured: xr.DataArray, formula: xr.DataArray) -> Figure:
    """Draw numbers of regions against numbers of neurons.

    Parameters
    ----------
    measured : DataArray (kind, m, layer)
        Counted on random layers.
    formula : DataArray (kind, m)
        The most there can be.
    """
    figure, axes = plt.subplots(figsize=(8, 4.4))
    for colour, dash, line in zip(PALETTE, ("-", "--"), formula, strict=False):
        axes.plot(
            line.m, line, dash, color=colour, linewidth=1.8, label=f"most: {line.kind.item()}"
        )
    for colour, marker, found in zip(PALETTE, ("o", "s", "^"), measured, strict=False):
        m, number = np.broadcast_arrays(found.m.values[:, None], found.transpose("m", "layer"))
        look = {"color": colour, "markersize": 7, "markerfacecolor": "none"}
        label = f"counted: {found.kind.item()}"
        axes.plot(m.ravel(), number.ravel(), marker, label=label, **look)
    axes.set(xscale="log", yscale="log", xlabel="neurons m", ylabel="regions")
    axes.set(ylim=(1.5, 3 * float(measured.max())))
    axes.set_xticks(formula.m.values, [str(m) for m in formula.m.values])
    axes.minorticks_off()
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def latent(
    cells: xr.Dataset,
    visits: NDArray[np.int64],
    points: NDArray[np.float64],
    labels: NDArray[np.int64],
    names: Sequence[str],
) -> Figure:
    """Draw the cells of a decoder: how many inputs visit each, and which classes lie where.

    Parameters
    ----------
    cells : Dataset
        Of two inputs.
    visits : shape (cell,)
        Inputs in each cell.
    points, labels : shapes (N, 2) and (N,)
        The inputs and their classes.
    names
        Of the classes.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 5))
    shapes = PolyCollection(list(cells.vertices.values), edgecolors="0.7", linewidths=0.5)
    colours = plt.colormaps["viridis_r"].with_extremes(bad="white")
    shapes.set(array=np.ma.masked_equal(visits, 0), cmap=colours)
    left.add_collection(shapes)
    figure.colorbar(shapes, ax=left, label="images in the region (white: none)", shrink=0.8)
    right.add_collection(LineCollection(list(cells.ends.values), colors="0.8", linewidths=0.5))
    for k, name in enumerate(names):
        own = points[labels == k]
        look: dict[str, Any] = {"color": PALETTE[k % 10], "markersize": 5, "linestyle": "none"}
        right.plot(*own.T, marker="osD^v<>pP*"[k % 10], label=name, **look)
    for axes, title in ((left, "regions and visits"), (right, "the images by class")):
        square(axes, cells)
        axes.set(title=title, xlabel="activation $a_1$", ylabel="activation $a_2$")
    right.legend(loc="center left", bbox_to_anchor=(1, 0.5), handletextpad=0, borderpad=0)
    return figure


def cell_pictures(
    printed: NDArray[np.float64], means: NDArray[np.float64], titles: Sequence[str]
) -> Figure:
    """Draw the signs of cells as pictures, above the mean of the images that lie there.

    Parameters
    ----------
    printed, means : shape (cell, H, W)
        Signs of the pixels; mean images, both in [-1, 1].
    titles
        One a cell.
    """
    figure, grid = plt.subplots(2, len(titles), figsize=(9, 3.6), squeeze=False)
    for column, title in zip(range(len(titles)), titles, strict=True):
        for row, images in zip(grid, (printed, means), strict=True):
            row[column].imshow(images[column], cmap="gray", vmin=-1, vmax=1)
            row[column].set(xticks=[], yticks=[])
        grid[0][column].set_title(title)
    grid[0][0].set_ylabel("signs")
    grid[1][0].set_ylabel("mean image")
    return figure


def visits(numbers: Mapping[str, Sequence[float]], label: str, scale: str = "linear") -> Figure:
    """Draw one number a network under several conditions.

    Parameters
    ----------
    numbers
        Condition -> one number a network.
    label
        What the number is.
    scale
        Of its axis: "linear" or "log".
    """
    figure, axes = plt.subplots(figsize=(8, 1.2 + 0.55 * len(numbers)))
    for row, values in enumerate(numbers.values()):
        axes.plot(values, [row] * len(values), "o", color=PALETTE[0], alpha=0.6, markersize=8)
        axes.plot(np.mean(values), row, "|", color="black", markersize=22, markeredgewidth=2)
    style.rows(axes, list(numbers))
    axes.set(xlabel=label, xscale=scale)
    if scale == "linear":
        axes.set_xlim(0)
    return figure
