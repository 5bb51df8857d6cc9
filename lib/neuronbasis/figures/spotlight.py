"""Pictures of the Spotlight Resonance Method: of one network, through training, of many."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from neuronbasis.figures import style
from neuronbasis.figures.style import PALETTE

_QUARTERS = np.linspace(0, 2 * np.pi, 5)
_QUARTER_LABELS = ["0", "π/2", "π", "3π/2", "2π"]


def ensemble(axes: Axes, result: xr.Dataset, *, null: float | None = None) -> Axes:
    """Draw one resonance: a faint line a plane, the mean dashed, the isotropic value dotted.

    Parameters
    ----------
    axes
        Where to draw.
    result
        What `spotlight.resonance` returns: `fraction` over (plane, angle).
    null
        Fraction expected for isotropic directions; no line when None.
    """
    fraction = result.fraction.transpose("plane", "angle")
    angle, curves = _closed(fraction.angle.values, fraction.values)
    alpha = float(np.clip(60 / len(curves), 0.3, 0.8))  # one line alone must still be seen
    lines = [np.column_stack([angle, curve]) for curve in curves]
    # A thousand lines are a picture, not shapes: drawn as pixels inside the vector figure.
    axes.add_collection(
        LineCollection(lines, colors=[PALETTE[0]], alpha=alpha, linewidths=0.8, rasterized=True)
    )
    axes.plot(angle, curves.mean(axis=0), "--", color="black", linewidth=1.8, label="mean")
    if null is not None:
        axes.axhline(null, color=PALETTE[3], linestyle=":", linewidth=1.6, label="isotropic")
    quarters(axes)
    return axes


def quarters(axes: Axes) -> None:
    """Make the horizontal axis one of angles, once round."""
    axes.set(xlim=(0, 2 * np.pi), xlabel="angle θ (radians)")
    axes.set_xticks(_QUARTERS, _QUARTER_LABELS)


def panels(
    results: Mapping[str, xr.Dataset],
    *,
    null: float | None = None,
    shared: Sequence[str] = (),
    others: Mapping[str, xr.DataArray] | None = None,
) -> Figure:
    """Draw resonances side by side, as in Fig. 1 of Bird (2025): before, self, after.

    Parameters
    ----------
    results
        What `spotlight.resonance` returned, by title of the panel.
    null
        Fraction expected for isotropic directions.
    shared
        Titles of the panels to be compared, which get one scale; the others have their own.
    others
        Title -> mean curves of other networks over (network, angle), drawn on top in colour.
    """
    figure, row = style.panels(len(results), (3.3, 3.5))
    tops = {title: _top(result, null) for title, result in results.items()}
    common = max((tops[title] for title in shared), default=0.0)
    for axes, (title, result) in zip(row, results.items(), strict=True):
        ensemble(axes, result, null=null)
        if others and title in others:
            curves = others[title].transpose("angle", "network")
            labels = ["mean of another network"] + [None] * (curves.sizes["network"] - 1)
            axes.plot(curves.angle, curves, color=PALETTE[2], linewidth=1, alpha=0.8, label=labels)
        top = common if title in shared else tops[title]
        axes.set(title=title, ylim=(-0.03 * top, top))  # a curve at zero stays off the axis
    row[0].set_ylabel("fraction of activations\ninside the spotlight")
    figure.legend(*row[0].get_legend_handles_labels(), loc="outside upper right", ncols=3)
    return figure


def _top(result: xr.Dataset, null: float | None) -> float:
    return 1.05 * max(float(result.fraction.max()), null or 0.0, 1e-3)


def _closed(angle: np.ndarray, curves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The curves with their first point repeated at 2π, where they close."""
    return np.append(angle, 2 * np.pi), np.concatenate([curves, curves[:, :1]], axis=1)


def slopes(
    measured: Mapping[str, Sequence[float]], chance: Mapping[str, Sequence[float]]
) -> Figure:
    """Draw the alignment slope of every network under several conditions.

    Parameters
    ----------
    measured
        Condition -> one slope a network (1: as if every activation lay on a basis vector).
    chance
        Condition -> slopes on rotated copies of the bases, drawn as grey lines.
    """
    figure, axes = plt.subplots(figsize=(8, 1.2 + 0.6 * len(measured)))
    for row, (condition, values) in enumerate(measured.items()):
        axes.plot(
            chance[condition], [row] * len(chance[condition]), "|", color="0.6", markersize=18
        )
        axes.plot(values, [row] * len(values), "o", color=PALETTE[0], alpha=0.7, markersize=8)
    axes.axvline(0, color="0.4", linewidth=0.8)
    axes.axvline(1, color="0.4", linewidth=0.8, linestyle=":")
    style.rows(axes, list(measured))
    axes.set_xlabel("alignment slope (1: all on basis vectors)")
    handles = [
        axes.plot([], [], "o", color=PALETTE[0], label="a network")[0],
        axes.plot([], [], "|", color="0.6", markersize=14, label="a rotated copy of its basis")[0],
    ]
    figure.legend(handles=handles, loc="outside upper right", ncols=2)
    return figure


