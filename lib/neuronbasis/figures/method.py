"""Pictures of how the Spotlight Resonance Method works, and of what can fool it."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Wedge
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from neuronbasis.figures import style
from neuronbasis.figures.spotlight import ensemble
from neuronbasis.figures.style import PALETTE

_DEGREES = np.arange(0, 361, 90)
_MARKS = "osD^v"


def plane_by_hand(points: xr.DataArray, curve: xr.Dataset, angle: float) -> Figure:
    """Draw one plane with its spotlight, and the curve that turning it gives.

    Parameters
    ----------
    points : DataArray (point, axis)
        Unit vectors of the plane, with names over ``point``.
    curve : Dataset
        Their step function, from `spotlight.curve`.
    angle : float
        Where the spotlight stands, in degrees.
    """
    figure, (plane, chart) = plt.subplots(1, 2, figsize=(9.6, 4.2))
    epsilon = float(curve.attrs["epsilon"])
    _circle(plane, epsilon, angle)
    inside = points.values @ _axis(angle) >= epsilon
    for (x, y), name, lit in zip(points.values, points.point.values, inside, strict=True):
        plane.plot(x, y, "o", markersize=9 if lit else 7, color=PALETTE[3] if lit else "0.5")
        plane.annotate(str(name), (1.14 * x, 1.14 * y), ha="center", va="center")
    degrees = np.append(np.degrees(curve.angle.values), 360)
    chart.step(degrees, np.append(curve.fraction, curve.fraction[-1]), where="post")
    chart.axvline(angle, color=PALETTE[3], linewidth=1)
    chart.plot(angle, inside.mean(), "o", color=PALETTE[3])
    _degrees(chart)
    chart.set(ylim=(0, 1), ylabel="fraction inside the spotlight")
    return figure


def arcs(points: xr.DataArray, epsilon: float) -> Figure:
    """Draw the cosine of each point with the turning axis, and the arc where it is inside.

    Parameters
    ----------
    points : DataArray (point, axis)
        In-plane coordinates p and q of unit vectors, with names over ``point``.
    epsilon : float
        Cosine of the spotlight's half-angle.
    """
    figure, (cosines, bars) = plt.subplots(1, 2, figsize=(9.6, 4.2), sharex=True)
    degrees = np.linspace(0, 360, 1441)
    for row, (colour, point) in enumerate(zip(PALETTE, points, strict=False)):
        cosine = point.values @ _axis(degrees)
        cosines.plot(degrees, cosine, color=colour, label=str(point.point.item()))
        bars.fill_between(degrees, row - 0.3, row + 0.3, where=cosine >= epsilon, color=colour)
    cosines.axhline(epsilon, color="black", linestyle=":", linewidth=1.6, label=f"ε = {epsilon:g}")
    cosines.set(ylabel="cosine with the spotlight's axis")
    cosines.legend(ncols=3, loc="lower left", bbox_to_anchor=(0, 1))
    bars.set_yticks(range(len(points)), [str(name) for name in points.point.values])
    bars.set(ylabel="inside at these angles", ylim=(len(points) - 0.4, -0.6))
    for axes in (cosines, bars):
        _degrees(axes)
    return figure


def grid(results: Mapping[str, xr.Dataset], nulls: Mapping[str, float] | None = None) -> Figure:
    """Draw resonances two a row, each on its own scale.

    Parameters
    ----------
    results : mapping
        What `spotlight.resonance` returned, by title; with classes, one line for each.
    nulls : mapping, optional
        Isotropic fraction by title; no line where there is none.
    """
    figure, axes = style.panels(len(results), (4.8, 2.9), 2, sharex=True)
    for each, (title, result) in zip(axes, results.items(), strict=True):
        if "class" in result.dims:
            _classes(each, result)
        else:
            ensemble(each, result, null=(nulls or {}).get(title))
            low = 1.05 * min(float(result.fraction.min()), 0)
            each.set_ylim(low, 1.05 * max(float(result.fraction.max()), 1e-3))
        each.set(title=title, xlabel="", ylabel="fraction")
    for each in axes[-2:]:
        each.tick_params(labelbottom=True)
        each.set_xlabel("angle θ from $b_α$ toward $b_β$ (radians)")
    return figure


def null_widths(fixed: xr.DataArray, chosen: xr.DataArray) -> Figure:
    """Draw the null against the width, and the spotlight that keeps it.

    Parameters
    ----------
    fixed : DataArray (epsilon, n)
        Decimal logarithm of the isotropic fraction.
    chosen : DataArray (fraction, n)
        The epsilon that gives a wanted isotropic fraction.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 4))
    for colour, line in zip(PALETTE, fixed, strict=False):
        left.plot(fixed.n, line, color=colour, label=f"ε = {float(line.epsilon):g}")
    for colour, line in zip(PALETTE, chosen, strict=False):
        right.plot(
            chosen.n, line, color=colour, label=f"isotropic fraction {float(line.fraction):g}"
        )
    left.set(ylabel="log₁₀ of the isotropic fraction", ylim=(-40, 0))
    right.set(ylabel="ε that keeps the isotropic fraction", ylim=(0, 1.02))
    for axes in (left, right):
        axes.set(xlabel="neurons n")
        axes.set_xscale("log", base=2)
        axes.set_xticks(fixed.n.values[::2], [str(n) for n in fixed.n.values[::2]])
        axes.legend()
    return figure


