"""Pictures of inputs made to show basis vectors, and of what else they bring along."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import NDArray

from neuronbasis.figures.style import PALETTE

_MARKS = "osD^"
COLOURS = {
    "maximised": PALETTE[1],
    "stopped": PALETTE[4],
    "approached": PALETTE[0],
    "nearest patch": PALETTE[2],
}
_LABELS = {"stopped": "maximised, stopped at the same coordinate"}


def paths(results: Mapping[str, xr.Dataset]) -> Figure:
    """Draw the ways that inputs take, along the vector and off its line, a panel a layer.

    Parameters
    ----------
    results
        What `visualisation.compare_objectives` returned, by title of the panel.
    """
    columns = min(len(results), 2)
    rows = -(-len(results) // columns)
    figure, grid = plt.subplots(
        rows, columns, figsize=(4.8 * columns, 3.6 * rows), squeeze=False, layout="constrained"
    )
    for axes, (title, result) in zip(grid.flat, results.items(), strict=False):
        for made in result.made.values:
            along, off = (
                result[name].sel(made=made).stack(each=("vector", "run")).values
                for name in ("along_path", "off_path")
            )
            axes.plot(along, off, color=COLOURS[made], linewidth=0.8, alpha=0.6)
        for name, mark in zip(result.objective.values, _MARKS, strict=False):
            end = result.sel(objective=name)
            axes.plot(
                end.along.values.ravel(), end.off.values.ravel(), mark, color=COLOURS[name],
                markersize=4, label=_LABELS.get(name, name),
            )  # fmt: skip
        axes.plot(1, 0, "x", color="black", markersize=10, markeredgewidth=2, label="target")
        axes.set(title=title, xlabel="along the vector / target", ylabel="off its line / target")
    for axes in grid.flat[len(results) :]:
        axes.set_axis_off()
    handles, labels = grid.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
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
    figure, row = plt.subplots(
        1, len(bases), figsize=(3.7 * len(bases), 4.2), sharey=True, squeeze=False,
        layout="constrained",
    )  # fmt: skip
    place = np.arange(values.sizes["layer"])
    shift = np.linspace(-0.27, 0.27, values.sizes["shown"])
    for axes, basis in zip(row[0], bases, strict=True):
        for name, mark, move in zip(values.shown.values, _MARKS, shift, strict=False):
            own = values.sel(basis=basis, shown=name).transpose("layer", "unit")
            x = np.repeat(place + move, own.sizes["unit"])
            colour = COLOURS[name]
            axes.plot(x, own.values.ravel(), mark, color=colour, markersize=4, alpha=0.6)
            axes.plot(
                place + move, own.mean("unit"), "_", color=colour, markersize=18,
                markeredgewidth=2.5, label=_LABELS.get(name, name),
            )  # fmt: skip
        axes.axhline(0.5, color="0.6", linewidth=1, linestyle=":")
        axes.set_xticks(place, [str(layer) for layer in values.layer.values])
        axes.set(title=str(basis), ylim=(-0.03, 1.03), xlabel="layer")
    row[0][0].set_ylabel("isolation: share along the vector")
    handles, labels = row[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
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
