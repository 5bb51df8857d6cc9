"""How often directions are called interpretable by their top images, and what that decides."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from neuronbasis.uncertainty import mean_interval, verdict_of_effect
from neuronbasis.visualisation import difference, rate

#: Kinds of directions whose top images are compared.
KINDS = ("neurons", "random directions", "first 10 PCs", "all PCs")
#: The layer whose neurons are the classes, by training: a control, and no part of a verdict.
OUTPUT = "fc3"
#: The smallest effect that counts: a twentieth of the whole scale.
SMALLEST = 0.05

Interval = tuple[float, float, float]


@dataclass(frozen=True)
class Claim:
    """How a claim was settled, as `records.Record.claim` takes it."""

    effect: float
    interval: tuple[float, float]
    n: int
    control: str
    verdict: str


@dataclass(frozen=True, eq=False)
class Search:
    """What the top images of directions share, in several networks, beside random images.

    Attributes
    ----------
    cells : sequence of dict of (layer, kind) to Dataset
        One a network, of the networks' layers in order: what `visualisation.coherence` says of
        the directions that enough images excite, with the attributes ``left_out``, how many
        others there are, and ``directions``, how many altogether.
    floor : sequence of dict of str to Dataset
        One a network, of `floors`.
    threshold : float
        Purity from which a direction is called interpretable.
    """

    cells: Sequence[Mapping[tuple[str, str], xr.Dataset]]
    floor: Sequence[Mapping[str, xr.Dataset]]
    threshold: float

    @property
    def layers(self) -> list[str]:
        """Names of all layers."""
        return list(dict.fromkeys(layer for layer, _ in self.cells[0]))

    @property
    def hidden(self) -> list[str]:
        """Those that a verdict is about."""
        return hidden(self.layers)

    def bar(self, network: int, layer: str, measure: str) -> float:
        """From where on a direction is called interpretable.

        The threshold for purity; for a measure without a natural unit what one in a thousand sets
        of random images reaches.
        """
        if measure == "purity":
            return self.threshold
        return float(self.floor[network][layer][measure].quantile(0.999))

    def means(self, measure: str) -> xr.DataArray:
        """Mean over directions, by (network, layer, kind)."""
        return self._table(measure, lambda network, layer, values: float(values.mean()))

    def rates(self, measure: str) -> xr.DataArray:
        """Share of directions called interpretable, by (network, layer, kind)."""
        return self._table(measure, self._rate)

    def floors(self, measure: str) -> xr.DataArray:
        """Mean over sets of random images, by (network, layer)."""
        return xr.DataArray(
            [[float(each[layer][measure].mean()) for layer in self.layers] for each in self.floor],
            dims=("network", "layer"),
            coords={"layer": self.layers},
        )

    def floor_mean(self, measure: str) -> float:
        """Mean over the sets of all networks' hidden layers."""
        return float(np.mean(self.floors(measure).sel(layer=self.hidden).values.tolist()))

    def left_out(self) -> dict[str, list[int]]:
        """By layer, how many neurons of each network too few images excite."""
        return {
            layer: [each[layer, "neurons"].attrs["left_out"] for each in self.cells]
            for layer in self.layers
        }

    def strict_rate(self, measure: str) -> float:
        """Rate of hidden neurons where those left out count as not interpretable."""
        shares = [
            np.mean(
                [
                    self._rate(network, layer, each[layer, "neurons"][measure])
                    * each[layer, "neurons"].sizes["direction"]
                    / each[layer, "neurons"].attrs["directions"]
                    for network, each in enumerate(self.cells)
                ]
            )
            for layer in self.hidden
        ]
        return float(np.mean(shares))

    def gaps(self, measure: str, layers: Sequence[str]) -> xr.DataArray:
        """By network: rate of neurons less that of random directions, mean over layers."""
        neurons, drawn = (self.rates(measure).sel(kind=kind) for kind in KINDS[:2])
        return neurons.sel(layer=layers).mean("layer") - drawn.sel(layer=layers).mean("layer")

    def apart(self, measure: str, layers: Sequence[str]) -> Interval:
        """Mean of the `gaps` with its 95% interval, see `settled`."""
        passed = ([self._passed(kind, layer, measure) for layer in layers] for kind in KINDS[:2])
        return settled(self.gaps(measure, layers).values, *passed)

    def beyond_random_images(self, measure: str) -> Interval:
        """How much random directions of hidden layers exceed random images, see `settled`."""
        drawn = self.means(measure).sel(kind=KINDS[1])
        above, ground = (
            each.sel(layer=self.hidden).mean("layer") for each in (drawn, self.floors(measure))
        )
        return settled(
            (above - ground).values,
            [self.cells[0][layer, KINDS[1]][measure].values for layer in self.hidden],
            [self.floor[0][layer][measure].values for layer in self.hidden],
        )

    def claims(self, measure: str) -> dict[str, Claim]:
        """Settle both parts of the claim, over the hidden layers.

        Returns
        -------
        dict of str to Claim
            "B1.random": top images of random directions are more alike than random images.
            "B1.neurons": neurons are called interpretable more often than random directions.
        """
        one = next(iter(self.floor[0].values()))
        images = one.attrs.get("groups", one.attrs["images"])
        units = len(self.cells) if len(self.cells) > 1 else images
        share = float(self.rates(measure).sel(kind=KINDS[1], layer=self.hidden).mean())
        settled = {
            "B1.random": (
                self.beyond_random_images(measure),
                f"sets of random images: {self.floor_mean(measure):.3f}",
            ),
            "B1.neurons": (
                self.apart(measure, self.hidden),
                f"random directions of the same layers: {share:.3f} interpretable",
            ),
        }
        return {
            name: Claim(effect, (low, high), units, control, verdict_of_effect(low, high, SMALLEST))
            for name, ((effect, low, high), control) in settled.items()
        }

    def curve(self, measure: str, layers: Sequence[str]) -> xr.DataArray:
        """Share of directions at or above each threshold, (kind, threshold).

        Mean over layers and networks; "random images" is one of the kinds. Purity has as many
        values as there are top images, and so many thresholds.
        """
        top = next(iter(self.cells[0].values())).attrs["k"]
        levels = np.arange(1, top + 1) / top if measure == "purity" else np.linspace(-0.2, 1, 61)
        levels = levels.tolist()
        parts = {
            kind: [
                rate(each[layer, kind][measure], levels) for each in self.cells for layer in layers
            ]
            for kind in self._kinds
        }
        parts["random images"] = [
            rate(each[layer][measure], levels) for each in self.floor for layer in layers
        ]
        joined = [xr.concat(each, "part").mean("part") for each in parts.values()]
        return xr.concat(joined, "kind").assign_coords(kind=list(parts))

    def widest_gap(self, measure: str) -> tuple[float, float]:
        """Where the curves of hidden neurons and random directions differ most.

        Returns
        -------
        gap, threshold : float
        """
        curve = self.curve(measure, self.hidden)
        gap = curve.sel(kind=KINDS[0]) - curve.sel(kind=KINDS[1])
        widest = int(np.argmax(np.abs(gap.values)))
        return float(gap[widest]), float(gap.threshold[widest])

    @property
    def _kinds(self) -> list[str]:
        return list(dict.fromkeys(kind for _, kind in self.cells[0]))

    def _table(self, measure: str, of: Callable[[int, str, xr.DataArray], float]) -> xr.DataArray:
        return xr.DataArray(
            [
                [
                    [of(k, layer, each[layer, kind][measure]) for kind in self._kinds]
                    for layer in self.layers
                ]
                for k, each in enumerate(self.cells)
            ],
            dims=("network", "layer", "kind"),
            coords={"layer": self.layers, "kind": self._kinds},
        )

    def _rate(self, network: int, layer: str, values: xr.DataArray) -> float:
        return float(rate(values, [self.bar(network, layer, measure=str(values.name))])[0])

    def _passed(self, kind: str, layer: str, measure: str) -> NDArray[np.float64]:
        """Which directions of the first network are called interpretable."""
        values = self.cells[0][layer, kind][measure].values
        return (values >= self.bar(0, layer, measure)).astype(np.float64)


