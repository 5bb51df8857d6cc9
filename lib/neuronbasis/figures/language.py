"""Pictures of a transformer: how strongly each of its places is aligned with its neurons."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from neuronbasis.errors import UserError
from neuronbasis.figures import style
from neuronbasis.figures.style import PALETTE
from neuronbasis.spotlight import LEAST


def strengths(
    found: xr.Dataset,
    places: Mapping[str, Sequence[tuple[str, int]]],
    untrained: xr.Dataset | None = None,
    behind: Sequence[str] = (),
) -> Figure:
    """Draw the strength of alignment against the number of the block, a panel for each kind.

    Parameters
    ----------
    found
        Of `experiments.sites.strengths`, of one form: strengths over ``site``, with intervals.
    places
        Kind -> (site, block) of each block.
    untrained
        The same of networks before training, over (network, site): a grey dot each.
    behind
        Kinds behind an activation function, drawn in another colour and with another mark.

    Raises
    ------
    UserError
        If there is no place.
    """
    if not places:
        raise UserError("there are no places; give at least one kind with its sites")
    figure, grid = style.panels(len(places), (4.2, 2.4), 2, (0, 0.5), sharey=True, sharex=True)
    for number, (axes, (kind, several)) in enumerate(zip(grid, places.items(), strict=True)):
        sites, blocks = (list(each) for each in zip(*several, strict=True))
        here = found.sel(site=sites)
        acts = kind in behind
        if untrained is not None:
            values = untrained.strength.sel(site=sites)
            for row in values.transpose("network", "site").values:
                axes.plot(blocks, row, ".", color="0.6", markersize=6, zorder=1)
        colour, mark = (PALETTE[1], "o") if acts else (PALETTE[0], "D")
        axes.vlines(blocks, here.low, here.high, color=colour, linewidth=2, zorder=2)
        axes.plot(blocks, here.strength, mark, color=colour, markersize=7, zorder=3)
        axes.axhspan(-LEAST, LEAST, color="0.92", zorder=0)
        axes.axhline(0, color="0.4", linewidth=0.8, zorder=1)
        axes.set(title=kind, xlim=(min(blocks) - 0.5, max(blocks) + 0.5))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_ylabel("strength" if number % 2 == 0 else "")
    for axes in grid[-2:]:
        axes.set_xlabel("block")
    _legend(figure, untrained is not None, bool({*behind} & {*places}))
    return figure


def purities(measured: Mapping[str, Mapping[str, np.ndarray]], unit: str) -> Figure:
    """Draw one number for each direction: a dot each, and their mean, a panel for each place.

    Parameters
    ----------
    measured
        Place -> basis -> one number a direction; every place has the same bases.
    unit
        What the numbers are.
    """
    figure, grid = style.panels(len(measured), (4.2, 2.4), 2, (0, 0.2), sharex=True, sharey=True)
    rng = np.random.default_rng(0)  # which height a dot has says nothing
    for axes, (place, bases) in zip(grid, measured.items(), strict=True):
        for y, (_, values) in enumerate(bases.items()):
            colour = (PALETTE[0], PALETTE[1], "0.45")[y % 3]
            spread = y + rng.uniform(-0.3, 0.3, len(values))
            axes.plot(values, spread, "o", color=colour, alpha=0.3, markersize=4, zorder=1)
            axes.plot([values.mean()] * 2, [y - 0.38, y + 0.38], color="black", lw=2.5, zorder=2)
        style.rows(axes, list(bases))
        axes.set(title=place, xlim=(0, 1.03))
    for axes in grid[-2:]:
        axes.set_xlabel(unit)
    return figure


def _legend(figure: Figure, untrained: bool, behind: bool) -> None:
    axes = figure.axes[0]
    handles = [
        axes.plot([], [], "D", color=PALETTE[0], markersize=7, label="no activation function")[0]
    ]
    if behind:
        label = "behind an activation function"
        handles += axes.plot([], [], "o", color=PALETTE[1], markersize=7, label=label)
    if untrained:
        handles += axes.plot([], [], ".", color="0.6", markersize=8, label="before training")
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))
