"""Pictures of privileged bases: how even they are, and what sigma does to space."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from neuronbasis.figures import style
from neuronbasis.figures.style import PALETTE

Array = NDArray[np.float64]

_QUARTERS = [0, 90, 180, 270, 360]
_LINES: list[Any] = ["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1))]


def field(
    rings: Mapping[str, Array],
    rays: Mapping[str, Array],
    vectors: Mapping[str, Array],
    radii: Array,
) -> Figure:
    """Draw where an activation function of the plane sends circles and rays, a panel each.

    Parameters
    ----------
    rings
        Images of the circles by title: shape (radius, point, 2).
    rays
        Images of the rays from the origin by the same titles: shape (ray, point, 2).
    vectors
        Basis vectors by title: shape (m, 2); an empty array where there are none.
    radii
        Of the circles, shape (radius,).
    """
    figure, grid = style.panels(len(rings), (4.5, 4.2), 2)
    reach = 1.12 * max(np.abs(each).max() for each in rings.values())
    colours = _shades(len(radii))
    for axes, (title, curves) in zip(grid, rings.items(), strict=True):
        axes.plot(*rays[title].transpose(2, 1, 0), color="0.75", linewidth=0.7)
        for curve, colour, radius in zip(curves, colours, radii, strict=True):
            axes.plot(*_closed(curve).T, color=colour, linewidth=1.8, label=f"|x| = {radius:g}")
        for vector in vectors[title]:
            arrow: dict[str, Any] = {"arrowstyle": "-|>", "color": "black", "linewidth": 1.4}
            axes.annotate("", vector, (0, 0), arrowprops=arrow)
        axes.set(title=title, aspect="equal", xlim=(-reach, reach), ylim=(-reach, reach))
    _outer_labels(figure, grid, "first coordinate of σ(x)", "second coordinate of σ(x)")
    figure.legend(
        *grid[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(radii)
    )
    return figure


def gains(
    angle: Array,
    curves: Mapping[str, Array],
    radii: Array,
    isotropic: Array,
    vectors: Mapping[str, Array],
) -> Figure:
    """Draw the gain against direction, a panel a basis, a line a length.

    Parameters
    ----------
    angle
        Of the input from the first basis vector, in degrees; shape (angle,).
    curves
        ``|sigma(x)| / |x|`` by title: shape (radius, angle).
    radii
        Lengths ``|x|``, shape (radius,).
    isotropic
        Gain of the isotropic tanh at each length: shape (radius,).
    vectors
        Angles of the basis vectors by title, in degrees.
    """
    figure, grid = style.panels(len(curves), (4.5, 3.5), 2, sharey=True)
    for axes, (title, lines) in zip(grid, curves.items(), strict=True):
        for line, radius, level, colour in zip(
            lines, radii, isotropic, _shades(len(radii)), strict=True
        ):
            axes.plot(angle, line, color=colour, linewidth=1.8, label=f"|x| = {radius:g}")
            axes.axhline(level, color=colour, linestyle=":", linewidth=1.2)
        _mark(axes, vectors[title])
        axes.set(title=title, xlim=(0, 360), xticks=_QUARTERS)
    grid[0].set_ylim(bottom=0)  # shared, and only now that every line is there
    _outer_labels(figure, grid, "angle of x from $b_1$ (degrees)", "gain |σ(x)| / |x|")
    figure.legend(
        *grid[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(radii)
    )
    return figure


def symmetry(angle: Array, defects: Mapping[str, Array]) -> Figure:
    """Draw how far a turn of the plane is from commuting with sigma, a line a basis.

    Parameters
    ----------
    angle
        Of the turn, in degrees; shape (angle,).
    defects
        Largest ``|sigma(Rx) - R sigma(x)|`` at each turn, by title: shape (angle,).
    """
    figure, axes = plt.subplots(figsize=(9, 4))
    for k, (title, line) in enumerate(defects.items()):
        axes.plot(angle, line, color=PALETTE[k], linestyle=_LINES[k], linewidth=1.8, label=title)
    axes.set(xlim=(0, 360), xticks=_QUARTERS, xlabel="angle of the rotation R (degrees)")
    axes.set_ylabel("largest |σ(Rx) − R σ(x)|")
    figure.legend(loc="outside right center")
    return figure


def evenness(
    thompson: Mapping[str, Array], random: Mapping[str, Array], optimum: Mapping[str, float]
) -> Figure:
    """Draw the angle from each vector to its nearest neighbour, a column a kind of basis.

    Parameters
    ----------
    thompson, random
        Angles in degrees, by the same labels: shape (vector,).
    optimum
        Angle of the known optimum, where there is one, by label.
    """
    figure, axes = plt.subplots(figsize=(10, 4.6))
    kinds = [
        ("random", random, -0.16, PALETTE[1], "o"),
        ("Thompson", thompson, 0.16, PALETTE[0], "D"),
    ]
    for name, angles, shift, colour, marker in kinds:
        for column, each in enumerate(angles.values()):
            # Spread sideways by rank, so that equal angles show as a row and not as one dot.
            place = column + shift + 0.2 * (np.linspace(0, 1, len(each)) - 0.5)
            said = name if column == 0 else ""
            axes.scatter(
                place, np.sort(each), s=14, color=colour, marker=marker, alpha=0.7, label=said
            )
    for column, label in enumerate(thompson):
        if label in optimum:
            said = "known optimum" if label == next(iter(optimum)) else ""
            axes.hlines(
                optimum[label],
                column - 0.05,
                column + 0.42,
                color="black",
                linewidth=1.4,
                label=said,
            )
    axes.set_xticks(range(len(thompson)), [label.replace(" in ", "\nin ") for label in thompson])
    axes.set(ylabel="angle to the nearest\nother vector (degrees)", ylim=(0, None))
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def along(
    length: Array, corrected: Mapping[str, Array], uncorrected: Mapping[str, Array]
) -> Figure:
    """Draw sigma along each basis vector beside the tanh that it should be, a panel a basis.

    Parameters
    ----------
    length
        Of the input on a basis vector, shape (length,).
    corrected
        Component of sigma along that vector (Eq. 14), by title: shape (vector, length). They set
        the scale.
    uncorrected
        The same without the correction (Eq. 7), mean over the vectors: shape (length,).
    """
    figure, grid = style.panels(len(corrected), (4.5, 3.8), 2, sharey=True)
    for axes, (title, curves) in zip(grid, corrected.items(), strict=True):
        bundle = axes.plot(length, curves.T, color=PALETTE[0], linewidth=0.9, alpha=0.4)
        bundle[0].set_label("σ along each basis vector (Eq. 14)")
        axes.plot(
            length,
            uncorrected[title],
            color=PALETTE[1],
            linestyle="-.",
            linewidth=1.8,
            label="without N, mean (Eq. 7)",
        )
        axes.plot(length, np.tanh(length), "k--", linewidth=1.8, label="tanh")
        axes.set(title=title, xlim=(0, length[-1]))
    lines = np.concatenate([*corrected.values(), np.ones((1, len(length)))])
    grid[0].set_ylim(1.05 * min(0.0, lines.min()), 1.05 * lines.max())
    _outer_labels(figure, grid, "length α of the input", "σ(α $b_j$) · $b_j$")
    figure.legend(*grid[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def along_vectors(length: Array, lines: Mapping[str, Array]) -> Figure:
    """Draw sigma(alpha b) . b against alpha for several vectors b, and tanh itself.

    Parameters
    ----------
    length : ndarray, shape (k,)
        The values of alpha.
    lines : mapping of str to ndarray, shape (k,)
        By what the vector is.
    """
    figure, axes = plt.subplots(figsize=(7.2, 3.6))
    axes.plot(length, np.tanh(length), color="0.75", linewidth=5, label="tanh")
    for k, (title, line) in enumerate(lines.items()):
        dash = _LINES[k % len(_LINES)]
        axes.plot(length, line, linestyle=dash, color=PALETTE[k], linewidth=2, label=title)
    axes.set(xlabel="α", ylabel="σ(α b) · b")
    figure.legend(loc="outside right upper")
    return figure


def corrections(length: Array, curves: Mapping[str, Array]) -> Figure:
    """Draw the correction N against the length of the input, a line a basis.

    Parameters
    ----------
    length
        ``|x|``, shape (length,).
    curves
        ``N(|x|)`` by label: shape (length,).
    """
    figure, axes = plt.subplots(figsize=(9, 4))
    for k, (label, curve) in enumerate(curves.items()):
        axes.plot(
            length,
            curve,
            color=PALETTE[k],
            linestyle=_LINES[k % len(_LINES)],
            linewidth=1.8,
            label=label,
        )
    axes.set(xlabel="length |x| of the input", ylabel="correction N(|x|)", xlim=(0, length[-1]))
    figure.legend(loc="outside right center")
    return figure


def response(clouds: Mapping[str, Mapping[str, tuple[Array, Array]]]) -> Figure:
    """Draw gain against deflection, a panel an activation function, a colour a kind of direction.

    Parameters
    ----------
    clouds
        By title of the panel and kind of direction: gains and deflections (degrees), each of
        shape (direction,). The first kind is drawn as a faint cloud.
    """
    figure, grid = style.panels(len(clouds), (4.5, 3.9), 2, sharex=True, sharey=True)
    looks = [("0.6", "o", 8), (PALETTE[1], "D", 120), (PALETTE[0], "v", 50), (PALETTE[2], "P", 60)]
    for axes, (title, kinds) in zip(grid, clouds.items(), strict=True):
        for (kind, (gain, turned)), (colour, marker, size) in zip(
            kinds.items(), looks, strict=True
        ):
            cloud = marker == "o"
            axes.scatter(
                gain,
                turned,
                s=size,
                color=colour,
                marker=marker,
                alpha=0.4 if cloud else 1.0,
                linewidths=0 if cloud else 0.6,
                edgecolors="none" if cloud else "black",
                rasterized=cloud,
                clip_on=False,
                label=kind,
            )
        axes.set(title=title)
    grid[0].set(xlim=(0, None), ylim=(0, None))  # shared, and only now that every dot is there
    _outer_labels(figure, grid, "gain |σ(x)| / |x|", "angle between x and σ(x) (degrees)")
    handles, labels = grid[0].get_legend_handles_labels()
    key = figure.legend(handles, labels, loc="outside lower center", ncols=len(looks))
    for handle in filter(None, key.legend_handles):
        handle.set(sizes=[50], alpha=1)  # a dot of the cloud alone is too small to see
    return figure


def _outer_labels(figure: Figure, grid: list[Axes], x: str, y: str) -> None:
    for axes in grid[-2:]:
        axes.set_xlabel(x)
    for axes in grid[::2]:
        axes.set_ylabel(y)


def _shades(count: int) -> list[Any]:
    """Colours from dark to light, which also tell an order in grey."""
    return list(plt.get_cmap("viridis")(np.linspace(0, 0.8, count)))


def _mark(axes: Axes, angles: Array) -> None:
    for angle in angles:
        axes.axvline(angle, color="0.8", linewidth=1.2, zorder=0)


def _closed(curve: Array) -> Array:
    return np.vstack([curve, curve[:1]])