def hidden(layers: Iterable[str]) -> list[str]:
    """The layers that a verdict is about: all but the `OUTPUT`."""
    return [each for each in layers if each != OUTPUT]


def settled(differences: Any, first: Sequence[Any], second: Sequence[Any]) -> Interval:
    """Mean and 95% interval of a difference: over networks; of one network, over its directions.

    Of shares or cosines, so that what rounding leaves of equal ones counts as 0.

    Parameters
    ----------
    differences : array_like, shape (networks,)
    first, second
        As of `visualisation.difference`, for the first network.

    Examples
    --------
    >>> settled([0.2, 0.4], [], [])[0], settled([0.5], [[1, 1, 1, 0]], [[0, 0, 1, 0]])[0]
    (0.30000000000000004, 0.5)
    """
    several = len(differences) > 1
    return mean_interval(differences, size=1.0) if several else difference(first, second)


def ahead_and_behind(apart: Mapping[str, Interval]) -> tuple[list[str], list[str]]:
    """Hidden layers whose interval lies wholly above zero, and those wholly below.

    Examples
    --------
    >>> ahead_and_behind({"a": (0.2, 0.1, 0.3), "b": (0.0, -0.1, 0.1), "fc3": (0.9, 0.8, 1.0)})
    (['a'], [])
    """
    inner = {each: apart[each] for each in hidden(apart)}
    ahead = [each for each, (_, low, _) in inner.items() if low > 0]
    return ahead, [each for each, (_, _, high) in inner.items() if high < 0]
