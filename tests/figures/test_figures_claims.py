"""The picture of all claims: ranges, marks and words where they belong."""

import pytest
from matplotlib.patches import Rectangle

from neuronbasis.errors import UserError
from neuronbasis.experiments import verdict
from neuronbasis.experiments.verdict import Outcome, Setting
from neuronbasis.figures import claims as figures


def outcome(said, effect, absent=False):
    setting = Setting("run", "n", "claims.S", 0.1, absent=absent)
    return Outcome(setting, said, "", effect, effect - 0.05, effect + 0.05)


ROWS = [
    figures.Row("S1", "Nothing there", verdict.SUPPORTED, [outcome(verdict.SUPPORTED, 0, True)]),
    figures.Row(
        "S2",
        "Something there",
        verdict.PARTLY,
        [outcome(verdict.SUPPORTED, 0.5), outcome(verdict.NOT, -3), outcome(verdict.NOT_RUN, 0)],
    ),
]


def test_each_setting_that_ran_is_a_mark_in_units_of_the_smallest_effect(legend):
    figure = figures.answer({"Here": ROWS, "There": ROWS[:1]})
    (axes,) = figure.axes
    marks = [each for each in axes.lines if each.get_marker() not in ("None", "none", "")]
    # The last lies beyond the end of the axis, and is drawn at it.
    assert [float(each.get_xdata()[0]) for each in marks] == pytest.approx([0, 5, -8, 0])
    assert [each.get_marker() for each in marks] == ["o", "o", "X", "o"]
    ranges = [each for each in axes.patches if isinstance(each, Rectangle)]
    assert [each.get_x() for each in ranges] == [-1, 1, -1]
    words = [each.get_text() for each in axes.texts]
    assert words[:4] == ["Here", "S1  Nothing there", "supported", "S2  Something there"]
    assert legend(figure) == ["supported", "not supported", "what the claim says"]


def test_marks_lie_in_the_strip_of_their_claim():
    axes = figures.answer({"Here": ROWS}).axes[0]
    strips = [each for each in axes.patches if isinstance(each, Rectangle)]
    marks = [each for each in axes.lines if each.get_marker() not in ("None", "none", "")]
    for mark, strip in zip(marks, [strips[0], strips[1], strips[1]], strict=True):
        assert strip.get_y() < mark.get_ydata()[0] < strip.get_y() + strip.get_height()


@pytest.mark.parametrize("said", figures.MARKS)
def test_verdicts_are_told_apart_without_colour(said):
    mark, edge, face = figures.MARKS[said]
    others = [figures.MARKS[each] for each in figures.MARKS if each != said]
    assert (mark, face == edge) not in [(other[0], other[2] == other[1]) for other in others]


def test_no_claims_are_no_picture():
    with pytest.raises(UserError, match=r"\Ano claims to draw: "):
        figures.answer({"Here": []})
