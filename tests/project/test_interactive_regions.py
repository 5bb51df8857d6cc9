"""The interactive pages of many neurons, in a real browser, against the library."""

import re

import numpy as np
import pytest
from test_pages import WIDTHS, browser  # noqa: F401 (a fixture)

from interactive import BOOK, whole
from neuronbasis import regions

pytestmark = pytest.mark.browser

HANDLES = ("input", "bias", "weight")


EVERY = [(name, width) for name in ("line", "plane") for width in WIDTHS]
SOME = [("line", "desktop"), ("plane", "phone")]  # where the width makes no difference


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    return {name: whole(BOOK / f"regions-{name}.html", folder) for name in ("line", "plane")}


@pytest.fixture(params=SOME, ids="-".join)
def page(browser, files, request):  # noqa: F811
    name, width = request.param
    yield from opened(browser, files[name], WIDTHS[width])


@pytest.fixture
def line(browser, files):  # noqa: F811
    yield from opened(browser, files["line"], WIDTHS["desktop"])


@pytest.fixture
def plane(browser, files):  # noqa: F811
    yield from opened(browser, files["plane"], WIDTHS["desktop"])


def opened(browser, file, viewport):  # noqa: F811
    page = browser.new_page(viewport=viewport, has_touch=True)
    address = file.as_uri()
    asked, faults = [], []
    page.on("request", lambda each: asked.append(each.url))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.goto(address)
    yield page
    assert faults == []
    assert [url for url in asked if url != address and not url.startswith("data:")] == []
    page.close()


def state(page, name):
    return page.evaluate(f"window.regions.{name}")


def layer(page):
    """Weight and bias of the layer that the page shows."""
    weight = np.array(state(page, "state.weight"))
    if weight.ndim == 2:
        return weight, np.array(state(page, "state.bias"))
    return weight[:, None], -weight * np.array(state(page, "state.boundary"))


def point(value):
    return np.atleast_1d(np.array(value, dtype=float))


def cells_of(page):
    """Signs of the page's cells, each with its measure."""
    found = {}
    for cell in state(page, "found.cells"):
        own = cell["signs"]
        own = tuple(own[str(k)] for k in range(len(own))) if isinstance(own, dict) else tuple(own)
        if "ring" in cell:
            x, y = np.array(cell["ring"]).T
            found[own] = (x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2
        else:
            found[own] = cell["high"] - cell["low"]
    return found


def agrees(page):
    """All that the page shows and says, against the library's cells of the same layer."""
    weight, bias = layer(page)
    cells = regions.arrangement(weight, bias, (0, 1) if weight.shape[1] == 1 else (-1, 1))
    ours = dict(zip(map(tuple, cells.signs.values.tolist()), cells.area.values, strict=True))
    assert cells_of(page) == pytest.approx(ours, abs=1e-9)
    x = point(state(page, "state.x"))
    here = regions.signs_at(weight, bias, [x])[0].tolist()
    told = page.locator("#strip span").all_inner_texts()
    assert told == [f"{k + 1}{'−0+'[sign + 1]}" for k, sign in enumerate(here)]
    said = page.inner_text("#said")
    assert f"{here.count(1)} of {len(bias)} positive" in said
    assert f"{cells.sizes['cell']} " in said
    flipped = re.search(r"\((\d+) signs? flips?\)", page.inner_text("#flips"))
    a, b = (regions.signs_at(weight, bias, [point(state(page, f"state.{k}"))])[0] for k in "ab")
    assert int(flipped[1] if flipped else 0) == (a != b).sum()
    return cells


def centre(page, name):
    box = page.locator(f"#{name} .grip").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page, name, across, down):
    """Drag a handle by so many pixels."""
    page.locator(f"#{name}").scroll_into_view_if_needed()
    x, y = centre(page, name)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + across / 2, y + down / 2, steps=3)
    page.mouse.move(x + across, y + down, steps=3)
    page.mouse.up()


def test_it_shows_the_cells_of_its_layer_for_any_number_of_neurons(page):
    agrees(page)
    for m in (1, 12, 60):
        page.locator("#m").fill(str(m))
        assert len(state(page, "state.weight")) == m
        agrees(page)
    page.locator("#m").fill("5")
    before = layer(page)[0]
    page.click("#reseed")
    assert not np.allclose(layer(page)[0], before)
    agrees(page)


@pytest.mark.parametrize("page", EVERY, indirect=True, ids="-".join)
def test_dragging_the_input_moves_it_and_nothing_else(page):
    before, x = layer(page), point(state(page, "state.x"))
    handle = centre(page, "input")
    drag(page, "input", 60, 0)
    assert centre(page, "input")[0] == pytest.approx(handle[0] + 60, abs=1.5)
    assert point(state(page, "state.x"))[0] > x[0] + 0.05
    assert all(np.array_equal(a, b) for a, b in zip(before, layer(page), strict=True))
    agrees(page)


