"""The lectures: their plans, and slides and handouts as they are rendered from the built book."""

import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from neuronbasis.errors import UserError
from neuronbasis.utils import project

ROOT = project.root()
sys.path[:0] = [str(ROOT / "book" / "_ext"), str(ROOT / "course")]
import lectures  # noqa: E402
import slides  # noqa: E402

LECTURES = sorted((ROOT / "course" / "lectures").glob("*.md"))
BUILT = [*(ROOT / "book" / "notebooks").glob("*.ipynb")] and (ROOT / "_build/html").is_dir()
ALLOWED = "https://github.com/hakimel/reveal.js#configuration"  # a comment of the template


def plan(path):
    return lectures.slides(path)


@pytest.mark.parametrize("path", LECTURES, ids=lambda path: path.stem)
def test_a_lecture_fills_ninety_minutes_and_has_its_parts(path):
    planned = plan(path)
    assert planned[-1].begins + planned[-1].minutes == lectures.MINUTES
    assert 25 <= len(planned) <= 36
    assert sum(each.activity for each in planned) == 2
    titles = [each.title for each in planned]
    assert {"Three points today", "To take home", "Three points"} <= set(titles)
    assert all(len(each.notes.split()) > 10 for each in planned)
    # The speaker's view shows notes as they are, without formulas.
    assert [each.title for each in planned if "$" in each.notes] == []
    assert path.read_text().count("{pictured}") >= 5
    assert (ROOT / "course" / "handouts" / path.name).is_file()


@pytest.mark.parametrize("path", LECTURES, ids=lambda path: path.stem)
def test_a_slide_has_few_words(path):
    for part in re.split(r"^##? ", path.read_text(), flags=re.MULTILINE)[1:]:
        shown = re.sub(r"^:::\{say\}.*?^:::$", "", part, flags=re.MULTILINE | re.DOTALL)
        shown = re.sub(r"^:+.*$|\$\$.*?\$\$|\{\w+\}`[^`]*`", "", shown, flags=re.MULTILINE)
        assert len(shown.split()) < 95, part.splitlines()[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# A\n\nno notes\n", "slide 'A' has 0 notes; give it one"),
        ("# A\n\n:::{say} 3\n:::\n", "slide 'A' has 1 notes"),
        ("# A\n:::{say} 1\na\n:::\n## B\n:::{say} x\nb\n:::\n", "slide 'B' has 0 notes"),
    ],
)
def test_a_slide_without_notes_is_told(tmp_path, text, message):
    (tmp_path / "one.md").write_text(text)
    with pytest.raises(UserError, match=message):
        plan(tmp_path / "one.md")


def test_slides_follow_one_another(tmp_path):
    text = "# A\n:::{say} 2\na\n:::\n## B: c\n\ntext\n\n:::{say} 5 activity\nb\n\nc\n:::\n"
    (tmp_path / "one.md").write_text(text)
    assert plan(tmp_path / "one.md") == [
        lectures.Slide("A", 0, 2, False, "a"),
        lectures.Slide("B: c", 2, 5, True, "b\n\nc"),
    ]


def test_a_part_of_a_figure_is_cut_out():
    svg = '<?xml?><svg width="20pt" height="10pt" viewBox="0 0 20 10"><g width="3"/></svg>'
    shown = lectures.cut(svg, "50 20 25 80")
    assert 'viewBox="10 2 5 8"' in shown
    assert 'width="5pt" height="8pt"' in shown
    assert '<g width="3"/>' in shown
    with pytest.raises(UserError, match="part '50 20': write left, top, width and height"):
        lectures.cut(svg, "50 20")


def test_a_figure_that_no_notebook_made_is_told(tmp_path):
    with pytest.raises(UserError, match=r"method\.ipynb cannot be read; run `make book` first"):
        lectures.picture(tmp_path, "method:method-plane")
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "method.ipynb").write_text('{"cells": [{"outputs": []}]}')
    with pytest.raises(UserError, match="method has no figure 'method-plane'"):
        lectures.picture(tmp_path, "method:method-plane")


class _Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self.notes, self.timed = [], 0, []

    def handle_starttag(self, tag, attributes):
        have = dict(attributes)
        self.found += [have[key] for key in ("src", "href", "data-src") if have.get(key)]
        self.notes += tag == "aside" and have.get("class") == "notes"
        self.timed += [int(have["data-timing"])] if "data-timing" in have else []


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    if not BUILT:
        pytest.skip("no built book: `make book` first to have its slides checked")
    out = tmp_path_factory.mktemp("lectures")
    slides.render(out)
    return out


def test_rendered_slides_have_notes_clocks_and_files_of_their_own(rendered):
    for path in LECTURES:
        text = (rendered / f"{path.stem}.html").read_text()
        page = _Links()
        page.feed(text)
        planned = plan(path)
        assert page.notes == len(planned)
        assert page.timed == [60 * each.minutes for each in planned]
        assert not [each for each in page.found if not (rendered / each.split("?")[0]).is_file()]
        assert {*re.findall(r"https?://[^\s\"'<]+", text)} <= {ALLOWED}
        handout = (rendered / "handouts" / f"{path.stem}.html").read_text()
        assert not re.findall(r"https?://", handout)


def test_no_stylesheet_or_piece_asks_another_host(rendered):
    for path in [*rendered.rglob("*.css"), *rendered.glob("*.html")]:
        loads = re.findall(r"(?:url\(|@import|src=|href=)\s*[\"']?(https?:)?//", path.read_text())
        assert not loads, path


def test_without_a_book_it_says_so(tmp_path):
    for name in ("course", "lib", "pyproject.toml", "notebooks", "results"):
        (tmp_path / name).symlink_to(ROOT / name)
    code = (
        "import sys, pathlib; sys.path.insert(0, 'course'); import slides; "
        f"slides.ROOT = pathlib.Path({str(tmp_path)!r}); slides.render(slides.ROOT / 'out')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.strip().startswith("error: there is no built book to take figures from")