def isotropy(ratio: xr.DataArray, band: xr.DataArray, printed: float) -> Figure:
    """Draw the mean resonance of isotropic data over the volume ratio of App. F.

    Parameters
    ----------
    ratio : DataArray (n, seed)
        Measured over expected.
    band : DataArray (n, side)
        The binomial band of a single angle, over expected.
    printed : float
        What the ratio would be with the factor as printed.
    """
    figure, axes = plt.subplots(figsize=(8, 4))
    place = np.arange(ratio.sizes["n"])
    axes.fill_between(place, *band.T.values, color="0.88", label="binomial 95% band, one angle")
    for number, x in enumerate(place):
        seeds = ratio.isel(n=number).values
        spread = np.linspace(-0.18, 0.18, len(seeds))
        label = "one seed, mean over angles" if number == 0 else None
        axes.plot(x + spread, seeds, ".", color=PALETTE[0], label=label)
    axes.axhline(1, color="black", linewidth=1, label="half of Eq. 18")
    axes.axhline(printed, color=PALETTE[3], linestyle="--", label="Eq. 18 as printed")
    axes.set_xticks(place, [str(n) for n in ratio.n.values])
    axes.set(xlabel="neurons n", ylabel="measured / expected", ylim=(printed - 0.1, None))
    axes.legend(ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1))
    return figure


def slopes(slope: xr.DataArray, verdict: xr.DataArray, overlap: float) -> Figure:
    """Draw the slope against epsilon, for several kinds of data.

    Parameters
    ----------
    slope, verdict : DataArray (kind, epsilon)
        What `spotlight.alignment` said.
    overlap : float
        Below this epsilon the cones of two neighbouring vectors overlap.
    """
    figure, axes = plt.subplots(figsize=(8, 4.2))
    axes.axhline(0, color="black", linewidth=1)
    for colour, mark, line, said in zip(PALETTE, _MARKS, slope, verdict, strict=False):
        axes.plot(line.epsilon, line, color=colour, linewidth=1.4)
        told = said.isin(["aligned", "anti-aligned"])
        for filled, face in ((told, colour), (~told, "none")):
            some = line.where(filled, drop=True)
            axes.plot(some.epsilon, some, mark, color=colour, markerfacecolor=face)
        axes.plot([], [], mark + "-", color=colour, label=str(line.kind.item()))
    left = float(slope.epsilon.min()) - 0.02
    axes.axvspan(left, overlap, color="0.92", zorder=0)
    axes.set(xlabel="ε", ylabel="slope of the mean curve on self-SRM", xlim=(left, 1))
    axes.legend()
    return figure


