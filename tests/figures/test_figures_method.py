"""Pictures of how the method works: what a reader sees in each."""

import numpy as np
import pytest
import xarray as xr

from neuronbasis import basis, spotlight
from neuronbasis.errors import UserError
from neuronbasis.figures import method as figures

HALF = np.sqrt(0.5)
POINTS = xr.DataArray(
    [[1, 0], [HALF, HALF], [-1, 0]], dims=("point", "axis"), coords={"point": list("ABC")}
)


def test_the_plane_by_hand_marks_what_is_inside():
    curve = spotlight.curve(POINTS.values, basis.standard(2), (0, 1), epsilon=0.8)
    plane, chart = figures.plane_by_hand(POINTS, curve, angle=30).axes
    dots = [each.get_xydata()[0].tolist() for each in plane.lines]
    np.testing.assert_allclose(dots, POINTS)
    lit = [each.get_color() != "0.5" for each in plane.lines]
    assert lit == [True, True, False]  # 30 and 15 degrees from the axis, and 150
    arrow, *names = plane.texts
    assert [each.get_text() for each in names] == ["A", "B", "C"]
    x, y = arrow.xy
    np.testing.assert_allclose(np.degrees(np.arctan2(y, x)), 30)  # the arrow of the axis
    circle, cone, light = plane.patches
    assert circle.get_radius() == 1
    np.testing.assert_allclose([cone.theta1, cone.theta2], [30 - 36.87, 30 + 36.87], atol=0.01)
    rim = light.get_xy()
    np.testing.assert_allclose(np.hypot(*rim.T), 1)
    assert (rim @ [np.cos(np.pi / 6), np.sin(np.pi / 6)]).min() == pytest.approx(0.8)
    assert plane.get_xlabel() == "first coordinate, along $b_α$"
    assert plane.get_ylabel() == "second coordinate, along $b_β$"
    assert plane.get_aspect() == 1
    steps = chart.lines[0].get_xydata()
    np.testing.assert_allclose(steps[:-1, 0], np.degrees(curve.angle))
    np.testing.assert_array_equal(steps[:-1, 1], curve.fraction)
    assert steps[-1].tolist() == [360, curve.fraction.values[-1]]
    assert chart.lines[0].get_drawstyle() == "steps-post"
    assert chart.lines[-1].get_xydata().tolist() == [[30, 2 / 3]]
    assert chart.get_xlabel() == "angle θ of the spotlight (degrees)"
    assert chart.get_ylabel() == "fraction inside the spotlight"
    assert chart.get_xticks().tolist() == [0, 90, 180, 270, 360]


def test_arcs_are_where_the_cosine_is_above_epsilon(line, legend, ticks):
    cosines, bars = figures.arcs(POINTS, epsilon=0.8).axes
    degrees, cosine = line(cosines, "B").T
    np.testing.assert_allclose(cosine, np.cos(np.radians(degrees - 45)), atol=1e-12)
    inside = bars.collections[1].get_paths()[0].vertices[:, 0]
    np.testing.assert_allclose([inside.min(), inside.max()], [45 - 36.87, 45 + 36.87], atol=0.25)
    assert len(bars.collections[0].get_paths()) == 2  # of A, on both sides of 0
    assert legend(cosines) == ["A", "B", "C", "ε = 0.8"]
    assert ticks(bars.yaxis) == ["A", "B", "C"]
    assert cosines.get_ylabel() == "cosine with the spotlight's axis"
    assert bars.get_ylabel() == "inside at these angles"
    for axes in (cosines, bars):
        assert axes.get_xlabel() == "angle θ of the spotlight (degrees)"
        assert axes.get_xlim() == (0, 360)


def resonance(classes=()):
    angle = np.linspace(0, 2 * np.pi, 5)[:-1]
    if classes:
        fraction = np.arange(2 * len(classes) * 4.0).reshape(2, len(classes), 4)
        coords = {"class": list(classes), "angle": angle}
        return xr.Dataset({"fraction": (("plane", "class", "angle"), fraction)}, coords)
    return xr.Dataset(
        {"fraction": (("plane", "angle"), [[0.1, 0.2, 0.3, 0.2]] * 2)}, {"angle": angle}
    )


