"""The interactive page of one plane, in a real browser, against the library and a plain count."""

import math
import re

import numpy as np
import pytest
from test_pages import WIDTHS, browser  # noqa: F401 (a fixture)

from interactive import BOOK, whole
from neuronbasis import basis, spotlight

pytestmark = pytest.mark.browser

KINDS = ("isotropic", "aligned", "anti", "offset")


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return whole(BOOK / "spotlight.html", tmp_path_factory.mktemp("pages"))


@pytest.fixture(params=WIDTHS)
def page(browser, file, request):  # noqa: F811
    opened = browser.new_page(viewport=WIDTHS[request.param], reduced_motion="reduce")
    asked, faults = [], []
    opened.on("request", lambda each: asked.append(each.url))
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    opened.goto(file.as_uri())
    yield opened
    assert faults == []
    assert [url for url in asked if url != file.as_uri() and not url.startswith("data:")] == []
    opened.close()


def state(page, name):
    return page.evaluate(f"window.spotlight.{name}")


def choose(page, **values):
    """Set controls as a reader's hand does: the value, then its event."""
    for name, value in values.items():
        if name == "kind":
            page.select_option("#kind", value)
        else:
            page.locator(f"#{name}").fill(str(value))


def said(page):
    """Angle, number inside, number of points and fraction, as the line of text tells them."""
    text = page.inner_text("#said")
    found = re.match(r"Angle (\d+)°: (\d+) of (\d+) inside, fraction ([\d.]+) ", text)
    assert found, text
    return int(found[1]), int(found[2]), int(found[3]), float(found[4])


def counted(page):
    """The number inside by the definition: cosines of the points that the page exposes."""
    points, theta = np.array(state(page, "points")), math.radians(state(page, "state.theta"))
    axis = np.zeros(points.shape[1])
    axis[:2] = math.cos(theta), math.sin(theta)
    assert np.allclose(np.linalg.norm(points, axis=1), 1)
    return int(np.sum(points @ axis >= state(page, "state.epsilon")))


def agrees(page):
    angle, inside, of, fraction = said(page)
    assert angle == state(page, "state.theta")
    assert of == state(page, "state.points")
    assert inside == counted(page)
    assert fraction == pytest.approx(inside / of, abs=5.1e-4)
    assert page.locator("#dots .inside").count() == inside
    return inside


def drag(page, start, end):
    """Drag from one angle of the drawn circle to another, in degrees."""
    box = page.locator("#plane").bounding_box()
    scale = box["width"] / 360

    def at(degrees, radius=145):
        angle = math.radians(degrees)
        x, y = 180 + radius * math.cos(angle), 180 - radius * math.sin(angle)
        return box["x"] + scale * x, box["y"] + scale * y

    page.mouse.move(*at(start))
    page.mouse.down()
    page.mouse.move(*at((start + end) / 2), steps=4)
    page.mouse.move(*at(end), steps=4)
    page.mouse.up()


def test_dragging_the_handle_turns_the_spotlight_and_draws_what_it_passed(page):
    assert state(page, "state.theta") == 20
    page.locator("#plane").scroll_into_view_if_needed()
    drag(page, 20, 90)
    assert state(page, "state.theta") == pytest.approx(90, abs=1)
    seen = state(page, "seen")
    assert all(seen[20:90])
    assert sum(seen) <= 72
    assert page.get_attribute("#handle", "aria-valuenow") == str(state(page, "state.theta"))
    drag(page, 90, -20)  # through 0: the short way
    assert state(page, "state.theta") == pytest.approx(340, abs=1)
    assert not any(state(page, "seen")[100:330])
    assert agrees(page) > 0


def test_the_curve_can_be_pointed_at(page):
    page.locator("#chart").scroll_into_view_if_needed()
    box = page.locator("#chart").bounding_box()
    middle = box["x"] + box["width"] / 360 * (58 + 336) / 2
    page.mouse.click(middle, box["y"] + box["height"] / 2)
    assert state(page, "state.theta") == pytest.approx(180, abs=1)


def test_a_finger_may_scroll_the_plane_but_not_the_handle(page):
    action = "each => getComputedStyle(each).touchAction"
    assert page.locator("#handle").evaluate(action) == "none"
    assert page.locator("#plane").evaluate(action) == "auto"


