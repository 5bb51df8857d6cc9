"""The one look: what a figure on a page needs, panels, rows and intervals."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from neuronbasis.errors import UserError
from neuronbasis.figures import style

GIVEN = {"name": "a-name", "alt": "Two lines.", "caption": "Lines."}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "A name"}, "figure name 'A name': use small letters, digits and hyphens"),
        ({"alt": " "}, "figure a-name: give it an alt text and a caption"),
        ({"caption": ""}, "figure a-name: give it an alt text and a caption"),
    ],
)
def test_a_figure_needs_a_name_an_alt_text_and_a_caption(change, message):
    figure = plt.figure()
    with pytest.raises(UserError, match=f"^{message}$"):
        style.show(figure, **GIVEN | change)


def test_a_figure_on_the_page_is_closed_and_is_the_same_bytes_each_time(monkeypatch):
    shown = []
    monkeypatch.setattr(style, "display", lambda bundle, **said: shown.append((bundle, said)))
    for _ in range(2):
        figure, (axes,) = style.panels(1, (3, 2))
        axes.plot([0, 1], label="line")
        style.show(figure, **GIVEN)
        assert not plt.fignum_exists(figure.number)
    (first, said), (second, _) = shown
    assert first == second
    assert "<svg" in first["image/svg+xml"]
    assert first["text/plain"] == "Two lines."
    assert said["metadata"] == {"neuronbasis": GIVEN}


def test_the_look_is_set_once_for_all():
    mpl.rcParams.update({"axes.spines.top": True, "font.size": 3, "xtick.bottom": False})
    plt.rcParams["axes.prop_cycle"] = plt.cycler(color=["red"])
    style.use()
    assert mpl.rcParams["font.size"] == 11
    assert not mpl.rcParams["axes.spines.top"]
    assert mpl.rcParams["xtick.bottom"]
    assert mpl.rcParams["axes.prop_cycle"].by_key()["color"] == list(style.PALETTE)


def test_prose_is_markdown_on_the_page(monkeypatch):
    shown = []
    monkeypatch.setattr(style, "display", shown.append)
    style.prose("Three **lines**.")
    assert [each.data for each in shown] == ["Three **lines**."]


def test_a_text_written_over_several_lines_has_paragraphs_tables_and_lists(monkeypatch):
    shown = []
    monkeypatch.setattr(style, "display", shown.append)
    style.prose("""One
        paragraph.

        Table: Two rows.

        | a |
        | --- |
        | 1 |

        A list:

        - one;
        - two,
          too.
        """)
    text = "One paragraph.\n\nTable: Two rows.\n\n| a |\n| --- |\n| 1 |\n\nA list:\n\n"
    assert shown[0].data == text + "- one;\n- two, too."


def test_an_alt_text_and_a_caption_are_one_line_each(monkeypatch):
    shown = []
    monkeypatch.setattr(style, "display", lambda bundle, **said: shown.append(said["metadata"]))
    style.show(plt.figure(), name="a-name", alt="Two\n    lines.", caption="Lines\nhere.")
    assert shown == [{"neuronbasis": GIVEN | {"caption": "Lines here."}}]


def test_columns_of_numbers_are_aligned_to_the_right():
    cells = [
        "x",
        "1",
        "+2.5% (-1.0% to 3.0%)",
        "**0.5**",
        "3 of 4",
        "1.0, **reproduced**",
        "2 big",
        "",
    ]
    made = style.table("Kinds.", cells, [cells, ["", "", "1.5°", "1.5", "−4", "", "2 × 10³", ""]])
    assert made.splitlines()[3] == "| --- | ---: | ---: | ---: | ---: | --- | --- | --- |"


def test_a_row_of_a_table_has_as_many_cells_as_its_head():
    with pytest.raises(UserError, match=r"row \['1'\] has 1 cells: give it 2, as the head has"):
        style.table("Wrong.", ["a", "b"], [["1"]])


def test_panels_fill_their_rows_and_leave_the_rest_empty():
    figure, axes = style.panels(3, (4, 2), columns=2, margin=(1, 0.5), sharey=True)
    assert figure.axes == axes
    assert len(axes) == 3
    assert figure.get_size_inches().tolist() == [9, 4.5]
    assert axes[0].get_shared_y_axes().joined(axes[0], axes[2])
    figure.canvas.draw()
    left, right, below = (each.get_position() for each in axes)
    assert left.x1 < right.x0
    assert below.y1 < left.y0
    assert len(style.panels(3, (1, 1))[1]) == 3


def test_no_panels_are_no_figure():
    with pytest.raises(UserError, match=r"^0 panels are no figure: pass what at least one is to"):
        style.panels(0, (4, 2))


def test_rows_are_named_from_the_top(ticks):
    _, (axes,) = style.panels(1, (3, 2))
    style.rows(axes, ["one", "two", "three"])
    assert ticks(axes.yaxis) == ["one", "two", "three"]
    assert axes.get_ylim() == (2.5, -0.5)


def test_intervals_show_ends_and_effect_also_where_the_effect_lies_outside(legend):
    figure, (axes,) = style.panels(1, (3, 2))
    low, effect, high = [-1.0, 0.0, np.nan], [0.0, 3.0, 1.0], [1.0, 2.0, np.nan]
    style.intervals(axes, [0, 1, 2], low, effect, high, colour="red", marker="s", label="mean")
    style.intervals(axes, 3, 4, 5, 6, colour="blue")
    (marks, _, (bars,)), (one, _, (bar,)) = (each.lines for each in axes.containers)
    assert marks.get_xydata().tolist() == [[0, 0], [3, 1], [1, 2]]
    assert marks.get_marker() == "s"
    ends = [path.vertices.tolist() for path in bars.get_paths()][:2]
    assert ends == [[[-1, 0], [1, 0]], [[0, 1], [2, 1]]]
    assert one.get_xydata().tolist() == [[5, 3]]
    assert bar.get_paths()[0].vertices.tolist() == [[4, 3], [6, 3]]
    figure.legend()
    assert legend(figure) == ["mean"]
    assert axes.get_xlim()[0] < -1
    assert axes.get_xlim()[1] > 6


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (([0, 1], 0, 1, 2), r"have shapes \(2,\), \(1,\), \(1,\), \(1,\): pass one number a row$"),
        (([0, 1], [0, 2], [1, 1], [2, 1]), "^an interval goes from 2 to 1: pass low <= high$"),
    ],
)
def test_intervals_that_are_none_are_told(given, message):
    _, (axes,) = style.panels(1, (3, 2))
    with pytest.raises(UserError, match=message):
        style.intervals(axes, *given, colour="black")
