"""The directives ``{chapters}``, ``{exercises}`` and ``{pieces}``: what a teacher chooses from.

All of it is gathered from the pages that the table of contents names, as Sphinx has read them, so
that it is never stale; the page for teachers is read last. Interactive pieces that a page carries
within itself are also left in the rendered book as files of their own, beside those that
pages load.
"""

import contextlib
import math
import re
from dataclasses import dataclass
from html import escape
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from neuronbasis.errors import UserError
from neuronbasis.workflow import editions

logger = logging.getLogger(__name__)

TEACHERS = "teach"  # the page that has the directives
# A page of formulas is read more slowly than a novel, and a figure takes its time.
WORDS_A_MINUTE, MINUTES_A_FIGURE, STEP = 120, 1, 5
MINUTES = {"five": 5, "ten": 10, "fifteen": 15, "twenty": 20, "thirty": 30, "sixty": 60}
DIFFICULTIES = ("easy", "medium", "hard")
LONG = 200  # letters of what a row of the table says
INTERACTIVE = "Interactive: "  # how the title of each piece begins
# What is not read as prose; a figure's caption is part of the minute that the figure takes.
NO_PROSE = (nodes.literal_block, nodes.table, nodes.raw, nodes.comment, nodes.caption)

LARGE = 500_000  # letters of a piece, from which on its page loads it instead of carrying it

_CARRIED = re.compile(r" srcdoc='[^']*'")
_NAMED = re.compile(r"\[(\w+)\]")
_SENTENCE = re.compile(r".+?(?<!\bEq)(?<!\bFig)(?<!\bSec)[.?!](?=\s|$)")


@dataclass(frozen=True)
class Exercise:
    """What a page asks."""

    label: str
    minutes: int
    difficulty: str
    question: str  # up to its first question; where it asks none, its first sentence
    checked: bool  # whether a cell below it judges the reader's answer


@dataclass(frozen=True)
class Piece:
    """An interactive picture: its file in the rendered book, and its content if a page has it."""

    title: str
    file: str
    content: str | None


@dataclass(frozen=True)
class Page:
    name: str  # as Sphinx has it
    minutes: int
    exercises: tuple[Exercise, ...]
    pieces: tuple[Piece, ...]


