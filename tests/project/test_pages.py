"""The rendered book in a real browser: every page, desktop and phone, light and dark."""

import os
import re
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser

BOOK = Path(__file__).parents[2] / "_build" / "html"
PAGES = sorted(
    str(page.relative_to(BOOK)) for page in BOOK.rglob("*.html") if "_static" not in page.parts
)
PATIENCE = 180_000  # milliseconds
WIDTHS = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 800}}


def unless_required(why):
    """Skip, saying why; where a browser is required, fail instead."""
    if os.environ.get("NEURONBASIS_REQUIRE_BROWSER"):
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(scope="module")
def browser():
    path = (
        shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )
    if not path:
        unless_required("no Chromium on this machine: the rendered pages are not checked")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=path,
            # Containers often give 64 MB of shared memory: a page that lacks it just stands still.
            args=[
                "--no-sandbox",
                "--disable-background-networking",
                "--disable-gpu",
                "--disable-dev-shm-usage",
            ],
        )
        # A busy machine may hold any step up; nothing here is about speed.
        opened.on("context", lambda context: context.set_default_timeout(PATIENCE))
        yield opened
        opened.close()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def site():
    if not PAGES:
        unless_required("no rendered book: `make book` first to have its pages checked")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=BOOK))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def violations(page):
    """What axe-core finds against WCAG 2.1, levels A and AA, each with the element."""
    from axe_playwright_python.sync_playwright import Axe

    page.wait_for_load_state("load")
    # What observes sizes has then spoken.
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    asked = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], "resultTypes": ["violations"]}
    found = Axe().run(page, options=asked).response["violations"]
    return [f"{each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"]]


def visit(browser, site, name, width, scheme):
    """Open a page; return it, its faults, and every address that it asked for."""
    page = browser.new_page(viewport=WIDTHS[width], color_scheme=scheme)
    asked, faults = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on(
        "response",
        lambda got: faults.append(f"{got.status} {got.url}") if got.status >= 400 else None,
    )
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.goto(site + name, wait_until="networkidle")
    page.wait_for_function("document.documentElement.dataset.theme != 'auto'")
    return page, faults, asked


@pytest.mark.parametrize(("width", "scheme"), [("desktop", "light"), ("phone", "dark")])
@pytest.mark.parametrize("name", PAGES or ["no book"])
def test_page(browser, site, name, width, scheme):
    page, faults, asked = visit(browser, site, name, width, scheme)
    try:
        assert faults == []
        assert [url for url in asked if not url.startswith((site, "data:", "blob:"))] == []
        if name != "user_study.html":  # a study looks the same to everybody
            assert page.evaluate("document.documentElement.dataset.theme") == scheme
        overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(overflow) <= 0, "the page is wider than its window"
        assert violations(page) == []
        unnamed = ".bd-article table.table:not(:has(caption), [aria-label])"
        assert page.query_selector_all(unnamed) == []
        # A study loads the pictures of a trial when it begins.
        for image in page.query_selector_all("main img[src]"):
            alt = image.get_attribute("alt") or ""
            assert len(alt) > 20, f"alt text {alt!r} says nothing"
            assert not re.search(r"\.(svg|png)$", alt), f"alt text {alt!r} is a path"
            assert image.evaluate("each => each.naturalWidth") > 0, "a picture does not load"
    finally:
        page.close()


def test_a_page_is_light():
    """No script of icons beside their font, no MathJax without mathematics, no page over 700 kB."""
    faults = []
    for name in PAGES:
        text = (BOOK / name).read_text(encoding="utf-8")
        if 'class="bd-article"' not in text:
            continue  # a piece that a chapter loads in a frame, with all its pictures
        if len(text.encode()) > 700_000:
            faults.append(f"{name}: {len(text.encode()):,} bytes")
        if re.search(r"<script[^>]*fontawesome", text):
            faults.append(f"{name}: icons as a script")
        if "tex-chtml.js" in text and 'class="math' not in text:
            faults.append(f"{name}: MathJax without mathematics")
    assert faults == []


def test_tables_of_chapters_have_captions():
    bare = re.compile(r'<table class="table[^>]*>\s*(?!<caption)<thead>\s*(.{,200})', re.DOTALL)
    found = {name: bare.findall((BOOK / name).read_text(encoding="utf-8")) for name in PAGES}
    assert {name: of for name, of in found.items() if name.startswith("notebooks/") and of} == {}


def test_arrow_keys_turn_no_page(browser, site):
    """They scroll what has the focus, and turn an interactive picture."""
    page, _, _ = visit(browser, site, "notebooks/method.html", "desktop", "light")
    for key in ("ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
    page.wait_for_load_state("networkidle")
    assert page.url == site + "notebooks/method.html"
    page.close()


def test_a_wide_table_scrolls_by_keyboard_beside_its_first_column(browser, site):
    page, _, _ = visit(browser, site, "scorecard.html", "phone", "light")
    box = page.locator(".pst-scrollable-table-container").first
    first = box.locator("tbody tr > :first-child").first
    box.focus()
    before = first.bounding_box()["x"]
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("document.activeElement.scrollLeft > 100")
    assert first.bounding_box()["x"] == pytest.approx(before, abs=2)
    page.close()


def test_formulas_are_set(browser, site):
    page, _, _ = visit(browser, site, "activation_space.html", "desktop", "light")
    page.wait_for_selector("mjx-container mjx-math")
    assert page.query_selector("mjx-merror") is None
    assert "\\(" not in page.inner_text("main")
    page.close()


def test_figures_on_computed_pages(browser, site):
    computed = [name for name in PAGES if name.startswith("notebooks/")]
    assert computed
    for name in computed:
        page, _, _ = visit(browser, site, name, "desktop", "light")
        assert page.query_selector_all("main figure img, main .cell_output img")
        page.close()


def test_search_finds_a_word_of_a_chapter(browser, site):
    page, _, _ = visit(browser, site, "search.html?q=orthoplex", "desktop", "light")
    page.wait_for_selector("#search-results li")
    page.close()
