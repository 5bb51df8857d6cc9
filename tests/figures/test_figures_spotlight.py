"""Pictures of resonance: what a reader sees in each."""

import numpy as np
import pytest
import xarray as xr

from neuronbasis.errors import UserError
from neuronbasis.figures import spotlight as figures
from neuronbasis.figures import style

ANGLE = np.arange(4) * np.pi / 2
CLOSED = np.append(ANGLE, 2 * np.pi)
TICKS = ["0", "π/2", "π", "3π/2", "2π"]


def resonance(*curves):
    return xr.Dataset({"fraction": (("plane", "angle"), np.array(curves))}, {"angle": ANGLE})


def summary(scale):
    quantile = scale * np.array([[0, 0, 1, 0], [3, 4, 5, 4], [6, 6, 8, 7]])
    mean = scale * np.array([1, 2, 3, 2])
    return xr.Dataset(
        {"mean": ("angle", mean), "quantile": (("q", "angle"), quantile)}, {"angle": ANGLE}
    )


def test_panels_draw_the_means_of_other_networks_on_top(line):
    others = xr.DataArray([[0.1] * 4, [0.3] * 4], {"angle": ANGLE}, ("network", "angle"))
    one = resonance([0, 0.2, 0.4, 0.2])
    figure = figures.panels({"before": one, "itself": one}, others={"before": others})
    before, itself = figure.axes
    np.testing.assert_allclose(line(before, "mean of another network")[:, 1], 0.1)
    drawn = [set(each.get_ydata()) for each in before.get_lines()]
    assert {0.3} in drawn
    assert len(before.get_lines()) == len(itself.get_lines()) + 2
    (legend,) = figure.legends
    assert [each.get_text() for each in legend.get_texts()] == ["mean", "mean of another network"]


def test_an_ensemble_closes_every_plane_and_their_mean(line, ticks):
    _, (axes,) = style.panels(1, (4, 3))
    planes = np.array([[0, 0.2, 0.4, 0.2], [0.2, 0.4, 0.4, 0.6]])
    assert figures.ensemble(axes, resonance(*planes), null=0.25) is axes
    (drawn,) = axes.collections
    for segment, plane in zip(drawn.get_segments(), planes, strict=True):
        np.testing.assert_array_equal(segment, np.stack([CLOSED, [*plane, plane[0]]], 1))
    np.testing.assert_allclose(line(axes, "mean"), np.stack([CLOSED, [0.1, 0.3, 0.4, 0.4, 0.1]], 1))
    assert set(line(axes, "isotropic")[:, 1]) == {0.25}
    assert axes.get_xlabel() == "angle θ (radians)"
    assert ticks(axes.xaxis) == TICKS
    assert axes.get_xlim() == (0, 2 * np.pi)


def test_panels_to_be_compared_share_a_scale(legend):
    results = {
        "before": resonance([0, 0.1, 0, 0]),
        "self": resonance([1, 0, 1, 0]),
        "after": resonance([0, 0, 0.4, 0]),
    }
    figure = figures.panels(results, null=0.05, shared=["before", "after"])
    before, own, after = figure.axes
    assert [axes.get_title() for axes in figure.axes] == list(results)
    assert before.get_ylim() == after.get_ylim() != own.get_ylim()
    assert before.get_ylim()[1] > 0.4
    assert own.get_ylim()[1] > 1
    assert before.get_ylabel() == "fraction of activations\ninside the spotlight"
    assert legend(figure) == ["mean", "isotropic"]
    assert legend(figures.panels(results)) == ["mean"]