def test_keys_turn_it_and_go_no_further(page):
    page.evaluate("window.heard = 0; addEventListener('keydown', () => { window.heard += 1; })")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "handle":
            break
    assert page.evaluate("document.activeElement.getAttribute('role')") == "slider"
    page.evaluate("window.heard = 0")
    for key, angle in [
        ("ArrowRight", 21),
        ("ArrowUp", 22),
        ("ArrowLeft", 21),
        ("PageUp", 36),
        ("Home", 0),
        ("ArrowDown", 359),
        ("PageUp", 14),
        ("End", 359),
        ("x", 359),
    ]:
        page.keyboard.press(key)
        assert state(page, "state.theta") == angle
        agrees(page)
    assert page.evaluate("window.heard") == 0
    told = page.get_attribute("#handle", "aria-valuetext")
    assert told == f"359 degrees, {state(page, 'inside')} of 300 inside"


@pytest.mark.parametrize("kind", KINDS)
def test_curve_is_that_of_the_library(page, kind):
    n, epsilon = 5, 0.77
    choose(page, kind=kind, n=n, points=400, spread=0.5, epsilon=epsilon)
    rows = np.vstack([np.eye(n), -np.eye(n)])
    turned = basis.Basis(rows)
    ours = spotlight.resonance(state(page, "points"), turned, epsilon, planes=[(0, 1)])
    itself = spotlight.self_resonance(turned, epsilon, planes=[(0, 1)])
    assert np.allclose(state(page, "curve"), ours.fraction.values[0], atol=1e-12)
    assert np.allclose(state(page, "self"), itself.fraction.values[0], atol=1e-12)
    assert np.ptp(ours.fraction.values) > 0.02
    for _ in range(3):
        page.locator("#handle").press("PageUp")
        agrees(page)


def test_null_is_that_of_the_library(page):
    for n in (2, 3, 4, 9, 24):
        for epsilon in (0.05, 0.5, 0.9, 0.99):
            null = page.evaluate(f"window.spotlight.cap({epsilon}, {n})")
            assert null == pytest.approx(spotlight.isotropic_fraction(epsilon, n), rel=1e-6)


def test_data_are_what_they_are_called(page):
    def peaks(kind):
        choose(page, kind=kind, n=3, points=1000, spread=0.3, epsilon=0.8)
        return np.array(state(page, "curve"))

    null = spotlight.isotropic_fraction(0.8, 3)
    assert np.abs(peaks("isotropic") - null).max() < 5 * math.sqrt(null / 1000)
    on, between = slice(0, 360, 90), slice(45, 360, 90)
    aligned, anti, offset = peaks("aligned"), peaks("anti"), peaks("offset")
    assert aligned[on].min() > 2 * aligned[between].max()
    assert anti[between].min() > 2 * anti[on].max()
    assert offset[0] > 0.9
    assert offset[90:271].max() == 0


def test_same_seed_same_points_and_new_ones_on_demand(page):
    first = state(page, "points")
    page.click("#reseed")
    assert state(page, "points") != first
    agrees(page)
    page.reload()
    assert state(page, "points") == first


def test_changing_the_light_begins_a_new_curve(page):
    page.click("#turn")  # with reduced motion it is there at once
    assert all(state(page, "seen"))
    choose(page, epsilon=0.4)
    assert sum(state(page, "seen")) == 1
    assert page.inner_text("#epsilon-value") == "0.4"
    agrees(page)


def test_it_fits_its_width(page):
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(f"document.documentElement.dataset.theme === '{scheme}'")
        root = "document.documentElement"
        assert page.evaluate(f"{root}.scrollWidth - {root}.clientWidth") <= 0


def test_it_wears_the_theme_of_the_page_around_it(browser, file):  # noqa: F811
    """Same origin as the book: a made-up page and ours, served from one (intercepted) address."""
    around = "<html data-theme='dark'><iframe src='spotlight.html' title='x'></iframe></html>"
    page = browser.new_page(color_scheme="light")
    source = file.read_text(encoding="utf-8")
    page.route(
        "**/*",
        lambda route: route.fulfill(
            body=source if "spotlight" in route.request.url else around, content_type="text/html"
        ),
    )
    page.goto("http://book.test/")
    inner = page.frames[1]
    inner.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    inner.wait_for_function("document.documentElement.dataset.theme === 'light'")
    page.wait_for_function("document.querySelector('iframe').clientHeight > 500")
    page.close()
