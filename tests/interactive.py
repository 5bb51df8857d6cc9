"""The interactive pages as the rendered book has them: whole, each a file of its own."""

import sys

from neuronbasis.utils import project

ROOT = project.root()
BOOK = ROOT / "book" / "interactive"
LIBRARY = ROOT / "lib" / "neuronbasis" / "visualisation" / "pages"


def whole(page, folder):
    """Write a page with its parts put in, as the build of the book does, into a folder."""
    sys.path.insert(0, str(ROOT / "book" / "_ext"))
    try:
        import bookext
    finally:
        sys.path.pop(0)
    target = folder / page.name
    target.write_text(bookext.whole(page), encoding="utf-8")
    return target
