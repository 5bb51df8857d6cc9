"""Pictures of what does not hold as printed."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import NDArray

from neuronbasis.figures.style import PALETTE

_STYLES = ("-", "--", ":", "-.")


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
    for (title, curve), colour, style in zip(curves.items(), PALETTE, _STYLES, strict=False):
        axes.plot(curve.angle, curve, style, color=colour, linewidth=2, label=title)
    for where in (0, angle):
        axes.axvline(where, color="0.6", linewidth=1)
    axes.set_xticks([0, angle / 2, angle], ["first vector", "half-way", "nearest neighbour"])
    axes.set(ylabel="basis vectors in the light", xlim=(-angle / 3, angle * 4 / 3))
    figure.legend(loc="outside upper right", ncols=len(curves))
    return figure


def along_vectors(length: NDArray[np.float64], lines: Mapping[str, NDArray[np.float64]]) -> Figure:
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
    for (title, line), colour, style in zip(lines.items(), PALETTE, _STYLES, strict=False):
        axes.plot(length, line, style, color=colour, linewidth=2, label=title)
    axes.set(xlabel="α", ylabel="σ(α b) · b")
    figure.legend(loc="outside right upper")
    return figure