def bands(
    summaries: Mapping[str, xr.Dataset], *, null: float | None = None, shared: bool = False
) -> Figure:
    """Draw means and quantiles across planes side by side.

    Parameters
    ----------
    summaries
        What `spotlight.summary` returned, by title; of its quantiles the lowest and the last
        but one bound the band, the last is the thin line.
    null
        Fraction expected for isotropic directions.
    shared
        Whether all panels have one scale; else each has its own.
    """
    count = len(summaries)
    figure, row = style.panels(count, (min(4.6, 11 / max(count, 1)), 3.3), sharey=shared)
    for axes, (title, summary) in zip(row, summaries.items(), strict=True):
        stacked = np.vstack([summary["mean"].values, summary["quantile"].values])
        angle, (mean, low, *_, high, top) = _closed(summary.angle.values, stacked)
        axes.fill_between(angle, low, high, color=PALETTE[0], alpha=0.3, label="nine planes in ten")
        axes.plot(angle, top, color=PALETTE[0], linewidth=0.8, label="highest plane")
        axes.plot(angle, mean, "--", color="black", linewidth=1.8, label="mean")
        if null is not None:
            axes.axhline(null, color=PALETTE[3], linestyle=":", linewidth=1.6, label="isotropic")
        axes.set(title=title)
        if not (shared or stacked.any()):  # else the scale of an empty panel has fractions below 0
            axes.set_ylim(-0.04, 1)
        quarters(axes)
    row[0].set_ylabel("fraction inside the spotlight")
    figure.legend(*row[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure


def held(shares: Mapping[str, np.ndarray], *, null: float) -> Figure:
    """Draw how much of the data the spotlight holds on each vector, sorted.

    Parameters
    ----------
    shares
        Title -> share of the samples within the cone around each vector.
    null
        Share expected for isotropic directions.
    """
    figure, axes = plt.subplots(figsize=(8, 3.2))
    for k, (title, share) in enumerate(shares.items()):
        rank, falling = np.arange(1, len(share) + 1), np.sort(share)[::-1]
        axes.plot(rank, falling, "osD^"[k % 4], color=PALETTE[k], markersize=5, label=title)
    axes.axhline(null, color=PALETTE[3], linestyle=":", linewidth=1.6, label="isotropic")
    axes.set(xlabel="vector, sorted by its fraction", ylabel="fraction of the activations")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()
    return figure


def courses(measured: Mapping[str, xr.DataArray], null: xr.DataArray | None = None) -> Figure:
    """Draw numbers of several networks against the epoch, two panels a row on one scale.

    Parameters
    ----------
    measured
        Title -> numbers over (epoch, network); epoch 0 is the untrained network.
    null
        Over epoch: half the height of a band about zero, for what chance gives.
    """
    count = len(measured)
    figure, grid = style.panels(count, (4.6, 3.1), min(2, count), (1, 0), sharey="row")
    for axes, (title, values) in zip(grid, measured.items(), strict=True):
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
    axes.set_ylabel("mean fraction\ninside the spotlight")
    figure.legend(loc="outside upper center", ncols=4)
    return figure


def forest(
    measured: Mapping[str, Mapping[str, Sequence[float]]],
    intervals: Mapping[str, Mapping[str, tuple[float, float, float]]],
    label: str,
) -> Figure:
    """Draw repetitions of several conditions, in groups: a dot each, their mean and interval.

    Parameters
    ----------
    measured
        Group -> condition -> one number a repetition; every group has the same conditions.
    intervals
        By the same names: what `uncertainty.mean_interval` returns, mean, low and high.
    label
        What the numbers are, with their unit.
    """
    conditions = list(next(iter(measured.values())))
    height = 1.2 + len(measured) * (0.22 * len(conditions) + 0.2)
    figure, axes = plt.subplots(figsize=(9, height))
    for place, (group, several) in enumerate(measured.items()):
        for k, condition in enumerate(conditions):
            y = place + (k - (len(conditions) - 1) / 2) * 0.8 / len(conditions)
            colour, values = PALETTE[k], several[condition]
            axes.plot(values, np.full(len(values), y), "o", color=colour, alpha=0.35, markersize=5)
            mean, low, high = intervals[group][condition]
            said = None if place else condition
            style.intervals(axes, y, low, mean, high, colour=colour, marker="d", label=said)
        if place:
            axes.axhline(place - 0.5, color="0.85", linewidth=0.8)
    axes.axvline(0, color="0.4", linewidth=0.8)
    style.rows(axes, list(measured))
    axes.set_xlabel(label)
    figure.legend(loc="outside upper center", ncols=len(conditions))
    return figure


def between_two(curves: Mapping[str, xr.DataArray], angle: float) -> Figure:
    """Draw how many basis vectors the light holds as it turns from one to its nearest neighbour.

    Parameters
    ----------
    curves
        Number of vectors over ``angle`` in degrees, by title.
    angle
        At which the second vector lies, in degrees; the first lies at 0.
    """
    figure, axes = plt.subplots(figsize=(7.2, 3.4))
    for k, (title, curve) in enumerate(curves.items()):
        dash = ("-", "--", ":", "-.")[k % 4]
        axes.plot(curve.angle, curve, dash, color=PALETTE[k], linewidth=2, label=title)
    for where in (0, angle):
        axes.axvline(where, color="0.6", linewidth=1)
    axes.set_xticks([0, angle / 2, angle], ["first vector", "half-way", "nearest neighbour"])
    axes.set(ylabel="basis vectors inside the cone", xlim=(-angle / 3, angle * 4 / 3))
    figure.legend(loc="outside upper right", ncols=len(curves))
    return figure
