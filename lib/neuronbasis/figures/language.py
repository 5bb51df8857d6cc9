"""Pictures of a transformer: what its directions read."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from neuronbasis.figures import style
from neuronbasis.figures.style import PALETTE


def purities(measured: Mapping[str, Mapping[str, np.ndarray]], unit: str) -> Figure:
    """Draw one number for each direction: a dot each, and their mean, a panel for each place.

    Parameters
    ----------
    measured
        Place -> basis -> one number a direction; every place has the same bases.
    unit
        What the numbers are.
    """
    figure, grid = style.panels(len(measured), (4.2, 2.4), 2, (0, 0.2), sharex=True, sharey=True)
    rng = np.random.default_rng(0)  # which height a dot has says nothing
    for axes, (place, bases) in zip(grid, measured.items(), strict=True):
        for y, (_, values) in enumerate(bases.items()):
            colour = (PALETTE[0], PALETTE[1], "0.45")[y % 3]
            spread = y + rng.uniform(-0.3, 0.3, len(values))
            axes.plot(values, spread, "o", color=colour, alpha=0.3, markersize=4, zorder=1)
            axes.plot([values.mean()] * 2, [y - 0.38, y + 0.38], color="black", lw=2.5, zorder=2)
        style.rows(axes, list(bases))
        axes.set(title=place, xlim=(0, 1.03))
    for axes in grid[-2:]:
        axes.set_xlabel(unit)
    return figure
