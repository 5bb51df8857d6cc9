"""The gallery's page in a real browser: as a folder, and embedded in a page of the book."""

import io
import json

import pytest
import torch
from PIL import Image
from test_pages import WIDTHS, browser  # noqa: F401 (a fixture)
from torch import nn

from neuronbasis import visualisation

pytestmark = pytest.mark.browser

TITLE = "Interactive: patches along vectors"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Conv2d(6, 12, 3))
    with torch.no_grad():
        model[2].weight[5] = 0  # varies nowhere: one neuron less than directions
    images = torch.rand(80, 1, 8, 8, generator=torch.Generator().manual_seed(1)) * 2 - 1
    home = tmp_path_factory.mktemp("gallery")
    visualisation.gallery(model, {"first": "0", "second": "2"}, images, home / "it")
    page = "<!doctype html><html data-theme='dark'><body>"
    frame = visualisation.frame(visualisation.single_page(home / "it"), TITLE)
    (home / "book.html").write_text(page + frame, encoding="utf-8")
    return home


@pytest.fixture(params=["folder", "embedded"])
def page(browser, folder, request):  # noqa: F811
    yield from opened(browser, folder, request.param, WIDTHS["desktop"])


@pytest.fixture(params=WIDTHS)
def alone(browser, folder, request):  # noqa: F811
    yield from opened(browser, folder, "folder", WIDTHS[request.param])


def opened(browser, folder, how, viewport):  # noqa: F811
    outer = browser.new_page(viewport=viewport, has_touch=True)
    asked, faults = [], []
    outer.on("request", lambda each: asked.append(each.url))
    outer.on("pageerror", lambda error: faults.append(str(error)))
    outer.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    address = folder / ("it/index.html" if how == "folder" else "book.html")
    outer.goto(address.as_uri())
    inner = outer.main_frame if how == "folder" else outer.frames[1]
    inner.wait_for_function("document.querySelector('#said').textContent !== ''")
    inner.asked = asked
    yield inner
    assert faults == []
    legal = ("data:", "about:", folder.as_uri())
    assert [url for url in asked if not url.startswith(legal)] == []
    outer.close()


def data(folder):
    text = (folder / "it" / visualisation.DATA).read_text(encoding="utf-8")
    return json.loads(text.removeprefix("window.gallery = ").rstrip().removesuffix(";"))


def shown(page):
    return page.evaluate("[state.layer, state.rank]")


def titles(page):
    return page.locator("figure h2").all_inner_texts()


def painted(page):
    """How many grey levels each canvas in view shows; an empty one has the background's alone."""
    page.wait_for_function("sheet(data.layers[state.layer]).complete")
    seen = [each for each in page.locator("canvas").all() if each.is_visible()]
    pictures = [Image.open(io.BytesIO(each.screenshot())).convert("L") for each in seen]
    return [len(set(picture.tobytes())) for picture in pictures]


def test_pictures_appear_and_are_those_of_the_data(browser, folder):  # noqa: F811
    for page in opened(browser, folder, "embedded", WIDTHS["desktop"]):
        assert min(painted(page)) > 50
        page.locator("#rank").fill("3")
        page.wait_for_function("sheet(data.layers[0]).complete")
        # The middle of each picture has the colour that its tile has in the sheet.
        wrong = page.evaluate("""figures.flatMap((parts, i) => {
            const layer = data.layers[0], image = sheet(layer), tiles = layer.bases[i].tiles[2];
            const size = [layer.columns * layer.width, image.naturalHeight];
            const copy = new OffscreenCanvas(...size).getContext('2d');
            copy.drawImage(image, 0, 0);
            const pen = parts.canvas.getContext('2d');
            const times = Math.round(64 / layer.width), side = layer.width * times;
            const gap = Math.max(2, Math.round(0.07 * side));
            return tiles.filter((tile, k) => {
                const x = (tile % layer.columns) * layer.width + 1;
                const y = Math.floor(tile / layer.columns) * layer.height + 1;
                const [point, patch] = [Math.floor(k / data.patches), k % data.patches];
                const at = [point, patch].map((n) => n * (side + gap) + 1.5 * times);
                const [a, b] = [copy.getImageData(x, y, 1, 1).data[0],
                    pen.getImageData(at[0], at[1], 1, 1).data[0]];
                return Math.abs(a - b) > 1;
            });
        })""")
        assert wrong == []


