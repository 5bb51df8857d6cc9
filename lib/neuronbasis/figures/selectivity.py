"""Pictures of what single directions tell apart."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import xarray as xr
from matplotlib.figure import Figure

from neuronbasis.figures import style
from neuronbasis.figures.spotlight import quarters
from neuronbasis.figures.style import PALETTE


def colours(count: int) -> list[Any]:
    """One colour a class; ten stay apart, also for colour-blind readers as far as ten can."""
    return list(sns.color_palette("colorblind" if count <= 10 else "husl", count))


def planes(curves: Mapping[str, xr.DataArray], classes: Sequence[str]) -> Figure:
    """Draw the signed resonance of every class on single planes.

    Parameters
    ----------
    curves
        Title -> signed fraction over (class, angle).
    classes
        Their names, in order.
    """
    figure, row = style.panels(len(curves), (4.6, 3.8), sharey=True)
    for axes, (title, signed) in zip(row, curves.items(), strict=True):
        for colour, name, curve in zip(colours(len(classes)), classes, signed, strict=True):
            axes.plot(signed.angle, curve, color=colour, label=name, linewidth=1.6)
        axes.axhline(0, color="0.4", linewidth=0.8)
        axes.set_title(title)
        quarters(axes)
    row[0].set_ylabel("signed fraction\nof the class in the spotlight")
    columns = min(5, len(classes))
    figure.legend(*row[0].get_legend_handles_labels(), loc="outside lower center", ncols=columns)
    return figure


def scores(measured: Mapping[str, Sequence[float]], label: str) -> Figure:
    """Draw numbers of several conditions, one row a condition, a dot each.

    Parameters
    ----------
    measured
        Condition -> numbers.
    label
        What they are.
    """
    figure, axes = plt.subplots(figsize=(8, 1.2 + 0.5 * len(measured)))
    rng = np.random.default_rng(0)
    for row, values in enumerate(measured.values()):
        jitter = row + rng.uniform(-0.18, 0.18, len(values))
        axes.plot(values, jitter, "o", color=PALETTE[0], alpha=0.4, markersize=5)
        axes.plot([np.mean(values)] * 2, [row - 0.3, row + 0.3], color="black", linewidth=2)
    style.rows(axes, list(measured))
    axes.set(xlim=(0, None), xlabel=label)
    return figure


def embedding(points: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> Figure:
    """Draw a map of the activations in two dimensions, one colour a class.

    Parameters
    ----------
    points : ndarray, shape (samples, 2)
    labels : ndarray of int, shape (samples,)
        Places in `classes`.
    classes
        Their names.
    """
    figure, axes = plt.subplots(figsize=(7.5, 5))
    for k, (colour, name) in enumerate(zip(colours(len(classes)), classes, strict=True)):
        x, y = points[labels == k].T
        axes.scatter(x, y, s=6, color=colour, label=name, rasterized=True)
    axes.set(xticks=[], yticks=[], xlabel="UMAP 1", ylabel="UMAP 2")
    figure.legend(loc="outside right center", markerscale=3)
    return figure
