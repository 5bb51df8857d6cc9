"""Pictures of how few vectors of a basis hold a layer, and how it fares without them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from neuronbasis.errors import UserError
from neuronbasis.figures import style
from neuronbasis.figures.style import PALETTE

# Colour and marker of each basis, the first two as in the source's figures.
_LOOKS: dict[str, tuple[Any, str]] = {
    "principal components": (PALETTE[0], "D"),
    "neurons": (PALETTE[1], "o"),
    "random": ("0.45", "|"),
    "independent components": (PALETTE[2], "^"),
    "sparse autoencoder": (PALETTE[4], "s"),
}
_DASHES = {"descending": "-", "ascending": (0, (4, 2))}
_FIRST = {"descending": "largest first", "ascending": "smallest first"}
_LABELS = {"count": "vectors ablated, % of the units", "variance": "variance removed (%)"}


def cumulative(found: xr.Dataset) -> Figure:
    """Draw explained variance against the number of vectors, a panel for each layer.

    Parameters
    ----------
    found
        Of `experiments.layerwise.explained` over ``network``: a thin line each, their mean a thick
        one, dashed for the random basis, which often hides another. Short strokes mark the mean
        number of vectors for each share.

    Raises
    ------
    UserError
        For a basis that has no look here.
    """
    layers = found.layer.values.tolist()
    figure, grid = style.panels(len(layers), (4.75, 2.5), 2, (0, 0.9), sharey=True)
    for number, (layer, axes) in enumerate(zip(layers, grid, strict=True)):
        one = found.sel(layer=layer)
        units = int(one.units.max())
        for basis in found.basis.values:
            colour, _ = _look(basis)
            # No basis explains more after its last vector, and the axis ends at the last unit.
            here = one.sel(basis=basis, count=slice(0, units))
            for curve in here.explained:
                axes.plot(here["count"], 100 * curve, color=colour, alpha=0.3, linewidth=0.8)
            mean = 100 * here.explained.mean("network")
            axes.plot(
                here["count"], mean, color=colour, linewidth=2, label=_once(basis, number),
                linestyle=(0, (3, 1.5)) if basis == "random" else "-",
            )  # fmt: skip
            for share in found.share.values:
                if (here.needed.sel(share=share) > 0).all():
                    k = float(here.needed.sel(share=share).mean())
                    axes.plot([k, k], [100 * share - 5, 100 * share + 5], color=colour, lw=2.5)
        for share in found.share.values:
            axes.axhline(100 * share, color="0.6", linewidth=0.7, linestyle=":")
        axes.set(xlim=(0, units), ylim=(0, 106), title=f"{layer}, {units} units")
        axes.set_xlabel("vectors")
        if number % 2 == 0:
            axes.set_ylabel("variance\nexplained (%)")
    figure.legend(loc="outside upper center", ncols=3)
    return figure


def ablation(found: xr.Dataset, against: str = "count") -> Figure:
    """Draw accuracy against what was ablated, a panel for each layer.

    Parameters
    ----------
    found
        Of `experiments.layerwise.ablated`, one network. Full lines: the vectors of largest
        variance go first; dashed: those of smallest. Bands: binomial intervals.
    against
        "count": vectors as a share of the units; "variance": share of the variance.

    Raises
    ------
    UserError
        For another ``against``, and a basis that has no look here.
    """
    if against not in _LABELS:
        raise UserError(f"against is {against!r}; it must be 'count' or 'variance'")
    layers = found.layer.values.tolist()
    figure, grid = style.panels(len(layers), (4.75, 2.5), 2, (0, 0.9), sharey=True)
    both = found.sizes["order"] > 1
    for number, (layer, axes) in enumerate(zip(layers, grid, strict=True)):
        one = found.sel(layer=layer)
        for basis in found.basis.values:
            for order in found.order.values:
                curve = one.sel(basis=basis, order=order)
                removed = {
                    "count": curve["count"] / curve.units,
                    "variance": curve.variance_removed,
                }
                x = removed[against]
                colour, marker = _look(basis)
                label = f"{basis}, {_FIRST[order]}" if both else basis
                axes.plot(
                    100 * x, 100 * curve.accuracy, color=colour, linestyle=_DASHES[order],
                    marker=marker, markersize=4, linewidth=1.6, label=_once(label, number),
                )  # fmt: skip
                axes.fill_between(
                    100 * x, 100 * curve.low, 100 * curve.high, color=colour, alpha=0.15, lw=0
                )
        axes.axhline(100 * float(one.intact), color="0.5", linewidth=0.8, linestyle=":")
        axes.set(title=f"{layer}, {int(one.units)} units", xlabel=_LABELS[against])
        axes.set(xlim=(-1, 101), ylim=(0, 103))
        if number % 2 == 0:
            axes.set_ylabel("accuracy (%)")
    figure.legend(loc="outside upper center", ncols=2 if both else 3)
    return figure


def estimates(
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
    first = next(iter(measured.values()))
    layers = next(iter(first.values())).layer.values.tolist()
    size = (9.5 / len(measured), 1.7 + 0.36 * len(layers))
    figure, row = style.panels(len(measured), size, sharex=True, sharey=True)
    for number, (axes, (title, conditions)) in enumerate(zip(row, measured.items(), strict=True)):
        for k, (condition, each) in enumerate(conditions.items()):
            y = np.arange(len(layers)) + 0.3 * (k - (len(conditions) - 1) / 2)
            ends = each.sel(layer=layers)
            style.intervals(
                axes, y, ends.low, ends.effect, ends.high,
                colour=PALETTE[k % 3], marker="osD"[k % 3], label=_once(condition, number),
            )  # fmt: skip
        for line, dash in zip(lines, ("-", ":"), strict=False):
            axes.axvline(line, color="0.4", linewidth=1, linestyle=dash)
        axes.set(title=title, xlabel=unit)
        axes.grid(axis="y", color="0.9", linewidth=0.7)
        axes.set_axisbelow(True)
    if ratio:
        row[0].xaxis.set_major_locator(MaxNLocator(integer=True))
        row[0].xaxis.set_major_formatter(lambda x, _: f"{2.0**x:.3g}")
    style.rows(row[0], layers)
    if len(first) > 1:
        figure.legend(loc="outside upper center", ncols=3)
    return figure


def _look(basis: str) -> tuple[Any, str]:
    """Colour and marker of a basis."""
    if basis not in _LOOKS:
        known = ", ".join(_LOOKS)
        raise UserError(f"basis {str(basis)!r} has no look here: name it one of {known}")
    return _LOOKS[basis]


def _once(label: str, number: int) -> str:
    """The legend's label, in the first panel only."""
    return label if number == 0 else "_"