def test_keys_choose_the_vector_and_the_layer(page, folder):
    layers = data(folder)["layers"]
    assert titles(page) == [basis["labels"][0] for basis in layers[0]["bases"]]
    page.locator("#stage").focus()
    for key, expected in [
        ("ArrowRight", [0, 1]), ("ArrowRight", [0, 2]), ("ArrowLeft", [0, 1]), ("End", [0, 5]),
        ("ArrowRight", [0, 5]), ("ArrowDown", [1, 5]), ("PageDown", [1, 11]), ("Home", [1, 0]),
        ("PageUp", [1, 0]), ("ArrowUp", [0, 0]),
    ]:  # fmt: skip
        page.locator("#stage").press(key)
        assert shown(page) == expected
        layer = layers[expected[0]]
        assert titles(page) == [
            (basis["labels"][expected[1]] if expected[1] < len(basis["labels"]) else None)
            or f"no vector {expected[1] + 1}"
            for basis in layer["bases"]
        ]
        assert page.inner_text("#said").startswith(f"{layer['name']}, vector {expected[1] + 1} of ")
    assert min(painted(page)) > 50


def test_clicks_and_the_controls_do_the_same(page, folder):
    page.click("#next")
    assert shown(page) == [0, 1]
    page.click("#before")
    assert shown(page) == [0, 0]
    assert page.locator("#before").is_disabled()
    page.select_option("#layer", "1")
    assert shown(page) == [1, 0]
    neurons = data(folder)["layers"][1]["bases"][1]["labels"]
    page.locator("#neuron").fill(neurons[7].removeprefix("neuron "))
    page.locator("#neuron").press("Tab")
    assert shown(page) == [1, 7]
    assert titles(page)[1] == neurons[7]
    page.locator("#neuron").fill("5")  # constant, so it is none
    page.locator("#neuron").press("Tab")
    assert shown(page) == [1, 7]
    page.locator("#rank").fill("12")
    assert titles(page)[1] == "no vector 12"
    assert page.locator("canvas").nth(1).is_hidden()
    assert page.locator("canvas").nth(2).is_visible()


def test_every_picture_is_told_to_those_who_do_not_see_it(page):
    page.locator("#rank").fill("2")
    for canvas, title in zip(page.locator("canvas").all(), titles(page), strict=True):
        assert canvas.get_attribute("role") == "img"
        assert f"first, {title}: the 4 patches nearest to each of 9 points, from " in (
            canvas.get_attribute("aria-label")
        )
    assert page.get_attribute("#rank", "aria-valuetext") == "2 of 6"


def test_a_sheet_is_read_when_its_layer_is_chosen(alone):
    def sheets():
        return [url.rpartition("/")[2] for url in alone.asked if "sheet" in url]

    alone.wait_for_function("sheet(data.layers[0]).complete")
    assert sheets() == ["sheet-0.png"]
    alone.select_option("#layer", "1")
    alone.wait_for_function("sheet(data.layers[1]).complete")
    alone.select_option("#layer", "0")
    assert sheets() == ["sheet-0.png", "sheet-1.png"]


def test_a_swipe_turns_to_the_next_vector(alone):
    alone.locator("#stage").scroll_into_view_if_needed()
    box = alone.locator("canvas").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    session = alone.page.context.new_cdp_session(alone.page)
    for kind, shift in (("touchStart", 0), ("touchMove", -60), ("touchEnd", None)):
        touches = [] if shift is None else [{"x": x + shift, "y": y}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})
    assert shown(alone) == [0, 1]


def test_it_fits_its_width_in_light_and_dark(alone):
    for scheme in ("light", "dark"):
        alone.page.emulate_media(color_scheme=scheme)
        alone.wait_for_function(f"document.documentElement.dataset.theme === '{scheme}'")
        root = "document.documentElement"
        assert alone.evaluate(f"{root}.scrollWidth - {root}.clientWidth") <= 0
    for name in ("#before", "#next", "#layer", "#neuron"):
        assert alone.locator(name).bounding_box()["height"] >= 38


def test_embedded_it_wears_the_theme_and_fits_its_frame(browser, folder):  # noqa: F811
    for page in opened(browser, folder, "embedded", WIDTHS["desktop"]):
        page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
        page.page.evaluate("document.documentElement.dataset.theme = 'light'")
        page.wait_for_function("document.documentElement.dataset.theme === 'light'")
        page.page.wait_for_function(
            "Math.abs(document.querySelector('iframe').clientHeight"
            " - document.querySelector('iframe').contentDocument.body.offsetHeight) <= 2"
        )
        assert page.page.locator("iframe").get_attribute("title") == TITLE