def raw_and_centred(results: Mapping[str, Mapping[str, xr.Dataset]]) -> Figure:
    """Draw mean curves raw and mean-centred.

    Parameters
    ----------
    results : mapping
        Title to a mapping of line label to what `spotlight.alignment` returned.
    """
    figure, row = style.panels(len(results), (4.8, 3.8), sharey=True)
    for axes, (title, lines) in zip(row, results.items(), strict=True):
        for dash, (label, result) in zip(("-", (0, (4, 6))), lines.items(), strict=False):
            axes.plot(np.degrees(result.angle), result["mean"], linestyle=dash, label=label)
        null = result.attrs["isotropic_fraction"]
        axes.axhline(null, color=PALETTE[3], linestyle=":", label="isotropic")
        _degrees(axes)
        axes.set(title=title, ylim=(0, None))
    row[0].set_ylabel("mean fraction over planes")
    figure.legend(*row[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def orders(values: xr.DataArray) -> Figure:
    """Draw two statistics for many orders of the same vectors, a stroke for each order.

    Parameters
    ----------
    values : DataArray (form, order, statistic)
        One row for each way of choosing planes; two statistics.
    """
    figure, panels = plt.subplots(1, 2, figsize=(9.6, 3.4), sharey=True)
    rows = np.arange(values.sizes["form"])
    for axes, name in zip(panels, values.statistic.values, strict=True):
        for colour, row, line in zip(PALETTE, rows, values.sel(statistic=name), strict=False):
            axes.plot(line, np.full(line.size, row), "|", color=colour, markersize=20)
        axes.axvline(0, color="0.6", linewidth=1)
        axes.set(xlabel=f"{name} of the mean curve on self-SRM", xlim=(-1.05, 1.05))
    panels[0].set_yticks(rows, [str(form) for form in values.form.values])
    panels[0].set_ylim(len(rows) - 0.4, -0.6)
    return figure


def no_amplitude(correlation: xr.DataArray, slope: xr.DataArray) -> Figure:
    """Draw correlation against slope, a dot for each simulated data set.

    Parameters
    ----------
    correlation, slope : DataArray (kind, seed)
        What `spotlight.alignment` said.
    """
    figure, axes = plt.subplots(figsize=(8, 3.8))
    for colour, mark, name in zip(PALETTE, _MARKS, slope.kind.values, strict=False):
        x, y = slope.sel(kind=name), correlation.sel(kind=name)
        axes.plot(x, y, mark, color=colour, label=str(name))
    axes.axvline(0, color="0.6", linewidth=1)
    axes.set(xlabel="slope", ylabel="correlation with self-SRM", ylim=(-1.05, 1.05))
    axes.legend(loc="lower right")
    return figure


def widths(held: xr.DataArray, planted: float) -> Figure:
    """Draw what the spotlight finds of planted samples, against the width.

    Parameters
    ----------
    held : DataArray (light, n)
        Share of the samples held on basis vectors, beyond chance.
    planted : float
        Share that was planted there.
    """
    figure, axes = plt.subplots(figsize=(8, 3.8))
    axes.axhline(planted, color="black", linestyle=":", label="planted")
    for colour, mark, line in zip(PALETTE, _MARKS, held, strict=False):
        axes.plot(line.n, line, mark + "-", color=colour, label=str(line.light.item()))
    axes.set_xscale("log", base=2)
    axes.set_xticks(held.n.values, [str(n) for n in held.n.values])
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set(xlabel="neurons n", ylim=(-0.02, 1.15 * planted))
    axes.set_ylabel("fraction of samples on basis\nvectors, beyond chance")
    axes.legend(loc="center right")
    return figure


def _circle(axes: Axes, epsilon: float, angle: float) -> None:
    half = np.degrees(np.arccos(epsilon))
    axes.add_patch(plt.Circle((0, 0), 1, fill=False, color="0.7"))
    wedge = Wedge(
        (0, 0), 1, angle - half, angle + half, fill=False, linestyle="--", edgecolor="0.5"
    )
    axes.add_patch(wedge)
    rim = _axis(np.linspace(angle - half, angle + half, 60)).T
    axes.add_patch(Polygon(rim, color=PALETTE[1], alpha=0.3, linewidth=0))
    axes.annotate(
        "",
        tuple(1.08 * _axis(angle)),
        (0, 0),
        arrowprops={"arrowstyle": "->", "lw": 1.8, "color": "black"},
    )
    axes.set(aspect="equal", xlim=(-1.35, 1.35), ylim=(-1.35, 1.35))
    axes.set(xticks=[-1, 0, 1], xlabel="first coordinate, along $b_α$")
    axes.set(yticks=[-1, 0, 1], ylabel="second coordinate, along $b_β$")


def _classes(axes: Axes, result: xr.Dataset) -> None:
    styles, mean = ("-", "--", ":", "-."), result.fraction.mean("plane")
    for number, (colour, line) in enumerate(zip(PALETTE, mean, strict=False)):
        name = str(line["class"].item())
        axes.plot(line.angle, line, styles[number % 4], color=colour, linewidth=2, label=name)
    axes.margins(y=0.3)
    axes.legend(fontsize=10, ncols=3, loc="upper center")


def _degrees(axes: Axes) -> None:
    axes.set(xlim=(0, 360), xlabel="angle θ of the spotlight (degrees)")
    axes.set_xticks(_DEGREES)


def _axis(degrees: float | NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
