"""Pictures of what directions are excited by."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from neuronbasis.figures import style
from neuronbasis.figures.style import PALETTE

_STYLES = ("-o", "--s", ":^", "-.D", "-v")


def angle_histograms(panels: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Draw distributions of angles, several in each panel.

    Parameters
    ----------
    panels
        Title -> name -> angles in degrees.
    """
    figure, row = style.panels(len(panels), (4.6, 3.8), sharex=True)
    bins = np.linspace(0, 180, 61).tolist()
    for axes, (title, several) in zip(row, panels.items(), strict=True):
        for k, (name, values) in enumerate(several.items()):
            weights = np.full(len(values), 1 / len(values))
            axes.hist(
                values, bins, weights=weights, histtype="step", linewidth=1.8, label=name,
                color=PALETTE[k], linestyle=("-", "--", ":")[k % 3],
            )  # fmt: skip
        axes.axvline(90, color="0.5", linewidth=0.8)
        axes.set(title=title, xlabel="angle between two vectors (degrees)")
        axes.set_xticks(range(0, 181, 45))
        axes.legend(loc="upper left", fontsize=10)
        axes.set_ylim(top=axes.get_ylim()[1] * 1.45)  # room for the legend
    row[0].set_ylabel("fraction of pairs")
    return figure


def by_layer(
    panels: Mapping[str, xr.DataArray],
    floor: Mapping[str, float],
    highest: float | None = 1.03,
    drawn: str = "random images",
) -> Figure:
    """Draw a measure of each kind of direction along the layers of the networks.

    Parameters
    ----------
    panels
        Label of the measure -> DataArray (network, layer, kind).
    floor
        Label of the measure -> what random images give.
    highest
        Where the vertical axes end; None: just above what is drawn.
    drawn
        What the line of the floor is called.
    """
    figure, row = style.panels(len(panels), (4.9, 4.2))
    for axes, (label, values) in zip(row, panels.items(), strict=True):
        places = np.arange(values.sizes["layer"])
        for k, kind in enumerate(values.kind.values):
            each = values.sel(kind=kind)
            axes.plot(
                places, each.mean("network"), _STYLES[k], color=PALETTE[k], label=kind, markersize=5
            )
            for network in each:
                axes.plot(places, network, ".", color=PALETTE[k], alpha=0.35, markersize=5)
        axes.axhline(floor[label], color="0.45", linestyle=(0, (1, 2)), label=drawn)
        axes.set(ylabel=label, ylim=(min(0, floor[label], float(values.min())), highest))
        axes.set_xticks(places, values.layer.values, rotation=30)
    figure.legend(*row[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def threshold_curves(panels: Mapping[str, xr.DataArray], chosen: float, label: str) -> Figure:
    """Draw the share of directions at or above each threshold.

    Parameters
    ----------
    panels
        Title -> DataArray (kind, threshold).
    chosen
        The threshold that was stated in advance.
    label
        What the threshold is of.
    """
    figure, row = style.panels(len(panels), (4.6, 4.0), sharey=True)
    for axes, (title, shares) in zip(row, panels.items(), strict=True):
        for k, kind in enumerate(shares.kind.values):
            axes.plot(
                shares.threshold, shares.sel(kind=kind), _STYLES[k],
                color=PALETTE[k] if kind != "random images" else "0.45",
                label=kind, markersize=4,
            )  # fmt: skip
        axes.axvline(chosen, color="0.5", linewidth=0.8)
        axes.set(title=title, xlabel=f"threshold: {label}", ylim=(-0.03, 1.03))
    row[0].set_ylabel("fraction of directions\nat or above it")
    figure.legend(*row[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure
