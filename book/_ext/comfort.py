"""Comfort for readers: captions of tables, light pages, and no more mathematics than there is.

A paragraph ``Table: ...`` directly above a table is its caption, in a page and in what a notebook
prints, where Jupyter shows it as a line above the table. The scripts beside this (`book.js`) make
what scrolls reachable by keyboard.
"""

import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

CAPTION = "Table: "
# The theme brings its icons twice, as a font (150 kB) and as a script (1.5 MB); the font is
# enough. What fonts are asked for beforehand holds brands and outlines, which no page shows.
_ICONS = re.compile(
    r'<script [^>]*fontawesome[^>]*></script>|<link rel="preload" as="font"[^>]*fontawesome[^>]*>'
)


class Captions(SphinxTransform):
    """Makes a paragraph that begins with ``Table: `` the caption of the table below it."""

    default_priority = 200  # before Sphinx numbers what has a caption

    def apply(self, **_):
        for table in list(self.document.findall(nodes.table)):
            above = table.previous_sibling()
            if isinstance(above, nodes.paragraph) and above.astext().startswith(CAPTION):
                title = nodes.title("", "", *(each.deepcopy() for each in above.children))
                first = title.next_node(nodes.Text)
                first.parent.replace(first, nodes.Text(first.astext().removeprefix(CAPTION)))
                title.source, title.line = above.source, above.line
                table.insert(0, title)
                above.parent.remove(above)


def lightened(head):
    """The head of a page without the theme's script of icons."""
    return _ICONS.sub("", str(head))


def lighten(app, page, template, context, doctree):
    """Give the template `lightened`; take MathJax from a page without any mathematics.

    Sphinx gives it to every page above one that has some, so to the first.
    """
    context["lightened"] = lightened
    if doctree is None or next(doctree.findall(_mathematics), None) is None:
        files, mathjax = context["script_files"], app.config.mathjax_path
        files[:] = [each for each in files if mathjax not in str(each.filename)]


def _mathematics(node):
    return isinstance(node, nodes.math | nodes.math_block)


def setup(app: Sphinx):
    app.add_transform(Captions)
    app.connect("html-page-context", lighten, priority=900)  # after MathJax and the theme
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
