"""The page on which a direction is turned, in a real browser, against the library."""

import re

import numpy as np
import pytest
from PIL import Image
from test_pages import WIDTHS, browser  # noqa: F401 (a fixture)

from interactive import LIBRARY, whole
from neuronbasis import basis, visualisation
from neuronbasis.visualisation import coherence

pytestmark = pytest.mark.browser

CLASSES = ("zero", "one </script>", "two")
IMAGES, TOP, FLOOR = 120, 6, 0.52


def layer(n, seed):
    """Activations with a neuron that is silent, and one more direction to turn to."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(IMAGES, n)) + 2
    x[:, 1] = 0
    return x, basis.Basis(rng.normal(size=(2, n)), labels=["PC 1", "random 1"])


LAYERS = {"early": layer(4, 1), "late": layer(6, 2)}
LABELS = np.random.default_rng(3).integers(0, 3, IMAGES)
LAYERS["late"][0][LABELS == 2, 0] += 9  # neuron 0 of the late layer is a detector
PICTURES = np.random.default_rng(4).integers(0, 256, (IMAGES, 8, 8), dtype=np.uint8)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    file = tmp_path_factory.mktemp("page") / "directions.html"
    file.write_text(
        visualisation.turning_page(PICTURES, LABELS, CLASSES, LAYERS, TOP, FLOOR), encoding="utf-8"
    )
    return file.as_uri()


both_widths = pytest.mark.parametrize("page", WIDTHS, indirect=True)


@pytest.fixture
def page(browser, address, request):  # noqa: F811
    width = WIDTHS[getattr(request, "param", "desktop")]
    opened = browser.new_page(viewport=width, reduced_motion="reduce", has_touch=True)
    asked, faults = [], []
    opened.on("request", lambda each: asked.append(each.url))
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    opened.goto(address)
    yield opened
    assert faults == []
    assert [url for url in asked if url != address and not url.startswith("data:")] == []
    opened.close()


def state(page, name):
    return page.evaluate(f"window.directions.{name}")


def choose(page, **labels):
    for name, label in labels.items():
        page.select_option(f"#{name}", label=label)


def expected(name, first, second, degrees):
    """Top images and purity of the direction by the library: a neuron turned to another vector."""
    x, others = LAYERS[name]
    a = np.eye(x.shape[1])[first]
    b = others.vectors[second] if second < 2 else np.eye(x.shape[1])[second]
    u = b - (a @ b) * a
    angle = np.radians(degrees)
    v = np.cos(angle) * a + np.sin(angle) * u / np.linalg.norm(u)
    found = coherence(x, basis.Basis([v]), TOP, LABELS)
    return found.top.values[0].tolist(), float(found.purity[0])


def agrees(page, name, first, second):
    degrees = state(page, "state.theta")
    top, purity = expected(name, first, second, degrees)
    assert state(page, "found.top") == top
    assert state(page, f"found.curve[{degrees}]") == pytest.approx(purity)
    text = page.inner_text("#said")
    told = re.match(r"Angle (\d+)°: (\d) of the 6 top images are of class .*, purity (.*)\.", text)
    assert told, text
    assert (int(told[1]), float(told[3])) == (degrees, round(purity, 2))
    shown = page.locator("#pictures li")
    assert shown.all_inner_texts() == [CLASSES[LABELS[k]] for k in top]
    assert page.locator("#pictures .common").count() == int(told[2]) == round(6 * purity)
    assert page.locator("#dots .inside").count() == TOP


def test_top_images_and_purity_are_those_of_the_library(page):
    agrees(page, "early", 0, 2)
    for name, first, second, number in [
        ("early", "neuron 3", "PC 1", 0),
        ("late", "neuron 0", "random 1", 1),
        ("late", "neuron 5", "neuron 2", 2),
    ]:
        choose(page, layer=name, first=first, second=second)
        for key in ("Home", "PageUp", "PageUp", "ArrowLeft", "End"):
            page.locator("#handle").press(key)
            agrees(page, name, int(first[-1]), number)


def test_a_planted_detector_is_pure_along_itself_and_not_against_itself(page):
    choose(page, layer="late", first="neuron 0", second="neuron 2")
    page.locator("#handle").press("Home")
    assert page.inner_text("#said").startswith("Angle 0°: 6 of the 6 top images are of class two")
    for _ in range(12):
        page.locator("#handle").press("PageUp")
    assert state(page, "state.theta") == 180
    assert not any(LABELS[k] == 2 for k in state(page, "found.top"))


def test_a_silent_neuron_is_not_offered_and_nothing_turns_to_itself(page):
    offered = page.locator("#first option").all_inner_texts()
    assert offered == ["neuron 0", "neuron 2", "neuron 3"]
    assert page.locator("#second option").all_inner_texts() == [*offered, "PC 1", "random 1"]
    assert page.locator("#second option[disabled]").all_inner_texts() == ["neuron 0"]
    choose(page, first="neuron 2")  # which was the second
    assert page.locator("#second option:checked").inner_text() == "neuron 3"
    agrees(page, "early", 2, 3)


def drag(page, start, end):
    box = page.locator("#plane").bounding_box()
    scale = box["width"] / 360

    def at(degrees):
        angle = np.radians(degrees)
        x, y = 180 + 150 * np.cos(angle), 180 - 150 * np.sin(angle)
        return box["x"] + scale * x, box["y"] + scale * y

    page.mouse.move(*at(start))
    page.mouse.down()
    page.mouse.move(*at((start + end) / 2), steps=3)
    page.mouse.move(*at(end), steps=3)
    page.mouse.up()


@both_widths
def test_the_handle_can_be_dragged_and_the_curve_be_pointed_at(page):
    page.locator("#plane").scroll_into_view_if_needed()
    drag(page, 0, 70)
    assert state(page, "state.theta") == pytest.approx(70, abs=1)
    assert page.get_attribute("#handle", "aria-valuenow") == str(state(page, "state.theta"))
    agrees(page, "early", 0, 2)
    page.locator("#chart").scroll_into_view_if_needed()
    box = page.locator("#chart").bounding_box()
    middle = box["x"] + box["width"] / 440 * (56 + 426) / 2
    page.touchscreen.tap(middle, box["y"] + box["height"] / 3)
    assert state(page, "state.theta") == pytest.approx(180, abs=1)
    action = "each => getComputedStyle(each).touchAction"
    assert page.locator("#handle").evaluate(action) == "none"
    assert page.locator("#plane").evaluate(action) == "auto"  # where a finger may scroll


def test_keys_go_no_further(page):
    page.evaluate("window.heard = 0; addEventListener('keydown', () => { window.heard += 1; })")
    page.locator("#handle").press("ArrowRight")
    assert state(page, "state.theta") == 1
    assert page.evaluate("window.heard") == 0
    told = page.get_attribute("#handle", "aria-valuetext")
    assert told.startswith("1 degrees, ")


@both_widths
def test_a_picture_is_that_of_its_image(page, tmp_path):
    """Seen on the screen, pixel by pixel: the sheet is cut at the right places."""
    top = state(page, "found.top")
    assert page.locator("#pictures div").first.bounding_box()["width"] > 80
    for place in range(TOP):
        shot = tmp_path / f"{place}.png"
        page.locator("#pictures div").nth(place).screenshot(path=shot)
        seen = np.asarray(Image.open(shot).convert("L"), dtype=float)
        rows = np.linspace(0, seen.shape[0], 17)[1::2].astype(int)
        columns = np.linspace(0, seen.shape[1], 17)[1::2].astype(int)
        corner = np.corrcoef(seen[np.ix_(rows, columns)].ravel(), PICTURES[top[place]].ravel())
        assert corner[0, 1] > 0.98


@both_widths
def test_it_fits_its_width_in_light_and_dark(page):
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(f"document.documentElement.dataset.theme === '{scheme}'")
        root = "document.documentElement"
        assert page.evaluate(f"{root}.scrollWidth - {root}.clientWidth") <= 0


def test_without_a_run_it_says_so(browser, tmp_path):  # noqa: F811
    page = browser.new_page()
    page.goto(whole(LIBRARY / "directions.html", tmp_path).as_uri())
    assert page.inner_text("body").strip().startswith("This page is filled by its chapter")
    page.close()


def test_in_its_frame_it_wears_the_theme_of_the_page_and_takes_the_height_it_needs(
    browser,  # noqa: F811
    tmp_path,
):
    document = visualisation.turning_page(PICTURES, LABELS, CLASSES, LAYERS, TOP, FLOOR)
    framed = visualisation.frame(document, "A title", bare=True)
    around = tmp_path / "book.html"
    around.write_text(f"<html data-theme='dark'><body>{framed}</body></html>", encoding="utf-8")
    page = browser.new_page(color_scheme="light")
    page.goto(around.as_uri())
    inner = page.frames[1]
    inner.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    inner.wait_for_function("document.documentElement.dataset.theme === 'light'")
    page.wait_for_function(
        "Math.abs(document.querySelector('iframe').clientHeight"
        " - document.querySelector('iframe').contentDocument.body.offsetHeight) < 9"
    )
    page.close()


def test_the_page_takes_little_room():
    """A thousand neurons and 360 small pictures, as a run has them, stay below a megabyte."""
    x = np.random.default_rng(0).normal(size=(360, 400))
    many = {name: (x, basis.random(10, 400)) for name in "ab"}
    made = visualisation.turning_page(
        PICTURES.repeat(3, axis=0), LABELS.repeat(3), CLASSES, many, 9, FLOOR
    )
    assert len(made) < 10**6
