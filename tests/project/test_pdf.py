"""The book as one PDF: pages in order, places and links told apart, printed by a real browser."""

import os
import re
import shutil
import sys

import pytest
from bs4 import BeautifulSoup

from neuronbasis.utils import project

sys.path.insert(0, str(project.root() / "book" / "_ext"))
import pdf

PAGE = """<html><head><title>T</title><link rel="stylesheet" href="_static/a.css"></head><body>
<nav class="bd-links"><a class="reference internal" href="#">T</a>
<a class="reference internal" href="part/two.html">2</a>
<a class="reference internal" href="reference/api.html">3</a></nav>
<article class="bd-article"><h1 id="top">{title}<a class="headerlink" href="#top">#</a></h1>{body}
</article></body></html>"""
FRONT = (
    '<p class="pdf" hidden><a href="book.pdf">PDF</a></p><a href="part/two.html#top">there</a>'
    '<a href="reference/api.html#f">left out</a><a href="https://example.org/x#y">away</a>'
)
SECOND = (
    '<img src="../_images/a.png"><a href="../index.html">back</a><a href="#top">up</a>'
    '<iframe src="../piece.html"></iframe><details class="above-input"><p>folded code</p></details>'
)


@pytest.fixture
def book(tmp_path):
    (tmp_path / "part").mkdir()
    (tmp_path / "index.html").write_text(PAGE.format(title="First & foremost", body=FRONT))
    (tmp_path / "part" / "two.html").write_text(PAGE.format(title="Second", body=SECOND))
    return tmp_path


def test_pages_follow_one_another_and_links_stay_inside(book):
    soup = BeautifulSoup(pdf.whole(book), "html.parser")
    titles = [each.get_text() for each in soup.find_all("h1")]
    assert titles == ["First & foremost#", "Contents", "Second#"]
    ids = [each["id"] for each in soup.find_all(id=True)]
    assert len(set(ids)) == len(ids) == 4
    links = {a.get_text(): a["href"] for a in soup.find_all("a") if "headerlink" not in a.attrs}
    inside = [links[text].removeprefix("#") for text in ("there", "back", "up", "Second")]
    assert inside == ["part-two--top", "index--", "part-two--top", "part-two--"]
    assert set(inside) <= set(ids)
    assert links["left out"] == "reference/api.html#f"
    assert links["away"] == "https://example.org/x#y"
    assert soup.find("img")["src"] == "_images/a.png"
    assert soup.find("iframe") is None


def test_a_browser_prints_it_with_tags_and_an_outline(book):
    if not any(map(shutil.which, pdf.BROWSERS)):
        if os.environ.get("NEURONBASIS_REQUIRE_BROWSER"):
            pytest.fail("no Chromium on this machine")
        pytest.skip("no Chromium on this machine: nothing is printed")
    target = pdf.write(book)
    printed = target.read_bytes()
    assert printed.startswith(b"%PDF")
    assert b"/Marked true" in printed
    assert b"/Outlines" in printed
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 3
    assert sorted(each.name for each in book.iterdir()) == ["book.pdf", "index.html", "part"]
    assert '<p class="pdf"><a' in (book / "index.html").read_text()


def test_without_a_browser_or_a_book_one_line_says_so(book, tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setenv("PATH", "")
        with pytest.raises(SystemExit, match=r"\Aerror: no browser to print with; install one"):
            pdf.write(book)
    assert not (book / "book.pdf").exists()
    (tmp_path / "chromium").symlink_to("/bin/false")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match="no rendered book there; run `make book` first"):
        pdf.write(tmp_path / "part")
    with pytest.raises(SystemExit, match="chromium printed nothing"):
        pdf.write(book)
    assert not (book / "book-whole.html").exists()
