"""The chapter on the study: its rows, its figures, answers of people, and the embedded trials."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from test_notebooks import TINY
from test_pages import PAGES, browser, site, unless_required, visit  # noqa: F401 (fixtures)
from test_study_build import made_rows

from neuronbasis import datasets, networks, records, study, training
from neuronbasis.errors import UserError
from neuronbasis.figures import study as pictures
from neuronbasis.study import answers, trials
from neuronbasis.workflow import claims, run

CHAPTER = "notebooks/user_study.html"
KEYS = {"top": "ArrowUp", "bottom": "ArrowDown"}
OTHER = {"top": "bottom", "bottom": "top"}


@pytest.fixture(scope="module")
def images():
    digits = datasets.load("digits")
    return training.inputs(training.ClassifierSpecification.of(digits), digits, "test")[:60]


def test_a_row_shows_the_images_nearest_to_points_on_the_line(images):
    net = networks.convnet((1, 8, 8), width=2, seed=3).eval()
    with torch.no_grad():
        a = net(images).double().numpy()
    mean, most = a.mean(0), int(a.var(0).argmax())
    rows, without = study.along(net, ["fc3"], images, vectors=2, points=4, patches=2)
    assert [(row.basis, row.vector) for row in rows] == [
        (basis, vector) for basis in ("pc", "neuron", "random") for vector in (0, 1)
    ]
    assert without == {"pc": 0, "neuron": 0, "random": 0}
    levels = np.rint((images[:, 0].numpy() + 1) * 127.5)
    for point, t in enumerate(np.linspace(*np.sort(a[:, most] - mean[most])[[0, -1]], 4)):
        distance = np.linalg.norm(a - (mean + t * np.eye(10)[most]), axis=1)
        nearest = levels[np.argsort(distance)[:2]]
        assert np.abs(rows[2].pictures[point] - nearest).max() <= 1


def test_no_image_is_forgotten(images):
    net = networks.convnet((1, 8, 8), width=2).eval()
    rows, _ = study.along(net, ["fc3"], images, vectors=1, points=3, patches=len(images))
    brightness = np.rint((images[:, 0].numpy() + 1) * 127.5).sum(axis=(1, 2))
    for pictures_there in rows[0].pictures:
        there = pictures_there.sum(axis=(1, 2), dtype=float)
        assert np.abs(np.sort(there) - np.sort(brightness)).max() <= 8  # of rounding


def test_vectors_without_an_order_are_counted_and_left_out(images):
    net = networks.convnet((1, 8, 8), width=2).eval()
    with torch.no_grad():  # one neuron that never varies
        net.get_submodule("fc3").weight[4] = 0
    rows, without = study.along(net, ["conv1", "fc3"], images, vectors=None)
    assert len(rows) + sum(without.values()) == 3 * (2 + 10)
    assert without["neuron"] == 1
    assert max(row.vector for row in rows if row.basis == "neuron") == 8  # the last by variance
    sizes = {row.layer: row.pictures.shape[2:] for row in rows}
    assert sizes == {"conv1": (5, 5), "fc3": (8, 8)}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"points": 2}, "points is 2; it must be an integer >= 3"),
        ({"vectors": 0}, "vectors is 0; it must be an integer >= 1"),
    ],
)
def test_settings_that_make_no_rows_are_refused(images, settings, message):
    with pytest.raises(UserError, match=message):
        study.along(networks.convnet((1, 8, 8), width=1), ["fc3"], images, **settings)


def answered(folder, as_people):
    """A study with answers that a program gave; made to look like those of people for a test."""
    study.build(made_rows(3), folder, catches=2, practice=0)
    file = study.simulate(folder, {"pc": 0.95, "neuron": 0.55}, 8, seed=2)
    if as_people:
        found = study.load(folder)
        lines = file.read_text().splitlines()
        given = [answers.parse(line, found) for line in lines[1:]]
        given = [replace(each, session=f"{each.participant:016x}").line() for each in given]
        file.with_name("people.csv").write_text("\n".join([lines[0], *given, ""]))
        file.unlink()
    return folder


def titles(figure):
    return {axes.get_title() for axes in figure.axes}


def test_every_panel_says_whether_people_answered(tmp_path):
    simulated = study.analyse(answered(tmp_path / "a", as_people=False))
    assert titles(pictures.answers(simulated)) == {"SIMULATED answers: no people"}
    people = study.analyse(answered(tmp_path / "b", as_people=True))
    assert titles(pictures.answers(people)) == {"answers of people"}


def test_the_chapter_takes_answers_of_people(tmp_path):
    folder = answered(tmp_path / "study", as_people=True)
    given = {**TINY["user_study"], "answers": str(folder)}
    out = run.run("user_study", given, tmp_path / "out")
    values = records.read(out)["values"]
    assert not [name for name in values if name.startswith("simulated")]
    result = study.analyse(folder)
    whole = next(each for each in result.contrasts if each.layer is None)
    assert values["people.pc_less_neuron"] == [whole.difference, whole.low, whole.high]
    assert values["people.answers"] == len(result.used)
    cells = json.loads((out / "user_study.ipynb").read_text())["cells"]
    shown = json.dumps([cell.get("outputs") for cell in cells])
    assert "These are the answers of people" in shown
    assert "SIMULATED" not in shown


def test_the_scorecard_says_how_many_people_a_class_needs():
    each = study.participants_needed(5, 0.1, wanted=0.8 ** (1 / 8))
    (row,) = (row for row in claims.CLAIMS if row.id == "P3")
    assert row.settings[0].lacks == f"about {each} people with {2 * 5 * 8} trials each"


@pytest.mark.browser
@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_ten_trials_can_be_answered_in_the_book_by_keyboard(browser, site, width):  # noqa: F811
    if CHAPTER not in PAGES:
        unless_required("the rendered book has no chapter on the study")
    page, faults, asked = visit(browser, site, CHAPTER, width, "light")
    holder = page.locator("iframe[title^='Interactive: ten trials']")
    holder.scroll_into_view_if_needed()
    inside = holder.content_frame
    content = json.loads(inside.locator("#study").text_content())
    content.pop("inside")
    content["trials"] = tuple(trials.Trial(**each) for each in content["trials"])
    found = trials.Study(**content)
    assert len(found.of_kind("main")) == 10
    wrong = {trial.id for trial in found.of_kind("main") if trial.basis == "neuron"}
    wrong = set(sorted(wrong)[:2])
    inside.locator("#start button").press("Enter")
    height, last = page.evaluate("scrollY"), None
    for _ in found.trials:
        body = inside.locator(f"body[data-open='true']:not([data-trial='{last}'])")
        body.wait_for(state="attached")
        last = body.get_attribute("data-trial")
        for side in ("top", "bottom"):
            box, frame = inside.locator(f"#{side}").bounding_box(), holder.bounding_box()
            assert frame["x"] <= box["x"]
            assert box["x"] + box["width"] <= frame["x"] + frame["width"]
            assert box["y"] + box["height"] <= frame["y"] + frame["height"]
            assert inside.locator(f"#{side} img").evaluate("each => each.naturalWidth") > 100
        right = found.right[last]
        page.keyboard.press(KEYS[OTHER[right] if last in wrong else right])
    inside.locator("body[data-screen='done']").wait_for(state="attached")
    assert inside.locator("#score").inner_text() == (
        "You were right in 8 of 10 trials: principal components 5 of 5, neurons 3 of 5. "
        "Guessing is right in half of them."
    )
    assert page.evaluate("scrollY") == height  # the arrows answered, and did not scroll the book
    assert faults == []
    assert [url for url in asked if not url.startswith((site, "data:", "blob:"))] == []
    page.close()
