"""Pictures of how accuracy falls as vectors of a basis are ablated."""

import xarray as xr
from matplotlib.figure import Figure

from neuronbasis.errors import UserError
from neuronbasis.figures.layers import LOOKS, once, panels

_DASHES = {"descending": "-", "ascending": (0, (4, 2))}
_FIRST = {"descending": "largest first", "ascending": "smallest first"}
_LABELS = {"count": "vectors ablated, % of the units", "variance": "variance removed (%)"}


def curves(found: xr.Dataset, against: str = "count") -> Figure:
    """Draw accuracy against what was ablated, a panel for each layer.

    Parameters
    ----------
    found
        Of `experiments.layerwise.ablated`, one network. Full lines: the vectors of largest
        variance go first;
        dashed: those of smallest. Bands: binomial intervals.
    against
        "count": vectors as a share of the units; "variance": share of the variance.
    """
    if against not in _LABELS:
        raise UserError(f"against is {against!r}; it must be 'count' or 'variance'")
    layers = found.layer.values.tolist()
    figure, each_axes = panels(layers)
    both = found.sizes["order"] > 1
    for number, (layer, axes) in enumerate(zip(layers, each_axes, strict=True)):
        one = found.sel(layer=layer)
        for basis in found.basis.values:
            for order in found.order.values:
                curve = one.sel(basis=basis, order=order)
                x = (
                    curve.variance_removed
                    if against == "variance"
                    else curve["count"] / curve.units
                )
                colour, marker = LOOKS[basis]
                label = f"{basis}, {_FIRST[order]}" if both else basis
                axes.plot(
                    100 * x, 100 * curve.accuracy, color=colour, linestyle=_DASHES[order],
                    marker=marker, markersize=4, linewidth=1.6, label=once(label, number),
                )  # fmt: skip
                axes.fill_between(
                    100 * x, 100 * curve.low, 100 * curve.high, color=colour, alpha=0.15, lw=0
                )
        axes.axhline(100 * float(one.intact), color="0.5", linewidth=0.8, linestyle=":")
        axes.set(title=f"{layer}, {int(one.units)} units", xlabel=_LABELS[against])
        axes.set(xlim=(-1, 101), ylim=(0, 103))
        if number % 2 == 0:
            axes.set_ylabel("accuracy (%)")
    figure.legend(loc="outside upper center", ncols=2 if both else 3)
    return figure
