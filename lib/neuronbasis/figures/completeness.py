"""Pictures of how few vectors of a basis hold how much of a layer's variance."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from neuronbasis.figures.layers import LOOKS, once, panels


def cumulative(found: xr.Dataset) -> Figure:
    """Draw explained variance against the number of vectors, a panel for each layer.

    Parameters
    ----------
    found
        Of `experiments.layerwise.explained` over ``network``: a thin line each, their mean a thick
        one, dashed
        for the random basis, which often hides another. Short strokes mark the mean number of
        vectors for each share.
    """
    layers = found.layer.values.tolist()
    figure, each_axes = panels(layers)
    for number, (layer, axes) in enumerate(zip(layers, each_axes, strict=True)):
        one = found.sel(layer=layer)
        units = int(one.units.max())
        for basis in found.basis.values:
            colour, _ = LOOKS[basis]
            # No basis explains more after its last vector, and the axis ends at the last unit.
            here = one.sel(basis=basis, count=slice(0, units))
            for curve in here.explained:
                axes.plot(here["count"], 100 * curve, color=colour, alpha=0.3, linewidth=0.8)
            mean = 100 * here.explained.mean("network")
            axes.plot(
                here["count"], mean, color=colour, linewidth=2, label=once(basis, number),
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


def needed(found: xr.Dataset) -> Figure:
    """Draw the number of vectors for each share of the variance as a part of the layer's width.

    Parameters
    ----------
    found
        Of `experiments.layerwise.explained` over ``network``: a mark at the mean, a stroke from
        the lowest
        network to the highest. Bases that never reach a share are left out there.
    """
    layers, shares = found.layer.values.tolist(), found.share.values
    figure, row = plt.subplots(
        1, len(shares), figsize=(9.5, 1.7 + 0.34 * len(layers)), sharey=True, squeeze=False
    )
    for number, (axes, share) in enumerate(zip(row[0], shares, strict=True)):
        for basis in found.basis.values:
            colour, marker = LOOKS[basis]
            counts = found.needed.sel(share=share, basis=basis)
            part = (100 * counts / found.units).where(counts > 0).transpose("network", "layer")
            y = np.arange(len(layers))
            axes.hlines(y, part.min("network"), part.max("network"), color=colour, alpha=0.6)
            axes.plot(
                part.mean("network", skipna=False), y, marker, color=colour, markersize=7,
                markeredgewidth=1.8, label=once(basis, number),
            )  # fmt: skip
        axes.grid(axis="y", color="0.9", linewidth=0.7)
        axes.set_axisbelow(True)
        axes.set(xlim=(0, 103), title=f"for {share:.0%} of the variance")
        axes.set_xlabel("vectors needed, % of the units")
    row[0][0].set_yticks(range(len(layers)), layers)
    row[0][0].set_ylim(len(layers) - 0.5, -0.5)
    figure.legend(loc="outside upper center", ncols=3)
    return figure