@pytest.mark.parametrize("page", EVERY, indirect=True, ids="-".join)
def test_dragging_the_bias_moves_the_boundary_alone(page):
    weight, bias = layer(page)
    drag(page, "bias", 25, 15)
    moved, other = layer(page)
    assert np.allclose(moved, weight)
    assert np.flatnonzero(np.abs(other - bias) > 1e-6).tolist() == [0]
    agrees(page)


@pytest.mark.parametrize("page", EVERY, indirect=True, ids="-".join)
def test_dragging_the_weight_turns_about_the_boundary(page):
    weight, bias = layer(page)
    still = (
        state(page, "state.boundary[0]") if weight.shape[1] == 1 else state(page, "state.anchor[0]")
    )
    drag(page, "weight", 12, -30)
    turned, other = layer(page)
    assert np.flatnonzero(np.abs(turned - weight).max(axis=1) > 1e-6).tolist() == [0]
    assert turned[0] @ point(still) + other[0] == pytest.approx(0, abs=1e-9)
    assert np.array_equal(other[1:], bias[1:])
    agrees(page)


def test_keys_do_the_same_and_go_no_further(page):
    page.evaluate("window.heard = 0; addEventListener('keydown', () => { window.heard += 1; })")
    reached = []
    for _ in range(20):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))
    assert set(HANDLES) <= set(reached)
    names = {"input": "state.x", "bias": "state.bias", "weight": "state.weight"}
    if page.locator("#chart").count():
        names["bias"] = "state.boundary"
    for name, value in names.items():
        start = state(page, value)
        for key in ("ArrowRight", "PageUp"):
            before, said = state(page, value), page.get_attribute(f"#{name}", "aria-valuetext")
            page.locator(f"#{name}").press(key)
            assert state(page, value) != before
            assert page.get_attribute(f"#{name}", "aria-valuetext") != said
            agrees(page)
        for key in ("ArrowLeft", "PageDown"):
            page.locator(f"#{name}").press(key)
        assert np.allclose(state(page, value), start)
        unchanged = state(page, value)
        page.locator(f"#{name}").press("x")
        assert state(page, value) == unchanged
    assert page.evaluate("window.heard") == 0


def test_handles_stay_where_they_can_be_reached(page):
    for name in HANDLES:
        for key in ("PageUp", "PageDown"):
            for _ in range(12):
                page.locator(f"#{name}").press(key)
            agrees(page)
            figure = page.locator("svg[role=group]").bounding_box()
            x, y = centre(page, name)
            assert figure["x"] < x < figure["x"] + figure["width"]
            assert figure["y"] < y < figure["y"] + figure["height"]


def test_two_clicked_regions_tell_what_flips(plane):
    box = plane.locator("#field").bounding_box()
    for share in ((0.1, 0.9), (0.9, 0.15)):
        plane.mouse.click(box["x"] + share[0] * box["width"], box["y"] + share[1] * box["height"])
    assert np.allclose(state(plane, "state.a"), [-0.8, -0.8], atol=0.02)
    assert np.allclose(state(plane, "state.b"), [0.8, 0.7], atol=0.02)
    cells = agrees(plane)
    first, second = (
        cells.signs.values[regions.locate(cells, [state(plane, f"state.{k}")])[0]] for k in "ab"
    )
    up = [k + 1 for k in np.flatnonzero(second > first)]
    down = [k + 1 for k in np.flatnonzero(second < first)]
    told = plane.inner_text("#flips")
    parts = dict(re.findall(r"neurons? ([\d, and]+?) turns? (positive|negative)", told))
    numbers = {word: [int(k) for k in re.findall(r"\d+", which)] for which, word in parts.items()}
    assert numbers == {k: v for k, v in {"positive": up, "negative": down}.items() if v}
    assert numbers


def test_two_clicked_intervals_tell_what_flips(line):
    boxes = [line.locator("#cells rect").nth(k).bounding_box() for k in (0, -1)]
    for box in boxes:
        line.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert state(line, "state.a") < state(line, "state.b")
    agrees(line)
    assert f"({state(line, 'state.m')} signs flip)" in line.inner_text("#flips")


def test_regions_can_be_marked_without_a_mouse(page):
    page.locator("#input").press("PageUp")
    page.locator("#mark-a").press("Enter")
    assert state(page, "state.a") == state(page, "state.x")
    page.locator("#mark-b").press("Enter")
    assert "no sign flips" in page.inner_text("#flips")


