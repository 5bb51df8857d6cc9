"""What a published page offers: its notebook, how it is run again, and the project's repository.

The theme makes the buttons. They appear as soon as `_config.yml` names a repository; here they are
led to the text of a chapter, which lies beside the book, instead of to the executed notebook, which
is in no repository.
"""

import copy
from html import escape
from pathlib import Path

import nbformat
import runs
from plain import plain
from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)

BUTTONS = ("use_repository_button", "use_issues_button", "use_edit_page_button")
SOURCES = ("download-source-button", "download-notebook-button")  # what the theme calls them
AGAIN = """<details class="again">
<summary>Run this chapter again</summary>
<p>This page was computed by a notebook: <a class="reference download" download href="{file}">
{file}</a>. It has the parameters of this page and no outputs. In the folder of the project, the
first command computes the numbers of this page again, and the second opens all notebooks in
JupyterLab.</p>
{commands}
{provenance}
</details>
"""


def switch_buttons(app, config):
    """Show the buttons if a repository is named, and none that would lead nowhere."""
    options = config.html_theme_options
    if options.get("repository_url"):
        options.update(dict.fromkeys(BUTTONS, True))
    else:
        options.pop("launch_buttons", None)


def offer(app, page, template, context, doctree):
    """On a computed page: its notebook in the theme's menu, and how it is run again."""
    found = doctree and runs.of_page(app.srcdir, page)
    buttons = context.get("header_buttons", [])
    if not app.config.html_copy_source:
        without_sources(buttons)
    if not found or app.builder.format != "html":
        return
    lead_to(buttons, f"{page}.ipynb", found.notebook, app)
    file = f"{found.name}.ipynb"
    for group in buttons:
        if group.get("label") == "download-buttons":
            group["buttons"].insert(0, download(file))
    context["body"] = context["body"].replace("</h1>", f"</h1>\n{again(app, file, found, page)}", 1)


def without_sources(buttons):
    """Leave out what leads to sources of pages where these are not copied beside the pages."""
    for group in buttons:
        if "buttons" in group:
            kept = [each for each in group["buttons"] if each.get("label") not in SOURCES]
            group["buttons"] = kept


def lead_to(buttons, file, notebook, app):
    """Lead every button of a computed page to the text of its notebook."""
    docs = app.config.html_theme_options.get("path_to_docs", "")
    executed, text = "/".join(filter(None, [docs, file])), f"notebooks/{notebook}.md"
    for each in buttons:
        lead_to(each.get("buttons", []), file, notebook, app)
        if "url" in each:
            each["url"] = each["url"].replace(executed, text)


def download(file):
    return {
        "type": "link",
        "url": file,
        "text": ".ipynb",
        "tooltip": "Download the notebook without outputs",
        "icon": "fas fa-code",
        "label": "download-notebook-button",
    }


def again(app, file, found, page):
    """The folded box below the title of a computed page."""
    commands = f"{runs.broken(found.command)}\nneuronbasis lab"
    return AGAIN.format(
        file=escape(file),
        commands=app.builder.highlighter.highlight_block(commands, "console"),
        provenance=timed(app, page),
    )


def timed(app, page):
    """Where a book lists its runs, a link to the list."""
    if "provenance" not in app.env.found_docs:
        return ""
    title = escape(app.env.titles["provenance"].astext())
    address = app.builder.get_relative_uri(page, "provenance")
    return f'<p>Times and versions: <a class="reference internal" href="{address}">{title}</a></p>'


def write_notebooks(app, error):
    """Leave the notebook of each computed page beside it."""
    if error or app.builder.format != "html":
        return
    named = {Path(page).name: title.astext() for page, title in app.env.titles.items()}
    for page in sorted(app.env.found_docs):
        if not runs.of_page(app.srcdir, page):
            continue
        source = Path(app.srcdir) / f"{page}.ipynb"
        try:
            made = to_run(nbformat.read(source, as_version=4), named, Path(app.srcdir))
        except (KeyError, ValueError, OSError) as fault:
            logger.warning("no notebook to download (%r), from %s", fault, source)
            continue
        target = Path(app.outdir) / f"{page}.ipynb"
        partial = target.with_name(f".{target.name}")
        nbformat.write(made, partial)
        partial.replace(target)


def to_run(notebook, named, book):
    """A notebook as a reader takes it along: readable in JupyterLab, without outputs.

    Its parameters are those of the page; what it prints is on the page.
    """
    made = copy.deepcopy(notebook)
    for cell in made.cells:
        if cell.cell_type == "markdown":
            cell.source = plain(cell.source, named, book=book)
        else:
            cell.outputs, cell.execution_count = [], None
    made.cells = [cell for cell in made.cells if cell.source.strip()]
    return made


def setup(app: Sphinx):
    app.connect("config-inited", switch_buttons)
    # After the theme, which adds its buttons at 501.
    app.connect("html-page-context", offer, priority=900)
    app.connect("build-finished", write_notebooks)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
