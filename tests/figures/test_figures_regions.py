"""Pictures of many neurons and of the regions between their boundaries."""

import numpy as np
import pytest

from neuronbasis import regions
from neuronbasis.errors import UserError
from neuronbasis.figures import regions as figures


@pytest.fixture
def on_a_line():
    """Three neurons of one input; the second changes sign outside the window."""
    return regions.arrangement([[1.0], [0.5], [-2.0]], [-0.25, 0.5, 1.0], window=(0, 1))


@pytest.fixture
def in_a_plane():
    """Two neurons whose boundaries are the axes: four cells."""
    return regions.arrangement([[1.0, 0.0], [0.0, 2.0]], [0.0, 0.0], window=(-1, 1))


def test_guides_show_outputs_and_where_signs_change(on_a_line, legend):
    left, right = figures.line_guides(on_a_line, [0.1, 0.9]).axes
    for axes in (left, right):
        drawn = [np.asarray(each.get_ydata()).tolist() for each in axes.lines]
        assert all(heights in drawn for heights in ([-0.25, 0.75], [0.5, 1.0], [1.0, -1.0]))
        assert axes.get_xlabel() == "input x"
        # In the order of the lines' right ends, from the lowest.
        at_the_end = sorted(axes.texts[:3], key=lambda each: each.xyann[1] + each.xy[1])
        assert [each.get_text() for each in at_the_end] == ["3", "1", "2"]
    dots = {
        marker: np.concatenate(
            [each.get_xydata() for each in left.lines if each.get_marker() == marker]
        )
        for marker in "os"
    }
    np.testing.assert_allclose(dots["o"], [[0.1, 0.55], [0.1, 0.8], [0.9, 0.65], [0.9, 0.95]])
    np.testing.assert_allclose(dots["s"], [[0.1, -0.15], [0.9, -0.8]])
    triangles = {each.get_marker(): each.get_xdata()[0] for each in right.lines[-2:]}
    assert triangles == {"^": 0.25, "v": 0.5}
    assert left.get_ylabel() == "output y = w x + b"
    assert legend(left) == ["positive output", "negative output"]
    assert legend(right) == ["weight w > 0", "weight w < 0"]


def test_signs_on_the_line_have_a_strip_a_neuron(on_a_line, ticks):
    (axes,) = figures.line_signs(on_a_line, [0.3]).axes
    assert ticks(axes.yaxis) == ["1", "2", "3"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("input x", "neuron")
    assert axes.get_xlim() == (0, 1)
    strips = [each.get_paths()[0].vertices for each in axes.collections]
    strips = [
        (x.min(), x.max(), round(y.mean()), tuple(each.get_facecolor()[0][:3]))
        for each, (x, y) in zip(axes.collections, (v.T for v in strips), strict=True)
    ]
    positive = {(low, high, row) for low, high, row, colour in strips if colour == figures.POSITIVE}
    negative = {(low, high, row) for low, high, row, colour in strips if colour == figures.NEGATIVE}
    assert negative == {(0, 0.25, 0), (0.5, 1, 2)}
    assert positive == {
        (0.25, 0.5, 0), (0.5, 1, 0), (0, 0.25, 1), (0.25, 0.5, 1), (0.5, 1, 1), (0, 0.25, 2),
        (0.25, 0.5, 2),
    }  # fmt: skip
    said = [each.get_text() for each in axes.texts]
    assert (said.count("+"), said.count("−"), said.count("x = 0.3")) == (7, 2, 1)


def test_planes_and_their_traces_have_the_same_colours(in_a_plane):
    figure = figures.plane_guides(in_a_plane)
    space, plane = figure.axes
    assert (space.get_zlabel(), space.get_title()) == ("output", "neurons as planes")
    assert space.get_zlim() == (-2, 2)  # the largest output, of the second neuron
    assert len(space.collections) == 3  # the ground and two neurons
    traces = {}
    for each in plane.lines:
        traces.setdefault(each.get_color(), []).extend(each.get_xydata().tolist())
    first, second = traces.values()
    assert {x for x, _ in first} == {0}
    assert {y for _, y in second} == {0}
    assert {y for _, y in first} == {x for x, _ in second} == {-1, 0, 1}
    assert [each.get_text() for each in plane.texts] == ["1", "2"]
    assert (plane.get_xlabel(), plane.get_ylabel()) == ("input $x_1$", "input $x_2$")
    assert [each.get_color() for each in plane.texts] == list(traces)


def test_two_regions_are_compared(in_a_plane, legend, ticks):
    marked = regions.locate(in_a_plane, [[-0.5, -0.5], [0.5, -0.5]]).tolist()
    plane, table = figures.plane_signs(in_a_plane, marked).axes
    assert [each.get_text() for each in plane.texts] == ["A", "B", "1", "2"]
    a, b = (each.get_xy() for each in plane.patches[:2])
    assert (a.max(), b[:, 0].min()) == (0, 0)
    assert legend(plane) == ["positive side", "negative side"]
    for positive, negative, axis in zip(
        plane.patches[2::2], plane.patches[3::2], (0, 1), strict=True
    ):
        assert positive.get_xy()[:, axis].max() > 0
        assert negative.get_xy()[:, axis].min() < 0
        assert positive.get_facecolor()[:3] == figures.POSITIVE
    assert ticks(table.xaxis) == ["region A", "region B"]
    assert ticks(table.yaxis) == ["neuron 1", "neuron 2"]
    said = [each.get_text() for each in table.texts]
    assert said == ["−", "−", "+", "−", "flips"]
    assert table.texts[-1].get_position()[1] == 0  # the first neuron


def test_cells_are_coloured_by_how_many_fire(in_a_plane):
    figure = figures.firing({"one layer": in_a_plane, "again": in_a_plane})
    first, second, bar = figure.axes
    for axes, title in ((first, "one layer"), (second, "again")):
        (shapes,) = axes.collections
        assert axes.get_title() == title
        assert sorted(shapes.get_array().tolist()) == [0, 1, 1, 2]
        for number, path in zip(shapes.get_array(), shapes.get_paths(), strict=True):
            assert (path.vertices.mean(axis=0) > 0).sum() == number
        assert shapes.get_clim() == (0, 2)
    assert bar.get_ylabel() == "neurons that fire"
    with pytest.raises(UserError, match="0 panels are no figure"):
        figures.firing({})


def test_axes_get_the_window_of_the_cells():
    cells = regions.arrangement([[1.0, 1.0]], [0.0], window=((-2, 2), (0, 1)))
    axes = figures.plane_signs(cells, (0, 1)).axes[0]
    assert (axes.get_xlim(), axes.get_ylim()) == ((-2, 2), (0, 1))
    np.testing.assert_array_equal(axes.get_xticks(), [-2, -1, 0, 1, 2])
    assert axes.get_aspect() == 1
