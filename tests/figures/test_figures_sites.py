"""Pictures of places in a network show each strength where it belongs."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from neuronbasis.errors import UserError
from neuronbasis.experiments.sites import by_kind
from neuronbasis.figures import language, sites


def table(values):
    names = [f"{kind}, block {k}" for kind in ("stream", "hidden") for k in (1, 2)]
    strength = xr.DataArray(values, dims="site", coords={"site": names})
    return xr.Dataset({"strength": strength, "low": strength - 0.1, "high": strength + 0.1})


def test_each_place_has_its_mark_and_its_interval():
    found = by_kind(table([0.0, 0.1, 0.4, 0.5]))
    before = by_kind(xr.concat([table([0.0, 0.0, 0.2, 0.3])], "network"))
    figure = sites.strengths(found, before, behind=["hidden"])
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["stream", "hidden"]
    for axes, drawn, grey in zip(
        figure.axes, ([0, 0.1], [0.4, 0.5]), ([0, 0], [0.2, 0.3]), strict=True
    ):
        marks = [
            np.asarray(line.get_ydata()).tolist()
            for line in axes.lines
            if len(line.get_ydata()) == 2
        ]
        assert drawn in marks
        assert grey in marks
        ends = [segment[:, 1].tolist() for segment in axes.collections[0].get_segments()]
        np.testing.assert_allclose(
            ends, [[drawn[0] - 0.1, drawn[0] + 0.1], [drawn[1] - 0.1, drawn[1] + 0.1]]
        )
    assert sites.in_words(found, before) == (
        "stream: 0.00 to 0.10, before training 0.00 to 0.00. "
        "hidden: 0.40 to 0.50, before training 0.20 to 0.30."
    )
    said = [text.get_text() for text in figure.legends[0].get_texts()]
    assert said == ["no activation function", "behind an activation function", "before training"]
    plt.close(figure)


def test_what_is_not_there_is_not_in_the_legend():
    figure = sites.strengths(by_kind(table([0.0] * 4)))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["no activation function"]
    plt.close(figure)


def test_no_places_are_no_picture():
    with pytest.raises(UserError, match="there are no places"):
        sites.strengths({})


def test_every_direction_has_a_dot_and_each_basis_its_mean():
    values = {"neurons": np.array([0.2, 0.4, 0.9]), "random": np.array([0.1, 0.3])}
    figure = language.purities({"here": values}, "purity")
    dots = [line.get_xdata() for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert [sorted(each.tolist()) for each in dots] == [[0.2, 0.4, 0.9], [0.1, 0.3]]
    means = [line.get_xdata()[0] for line in figure.axes[0].lines if line.get_color() == "black"]
    np.testing.assert_allclose(means, [0.5, 0.2])
    plt.close(figure)
