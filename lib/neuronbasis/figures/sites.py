"""Pictures of how strongly the places of a network are aligned with their neurons."""

from collections.abc import Mapping, Sequence

import xarray as xr
from matplotlib.figure import Figure

from neuronbasis.errors import UserError
from neuronbasis.figures import style
from neuronbasis.figures.style import PALETTE
from neuronbasis.spotlight import LEAST


def strengths(
    places: Mapping[str, xr.Dataset],
    untrained: Mapping[str, xr.Dataset] | None = None,
    behind: Sequence[str] = (),
) -> Figure:
    """Draw the strength of alignment against the number of the block, a panel for each kind.

    Parameters
    ----------
    places
        Kind -> strengths over ``site``, with intervals and the name of each ``block``, see
        `experiments.sites.by_kind`.
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
    for number, (axes, (kind, here)) in enumerate(zip(grid, places.items(), strict=True)):
        blocks = range(here.sizes["site"])
        for row in untrained[kind].strength.transpose("network", "site") if untrained else ():
            axes.plot(blocks, row, ".", color="0.6", markersize=6, zorder=1)
        colour, mark = (PALETTE[1], "o") if kind in behind else (PALETTE[0], "D")
        axes.vlines(blocks, here.low, here.high, color=colour, linewidth=2, zorder=2)
        axes.plot(blocks, here.strength, mark, color=colour, markersize=7, zorder=3)
        axes.axhspan(-LEAST, LEAST, color="0.92", zorder=0)
        axes.axhline(0, color="0.4", linewidth=0.8, zorder=1)
        axes.set(title=kind, xlim=(-0.5, len(blocks) - 0.5))
        axes.set_xticks(blocks, here.block.values)
        axes.set_ylabel("strength" if number % 2 == 0 else "")
    for axes in grid[-2:]:
        axes.set_xlabel("block")
    _legend(figure, untrained is not None, bool({*behind} & {*places}))
    return figure


def in_words(
    places: Mapping[str, xr.Dataset], untrained: Mapping[str, xr.Dataset] | None = None
) -> str:
    """What `strengths` shows, a sentence for each kind."""
    before = {kind: style.extent(each.strength) for kind, each in (untrained or {}).items()}
    return " ".join(
        f"{kind}: {style.extent(each.strength)}"
        + (f", before training {before[kind]}." if before else ".")
        for kind, each in places.items()
    )


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
