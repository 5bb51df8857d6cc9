"""Pictures of what directions tell apart: what a reader sees in each."""

import numpy as np
import pytest
import xarray as xr

from neuronbasis.errors import UserError
from neuronbasis.figures import selectivity as figures

CLASSES = ["cat", "dog", "ship"]


@pytest.mark.parametrize("count", [3, 10, 20])
def test_every_class_has_a_colour_of_its_own(count):
    assert len(set(figures.colours(count))) == count


def test_planes_have_a_line_a_class(line, strokes, legend, ticks):
    angle = np.arange(4) * np.pi / 2
    signed = xr.DataArray(
        np.arange(12.0).reshape(3, 4) - 6, dims=("class", "angle"), coords={"angle": angle}
    )
    figure = figures.planes({"before": signed, "after": 2 * signed}, CLASSES)
    for axes, title, factor in zip(figure.axes, ("before", "after"), (1, 2), strict=True):
        assert axes.get_title() == title
        for name, curve in zip(CLASSES, signed, strict=True):
            drawn = line(axes, name)
            np.testing.assert_array_equal(drawn, np.stack([angle, factor * curve], 1))
        assert strokes(axes)[1] == {0}
        assert axes.get_xlabel() == "angle θ (radians)"
        assert ticks(axes.xaxis) == ["0", "π/2", "π", "3π/2", "2π"]
    assert figure.axes[0].get_ylabel() == "signed fraction\nof the class in the spotlight"
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
    assert legend(figure) == CLASSES
    with pytest.raises(UserError, match="0 panels are no figure"):
        figures.planes({}, CLASSES)


def test_scores_have_a_row_of_dots_and_their_mean(ticks):
    measured = {"trained": [0.5, 1.5, 1.0], "untrained": [0.2, 0.4]}
    (axes,) = figures.scores(measured, "selectivity").axes
    assert ticks(axes.yaxis) == list(measured)
    assert axes.get_xlabel() == "selectivity"
    assert axes.get_xlim()[0] == 0
    for row, values in enumerate(measured.values()):
        dots, mean = axes.lines[2 * row : 2 * row + 2]
        assert dots.get_xdata().tolist() == values
        assert (np.abs(dots.get_ydata() - row) < 0.2).all()
        np.testing.assert_allclose(mean.get_xdata(), [np.mean(values)] * 2)


def test_the_map_has_a_colour_a_class(legend):
    points = np.random.default_rng(0).normal(size=(12, 2))
    labels = np.arange(12) % 3
    figure = figures.embedding(points, labels, CLASSES)
    (axes,) = figure.axes
    for k, drawn in enumerate(axes.collections):
        np.testing.assert_array_equal(drawn.get_offsets(), points[labels == k])
    assert len({tuple(each.get_facecolor()[0]) for each in axes.collections}) == 3
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("UMAP 1", "UMAP 2")
    assert legend(figure) == CLASSES
