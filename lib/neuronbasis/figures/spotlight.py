"""Pictures of the Spotlight Resonance Method."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

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
    """
    figure, row = plt.subplots(1, len(results), figsize=(3.3 * len(results), 3.5), squeeze=False)
    tops = {title: _top(result, null) for title, result in results.items()}
    common = max((tops[title] for title in shared), default=0.0)
    for axes, (title, result) in zip(row[0], results.items(), strict=True):
        ensemble(axes, result, null=null)
        top = common if title in shared else tops[title]
        axes.set(title=title, ylim=(-0.03 * top, top))  # a curve at zero stays off the axis
    row[0][0].set_ylabel("fraction of activations\ninside the spotlight")
    handles, labels = row[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=2)
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
    axes.set_yticks(range(len(measured)), list(measured))
    axes.set(ylim=(len(measured) - 0.5, -0.5), xlabel="slope of the mean curve on the basis's own")
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
    size = (min(4.6 * len(summaries), 11), 3.3)
    figure, row = plt.subplots(1, len(summaries), figsize=size, squeeze=False, sharey=shared)
    for axes, (title, summary) in zip(row[0], summaries.items(), strict=True):
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
    row[0][0].set_ylabel("fraction in the spotlight")
    handles, labels = row[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4)
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
    for colour, marker, (title, share) in zip(PALETTE, "os", shares.items(), strict=False):
        rank = np.arange(1, len(share) + 1)
        axes.plot(rank, np.sort(share)[::-1], marker, color=colour, markersize=5, label=title)
    axes.axhline(null, color=PALETTE[3], linestyle=":", linewidth=1.6, label="isotropic")
    axes.set(xlabel="vector, sorted by its share", ylabel="share of the activations")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()
    return figure
