"""One PDF of the rendered book: ``python book/_ext/pdf.py [_build/html]``.

The pages of the table of contents become one document, in their order, which Chromium prints: its
PDFs are tagged and have an outline. Code that the book folds away, solutions and the reference of
the library are left out; links between pages lead to places in the PDF.
"""

import shutil
import subprocess
import sys
import tempfile
from html import escape
from pathlib import Path
from posixpath import dirname, join, normpath

from bs4 import BeautifulSoup

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
LEFT_OUT = ("reference/",)
STYLE = """
@page { size: A4; margin: 18mm 16mm; }
body { font-size: 10.5pt; background: #fff; }
section.page { break-before: page; }
details.above-input, details.again, .headerlink, .copybtn { display: none !important; }
iframe, .solution { display: none !important; }
img, svg, pre, table { max-width: 100%; }
figure svg { max-height: 225mm; }
nav li { line-height: 1.7; }
figure, pre, .math { break-inside: avoid; }
table { font-size: 8pt; width: 100%; }
td, th, pre, code { overflow-wrap: anywhere; white-space: normal; }
pre { white-space: pre-wrap; }
.bd-article table.table, .bd-article div.math { display: revert; overflow: visible; }
"""
HEAD = """<!DOCTYPE html><html lang="en" data-theme="light" data-mode="light">
<head><meta charset="utf-8"><title>{title}</title>
{links}<style>{style}</style>
<script>{mathjax}</script><script src="_static/mathjax/tex-chtml.js"></script></head>
<body><main class="bd-article">{body}</main></body></html>"""


def order(front: BeautifulSoup) -> list[str]:
    """Addresses of the pages in the order of the contents, the front page first."""
    listed = [link["href"] for link in front.select("nav.bd-links a.reference.internal")]
    pages = ["index.html", *(each for each in listed if each.endswith(".html"))]
    return [each for each in dict.fromkeys(pages) if not each.startswith(LEFT_OUT)]


def article(page: str, soup: BeautifulSoup, pages: list[str]) -> str:
    """The text of one page, its places and links told apart from those of the others."""
    found = soup.select_one("article.bd-article")
    if found is None:
        raise SystemExit(f"error: {page} has no article; build the book again")
    for frame in found.find_all("iframe"):
        frame.replace_with(soup.new_tag("p", string="(An interactive piece: see the web pages.)"))
    for element in found.find_all(id=True):
        if element.find_parent("svg") is None and element.name != "svg":
            element["id"] = place(page, element["id"])
    for name, attribute in (("a", "href"), ("img", "src")):
        for element in found.find_all(name, **{attribute: True}):
            element[attribute] = address(page, element[attribute], pages)
    return f'<section class="page" id="{place(page)}">{found.decode_contents()}</section>'


def title(soup: BeautifulSoup) -> str:
    """The title of a page, without the sign that links to it."""
    heading = soup.select_one("article.bd-article h1")
    return escape(heading.get_text().removesuffix("#").strip()) if heading else "?"


def contents(titles: dict[str, str]) -> str:
    """A list of the pages."""
    lines = (f'<li><a href="#{place(page)}">{title}</a></li>' for page, title in titles.items())
    return f'<section class="page"><h1>Contents</h1><nav><ul>{"".join(lines)}</ul></nav></section>'


def place(page: str, name: str = "") -> str:
    """What a place of a page is called in the one document."""
    return f"{page.removesuffix('.html')}--{name}".replace("/", "-")


def address(page: str, target: str, pages: list[str]) -> str:
    """Where a link or a picture of a page leads in the one document."""
    if "://" in target or target.startswith(("data:", "mailto:")):
        return target
    file, _, name = target.partition("#")
    file = normpath(join(dirname(page), file)) if file else page
    if file in pages:
        return f"#{place(file, name)}"
    return f"{file}#{name}" if name else file


def whole(root: Path) -> str:
    """The book as one HTML document beside its pages."""
    front = BeautifulSoup((root / "index.html").read_text(encoding="utf-8"), "html.parser")
    pages = order(front)
    soups = {
        page: BeautifulSoup((root / page).read_text(encoding="utf-8"), "html.parser")
        for page in pages
    }
    titles = {page: title(soup) for page, soup in soups.items() if page != pages[0]}
    first, *rest = (article(page, soup, pages) for page, soup in soups.items())
    mathjax = next(
        (script.string for soup in soups.values() for script in soup.find_all("script")
         if (script.string or "").startswith("window.MathJax")),
        "",
    )  # fmt: skip
    return HEAD.format(
        title=front.title.string if front.title else "",
        links="\n".join(str(link) for link in front.select('head link[rel="stylesheet"]')),
        style=STYLE,
        mathjax=mathjax,
        body="\n".join([first, contents(titles), *rest]),
    )


def write(root: Path) -> Path:
    """Print the book, leave `book.pdf` beside its pages, and let the front page link to it."""
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise SystemExit(f"error: no browser to print with; install one of {', '.join(BROWSERS)}")
    if not (root / "index.html").is_file():
        raise SystemExit(f"error: {root}: no rendered book there; run `make book` first")
    target, together = root / "book.pdf", root / "book-whole.html"
    with tempfile.TemporaryDirectory() as home:
        printed = Path(home) / "book.pdf"
        together.write_text(whole(root), encoding="utf-8")
        command = [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            f"--user-data-dir={home}/profile", "--no-pdf-header-footer",
            "--generate-pdf-document-outline", "--virtual-time-budget=120000",
            f"--print-to-pdf={printed}", together.resolve().as_uri(),
        ]  # fmt: skip
        try:
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode or not printed.is_file():
                raise SystemExit(f"error: {browser} printed nothing: {done.stderr.strip()[-300:]}")
            shutil.copyfile(printed, f"{target}.partial")
            Path(f"{target}.partial").replace(target)
        finally:
            together.unlink()
    front = root / "index.html"
    text = front.read_text(encoding="utf-8")
    front.write_text(text.replace('class="pdf" hidden', 'class="pdf"'), encoding="utf-8")
    return target


if __name__ == "__main__":
    print(write(Path(sys.argv[1] if len(sys.argv) > 1 else "_build/html")))
