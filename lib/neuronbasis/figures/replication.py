"""Pictures of many configurations beside each other."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from neuronbasis.figures.style import PALETTE
from neuronbasis.uncertainty import mean_interval


def forest(measured: Mapping[str, Mapping[str, Sequence[float]]], label: str) -> Figure:
    """Draw repetitions of several conditions, in groups: a dot each, their mean and interval.

    Parameters
    ----------
    measured
        Group -> condition -> one number a repetition; every group has the same conditions.
    label
        What the numbers are, with their unit.
    """
    conditions = list(next(iter(measured.values())))
    height = 1.2 + len(measured) * (0.22 * len(conditions) + 0.2)
    figure, axes = plt.subplots(figsize=(9, height))
    for place, group in enumerate(measured.values()):
        for k, condition in enumerate(conditions):
            y = place + (k - (len(conditions) - 1) / 2) * 0.8 / len(conditions)
            colour, values = PALETTE[k], np.asarray(group[condition])
            axes.plot(values, np.full(len(values), y), "o", color=colour, alpha=0.35, markersize=5)
            mean, low, high = mean_interval(values.tolist())
            axes.plot([low, high], [y, y], color=colour, linewidth=2.5, solid_capstyle="butt")
            axes.plot([mean], [y], "d", color=colour, markersize=7, label=_once(condition, place))
        if place:
            axes.axhline(place - 0.5, color="0.85", linewidth=0.8)
    axes.axvline(0, color="0.4", linewidth=0.8)
    axes.set_yticks(range(len(measured)), list(measured))
    axes.set(ylim=(len(measured) - 0.5, -0.5), xlabel=label)
    figure.legend(loc="outside upper center", ncols=len(conditions))
    return figure


def _once(condition: str, place: int) -> str:
    """The legend's label, for the first group only."""
    return condition if place == 0 else "_"
