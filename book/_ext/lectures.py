"""What lectures are made of: slides with notes, figures and interactive pieces of the built book.

A slide is a section of `course/lectures/<name>.md`. Its notes stand in a directive ``{say}`` that
begins with their minutes; from these the speaker's clock and the guide's timetables are made.
"""

import json
import re
import shutil
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import ClassVar

from bookext import pages_of
from docutils import nodes
from docutils.parsers.rst import directives
from scorecard import kept
from scorecard import where as elsewhere
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole
from sphinx_revealjs.nodes import revealjs_section

from neuronbasis.errors import UserError
from neuronbasis.utils import project
from neuronbasis.workflow import claims

logger = logging.getLogger(__name__)

MINUTES = 90  # of a lecture
_SLIDE = re.compile(r"^##? (.+)$", re.MULTILINE)
_SAY = re.compile(r"^:::\{say\} (\d+)( activity)?\n(.*?)^:::$", re.MULTILINE | re.DOTALL)
_VIEW = re.compile(r'viewBox="([-\d. ]+)"')


@dataclass(frozen=True)
class Slide:
    """A slide as it is planned: when it begins, how long it stays, whether students work."""

    title: str
    begins: int
    minutes: int
    activity: bool
    notes: str


def slides(path: Path) -> list[Slide]:
    """The slides of a lecture, from its source; each has notes that begin with its minutes."""
    text = path.read_text(encoding="utf-8")
    starts = [*_SLIDE.finditer(text)]
    found: list[Slide] = []
    for start, end in zip(starts, [*(each.start() for each in starts[1:]), None], strict=True):
        said = _SAY.findall(text[start.end() : end])
        if len(said) != 1 or not said[0][2].strip():
            raise UserError(f"{path.name}: slide {start[1]!r} has {len(said)} notes; give it one")
        minutes, activity, notes = said[0]
        begins = found[-1].begins + found[-1].minutes if found else 0
        found.append(Slide(start[1], begins, int(minutes), bool(activity), notes.strip()))
    return found


class notes(nodes.General, nodes.Element):  # noqa: N801
    """What the speaker says, in the speaker's view only."""


class Say(SphinxDirective):
    """``{say} 3``: notes of a slide that stays three minutes; ``3 activity``: students work."""

    required_arguments = 1
    optional_arguments = 1
    has_content = True

    def run(self):
        minutes = int(self.arguments[0])
        begins = self.env.temp_data.get("lecture_minute", 0)
        self.env.temp_data["lecture_minute"] = begins + minutes
        clock = revealjs_section()
        clock["data-timing"] = str(60 * minutes)
        if "activity" in self.arguments[1:]:
            clock["data-state"] = "activity"
        said = notes()
        when = f"Minute {begins} to {begins + minutes}."
        said += nodes.paragraph("", "", nodes.strong(when, when))
        said += self.parse_content_to_nodes()
        return [clock, said]


class Pictured(SphinxDirective):
    """``{pictured} notebook:figure``: a figure of the built book, or a part of it.

    The option ``part`` names what is shown of it: left, top, width and height, in percent.
    """

    required_arguments = 1
    has_content = True
    option_spec: ClassVar = dict.fromkeys(("part", "height", "alt"), directives.unchanged)

    def run(self):
        try:
            svg, alt = picture(pages_of(self.env), self.arguments[0])
            if "part" in self.options:
                svg = cut(svg, self.options["part"])
        except UserError as error:
            logger.warning("pictured: %s", error, location=self.get_location())
            return []
        name = self.arguments[0].partition(":")[2]
        number = self.env.new_serialno("pictured")
        file = f"_figures/{self.env.docname}-{number}-{name}.svg"
        target = Path(self.env.app.outdir) / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(svg, encoding="utf-8")
        alt = self.options.get("alt", alt)
        style = f"max-height: {self.options['height']}" if "height" in self.options else ""
        shown = f'<img src="{file}" alt="{escape(alt)}" style="{style}">'
        shown = f'<a href="{file}" data-prevent-swipe>{shown}</a>'
        figure = nodes.container(classes=["pictured", "wide"] if wide(svg) else ["pictured"])
        figure += nodes.raw("", shown, format="html")
        if self.content:
            caption = nodes.container(classes=["caption"])
            caption += self.parse_content_to_nodes()
            figure += caption
        return [figure]


