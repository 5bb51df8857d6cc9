"""Pictures of the study: what is asked, what was answered, and what its stand-in finds."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from neuronbasis.figures import style
from neuronbasis.figures.style import PALETTE
from neuronbasis.study import source
from neuronbasis.study.analysis import Analysis
from neuronbasis.study.building import strip

NAMES = {"pc": "principal components", "neuron": "neurons", "random": "random directions"}
_LOOKS = {"pc": (PALETTE[0], "o"), "neuron": (PALETTE[1], "s"), "random": (PALETTE[2], "^")}
_APART = 0.22  # between the bases of a layer, of the distance between layers
SIMULATED = "SIMULATED answers: no people"


def rows(shown: Mapping[str, NDArray[np.uint8]]) -> Figure:
    """Draw rows as participants see them, one below the other.

    Parameters
    ----------
    shown
        Title -> pictures (points, patches, H, W) or (points, patches, H, W, 3).
    """
    strips = {title: strip(pictures) for title, pictures in shown.items()}
    heights = [each.shape[0] / each.shape[1] for each in strips.values()]
    figure, column = plt.subplots(
        len(strips),
        1,
        figsize=(8, 7.6 * sum(heights) + 0.4 * len(strips)),
        height_ratios=heights,
        squeeze=False,
    )
    for axes, (title, picture) in zip(column[:, 0], strips.items(), strict=True):
        axes.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axes.set_title(title, loc="left", fontsize=11)
        axes.set_axis_off()
    return figure


def observed(told: Mapping[str, xr.Dataset], label: str, chance: float) -> Figure:
    """Draw what the observer of smoothness found, with intervals, two panels a row.

    Parameters
    ----------
    told
        Title -> what `study.by_basis` returned.
    label
        What its value is.
    chance
        What an observer who sees no order would have.
    """
    figure, grid = style.panels(len(told), (4.5, 3.3), 2, (0, 0.4), sharey=True)
    for axes, (title, found) in zip(grid, told.items(), strict=True):
        for basis in found["basis"].values.tolist():
            one = found.sel(basis=basis)
            _marks(axes, one["mean"], one["mean"] - one["low"], one["high"] - one["mean"], basis)
        axes.axhline(chance, color="0.4", linestyle=":", linewidth=1.5)
        axes.set_title(title)
    for axes in grid[::2]:
        axes.set_ylabel(label)
    return _with_legend(figure, grid[0])


def answers(result: Analysis, planted: Mapping[str, float] | None = None) -> Figure:
    """Draw accuracy by layer with standard errors, and components less neurons with intervals.

    Over simulated answers every panel says so.

    Parameters
    ----------
    result
        What `study.analyse` returned.
    planted
        Accuracy of each basis that answers were simulated with, if they were.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4.2))
    table = result.table
    for basis in table["basis"].values.tolist():
        one = table.sel(basis=basis)
        error = one["standard_error"].fillna(0)
        _marks(left, one["accuracy"], error, error, basis)
        if planted:
            left.axhline(planted[basis], color=_LOOKS[basis][0], linestyle="--", linewidth=1)
    left.axhline(0.5, color="0.4", linestyle=":", linewidth=1.5)
    left.set(ylabel="accuracy\n(bars: standard error over participants)", ylim=(0, 1))
    _differences(right, result)
    if planted:
        right.axvline(planted["pc"] - planted["neuron"], color="black", linestyle="--", linewidth=1)
    for axes in (left, right):
        axes.set_title(SIMULATED if result.simulated else "answers of people")
    return _with_legend(figure, left)


def beside_the_source(result: Analysis) -> Figure:
    """Draw a class's accuracy by layer beside that of Fig. 7 of Dey et al. (2025), on one scale.

    Over simulated answers the panel says so.

    Parameters
    ----------
    result
        What `study.analyse` returned.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.6), sharey=True)
    count = result.scores.sizes["participant"]
    title = SIMULATED if result.simulated else f"this class: {count} people"
    theirs = f"{source.PEOPLE} people, AlexNet (Dey et al. 2025, Fig. 7)"
    for axes, table, said in (
        (left, result.table, title),
        (right, source.fig_7(), theirs),
    ):
        for basis in table["basis"].values.tolist():
            one = table.sel(basis=basis)
            error = one["standard_error"].fillna(0)
            _marks(axes, one["accuracy"], error, error, basis)
        axes.axhline(0.5, color="0.4", linestyle=":", linewidth=1.5)
        axes.set_title(said)
        axes.set_ylim(min(0.3, float(result.table["accuracy"].min()) - 0.05), 1.02)
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    left.set_ylabel("right answers\n(bars: standard error over participants)")
    return _with_legend(figure, left)


def _marks(axes: Axes, mean: Any, below: Any, above: Any, basis: str) -> None:
    colour, marker = _LOOKS[basis]
    place = np.arange(mean.sizes["layer"]) + _APART * (list(_LOOKS).index(basis) - 1)
    axes.errorbar(
        place,
        mean.values,
        yerr=[below.values, above.values],
        fmt=marker,
        color=colour,
        markersize=5,
        capsize=2,
        label=NAMES[basis],
    )
    axes.set_xticks(range(mean.sizes["layer"]), mean["layer"].values.tolist(), rotation=45)


def _differences(axes: Axes, result: Analysis) -> None:
    """Each layer's difference, and that over all of them, from the top down."""
    found = [each for each in result.contrasts if (each.first, each.second) == ("pc", "neuron")]
    for place, each in enumerate(found):
        colour, marker = (PALETTE[0], "o") if each.layer else ("black", "D")
        style.intervals(
            axes, place, each.low, each.difference, each.high, colour=colour, marker=marker
        )
    style.rows(axes, [each.layer or "all layers" for each in found])
    axes.axvline(0, color="0.4", linestyle=":", linewidth=1.5)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_xlabel("accuracy, components minus neurons\n(bars: 95% intervals)")


def _with_legend(figure: Figure, axes: Axes) -> Figure:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure
