"""Pictures of what changes through training."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from neuronbasis.figures.spotlight import quarters
from neuronbasis.figures.style import PALETTE


def courses(measured: Mapping[str, xr.DataArray], null: xr.DataArray | None = None) -> Figure:
    """Draw numbers of several networks against the epoch, two panels a row on one scale.

    Parameters
    ----------
    measured
        Title -> numbers over (epoch, network); epoch 0 is the untrained network.
    null
        Over epoch: half the height of a band about zero, for what chance gives.
    """
    columns = min(2, len(measured))
    lines = -(-len(measured) // columns)
    figure, grid = plt.subplots(
        lines, columns, figsize=(4.6 * columns + 1, 3.1 * lines), squeeze=False, sharey="row"
    )
    for axes, (title, values) in zip(grid.flat, measured.items(), strict=True):
        epochs = values.epoch.values
        # Epoch 0 has no place on a logarithmic axis: it stands half a step before the first.
        places = np.where(epochs == 0, epochs[epochs > 0].min() / 2, epochs)
        series = values.transpose("epoch", "network").values
        axes.plot(places, series, color=PALETTE[0], alpha=0.45, linewidth=1)
        axes.plot(places, series.mean(axis=1), color="black", linewidth=2.2)
        if null is not None:
            axes.fill_between(places, -null, null, color="0.85", zorder=0)
        axes.axhline(0, color="0.4", linewidth=0.8)
        axes.set_xscale("log")
        axes.set_xticks(places, [str(epoch) for epoch in epochs])
        axes.minorticks_off()
        axes.set(xlabel="epoch", title=title)
    for axes in grid.flat[len(measured) :]:
        axes.set_visible(False)
    return figure


def overlaid(curves: Mapping[str, xr.DataArray]) -> Figure:
    """Draw mean resonance curves over each other, early to late from light to dark.

    Parameters
    ----------
    curves
        Title -> fraction over angle.
    """
    figure, axes = plt.subplots(figsize=(8, 3.4))
    shades = plt.colormaps["viridis_r"](np.linspace(0.15, 1, len(curves)))
    for shade, (title, curve) in zip(shades, curves.items(), strict=True):
        axes.plot(curve.angle, curve, color=shade, linewidth=2, label=title)
    quarters(axes)
    axes.set_ylabel("mean fraction\nin the spotlight")
    figure.legend(loc="outside upper center", ncols=4)
    return figure
