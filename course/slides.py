"""Slides and handouts of the lectures, for the screen and as PDF: ``python course/slides.py``.

They take their figures, numbers and interactive pieces from the built book, so `make book` comes
first. The result, in `build/course/lectures/`, needs no internet and no server.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COURSE = ROOT / "course"
OUT = ROOT / "build" / "course" / "lectures"
PATIENCE = 180_000  # milliseconds; a busy machine may hold any step up
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import pdf  # noqa: E402


def render(out: Path) -> None:
    """Write every lecture as a page of slides and, in a folder beside, every handout."""
    if not any((ROOT / "book" / "notebooks").glob("*.ipynb")):
        raise SystemExit(
            "error: there is no built book to take figures from; run `make book` first"
        )
    for folder in ("lectures", "handouts"):
        target = out if folder == "lectures" else out / folder
        sphinx("revealjs" if folder == "lectures" else "html", COURSE / folder, target)
    shutil.rmtree(out / "_static" / "revealjs" / "css")  # sources of styles
    for each in (out / "_static" / "revealjs" / "dist" / "theme").glob("*.css"):
        if each.stem != "white":  # some of the others ask Google for fonts
            each.unlink()


def sphinx(builder: str, source: Path, target: Path) -> None:
    """One run of Sphinx, in which a warning is an error."""
    pages = sorted(source.glob("*.md"))
    command = [
        sys.executable, "-m", "sphinx", "-b", builder, "-q", "-W", "--keep-going", "-E",
        "-c", COURSE, "-d", target / ".doctrees", "-D", f"root_doc={pages[0].stem}", source, target,
    ]  # fmt: skip
    if subprocess.run(command, cwd=ROOT).returncode:
        raise SystemExit(f"error: {source} was not rendered; mend what is told above")
    shutil.rmtree(target / ".doctrees")


def print_all(out: Path) -> None:
    """Leave beside each page of slides its PDF, one with the notes, and the PDF of its handout."""
    from playwright.sync_api import sync_playwright

    path = next((found for name in pdf.BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        raise SystemExit(
            f"error: no browser to print with; install one of {', '.join(pdf.BROWSERS)}"
        )
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        opened = playwright.chromium.launch(executable_path=path, args=options)
        browser = opened.new_context(device_scale_factor=2)
        browser.set_default_timeout(PATIENCE)
        for piece in sorted(out.glob("*.html")):
            if not (COURSE / "lectures" / f"{piece.stem}.md").exists():
                picture(browser, piece, out / "_figures" / f"{piece.name}.png")
        for source in sorted((COURSE / "lectures").glob("*.md")):
            page, handout = out / f"{source.stem}.html", out / "handouts" / f"{source.stem}.html"
            address = page.as_uri() + "?print-pdf"
            save(browser, address, page.with_suffix(".pdf"), ".pdf-page")
            notes = f"{address}&showNotes=separate-page"
            save(browser, notes, out / f"{source.stem}_notes.pdf", ".pdf-page")
            save(browser, handout.as_uri(), handout.with_suffix(".pdf"), "h1")
        opened.close()


def picture(browser, piece: Path, target: Path) -> None:
    """How an interactive piece looks at first, for paper."""
    page = browser.new_page()
    page.set_viewport_size({"width": 1180, "height": 560})
    page.goto(piece.as_uri())
    page.wait_for_timeout(1000)  # milliseconds, for what is drawn step by step
    page.screenshot(path=target)
    page.close()


def save(browser, address: str, target: Path, ready: str) -> None:
    """Print one page once it shows what `ready` selects, with its formulas and frames."""
    page = browser.new_page()
    page.goto(address)
    page.wait_for_selector(ready, state="attached")
    page.evaluate("() => window.MathJax?.startup.promise")
    page.evaluate("() => Promise.all([...document.images].map((each) => each.decode()))")
    partial = target.with_suffix(".partial")
    page.pdf(path=partial, prefer_css_page_size=True, print_background=True, tagged=True)
    partial.replace(target)
    page.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--no-pdf", action="store_true", help="for the screen only")
    asked = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    render(OUT)
    if not asked.no_pdf:
        print_all(OUT)
    print(f"slides, handouts and PDFs: {OUT.relative_to(ROOT)}")
