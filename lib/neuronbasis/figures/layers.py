"""Pictures of several bases in every layer of a network: what these have in common."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neuronbasis.figures.style import PALETTE

#: Colour and marker of each basis, the first two as in the source's figures.
LOOKS: dict[str, tuple[Any, str]] = {
    "principal components": (PALETTE[0], "D"),
    "neurons": (PALETTE[1], "o"),
    "random": ("0.45", "|"),
    "independent components": (PALETTE[2], "^"),
    "sparse autoencoder": (PALETTE[4], "s"),
}


def panels(layers: Sequence[str], height: float = 2.5) -> tuple[Figure, Iterator[Axes]]:
    """A figure with a panel for each layer, two a row."""
    rows = -(-len(layers) // 2)
    figure, grid = plt.subplots(
        rows, 2, figsize=(9.5, height * rows + 0.9), squeeze=False, sharey=True
    )
    for axes in grid.flat[len(layers) :]:
        axes.set_visible(False)
    return figure, iter(grid.flat[: len(layers)])


def once(label: str, number: int) -> str:
    """The legend's label, in the first panel only."""
    return label if number == 0 else "_"


def intervals(
    measured: Mapping[str, Mapping[str, xr.Dataset]],
    unit: str,
    lines: Sequence[float] = (0,),
    ratio: bool = False,
) -> Figure:
    """Draw effects with their intervals, a row for each layer, panels side by side on one scale.

    Parameters
    ----------
    measured
        Title of a panel -> condition -> result of `completeness.estimate` over layer; every panel
        has the same conditions.
    unit
        What the numbers are, with their unit.
    lines
        Where strokes are drawn for reference: no effect, the smallest that counts.
    ratio
        Whether the numbers are logarithms to base 2 of ratios; the axis then bears the ratios.
    """
    layers = next(iter(next(iter(measured.values())).values())).layer.values.tolist()
    figure, row = plt.subplots(
        1, len(measured), figsize=(9.5, 1.7 + 0.36 * len(layers)), squeeze=False, sharey=True,
        sharex=True,
    )  # fmt: skip
    for number, (axes, (title, conditions)) in enumerate(
        zip(row[0], measured.items(), strict=True)
    ):
        for k, (condition, each) in enumerate(conditions.items()):
            y = np.arange(len(layers)) + 0.3 * (k - (len(conditions) - 1) / 2)
            ends = each.sel(layer=layers)
            colour, marker = (PALETTE[0], PALETTE[1], PALETTE[2])[k % 3], "osD"[k % 3]
            axes.hlines(y, ends.low, ends.high, color=colour, linewidth=2)
            label = once(condition, number)
            axes.plot(ends.effect, y, marker, color=colour, markersize=6, label=label)
        for line, dash in zip(lines, ("-", ":"), strict=False):
            axes.axvline(line, color="0.4", linewidth=1, linestyle=dash)
        axes.set(title=title, xlabel=unit)
        axes.grid(axis="y", color="0.9", linewidth=0.7)
        axes.set_axisbelow(True)
    if ratio:
        row[0][0].xaxis.set_major_formatter(lambda x, _: f"{2.0**x:.3g}")
    row[0][0].set_yticks(range(len(layers)), layers)
    row[0][0].set_ylim(len(layers) - 0.5, -0.5)
    if len(next(iter(measured.values()))) > 1:
        figure.legend(loc="outside upper center", ncols=3)
    return figure
