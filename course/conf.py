"""How Sphinx makes slides and handouts: `course/slides.py` calls it once for each of the two."""

import sys
from pathlib import Path

BOOK = Path(__file__).parents[1] / "book"
sys.path.insert(0, str(BOOK / "_ext"))

from bookext import Recorded, copy_mathjax  # noqa: E402

project = "Are neurons the right directions?"
author = "The neuronbasis authors"
extensions = ["myst_parser", "sphinx_revealjs", "lectures"]
myst_enable_extensions = ["amsmath", "colon_fence", "dollarmath"]
mathjax_path = "mathjax/tex-chtml.js"
# A formula on a slide that is not shown yet has no neighbours to take its size from.
mathjax3_config = {"chtml": {"matchFontHeight": False}, "options": {"enableMenu": False}}
html_theme = "basic"
html_static_path = ["assets"]
html_css_files = ["handout.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_use_index = False
html_permalinks = False
html_title = project
revealjs_static_path = ["assets"]
revealjs_style_theme = "white"
revealjs_css_files = ["slides.css"]
revealjs_js_files = ["slides.js"]
revealjs_script_plugins = [{"name": "RevealNotes", "src": "revealjs/plugin/notes/notes.js"}]
revealjs_script_conf = "slidesOf(window)"  # in assets/slides.js


def setup(app):
    """Name the book, whose records are quoted, and take MathJax from its package."""
    app.add_config_value("book_folder", str(BOOK), "env")
    app.add_role("recorded", Recorded())
    app.connect("build-finished", copy_mathjax)
    app.connect("doctree-read", alone)


def alone(app, tree):
    """Each page stands alone: no table of contents leads to it."""
    app.env.metadata[app.env.docname]["orphan"] = True
