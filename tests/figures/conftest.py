"""What the tests of figures share: the book's look, and what a reader finds in a figure."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from neuronbasis.figures import style


@pytest.fixture(autouse=True)
def _drawn():
    """Every figure of a test can be drawn, without a warning; it is closed afterwards."""
    with mpl.rc_context():
        style.use()
        yield
        try:
            for number in plt.get_fignums():
                plt.figure(number).canvas.draw()
        finally:
            plt.close("all")


@pytest.fixture
def legend():
    """A function from a figure or axes to the texts of its one legend."""

    def texts(shown):
        (found,) = shown.legends if hasattr(shown, "legends") else [shown.get_legend()]
        return [each.get_text() for each in found.get_texts()]

    return texts


@pytest.fixture
def line():
    """A function from axes and a label to the points of the one line that bears it."""

    def points(axes, label):
        (found,) = [each for each in axes.lines if each.get_label() == label]
        return found.get_xydata()

    return points


@pytest.fixture
def ticks():
    """A function from an axis to the texts of its ticks."""

    def texts(axis):
        return [each.get_text() for each in axis.get_ticklabels()]

    return texts


@pytest.fixture
def strokes():
    """A function from axes to where full vertical, and where full horizontal strokes stand."""

    def found(axes):
        ends = [(list(each.get_xdata()), list(each.get_ydata())) for each in axes.lines]
        upright = {x[0] for x, y in ends if y == [0, 1] and x[0] == x[-1]}
        level = {y[0] for x, y in ends if x == [0, 1] and y[0] == y[-1]}
        return upright, level

    return found