def pages(env):
    """Every page of a book's table of contents, in its order, as Sphinx has read it."""
    toc = Path(env.srcdir) / "_toc.yml"
    try:
        content = yaml.safe_load(toc.read_text(encoding="utf-8"))
        parts = content.get("parts", [content])
        names = [each["file"] for part in parts for each in part.get("chapters", [])]
    except (OSError, yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
        raise UserError(f"{toc}: no table of contents ({error}); list chapters: in it") from None
    # The page for teachers is still being read, and holds none of this. Its directives share what
    # the first of them has gathered: to load the pages takes seconds.
    gathered = env.temp_data.setdefault("teaching", {})
    for name in names:
        if docname(name) != TEACHERS and name not in gathered:
            gathered[name] = page(env, name)
    return [gathered[name] for name in names if name in gathered]


def docname(name):
    return str(PurePosixPath(name).with_suffix(""))


def page(env, name):
    """One page of a book that Sphinx has read."""
    try:
        tree = env.get_doctree(docname(name))
    except OSError as error:
        raise UserError(f"{name}: cannot be read ({error}); build the book by make book") from None
    html = [each.astext() for each in tree.findall(nodes.raw) if "html" in each["format"]]
    figures = sum(
        each.get("mime_type") == "image/svg+xml" for each in tree.findall(nodes.container)
    )
    minutes = words(tree) / WORDS_A_MINUTE + figures * MINUTES_A_FIGURE
    return Page(
        name=docname(name),
        minutes=STEP * math.ceil(minutes / STEP),
        exercises=tuple(exercises(env, name, tree)),
        pieces=tuple(pieces("\n".join(html), name)),
    )


def words(node):
    """How many words of prose a reader meets; a formula is one, an exercise is none."""
    if isinstance(node, nodes.Text):
        return len(node.astext().split())
    if isinstance(node, nodes.math | nodes.math_block):
        return 1
    if isinstance(node, NO_PROSE) or node.get("type") in ("exercise", "solution"):
        return 0
    if node.get("mime_type", "text/markdown") != "text/markdown":  # what code printed otherwise
        return 0
    return sum(map(words, node.children))


def exercises(env, name, tree):
    """The exercises of a page, each with its minutes; none may lack a label or a solution."""
    registry = getattr(env, "sphinx_exercise_registry", {})
    found = [each["node"] for each in registry.values() if each["docname"] == docname(name)]
    checked = with_check(tree)
    solved = {each["target_label"] for each in found if is_solution(each)}
    for each in found:
        if is_solution(each):
            continue
        label, paragraphs = each["label"], each.findall(nodes.paragraph)
        body = " ".join(" ".join(one.rawsource for one in paragraphs).split())  # as it was written
        if label.startswith(f"{docname(name)}-exercise-"):  # as Sphinx calls one without
            raise UserError(f"{name}: exercise {body[:30]!r} has no label; write :label: a-name")
        said = re.match(r"\(([A-Za-z]+) minutes, (\w+)\b[^)]*\)\s*", body)
        if not said or said[1].lower() not in MINUTES or said[2] not in DIFFICULTIES:
            raise UserError(
                f"{name}: exercise {label} begins {body[:20]!r}; begin it with its time, one of "
                f"{', '.join(MINUTES)}, and one of {', '.join(DIFFICULTIES)}, as in (Ten minutes, "
                "easy.)"
            )
        if label not in solved and not env.config.hide_solutions:  # as a student edition does
            raise UserError(f"{name}: exercise {label} has no solution; add one to its page")
        sentences = _SENTENCE.findall(body[said.end() :]) or [body[said.end() :]]
        minutes = MINUTES[said[1].lower()]
        yield Exercise(label, minutes, said[2], asked(sentences), label in checked)


def is_solution(node):
    return node["type"] in ("solution", "solution-start")


def with_check(tree):
    """Labels of the exercises of a page below which a cell calls `check`."""
    found, label = set(), None
    for node in tree.findall(nodes.Element):
        if node.get("type") == "exercise":
            label = node["label"]
        elif isinstance(node, nodes.literal_block) and editions.checked(node.astext()):
            found.add(label)
    return found


def asked(sentences):
    """All up to the first question, or the question alone where that would be long."""
    last = next((k for k, each in enumerate(sentences) if each.endswith("?")), 0)
    whole = " ".join(each.strip() for each in sentences[: last + 1])
    return whole if len(whole) <= LONG else sentences[last].strip()


class _Frames(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        if tag == "iframe":
            self.found.append(dict(attributes))


def pieces(html, name):
    """The interactive pieces of a page: those it loads, and those it carries."""
    frames = _Frames()
    frames.feed(html)
    carried = 0
    for each in frames.found:
        title = each.get("title") or ""
        if not title.startswith(INTERACTIVE):
            raise UserError(f"{name}: a frame is titled {title!r}; begin it with {INTERACTIVE!r}")
        if "srcdoc" in each:
            carried += 1
            file = f"{PurePosixPath(name).stem}{f'-{carried}' if carried > 1 else ''}.html"
        else:
            file = PurePosixPath(each["src"]).name
        said = title.removeprefix(INTERACTIVE)
        yield Piece(said[:1].upper() + said[1:], file, each.get("srcdoc"))


class _OfPages(SphinxDirective):
    """Puts MyST made of the book's pages on the page."""

    def run(self):
        try:
            found = pages(self.env)
            text = self.text(found)
        except UserError as error:
            logger.warning("%s: %s", self.name, error, location=self.get_location())
            return []
        toc = Path(self.env.srcdir) / "_toc.yml"
        for path in (toc, *map(self.env.doc2path, (each.name for each in found))):
            self.env.note_dependency(str(path))
        return self.parse_text_to_nodes(text)


class Chapters(_OfPages):
    """One row a chapter. The body says, line by line, ``chapter: what it takes beforehand``.

    There another chapter is named by its file, as in ``[method]``.
    """

    has_content = True

    def text(self, found):
        return chapters(found, self.content)


class Exercises(_OfPages):
    """One row an exercise: minutes, difficulty, what it asks, whether it has a check, chapter."""

    def text(self, found):
        rows = [
            (
                f"{{ref}}`{each.label}`",
                each.minutes,
                each.difficulty,
                cell(each.question),
                "yes" if each.checked else "",
                f"{{doc}}`/{page.name}`",
            )
            for page in found
            for each in page.exercises
        ]
        return table(("exercise", "minutes", "difficulty", "it asks", "check", "chapter"), rows)


class Pieces(_OfPages):
    """One row an interactive piece: what it does, its file, its chapter."""

    def text(self, found):
        rows = [
            (cell(piece.title), f"{{doc}}`/{page.name}`", link(piece))
            for page in found
            for piece in page.pieces
        ]
        return table(("piece", "chapter", "file"), rows)


def chapters(found, lines):
    """The table of chapters, of pages and what each takes beforehand."""
    told, names = beforehand(lines), [each.name for each in found]
    for name in told:
        if name not in names:
            raise UserError(f"{name} is no page of the book; take its line away")
    for each in found:
        if each.name not in told and (each.exercises or each.pieces):
            raise UserError(f"{each.name} has no line; say what it takes beforehand")
    rows = [
        (
            f"{{doc}}`/{each.name}`",
            _NAMED.sub(lambda match: chapter(match[1], names), told[each.name]),
            each.minutes,
            work(each.exercises),
            ", ".join(link(piece) for piece in each.pieces),
        )
        for each in found
        if each.name in told
    ]
    return table(("chapter", "beforehand", "minutes to read", "exercises", "interactive"), rows)


def beforehand(lines):
    told = {}
    for line in filter(str.strip, lines):
        name, _, what = (part.strip() for part in line.partition(":"))
        if not (name and what):
            raise UserError(f"line {line!r}: write chapter: what it takes beforehand")
        if name in told:
            raise UserError(f"{name} has two lines; leave one")
        told[name] = what
    return told


def chapter(stem, names):
    """A link to a page by the last part of its name."""
    for name in names:
        if PurePosixPath(name).name == stem:
            return f"{{doc}}`{stem.replace('_', ' ')} </{name}>`"
    raise UserError(f"[{stem}] is no page of the book; take it away or mend it")


def work(found):
    return f"{len(found)}: {sum(each.minutes for each in found)} min" if found else ""


def link(piece):
    return f'<a href="{escape(piece.file)}">{escape(piece.file)}</a>'


def cell(text):
    return text.replace("|", r"\|")


def table(names, rows):
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(str(each) for each in line)} |" for line in lines)


def load_large(app, doctree, docname):
    """Have a page load its large pieces from their files when a reader comes to them.

    A small one stays within: a page that is opened as a file, without a server, can then give it
    its own colours and all the height that it needs.
    """
    if app.builder.format != "html":
        return
    raw = [each for each in doctree.findall(nodes.raw) if "html" in each["format"]]
    with contextlib.suppress(UserError):  # which the directives have reported
        found = pieces("\n".join(each.astext() for each in raw), docname)
        carried = iter([each for each in found if each.content is not None])

        def source(match):
            piece = next(carried)
            address = escape("../" * docname.count("/") + piece.file)
            return f" src='{address}'" if len(piece.content) > LARGE else match[0]

        for each in raw:
            each[:] = [nodes.Text(_CARRIED.sub(source, each.astext()))]


def copy_pieces(app, error):
    """Leave every piece that a page carries as a file of its own."""
    if error or app.builder.format != "html":
        return
    with contextlib.suppress(UserError):  # which the directives have reported
        for each in pages(app.env):
            for piece in each.pieces:
                if piece.content is not None:
                    (Path(app.outdir) / piece.file).write_text(piece.content, encoding="utf-8")


def read_last(app, env, names):
    """The page for teachers tells of all others, so it is read after them."""
    names.sort(key=lambda name: name == TEACHERS)


def setup(app: Sphinx):
    app.add_directive("chapters", Chapters)
    app.add_directive("exercises", Exercises)
    app.add_directive("pieces", Pieces)
    app.connect("env-before-read-docs", read_last)
    app.connect("doctree-resolved", load_large)
    app.connect("build-finished", copy_pieces)
    return {"version": "2", "parallel_read_safe": False, "parallel_write_safe": True}