def test_the_grid_has_a_panel_a_result_and_a_line_a_class(line, legend):
    results = {"one": resonance(), "two": resonance(["cat", "dog"]), "three": resonance()}
    figure = figures.grid(results, {"one": 0.15})
    one, two, three = figure.axes
    assert [axes.get_title() for axes in figure.axes] == list(results)
    np.testing.assert_allclose(line(one, "mean")[:, 1], [0.1, 0.2, 0.3, 0.2, 0.1])
    assert set(line(one, "isotropic")[:, 1]) == {0.15}
    assert [each.get_label() for each in three.lines] == ["mean"]
    assert line(two, "dog")[:, 1].tolist() == [8, 9, 10, 11]
    assert legend(two) == ["cat", "dog"]
    assert one.get_xlabel() == ""
    assert two.get_xlabel() == three.get_xlabel() == "angle θ from $b_α$ toward $b_β$ (radians)"
    assert {axes.get_ylabel() for axes in figure.axes} == {"fraction"}
    with pytest.raises(UserError, match="0 panels are no figure"):
        figures.grid({})


def over(values, **coords):
    return xr.DataArray(np.array(values), dims=tuple(coords), coords=coords)


def test_the_null_falls_with_the_width(line, legend, ticks):
    n = [2, 4, 8, 16]
    fixed = over([[-1.0, -2, -4, -9], [-2, -5, -9, -20]], epsilon=[0.6, 0.9], n=n)
    chosen = over([[0.9, 0.7, 0.5, 0.4]], fraction=[0.05], n=n)
    left, right = figures.null_widths(fixed, chosen).axes
    assert line(left, "ε = 0.9").tolist() == [[2, -2], [4, -5], [8, -9], [16, -20]]
    assert line(right, "isotropic fraction 0.05")[:, 1].tolist() == [0.9, 0.7, 0.5, 0.4]
    assert legend(left) == ["ε = 0.6", "ε = 0.9"]
    assert left.get_ylabel() == "log₁₀ of the isotropic fraction"
    assert right.get_ylabel() == "ε that keeps the isotropic fraction"
    for axes in (left, right):
        assert axes.get_xlabel() == "neurons n"
        assert axes.get_xscale() == "log"
        assert ticks(axes.xaxis) == ["2", "8"]


