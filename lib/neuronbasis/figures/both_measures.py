"""Pictures of alignment and completeness of the same layers."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from neuronbasis.experiments.both_measures import COUNTS, FORMS
from neuronbasis.experiments.relation import Relation
from neuronbasis.figures import style
from neuronbasis.figures.style import PALETTE

_MARKERS = "osD^vP*X"
_COPIES = 6  # of each layer's basis are drawn: more say nothing new
_KINDS = {"principal components": "D", "basis": "o", "neurons": "x", "rotated copies": "|"}


def scatter(groups: Mapping[str, xr.Dataset], count: str = COUNTS[2]) -> Figure:
    """Draw completeness against alignment, raw and mean-centred.

    Parameters
    ----------
    groups
        Title -> result of `experiments.both_measures.measured` over (seed, layer): a dot each.
        Small grey dots are rotated copies of the same bases.
    count
        Which number of vectors.
    """
    figure, grid = plt.subplots(1, 2, figsize=(10, 4.8), sharey=True)
    for axes, form in zip(grid, FORMS, strict=True):
        for i, (title, found) in enumerate(groups.items()):
            cosine = found.copy_cosine.sel(form=form)
            needed = found.copy_needed.sel(count=count)
            few = {"rotation": slice(0, _COPIES)}
            axes.plot(
                (cosine - cosine.mean("rotation")).isel(few).values.ravel(),
                100 * (1 - needed / needed.mean("rotation")).isel(few).values.ravel(),
                ".", color="0.75", markersize=4, zorder=1,
            )  # fmt: skip
            axes.plot(
                found.beyond.sel(form=form).values.ravel(),
                100 * found.saved.sel(count=count).values.ravel(),
                _MARKERS[i % len(_MARKERS)], color=PALETTE[i % len(PALETTE)], alpha=0.8,
                markersize=7, markeredgecolor="white", markeredgewidth=0.6,
                label=title if axes is grid[0] else "_",
            )  # fmt: skip
        _cross(axes)
        axes.xaxis.set_major_locator(MaxNLocator(6))
        axes.set(title=style.label(form), xlabel="nearest cosine beyond rotated copies")
    grid[0].set_ylabel("vectors saved, % of rotated copies'")
    figure.legend(loc="outside upper center", ncols=2 if len(groups) < 5 else 3)
    return figure


def side_by_side(groups: Mapping[str, xr.Dataset], count: str = COUNTS[0]) -> Figure:
    """Draw both measures of every layer in rows: alignment left, vectors needed right.

    Parameters
    ----------
    groups
        Title -> result of `experiments.both_measures.measured` over (seed, layer): means over
        seeds, with a stroke from the lowest seed to the highest.
    count
        Which number of vectors; it is drawn as a share of the width.
    """
    rows = [
        (f"{title}: {layer}" if found.sizes["layer"] > 1 else title, found.sel(layer=layer))
        for title, found in groups.items()
        for layer in found.layer.values
    ]
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(10.5, 1.4 + 0.3 * len(rows)), sharey=True, width_ratios=(1, 1.2)
    )
    for y, (_, found) in enumerate(rows):
        for form, colour, marker in zip(FORMS, (PALETTE[1], PALETTE[0]), "so", strict=True):
            label = f"alignment, {style.label(form)}" if y == 0 else "_"
            _seeds(left, found.beyond.sel(form=form), y, colour, marker, label)
        for k, (kind, marker) in enumerate(_KINDS.items()):
            share = 100 * found.needed.sel(kind=kind, count=count) / found.width
            colour = "0.35" if kind == "rotated copies" else PALETTE[(2, 0, 3)[k]]
            _seeds(right, share, y, colour, marker, kind if y == 0 else "_")
    left.axvline(0, color="0.4", linewidth=0.8)
    style.rows(left, [title for title, _ in rows])
    left.set_xlabel("nearest cosine\nbeyond rotated copies")
    right.set(xlim=(0, 100), xlabel=f"vectors for {count} of the variance,\n% of the width")
    for axes in (left, right):
        axes.grid(axis="y", color="0.9", linewidth=0.7)
        axes.set_axisbelow(True)
    figure.legend(loc="outside upper center", ncols=3)
    return figure


def relations(found: Mapping[str, Mapping[str, Relation]]) -> Figure:
    """Draw rank correlations with intervals, over the range that rotated copies give.

    Parameters
    ----------
    found
        Group -> form -> relation.
    """
    figure, axes = plt.subplots(figsize=(9, 1.5 + 0.75 * len(found)))
    for place, group in enumerate(found.values()):
        for k, (form, each) in enumerate(group.items()):
            y, first = place + 0.34 * (k - (len(group) - 1) / 2), place == 0
            band = "rotated copies, 95%" if first and k == 0 else "_"
            axes.barh(
                y, each.copies[1] - each.copies[0], 0.26, each.copies[0], color="0.85", label=band
            )
            colour, marker = ((PALETTE[1], "s"), (PALETTE[0], "o"))[k % 2]
            style.intervals(
                axes, y, each.low, each.rho, each.high,
                colour=colour, marker=marker, label=style.label(form) if first else None,
            )  # fmt: skip
    axes.axvline(0, color="0.4", linewidth=0.8)
    style.rows(axes, list(found))
    axes.set(xlim=(-1.02, 1.02), xlabel="rank correlation of alignment and vectors saved")
    figure.legend(loc="outside upper center", ncols=3)
    return figure


def _seeds(
    axes: Axes, values: xr.DataArray, y: float, colour: object, marker: str, label: str
) -> None:
    """A mark at the mean, a stroke over the range."""
    numbers = np.asarray(values)
    axes.plot([numbers.min(), numbers.max()], [y, y], color=colour, linewidth=1.5, alpha=0.6)
    axes.plot(
        [numbers.mean()], [y], marker, color=colour, markersize=7, markeredgewidth=1.8, label=label
    )


def _cross(axes: Axes) -> None:
    axes.axhline(0, color="0.6", linewidth=0.8, zorder=0)
    axes.axvline(0, color="0.6", linewidth=0.8, zorder=0)