def test_slopes_have_a_row_a_condition(strokes, legend, ticks):
    measured = {"raw": [0.1, 0.3], "mean taken off": [-0.2, 0.0]}
    chance = {"raw": [0.01, 0.02, 0.03], "mean taken off": [0.0, -0.01, 0.05]}
    figure = figures.slopes(measured, chance)
    (axes,) = figure.axes
    assert ticks(axes.yaxis) == list(measured)
    for row, name in enumerate(measured):
        copies, networks = axes.lines[2 * row : 2 * row + 2]
        assert copies.get_xydata().tolist() == [[x, row] for x in chance[name]]
        assert networks.get_xydata().tolist() == [[x, row] for x in measured[name]]
    assert strokes(axes)[0] == {0, 1}  # no alignment, and that of the basis itself
    assert axes.get_xlabel() == "alignment slope (1: all on basis vectors)"
    assert legend(figure) == ["a network", "a rotated copy of its basis"]


@pytest.mark.parametrize("shared", [True, False])
def test_bands_hold_the_planes(shared, line, legend, ticks):
    figure = figures.bands({"one": summary(0.01), "two": summary(0.1)}, null=0.2, shared=shared)
    one, two = figure.axes
    assert [one.get_title(), two.get_title()] == ["one", "two"]
    assert (one.get_ylim() == two.get_ylim()) is shared
    np.testing.assert_allclose(line(two, "mean")[:, 1], [0.1, 0.2, 0.3, 0.2, 0.1])
    np.testing.assert_allclose(line(two, "highest plane")[:, 1], [0.6, 0.6, 0.8, 0.7, 0.6])
    (band,) = two.collections
    edges = band.get_paths()[0].vertices
    for x, low, high in zip(CLOSED, [0, 0, 0.1, 0, 0], [0.3, 0.4, 0.5, 0.4, 0.3], strict=True):
        there = edges[np.isclose(edges[:, 0], x), 1]
        np.testing.assert_allclose([there.min(), there.max()], [low, high])
    assert one.get_ylabel() == "fraction inside the spotlight"
    assert ticks(two.xaxis) == TICKS
    assert legend(figure) == ["nine planes in ten", "highest plane", "mean", "isotropic"]


def test_an_empty_band_keeps_a_scale_of_fractions():
    (axes,) = figures.bands({"nothing": summary(0)}).axes
    assert axes.get_ylim() == (-0.04, 1)


def test_shares_held_are_sorted(line, legend):
    shares = {"basis": np.array([0.1, 0.5, 0.3]), "axes": np.array([0.2, 0.0])}
    shares |= {"turned": np.array([0.7])}
    (axes,) = figures.held(shares, null=0.05).axes
    assert line(axes, "basis").tolist() == [[1, 0.5], [2, 0.3], [3, 0.1]]
    assert line(axes, "axes").tolist() == [[1, 0.2], [2, 0.0]]
    assert legend(axes) == ["basis", "axes", "turned", "isotropic"]
    assert axes.get_xlabel() == "vector, sorted by its fraction"
    assert all(tick == round(tick) for tick in axes.get_xticks())  # no half vectors
    assert axes.get_ylabel() == "fraction of the activations"


def test_courses_start_at_the_untrained_network(strokes, ticks):
    values = xr.DataArray(
        [[1.0, 3.0], [2.0, 4.0], [0.0, 8.0]], dims=("epoch", "network"), coords={"epoch": [0, 1, 9]}
    )
    band = xr.DataArray([0.1, 0.2, 0.3], dims="epoch", coords={"epoch": [0, 1, 9]})
    figure = figures.courses({"a": values, "b": -values, "c": values.T}, null=band)
    assert [axes.get_title() for axes in figure.axes] == ["a", "b", "c"]
    for axes, sign in zip(figure.axes, (1, -1, 1), strict=True):
        first, second, mean = axes.lines[:3]
        assert first.get_xdata().tolist() == [0.5, 1, 9]  # half a step before the first
        assert first.get_ydata().tolist() == [sign * y for y in (1, 2, 0)]
        assert second.get_ydata().tolist() == [sign * y for y in (3, 4, 8)]
        assert mean.get_ydata().tolist() == [sign * y for y in (2, 3, 4)]
        assert ticks(axes.xaxis) == ["0", "1", "9"]
        assert axes.get_xlabel() == "epoch"
        assert strokes(axes)[1] == {0}
        assert axes.get_xscale() == "log"
        heights = axes.collections[0].get_paths()[0].vertices[:, 1]
        assert (heights.min(), heights.max()) == (-0.3, 0.3)
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim() != figure.axes[2].get_ylim()