@pytest.mark.parametrize("page", EVERY, indirect=True, ids="-".join)
def test_a_finger_drags_handles_marks_regions_and_scrolls_the_rest(page):
    action = "each => getComputedStyle(each).touchAction"
    assert [page.locator(f"#{name}").evaluate(action) for name in HANDLES] == ["none"] * 3
    area = "#field" if page.locator("#field").count() else "#cells"
    assert page.locator(area).evaluate(action) == "auto"
    before = state(page, "state.a")
    box = page.locator(area).bounding_box()
    page.touchscreen.tap(box["x"] + 0.93 * box["width"], box["y"] + 0.4 * box["height"])
    assert state(page, "state.a") != before
    agrees(page)
    x, y = centre(page, "input")
    session = page.context.new_cdp_session(page)
    start = state(page, "state.x")
    for kind, shift in (
        ("touchStart", 0),
        ("touchMove", 20),
        ("touchMove", 40),
        ("touchEnd", None),
    ):
        touches = [] if shift is None else [{"x": x + shift, "y": y}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})
    assert point(state(page, "state.x"))[0] > point(start)[0]
    agrees(page)


def test_a_neuron_is_selected_by_its_sign_or_its_number(page):
    page.locator("#strip span").nth(2).click()
    assert state(page, "state.chosen") == 2
    assert page.inner_text("#own").startswith("Neuron 3:")
    page.locator("#chosen").fill("2")
    assert "chosen" in page.locator("#strip span").nth(1).get_attribute("class")
    page.locator("#m").fill("1")
    assert state(page, "state.chosen") == 0
    agrees(page)


@pytest.mark.parametrize("page", EVERY, indirect=True, ids="-".join)
def test_it_fits_its_width_in_light_and_dark(page):
    page.locator("#m").fill("60")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(f"document.documentElement.dataset.theme === '{scheme}'")
        root = "document.documentElement"
        assert page.evaluate(f"{root}.scrollWidth - {root}.clientWidth") <= 0


def test_colours_follow_the_theme_and_say_how_many_are_positive(plane):
    def pixel(x, y):
        return plane.evaluate(
            """([x, y]) => { const c = document.getElementById('canvas'), s = c.width / 400;
            return [...c.getContext('2d').getImageData(s * (200 + 160 * x), s * (200 - 160 * y),
            1, 1).data].slice(0, 3); }""",
            [x, y],
        )

    plane.locator("#m").fill("1")
    (u, v), b = (each[0] for each in layer(plane))
    size = np.hypot(u, v)
    foot = np.array([-b * u, -b * v]) / size**2
    up, down = (foot + s * np.array([u, v]) / size for s in (0.15, -0.15))
    plane.wait_for_function("document.getElementById('canvas').width > 0")
    red, blue = pixel(*up), pixel(*down)
    assert red[0] > red[2] + 50
    assert blue[2] > blue[0] + 50
    plane.emulate_media(color_scheme="dark")
    plane.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    assert pixel(*up) != red


@pytest.mark.parametrize("name", ["line", "plane"])
def test_it_wears_the_theme_of_the_page_around_it(browser, files, name):  # noqa: F811
    around = f"<html data-theme='dark'><iframe src='regions-{name}.html' title='x'></iframe></html>"
    page = browser.new_page(color_scheme="light")
    source = files[name].read_text(encoding="utf-8")
    page.route(
        "**/*",
        lambda route: route.fulfill(
            body=source if "regions" in route.request.url else around, content_type="text/html"
        ),
    )
    page.goto("http://book.test/")
    inner = page.frames[1]
    inner.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    inner.wait_for_function("document.documentElement.dataset.theme === 'light'")
    page.wait_for_function("document.querySelector('iframe').clientHeight > 400")
    page.close()


@pytest.mark.parametrize("name", ["line", "plane"])
def test_the_two_pages_share_their_helpers_letter_by_letter(files, name):
    """Each is whole by itself, of the same parts."""
    texts = [files[each].read_text(encoding="utf-8") for each in ("line", name)]
    for start, end in [
        ("function mulberry", "// ---- the layer"),
        ("// ---- the book around it", "sample();\n$("),
    ]:
        cut = [text[text.index(start) : text.index(end)] for text in texts]
        assert cut[0] == cut[1]


@pytest.mark.parametrize("page", sorted(BOOK.glob("*.html")), ids=lambda page: page.name)
def test_a_page_is_whole(page, tmp_path):
    text = whole(page, tmp_path).read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert not re.search(r"/\*[\w-]+\.\w+\*/|(?:src|href)=\"(?!data:)", text)


def test_a_part_that_is_not_there_is_told(tmp_path):
    (tmp_path / "a.html").write_text("/*none.css*/\n")
    with pytest.raises(Exception, match=r"there is no part none\.css; add it to"):
        whole(tmp_path / "a.html", tmp_path)
