"""Pictures of the study: what a reader sees of people's and of the observer's answers."""

from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from neuronbasis.figures import study as figures

BASES, LAYERS = ["pc", "neuron", "random"], ["conv1", "fc3"]
NAMED = ["principal components", "neurons", "random directions"]


def table(**names):
    """Numbers over (layer, basis), those of a name so much above the first."""
    first = np.array([[0.9, 0.6, 0.5], [0.8, 0.7, 0.5]])
    found = {name: (("layer", "basis"), first + add) for name, add in names.items()}
    return xr.Dataset(found, {"layer": LAYERS, "basis": BASES})


def test_the_observers_panels_stand_two_a_row(legend, ticks):
    told = {title: table(mean=0, low=-0.1, high=0.2) for title in ("a", "b", "c")}
    figure = figures.observed(told, "share right", chance=0.5)
    assert [axes.get_title() for axes in figure.axes] == list(told)
    assert [axes.get_ylabel() for axes in figure.axes] == ["share right", "", "share right"]
    for axes in figure.axes:
        for basis, container in zip(BASES, axes.containers, strict=True):
            marks, _, (bars,) = container.lines
            mean = told["a"]["mean"].sel(basis=basis)
            np.testing.assert_array_equal(marks.get_ydata(), mean)
            assert marks.get_xdata().round().tolist() == [0, 1]
            ends = [path.vertices[:, 1] for path in bars.get_paths()]
            np.testing.assert_allclose(ends, np.stack([mean - 0.1, mean + 0.2], 1))
        assert ticks(axes.xaxis) == LAYERS
        assert {0.5} in [set(each.get_ydata()) for each in axes.lines]
    assert legend(figure) == NAMED


@pytest.mark.parametrize("simulated", [True, False])
def test_answers_stand_beside_the_difference(simulated, legend, ticks):
    pairs = [("pc", "neuron", ""), ("pc", "neuron", "conv1"), ("pc", "random", "")]
    contrasts = [
        SimpleNamespace(first=first, second=second, layer=layer, low=0.1, difference=0.2, high=0.4)
        for first, second, layer in pairs
    ]
    result = SimpleNamespace(
        table=table(accuracy=0, standard_error=-0.4), contrasts=contrasts, simulated=simulated
    )
    planted = {"pc": 0.8, "neuron": 0.65, "random": 0.5} if simulated else None
    figure = figures.answers(result, planted)
    left, right = figure.axes
    said = figures.SIMULATED if simulated else "answers of people"
    assert {left.get_title(), right.get_title()} == {said}
    drawn = [each.lines[0].get_ydata().tolist() for each in left.containers]
    assert drawn == [[0.9, 0.8], [0.6, 0.7], [0.5, 0.5]]
    dashed = [each.get_ydata()[0] for each in left.lines if each.get_linestyle() == "--"]
    assert dashed == (list(planted.values()) if simulated else [])
    assert len(right.containers) == 2  # components less neurons only
    for row, container in enumerate(right.containers):
        marks, _, (bar,) = container.lines
        assert marks.get_xydata().tolist() == [[0.2, row]]
        assert bar.get_paths()[0].vertices.tolist() == [[0.1, row], [0.4, row]]
    assert ticks(right.yaxis) == ["all layers", "conv1"]
    assert right.get_ylim()[0] > right.get_ylim()[1]  # from the top down
    assert "95% intervals" in right.get_xlabel()
    assert (len([x for x in right.lines if x.get_linestyle() == "--"]) == 1) is simulated
    assert left.get_ylabel().startswith("accuracy\n(bars: standard error")
    assert left.get_ylim() == (0, 1)
    assert legend(figure) == NAMED