def test_isotropy_shows_every_seed_in_its_band(line, legend, ticks):
    ratio = over([[0.9, 1.1, 1.0], [1.2, 1.0, 0.8]], n=[3, 24], seed=range(3))
    band = over([[0.85, 1.15], [0.7, 1.3]], n=[3, 24], side=["low", "high"])
    (axes,) = figures.isotropy(ratio, band, printed=0.5).axes
    dots = [each for each in axes.lines if each.get_marker() == "."]
    assert [each.get_ydata().tolist() for each in dots] == ratio.values.tolist()
    assert [set(each.get_xdata().round()) for each in dots] == [{0}, {1}]
    assert set(line(axes, "Eq. 18 as printed")[:, 1]) == {0.5}
    edges = axes.collections[0].get_paths()[0].vertices
    for x, ends in zip((0, 1), band.values, strict=True):
        there = edges[edges[:, 0] == x, 1]
        assert [there.min(), there.max()] == ends.tolist()
    assert ticks(axes.xaxis) == ["3", "24"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("neurons n", "measured / expected")
    assert axes.get_ylim()[0] == 0.4
    said = ["binomial 95% band, one angle", "one seed, mean over angles"]
    assert legend(axes) == [*said, "half of Eq. 18", "Eq. 18 as printed"]


def test_slopes_are_filled_where_there_is_a_verdict(strokes, legend):
    kinds, epsilon = ["clusters", "isotropic"], [0.5, 0.7, 0.9]
    slope = over([[0.1, 0.5, 0.9], [0.0, -0.1, 0.1]], kind=kinds, epsilon=epsilon)
    verdict = over(
        [["undecided", "aligned", "aligned"], ["undecided", "anti-aligned", "undecided"]],
        kind=kinds, epsilon=epsilon,
    )  # fmt: skip
    (axes,) = figures.slopes(slope, verdict, overlap=0.6).axes
    filled = [each for each in axes.lines if each.get_marker() in "os" and len(each.get_xdata())]
    told = [each for each in filled if each.get_markerfacecolor() != "none"]
    open_ = [each for each in filled if each.get_markerfacecolor() == "none"]
    assert [each.get_xdata().tolist() for each in told] == [[0.7, 0.9], [0.7]]
    assert [each.get_ydata().tolist() for each in open_] == [[0.1], [0.0, 0.1]]
    whole = [each.get_xydata().tolist() for each in axes.lines if each.get_marker() == "None"]
    assert [[0.5, 0.1], [0.7, 0.5], [0.9, 0.9]] in whole
    assert strokes(axes)[1] == {0}
    (shade,) = axes.patches
    assert (shade.get_x(), shade.get_x() + shade.get_width()) == (0.48, 0.6)
    assert axes.get_xlim() == (0.48, 1)
    assert axes.get_xlabel() == "ε"
    assert axes.get_ylabel() == "slope of the mean curve on self-SRM"
    assert legend(axes) == kinds


def test_raw_and_centred_curves_lie_over_each_other(line, legend):
    angle = np.linspace(0, 2 * np.pi, 5)[:-1]
    mean = np.array([0.1, 0.2, 0.3, 0.2])
    both = {
        name: xr.Dataset(
            {"mean": ("angle", k * mean)}, {"angle": angle}, {"isotropic_fraction": 0.05}
        )
        for k, name in enumerate(("raw", "mean taken off"), 1)
    }
    figure = figures.raw_and_centred({"small": both, "large": both})
    for axes, title in zip(figure.axes, ("small", "large"), strict=True):
        assert axes.get_title() == title
        for k, name in enumerate(both, 1):
            drawn = line(axes, name)
            np.testing.assert_allclose(drawn, np.stack([[0, 90, 180, 270], k * mean], 1))
        assert set(line(axes, "isotropic")[:, 1]) == {0.05}
        assert axes.get_xlabel() == "angle θ of the spotlight (degrees)"
    assert figure.axes[0].get_ylabel() == "mean fraction over planes"
    assert legend(figure) == ["raw", "mean taken off", "isotropic"]


def test_orders_have_a_stroke_each(strokes, ticks):
    rng = np.random.default_rng(0)
    forms = ["combinations", "permutations"]
    values = over(
        rng.uniform(-1, 1, (2, 5, 2)),
        form=forms,
        order=range(5),
        statistic=["slope", "correlation"],
    )
    figure = figures.orders(values)
    for axes, name in zip(figure.axes, ("slope", "correlation"), strict=True):
        assert axes.get_xlabel() == f"{name} of the mean curve on self-SRM"
        for row, drawn in enumerate(axes.lines[:2]):
            wanted = values.sel(statistic=name).isel(form=row)
            np.testing.assert_array_equal(drawn.get_xydata(), np.stack([wanted, [row] * 5], 1))
        assert strokes(axes)[0] == {0}
    assert ticks(figure.axes[0].yaxis) == forms
    assert figure.axes[0].get_ylim()[0] > figure.axes[0].get_ylim()[1]  # from the top down


def test_correlation_stands_against_slope(line, strokes, legend):
    kinds = ["clusters", "isotropic"]
    slope = over([[0.9, 0.8], [0.01, -0.02]], kind=kinds, seed=[0, 1])
    correlation = over([[0.99, 0.98], [0.9, -0.9]], kind=kinds, seed=[0, 1])
    (axes,) = figures.no_amplitude(correlation, slope).axes
    assert line(axes, "isotropic").tolist() == [[0.01, 0.9], [-0.02, -0.9]]
    assert strokes(axes)[0] == {0}
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("slope", "correlation with self-SRM")
    assert legend(axes) == kinds


def test_what_was_planted_is_found_in_percent(line, legend, ticks):
    held = over([[0.1, 0.05, 0.0], [0.1, 0.1, 0.1]], light=["fixed", "chosen"], n=[4, 16, 64])
    figure = figures.widths(held, planted=0.1)
    (axes,) = figure.axes
    assert line(axes, "fixed").tolist() == [[4, 0.1], [16, 0.05], [64, 0.0]]
    assert set(line(axes, "planted")[:, 1]) == {0.1}
    assert ticks(axes.xaxis) == ["4", "16", "64"]
    figure.canvas.draw()
    assert "10.0%" in ticks(axes.yaxis)
    assert (axes.get_xlabel(), axes.get_xscale()) == ("neurons n", "log")
    assert axes.get_ylabel() == "fraction of samples on basis\nvectors, beyond chance"
    assert axes.get_ylim() == (-0.02, pytest.approx(0.115))
    assert legend(axes) == ["planted", "fixed", "chosen"]