class Moving(SphinxDirective):
    """``{moving} spotlight.html``: an interactive piece of the built book, named by the body."""

    required_arguments = 1
    has_content = True

    def run(self):
        file = self.arguments[0]
        source = pages_of(self.env).parent / "_build" / "html" / file
        if not source.is_file():
            logger.warning(
                "no piece %s; run `make book` first", source, location=self.get_location()
            )
            return []
        shutil.copyfile(source, Path(self.env.app.outdir) / file)
        title = escape(" ".join(self.content))
        frame = (
            f'<iframe data-src="{file}" title="{title}"></iframe>'
            f'<p class="alone"><a href="{file}" target="_blank">{title} (alone on a page)</a></p>'
        )
        return [nodes.raw("", frame, format="html")]


class Stands(SphinxRole):
    """``{stands}`S2` ``: how a claim stands in the scorecard, without a link."""

    def run(self):
        try:
            said, found = claims.outcomes(claims.row_of(self.text), kept(self.env))
        except UserError as error:
            logger.warning("stands: %s", error, location=self.get_location())
            return [], []
        text = f"{said}{elsewhere(found)}"
        return [nodes.strong(text, text)], []


class Timetable(SphinxDirective):
    """``{timetable} lecture``: minute by minute, from the notes of its slides."""

    required_arguments = 1

    def run(self):
        path = project.root() / "course" / "lectures" / f"{self.arguments[0]}.md"
        self.env.note_dependency(str(path))
        try:
            planned = slides(path)
        except UserError as error:
            logger.warning("timetable: %s", error, location=self.get_location())
            return []
        names = [f"{'**Activity.** ' * each.activity}{each.title}" for each in planned]
        rows = [
            f"| {each.begins} | {each.minutes} | {name} |"
            for each, name in zip(planned, names, strict=True)
        ]
        table = "\n".join(["| from minute | minutes | slide |", "| ---: | ---: | --- |", *rows])
        return self.parse_text_to_nodes(table)


def picture(book: Path, name: str) -> tuple[str, str]:
    """A figure of an executed notebook of the book, as SVG, and its text alternative."""
    notebook, _, figure = name.partition(":")
    path = book / "notebooks" / f"{notebook}.ipynb"
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    except OSError:
        raise UserError(f"{path} cannot be read; run `make book` first") from None
    for cell in cells:
        for output in cell.get("outputs", []):
            about = output.get("metadata", {}).get("neuronbasis", {})
            if about.get("name") == figure and "image/svg+xml" in output["data"]:
                return "".join(output["data"]["image/svg+xml"]), about["alt"]
    raise UserError(f"{notebook} has no figure {figure!r}; take a name that it gives to style.show")


def cut(svg: str, part: str) -> str:
    """The part of a figure that lies in a box of left, top, width and height, in percent."""
    box = [float(each) / 100 for each in part.split()]
    view = _VIEW.search(svg)
    if len(box) != 4 or view is None:
        raise UserError(f"part {part!r}: write left, top, width and height in percent")
    left, top, width, height = map(float, view[1].split())
    shown = (left + box[0] * width, top + box[1] * height, box[2] * width, box[3] * height)
    numbers = " ".join(f"{each:g}" for each in shown)
    svg = svg.replace(view[0], f'viewBox="{numbers}"', 1)
    root = svg[svg.index("<svg") : svg.index(">", svg.index("<svg")) + 1]
    sized = re.sub(r'\b(width|height)="[^"]*"', "", root)
    sized = sized.replace("<svg", f'<svg width="{shown[2]:g}pt" height="{shown[3]:g}pt"', 1)
    return svg.replace(root, sized, 1)


def wide(svg: str) -> bool:
    """Whether a figure is so wide that a phone shows it larger than its screen."""
    _, _, width, height = map(float, _VIEW.search(svg)[1].split())
    return width > 1.9 * height


def open_notes(self, node):
    self.body.append('<aside class="notes">')


def close_notes(self, node):
    self.body.append("</aside>")


def setup(app: Sphinx):
    app.add_node(notes, html=(open_notes, close_notes))
    for name, directive in (("say", Say), ("pictured", Pictured), ("moving", Moving)):
        app.add_directive(name, directive)
    app.add_directive("timetable", Timetable)
    app.add_role("stands", Stands())
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}
