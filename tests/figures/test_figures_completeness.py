"""Pictures of completeness and ablation: what a reader sees in each."""

import numpy as np
import pytest
import xarray as xr

from neuronbasis.errors import UserError
from neuronbasis.figures import completeness as figures

BASES = ["principal components", "neurons", "random"]
LAYERS = ["conv1", "conv2", "fc3"]


def explained(bases=BASES):
    """Of two networks; conv1 has 2 units, the others 4. Random vectors never reach 0.9."""
    rng = np.random.default_rng(0)
    at = ("network", "layer", "basis", "count")
    curves = np.sort(rng.uniform(size=(2, 3, len(bases), 5)), axis=-1)
    needed = np.full((2, 3, len(bases), 2), 2.0)
    needed[0, ..., 0] = 1
    if "random" in bases:
        needed[:, :, bases.index("random"), 1] = 0
    return xr.Dataset(
        {
            "explained": (at, curves),
            "needed": (("network", "layer", "basis", "share"), needed),
            "units": (("network", "layer"), [[2, 4, 4]] * 2),
        },
        {"layer": LAYERS, "basis": bases, "count": range(5), "share": [0.5, 0.9]},
    )


def ablated(orders):
    rng = np.random.default_rng(1)
    at = ("layer", "basis", "order", "count")
    shape = (3, 2, len(orders), 3)
    accuracy = rng.uniform(0.2, 0.8, shape)
    return xr.Dataset(
        {
            "accuracy": (at, accuracy),
            "low": (at, accuracy - 0.1),
            "high": (at, accuracy + 0.1),
            "variance_removed": (at, np.sort(rng.uniform(size=shape), -1)),
            "units": ("layer", [2, 4, 4]),
            "intact": ("layer", [0.9, 0.91, 0.92]),
        },
        {"layer": LAYERS, "basis": BASES[:2], "order": orders, "count": [0, 1, 2]},
    )


def test_variance_has_a_panel_a_layer_up_to_its_units(line, legend):
    found = explained()
    figure = figures.cumulative(found)
    titles = ["conv1, 2 units", "conv2, 4 units", "fc3, 4 units"]
    assert [axes.get_title() for axes in figure.axes] == titles
    for axes, layer, units in zip(figure.axes, LAYERS, (2, 4, 4), strict=True):
        assert axes.get_xlim() == (0, units)
        assert axes.get_xlabel() == "vectors"
        curves = found.explained.sel(layer=layer, count=slice(0, units))
        for k, basis in enumerate(BASES):
            several = curves.sel(basis=basis)
            wanted = [*several.values, several.mean("network").values]
            thin_and_thick = [each for each in axes.lines if len(each.get_xdata()) == units + 1]
            drawn = [each.get_ydata() / 100 for each in thin_and_thick[3 * k : 3 * k + 3]]
            np.testing.assert_allclose(drawn, wanted)
    first, second = figure.axes[:2]
    assert first.get_ylabel() == "variance\nexplained (%)"
    assert second.get_ylabel() == ""
    assert line(first, "random").shape == (3, 2)
    assert legend(figure) == BASES
    strokes = [each.get_xydata().tolist() for each in first.lines]
    assert [[1.5, 45], [1.5, 55]] in strokes  # the mean of one and two vectors, about 50%
    assert strokes.count([[2, 85], [2, 95]]) == 2  # not for the random basis


def test_a_basis_without_a_look_is_told():
    found = explained(["neurons", "wavelets"])
    with pytest.raises(UserError, match=r"^basis 'wavelets' has no look here: name it one of p"):
        figures.cumulative(found)


@pytest.mark.parametrize("against", ["count", "variance"])
@pytest.mark.parametrize("orders", [["descending"], ["descending", "ascending"]])
def test_accuracy_falls_in_a_panel_a_layer(against, orders, legend):
    found = ablated(orders)
    figure = figures.ablation(found, against)
    names = {"count": "vectors ablated, % of the units", "variance": "variance removed (%)"}
    pairs = [(basis, order) for basis in BASES[:2] for order in orders]
    for axes, layer in zip(figure.axes, LAYERS, strict=True):
        one = found.sel(layer=layer)
        assert axes.get_title() == f"{layer}, {int(one.units)} units"
        assert axes.get_xlabel() == names[against]
        assert set(axes.lines[-1].get_ydata()) == {100 * float(one.intact)}
        for (basis, order), drawn, band in zip(pairs, axes.lines, axes.collections, strict=False):
            curve = one.sel(basis=basis, order=order)
            x = curve.variance_removed if against == "variance" else curve["count"] / one.units
            np.testing.assert_allclose(drawn.get_xdata(), 100 * x)
            np.testing.assert_allclose(drawn.get_ydata(), 100 * curve.accuracy)
            assert drawn.get_linestyle() == ("-" if order == "descending" else "--")
            heights = band.get_paths()[0].vertices[:, 1]
            ends = [heights.min(), heights.max()]
            np.testing.assert_allclose(ends, [100 * curve.low.min(), 100 * curve.high.max()])
    assert figure.axes[0].get_ylabel() == "accuracy (%)"
    said = {"descending": ", largest first", "ascending": ", smallest first"}
    both = len(orders) == 2
    assert legend(figure) == [f"{b}{said[order] if both else ''}" for b, order in pairs]


def test_against_what_is_one_of_two():
    with pytest.raises(UserError, match="against is 'size'; it must be 'count' or 'variance'"):
        figures.ablation(ablated(["descending"]), "size")


def estimate(effect):
    effect = np.array(effect, dtype=float)
    numbers = {"effect": effect, "low": effect - 1, "high": effect + 0.5}
    return xr.Dataset({k: ("layer", v) for k, v in numbers.items()}, {"layer": LAYERS})


def test_effects_have_a_row_a_layer(legend, ticks):
    measured = {
        "first": {"neurons": estimate([1, 2, 3]), "random": estimate([0, 1, 2])},
        "last": {"neurons": estimate([-1, 0, 1]), "random": estimate([4, 4, 4])},
    }
    figure = figures.estimates(measured, "points", lines=(0, 1))
    assert [axes.get_title() for axes in figure.axes] == list(measured)
    for axes, conditions in zip(figure.axes, measured.values(), strict=True):
        assert axes.get_xlabel() == "points"
        for bar, each in zip(axes.containers, conditions.values(), strict=True):
            marks, _, (ends,) = bar.lines
            np.testing.assert_array_equal(marks.get_xdata(), each.effect)
            assert marks.get_ydata().round().tolist() == [0, 1, 2]
            drawn = [path.vertices[:, 0] for path in ends.get_paths()]
            np.testing.assert_array_equal(drawn, np.stack([each.low, each.high], 1))
        zero, least = axes.lines[-2:]
        assert (set(zero.get_xdata()), set(least.get_xdata())) == ({0}, {1})
    first, last = figure.axes
    assert ticks(first.yaxis) == LAYERS
    assert first.get_xlim() == last.get_xlim()
    assert legend(figure) == ["neurons", "random"]


def test_logarithms_of_ratios_are_read_as_ratios(ticks):
    figure = figures.estimates({"": {"one": estimate([1, 2, 3])}}, "times", ratio=True)
    (axes,) = figure.axes
    assert figure.legends == []  # one condition needs none
    figure.draw_without_rendering()
    assert {"1", "2", "4", "8"} <= set(ticks(axes.xaxis))  # whole powers of two
    axes.set_xticks([-1, 0, 1, 3])
    assert ticks(axes.xaxis) == ["0.5", "1", "2", "8"]
