"""Pictures of a signal on several bases, and under several choices of functional form."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from neuronbasis.figures import style
from neuronbasis.figures.style import PALETTE

_MARKERS = "oD"


def forest(
    results: xr.Dataset,
    *,
    rows: Mapping[str, str],
    marked: Sequence[str] = (),
    label: str,
) -> Figure:
    """Draw means with their 95% intervals: a row a factor, a panel a basis, a colour a way.

    Parameters
    ----------
    results
        What `experiments.functional_form.intervals` returns.
    rows
        Factor -> what its row is called; the rows stand in this order, the first on top.
    marked
        Factors whose rows are shaded.
    label
        Of the horizontal axes.
    """
    bases, ways = results.basis.values, results.way.values
    size = (9.5 / max(len(bases), 1), 1.4 + 0.36 * len(rows))
    figure, panels = style.panels(len(bases), size, sharey=True, sharex=True)
    for axes, basis in zip(panels, bases, strict=True):
        for place, name in enumerate(rows):
            if name in marked:
                axes.axhspan(place - 0.5, place + 0.5, color="0.5", alpha=0.12, linewidth=0)
        for offset, way in enumerate(ways):
            shown = results.sel(factor=list(rows), basis=basis, way=way)
            y = np.arange(len(rows)) + 0.3 * (offset - (len(ways) - 1) / 2)
            style.intervals(
                axes, y, shown.low, shown["mean"], shown.high,
                colour=PALETTE[offset], marker=_MARKERS[offset], label=style.label(way),
            )  # fmt: skip
        axes.axvline(0, color="0.4", linewidth=0.8)
        axes.set(title=basis, xlabel=label)
    style.rows(axes, list(rows.values()))
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper right", ncols=len(ways))
    return figure


def strips(
    measured: Mapping[str, Mapping[str, ArrayLike]], *, label: str, unit: str = "a network"
) -> Figure:
    """Draw every single value: a panel a way, a row a basis, a point a network (or a draw).

    Parameters
    ----------
    measured
        Way -> basis -> values of any shape; the first axis is the network.
    label
        Of the horizontal axes.
    unit
        What a point is.
    """
    figure, panels = style.panels(len(measured), (3.4, 3.1), sharey=True, sharex=True)
    for axes, (way, rows) in zip(panels, measured.items(), strict=True):
        for place, values in enumerate(rows.values()):
            numbers = np.asarray(values, dtype=float).ravel()
            # Spread evenly, so that points do not hide one another and each run draws the same.
            spread = np.linspace(-0.28, 0.28, len(numbers)) if len(numbers) > 1 else [0.0]
            axes.plot(
                numbers, place + np.asarray(spread), "o", color=PALETTE[place], alpha=0.6,
                markersize=6 if len(numbers) < 50 else 3,
            )  # fmt: skip
            axes.plot([numbers.mean()] * 2, [place - 0.38, place + 0.38], "k-", linewidth=2)
        axes.axvline(0, color="0.4", linewidth=0.8)
        axes.set(title=way, xlabel=label)
        style.rows(axes, list(rows))
    handles = [
        axes.plot([], [], "o", color="0.4", label=unit)[0],
        axes.plot([], [], "k|", markersize=14, markeredgewidth=2, label="their mean")[0],
    ]
    figure.legend(handles=handles, loc="outside upper right", ncols=2)
    return figure