def test_curves_over_each_other_go_from_light_to_dark(line, legend, ticks):
    curves = {
        f"epoch {e}": xr.DataArray(np.arange(4.0) * e, dims="angle", coords={"angle": ANGLE})
        for e in (1, 2, 3)
    }
    figure = figures.overlaid(curves)
    (axes,) = figure.axes
    for title, curve in curves.items():
        np.testing.assert_array_equal(line(axes, title), np.stack([ANGLE, curve], 1))
    light = [np.dot(each.get_color()[:3], [0.3, 0.6, 0.1]) for each in axes.lines]
    assert light == sorted(light, reverse=True)
    assert legend(figure) == list(curves)
    assert axes.get_ylabel() == "mean fraction\ninside the spotlight"
    assert axes.get_xlabel() == "angle θ (radians)"
    assert ticks(axes.xaxis) == TICKS


MEASURED = {
    "large": {"raw": [0.1, 0.3], "off": [0.5, 0.7]},
    "small": {"raw": [1, 3], "off": [0, 0]},
}
INTERVALS = {
    "large": {"raw": (0.2, 0.0, 0.4), "off": (0.6, 0.5, 0.7)},
    "small": {"raw": (2, 1, 3), "off": (0, 0, 0)},
}


def test_the_forest_has_a_group_of_rows_with_dots_and_intervals(strokes, legend, ticks):
    figure = figures.forest(MEASURED, INTERVALS, "cosine beyond chance")
    (axes,) = figure.axes
    assert ticks(axes.yaxis) == list(MEASURED)
    assert axes.get_xlabel() == "cosine beyond chance"
    assert strokes(axes) == ({0}, {0.5})  # no effect, and between the groups
    assert legend(figure) == ["raw", "off"]
    dots = [each for each in axes.lines if each.get_marker() == "o"]
    pairs = [(group, condition) for group in MEASURED for condition in ("raw", "off")]
    for (group, condition), dot, bar in zip(pairs, dots, axes.containers, strict=True):
        assert dot.get_xdata().tolist() == MEASURED[group][condition]
        mean, low, high = INTERVALS[group][condition]
        marks, _, (ends,) = bar.lines
        ((x, y),) = marks.get_xydata()
        assert x == mean
        assert ends.get_paths()[0].vertices.tolist() == [[low, y], [high, y]]
        assert set(dot.get_ydata()) == {y}
        assert round(y) == list(MEASURED).index(group)


def test_an_interval_the_wrong_way_round_is_told():
    wrong = INTERVALS | {"small": {"raw": (2, 3, 1), "off": (0, 0, 0)}}
    with pytest.raises(UserError, match="an interval goes from 3 to 1: pass low <= high"):
        figures.forest(MEASURED, wrong, "cosine")


def test_nothing_to_draw_is_told():
    for draw in (figures.panels, figures.bands, figures.courses):
        with pytest.raises(UserError, match="0 panels are no figure"):
            draw({})


def test_from_one_vector_to_the_next(line, legend, ticks):
    angle = np.arange(-10, 41)
    curves = {
        title: xr.DataArray(np.full(51, k), dims="angle", coords={"angle": angle})
        for k, title in enumerate(["wide", "narrow", "a", "b", "c"])
    }
    figure = figures.between_two(curves, 30.0)
    (axes,) = figure.axes
    for title, curve in curves.items():
        np.testing.assert_array_equal(line(axes, title), np.stack([angle, curve], 1))
    assert ticks(axes.xaxis) == ["first vector", "half-way", "nearest neighbour"]
    assert axes.get_xticks().tolist() == [0, 15, 30]
    assert axes.get_xlim() == (-10, 40)
    assert axes.get_ylabel() == "basis vectors inside the cone"
    assert legend(figure) == list(curves)
