"""Pictures of what directions are excited by: what a reader sees in each."""

import numpy as np
import pytest
import xarray as xr

from neuronbasis.errors import UserError
from neuronbasis.figures import coherence as figures

KINDS = ["principal components", "neurons", "random directions"]


def test_angles_are_shares_of_pairs(legend):
    panels = {
        "neurons": {"trained": [1.0, 1, 1, 178], "untrained": [90.5, 91]},
        "all": {"trained": [44.0]},
    }
    figure = figures.angle_histograms(panels)
    first, second = figure.axes
    assert [axes.get_title() for axes in figure.axes] == list(panels)
    trained, untrained = (each.get_xy() for each in first.patches)
    assert trained[:, 1].max() == 0.75  # three of four, all in the first three degrees
    assert set(trained[trained[:, 1] == 0.75, 0]) == {0, 3}
    assert untrained[:, 1].max() == 1
    assert set(untrained[untrained[:, 1] == 1, 0]) == {90, 93}
    assert {90} in [set(each.get_xdata()) for each in first.lines]  # where right angles are
    assert first.get_ylim()[1] > 1.4  # so that the legend hides no bar
    assert first.get_ylabel() == "fraction of pairs"
    assert first.get_xlabel() == second.get_xlabel() == "angle between two vectors (degrees)"
    assert first.get_xticks().tolist() == [0, 45, 90, 135, 180]
    assert legend(first) == ["trained", "untrained"]
    assert legend(second) == ["trained"]


def test_measures_go_along_the_layers(line, legend, ticks):
    rng = np.random.default_rng(0)
    values = xr.DataArray(
        rng.uniform(-0.2, 1, (2, 4, 3)),
        dims=("network", "layer", "kind"),
        coords={"layer": ["conv1", "conv2", "fc2", "fc3"], "kind": KINDS},
    )
    panels = {"coherence": values, "share above": abs(values)}
    figure = figures.by_layer(panels, {"coherence": 0.1, "share above": 0.2})
    for axes, (label, each), floor in zip(figure.axes, panels.items(), (0.1, 0.2), strict=True):
        assert axes.get_ylabel() == label
        assert ticks(axes.xaxis) == values.layer.values.tolist()
        for kind in KINDS:
            mean = line(axes, kind)
            np.testing.assert_array_equal(mean[:, 0], range(4))
            np.testing.assert_allclose(mean[:, 1], each.sel(kind=kind).mean("network"))
        dots = [one.get_ydata() for one in axes.lines if one.get_marker() == "."]
        np.testing.assert_array_equal(dots, each.transpose("kind", ...).values.reshape(6, 4))
        assert set(line(axes, "random images")[:, 1]) == {floor}
        assert axes.get_ylim() == (min(0, float(each.min())), 1.03)
    assert legend(figure) == [*KINDS, "random images"]


def test_shares_fall_with_the_threshold(line, legend):
    shares = xr.DataArray(
        [[1, 0.5, 0.1], [1, 0.2, 0]],
        dims=("kind", "threshold"),
        coords={"kind": ["neurons", "random images"], "threshold": [0.1, 0.5, 0.9]},
    )
    figure = figures.threshold_curves({"MNIST": shares, "digits": shares / 2}, 0.6, "coherence")
    for axes, title, scale in zip(figure.axes, ("MNIST", "digits"), (1, 2), strict=True):
        assert axes.get_title() == title
        assert axes.get_xlabel() == "threshold: coherence"
        wanted = [[0.1, 1 / scale], [0.5, 0.5 / scale], [0.9, 0.1 / scale]]
        assert line(axes, "neurons").tolist() == wanted
        assert set(axes.lines[-1].get_xdata()) == {0.6}
        assert axes.get_ylim() == (-0.03, 1.03)
    assert figure.axes[0].get_ylabel() == "fraction of directions\nat or above it"
    assert legend(figure) == ["neurons", "random images"]


def test_nothing_to_draw_is_told():
    for draw, rest in (
        (figures.angle_histograms, ()),
        (figures.by_layer, ({},)),
        (figures.threshold_curves, (0.5, "coherence")),
    ):
        with pytest.raises(UserError, match="0 panels are no figure"):
            draw({}, *rest)
