"""Exercises of the chapters: how they are written, and what a check says of an answer."""

import re
from pathlib import Path

import jupytext
import numpy as np
import pytest
import yaml

from neuronbasis import exercises
from neuronbasis.errors import UserError
from neuronbasis.exercises import _measured, check
from neuronbasis.utils import project
from neuronbasis.workflow import editions, run

ROOT = project.root()
PROSE = ROOT / "book" / "activation_space.md"  # a page that is not computed, with exercises in code
CHAPTERS = {name: run.source(name) for name in project.notebooks()}
CHAPTERS[PROSE.stem] = jupytext.read(PROSE, fmt="md:myst")


def code(cells):
    return [each.source for each in cells if each.cell_type == "code"]


def test_an_exercise_has_a_label_of_its_own():
    """sphinx-exercise fails where a figure, or another exercise, has the same."""
    text = "\n".join(each.source for notebook in CHAPTERS.values() for each in notebook.cells)
    labels = re.findall(r"^:label: (\S+)$", text, re.MULTILINE)
    figures = re.findall(r'^\s*name="([\w-]+)",$', text, re.MULTILINE)
    assert len(labels) == len(set(labels))
    assert set(labels) & set(figures) == set()


def test_every_check_belongs_to_an_exercise_and_every_exercise_in_code_has_its_check():
    called = [
        check
        for each in CHAPTERS.values()
        for cell in each.cells
        for check in editions.checked(cell.source)
    ]
    assert sorted(called) == sorted(exercises.names())


def test_a_check_is_called_by_its_own_chapter():
    for name, each in CHAPTERS.items():
        for cell in each.cells:
            assert all(check.split(".")[0] == name for check in editions.checked(cell.source))


def test_the_exercises_of_the_page_in_prose_pass_with_their_solutions_and_fail_without():
    for notebook, right in (
        (CHAPTERS[PROSE.stem], True),
        (editions.student(CHAPTERS[PROSE.stem]), False),
    ):
        given = {}
        for source in code(notebook.cells):
            exec(re.sub(r"^check\(.*\)$", r"said = \g<0>", source, flags=re.M), given)
            if editions.checked(source):
                assert given["said"].right is right, given["said"]
                assert str(given["said"]).startswith(
                    "Right. " if right else "Not yet. A `...` is left"
                )


def test_every_chapter_of_the_three_parts_has_two_exercises_in_code():
    toc = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text())
    chapters = [Path(e["file"]).stem for part in toc["parts"][:3] for e in part["chapters"]]
    chapters.remove("own_activations")  # a report on anybody's file, which teaches nothing
    for name in chapters:
        assert sum(each.startswith(f"{name}.") for each in exercises.names()) >= 2, name


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (
            ...,
            "A `...` is left in the answer. Wanted: the smallest n, a whole number, for an ",
        ),
        (lambda epsilon: ..., "A `...` is left in the answer. Wanted: the smallest n"),
        (
            lambda epsilon: 1 / 0,
            "The answer fails: `ZeroDivisionError: division by zero`. Wanted: ",
        ),
        (lambda epsilon: 3.5, "n counts neurons, from 2 on; for epsilon = 0.9 you say 3.5."),
        (lambda epsilon: float("nan"), "N must be one number, and it is `nan`."),
        (lambda epsilon: [3, 4], "N must be one number, and it is `[3, 4]`."),
        (lambda epsilon: 4, "with one neuron less the corner is already outside."),
        (7, "The answer must be a function, and it is `7`."),
        (lambda: 3, "The answer fails: `TypeError: "),
    ],
)
def test_a_wrong_answer_gets_one_line_and_never_an_error(answer, line):
    said = check("method.corners", answer)
    assert not said.right
    assert line in said.line
    assert "\n" not in str(said)
    assert said._repr_markdown_() == f"**Not yet.** {said.line}"


def test_a_common_slip_gets_a_hint_of_its_own():
    def absolute(rows, axis, epsilon):
        return np.mean(rows @ axis >= epsilon)

    assert "which hat is missing?" in check("method.inside", absolute).line


def arc(p, q, epsilon):
    """The right answer, as the solution has it."""
    r, centre = np.hypot(p, q), np.degrees(np.arctan2(q, p))
    if r < epsilon:
        return np.nan, np.nan
    half = np.degrees(np.arccos(epsilon / r))
    return centre - half, centre + half


