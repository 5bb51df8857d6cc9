"""What this book needs of Sphinx beyond its extensions.

The role ``{recorded}`` quotes a number from the record of a run, MathJax is taken from an installed
package instead of the network, interactive pages are made whole, and docstrings may write norms as
they are written. Files of their own have the list of runs, what a reader may download or launch,
the data, the scorecard, lectures, and what teachers choose from.
"""

import contextlib
import gc
import json
import os
import re
import shutil
from html import escape
from importlib.metadata import distribution
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole

import neuronbasis

logger = logging.getLogger(__name__)

# What tex-chtml.js loads on our pages: 2 MB of the package's 24.
MATHJAX = ("tex-chtml.js", "output/chtml/fonts/woff-v2")

# Where the parts of interactive pages lie: those of the book's own, and those of the library's.
PARTS = (
    Path(__file__).parent / "parts",
    Path(neuronbasis.__file__).parent / "visualisation" / "pages",
)
_NO_SIGN = re.compile(r"^-(?=0(\.0*)?%?$)")  # a rounded zero has none
_PLACE = re.compile(r"^/\*([\w-]+\.(?:html|css|js))\*/\n", re.MULTILINE)


class Recorded(SphinxRole):
    """``{recorded}`run:name:.2f` ``: a value of a run's record, formatted.

    The name is a key of the record's values (with ``.<k>`` for one of a list),
    ``claims.<id>.<field>`` for a claim, or ``parameters.<name>``. A run named ``paper/<run>`` is
    a frozen one of `results/paper/`, and ``benchmarks/<name>`` what a benchmark measured. The page
    is read again whenever the record changes.
    """

    def run(self):
        book = pages_of(self.env)
        self.env.note_dependency(str(record_of(book, self.text)))
        try:
            text = quoted(book, self.text)
        except (OSError, KeyError, ValueError, TypeError) as error:
            where = self.get_location()
            logger.warning("no recorded value %r (%s)", self.text, error, location=where)
            text = "?"
        return [nodes.inline(text, text, classes=["recorded"])], []


def pages_of(env):
    """The folder of the book's pages; lectures, which quote the same records, name it."""
    return Path(getattr(env.config, "book_folder", None) or env.srcdir)


def record_of(book, asked):
    """The file of the record that ``run:name:format`` speaks of."""
    run = asked.partition(":")[0]
    if run.startswith(("paper/", "benchmarks/")):
        return book.parent / "results" / run / "record.json"
    return book / "notebooks" / f"{run}.json"


def quoted(book, asked):
    """The value that ``run:name:format`` speaks of, formatted."""
    name, _, form = asked.partition(":")[2].partition(":")
    text = format(
        lookup(json.loads(record_of(book, asked).read_text(encoding="utf-8")), name), form
    )
    return _NO_SIGN.sub("", text)


def lookup(record, name):
    """What stands in a record under a dotted name: a value's own, or a path from the top."""
    for start in (record["values"], record):
        with contextlib.suppress(KeyError):
            return descend(start, name.split("."))
    raise KeyError(name)


def descend(found, path):
    if not path:
        return found
    if isinstance(found, list):
        return descend(found[int(path[0])], path[1:])
    for end in range(len(path), 0, -1):  # names have dots of their own
        if ".".join(path[:end]) in found:
            return descend(found[".".join(path[:end])], path[end:])
    raise KeyError(path[0])


def copy_mathjax(app, error):
    if error or app.builder.format != "html":
        return
    package = distribution("sphinx-mathjax-offline")
    source = Path(package.locate_file("sphinx-mathjax-offline/static/mathjax"))
    target = Path(app.outdir) / "_static" / "mathjax"
    for name in MATHJAX:
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, dirs_exist_ok=True)
        else:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, target / name)


def whole(page):
    """An interactive page with its parts put in: a line ``/*frame.js*/`` becomes that file."""

    def part(place):
        for folder in PARTS:
            if (folder / place[1]).is_file():
                return (folder / place[1]).read_text(encoding="utf-8")
        raise ExtensionError(f"{page}: there is no part {place[1]}; add it to {PARTS[0]}")

    return _PLACE.sub(part, page.read_text(encoding="utf-8"))


def write_pages(app, error):
    """Leave each interactive page in the rendered book as one file that asks for no other."""
    if error or app.builder.format != "html":
        return
    for page in sorted((Path(app.srcdir) / "interactive").glob("*.html")):
        (Path(app.outdir) / page.name).write_text(whole(page), encoding="utf-8")


def describe(app, page, template, context, doctree):
    """What search engines, reference managers and previews read in the head of a page."""
    title = re.sub("<[^>]+>", "", context.get("title", "")) or app.config.html_title
    said = {
        "citation_title": app.config.html_title,
        "citation_author": app.config.author,
        "citation_publication_date": app.config.copyright,
    }
    about = {"og:type": "book", "og:site_name": app.config.html_title, "og:title": title}
    summary = doctree and next(
        (each.astext() for each in doctree.findall(nodes.paragraph) if len(each.astext()) > 40), ""
    )
    if summary:
        text = " ".join(summary.split())
        about["og:description"] = text if len(text) < 200 else text[:199].rsplit(" ", 1)[0] + " …"
        said["description"] = about["og:description"]
    if app.config.html_baseurl:
        said["citation_fulltext_html_url"] = app.config.html_baseurl
        about["og:url"] = app.config.html_baseurl.rstrip("/") + f"/{page}.html"
    tags = [f'<meta name="{name}" content="{escape(text)}">' for name, text in said.items()]
    tags += [f'<meta property="{name}" content="{escape(text)}">' for name, text in about.items()]
    context["metatags"] = context.get("metatags", "") + "\n".join(tags)


def keep_bars(app, what, name, obj, options, lines):
    """Bars outside literals are norms and absolute values, no substitutions."""
    for i, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...")):
            parts = re.split(r"(``.*?``)", line)
            parts[::2] = [part.replace("|", r"\|") for part in parts[::2]]
            lines[i] = "".join(parts)


def by_its_door(app, env, node, content):
    """A name in an inner file of a folder is documented under the folder's own name."""
    target = node.get("reftarget", "")
    door = ".".join(part for part in target.split(".") if not part.startswith("_"))
    if node.get("refdomain") != "py" or door == target:
        return None
    kind = node["reftype"]
    return env.domains["py"].resolve_xref(
        env, node["refdoc"], app.builder, kind, door, node, content
    )


def collect_less(app, env, names):
    """Have Python look for unreachable objects less often: among a book's nodes it takes long."""
    gc.freeze()
    gc.set_threshold(200_000, 50, 50)


def write_together(app, env):
    """Write pages on all cores; they are read on one, since the page for teachers is read last."""
    app.parallel = os.cpu_count() or 1


def setup(app: Sphinx):
    app.connect("env-before-read-docs", collect_less)
    app.add_role("recorded", Recorded())
    for name in (
        "runs",
        "publishing",
        "datasheets",
        "scorecard",
        "teaching",
        "lectures",
        "comfort",
    ):
        app.setup_extension(name)
    app.connect("env-updated", write_together)
    app.connect("autodoc-process-docstring", keep_bars)
    app.connect("html-page-context", describe)
    app.connect("missing-reference", by_its_door)
    app.connect("build-finished", copy_mathjax)
    app.connect("build-finished", write_pages)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
