"""Pictures of activations projected onto privileged planes."""

from collections.abc import Mapping

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.projections.polar import PolarAxes

_UNMEASURED = "0.75"
_RIM = 1.05


def disc(axes: PolarAxes, result: xr.Dataset, *, limit: int = 4) -> QuadMesh:
    """Draw one density over the plane as its ratio to the isotropic one, on a logarithmic scale.

    Bins that are not measured are grey. Bars outside the rim show where basis vectors lie, as
    long as the share of planes that have one there; b_alpha lies at 0.

    Parameters
    ----------
    axes
        Where to draw; polar.
    result
        What `spotlight.density` returns.
    limit
        Colours end at 2^-limit and 2^limit.
    """
    ratio = result.ratio.transpose("radius", "angle")
    # An empty bin has the logarithm minus infinity, and the darkest colour.
    shown = np.log2(np.clip(ratio.values, 2.0**-limit, 2.0**limit))
    width = 2 * np.pi / result.sizes["angle"]
    mesh = axes.pcolormesh(
        np.append(result.angle, 2 * np.pi) - width / 2,
        np.append(result.inner, result.outer[-1]),
        np.ma.masked_invalid(shown),
        cmap=mpl.colormaps["RdBu_r"].with_extremes(bad=_UNMEASURED),
        vmin=-limit,
        vmax=limit,
        rasterized=True,
    )
    _mark(axes, result)
    axes.set(ylim=(0, _RIM + 0.15))
    axes.set_yticks([])
    axes.grid(False)
    axes.tick_params(pad=0)
    axes.spines["polar"].set_visible(False)
    return mesh


def _mark(axes: PolarAxes, result: xr.Dataset) -> None:
    there = result.vectors[result.vectors > 0]
    length = 0.15 * there / there.max()
    axes.vlines(there.angle, _RIM, _RIM + length, color="black", linewidth=2)
    low, high = result.attrs["beta_angle_smallest"], result.attrs["beta_angle_largest"]
    if high - low < 1e-3:
        axes.set_xticks([0, low], ["$b_α$", "$b_β$"])
    else:
        axes.set_xticks([0, np.pi / 2, np.pi, 3 * np.pi / 2], ["$b_α$", "90°", "180°", "270°"])


def panels(results: Mapping[str, xr.Dataset], *, limit: int = 4) -> Figure:
    """Draw densities side by side on one scale.

    Parameters
    ----------
    results
        What `spotlight.density` returned, by title of the panel.
    limit
        Colours end at 2^-limit and 2^limit.
    """
    figure, row = plt.subplots(
        1,
        len(results),
        figsize=(3.6 * len(results) + 1, 4),
        squeeze=False,
        subplot_kw={"projection": "polar"},
    )
    for axes, (title, result) in zip(row[0], results.items(), strict=True):
        mesh = disc(axes, result, limit=limit)
        axes.set_title(title)
    powers = sorted({-limit, -limit // 2, 0, limit // 2, limit})
    bar = figure.colorbar(mesh, ax=list(row[0]), extend="both", shrink=0.8, ticks=powers)
    bar.ax.set_yticklabels([f"1/{2**-power}" if power < 0 else str(2**power) for power in powers])
    bar.set_label("density / isotropic density\n(grey: too few to tell)")
    return figure