def no_arc_is_narrow(p, q, epsilon):
    centre = np.degrees(np.arctan2(q, p))
    half = np.degrees(np.arccos(np.minimum(1, epsilon / np.hypot(p, q))))
    return centre - half, centre + half


def needed(compared):
    """Counts vectors where a comparison of what is explained with the fraction says so."""

    def counted(variances, fraction):
        explained = np.cumsum(np.sort(variances)[::-1]) / np.sum(variances)
        return compared(explained, fraction)

    return counted


def units(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("method.arc", arc),
        ("method.arc", lambda *given: np.array(arc(*given)) % 360),
        ("method.arc", lambda *given: np.array(arc(*given)) - 720),
        ("method.inside", lambda rows, axis, epsilon: np.mean(units(rows) @ axis >= epsilon)),
        ("method.corners", lambda epsilon: int(2 / epsilon**2) + 1),
        ("completeness.along", lambda rows, vectors: np.var(rows @ vectors.T, axis=0)),
        ("completeness.needed", needed(lambda e, f: np.argmax(e >= f) + 1)),
        ("completeness.needed", needed(lambda e, f: np.sum(e < f) + 1)),
    ],
)
def test_a_right_answer_in_another_form_is_right(name, answer):
    said = check(name, answer)
    assert said.right, said.line


@pytest.mark.parametrize(
    ("name", "answer", "line"),
    [
        ("method.arc", no_arc_is_narrow, "there is no arc"),
        ("method.arc", lambda *given: arc(*given)[::-1], "the two ends are swapped"),
        (
            "method.arc",
            lambda p, q, epsilon: arc(q, p, epsilon),
            "the width is right, but the arc's centre is at ",
        ),
        ("method.arc", lambda *given: np.radians(arc(*given)), "° wide, and yours "),
        (
            "method.inside",
            lambda rows, axis, epsilon: np.mean(np.abs(units(rows) @ axis) >= epsilon),
            "2 are inside, and you count 4. Opposite to the axis is another cone.",
        ),
        (
            "method.inside",
            lambda rows, axis, epsilon: np.mean(units(rows) @ axis > epsilon),
            "2 are inside, and you count 1. A cosine of just epsilon is inside.",
        ),
        (
            "method.corners",
            lambda epsilon: int(np.ceil(2 / epsilon**2)),
            "you say n = 8, where a corner has an in-plane radius of 0.50. A radius of just ",
        ),
        (
            "completeness.along",
            lambda rows, vectors: np.sort(np.var(rows @ vectors.T, axis=0))[::-1],
            "the right numbers in another order",
        ),
        (
            "completeness.along",
            lambda rows, vectors: 2 * np.var(rows @ vectors.T, axis=0),
            "Along the first of the neurons of a network of Fig. 6 the variance is ",
        ),
        (
            "completeness.needed",
            needed(lambda e, f: np.argmax(e > f) + 1),
            "A fraction that is just reached is held.",
        ),
        (
            "completeness.needed",
            needed(lambda e, f: np.sum(e <= f) + 1),
            "A fraction that is just reached is held.",
        ),
    ],
)
def test_an_answer_that_is_nearly_right_is_refused(name, answer, line):
    said = check(name, answer)
    assert not said.right
    assert line in said.line


def test_an_unknown_check_is_told():
    with pytest.raises(
        UserError, match=r"^no check 'method.ark': did you mean method.arc\? There are "
    ):
        check("method.ark", 1)


def test_without_the_kept_networks_a_check_says_what_is_missing(monkeypatch):
    monkeypatch.setenv("NEURONBASIS_KEPT", "")
    monkeypatch.setattr(_measured, "networks", _measured.networks.__wrapped__)
    monkeypatch.setattr(_measured, "activations", _measured.activations.__wrapped__)
    said = check("ablation.removed", lambda activations, vectors: 0.5)
    assert said.line.startswith("This cannot be checked here: the trained networks of Fig. 6 are")


def test_no_answer_may_change_what_the_next_check_measures():
    def greedy(rows):
        rows[:] = 0

    assert "read-only" in check("many_neurons.visited", greedy).line
