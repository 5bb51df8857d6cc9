"""What the page for teachers gathers from the chapters, and the commands that it tells."""

import contextlib
import io
import json
import re
import shlex
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

from neuronbasis import records, visualisation
from neuronbasis.errors import UserError
from neuronbasis.utils import project
from neuronbasis.workflow import run, sweep

ROOT = project.root()
CONFIGURATION = """
import sys
sys.path.insert(0, {ext!r})
extensions = ["myst_nb", "sphinx_exercise", "teaching"]
nb_execution_mode = "off"
myst_enable_extensions = ["colon_fence", "dollarmath"]
exclude_patterns = ["_build"]
html_extra_path = ["interactive"]
nb_mime_priority_overrides = [("xml", "text/html", 1)]
"""
TOC = """
format: jb-book
root: index
parts:
  - chapters: [{file: first.md}, {file: notebooks/second.ipynb}]
  - chapters: [{file: teach.md}]
"""
EXERCISE = """
```{{exercise}}
:label: {label}
({time} minutes, easy.) {text}
```

```{{solution}} {label}
:class: dropdown
So it is. What else?
```
"""
CHECK = '\n```python\ncheck("first.one", answer)\n```\n'
FRAME = '<iframe src="../light.html" title="Interactive: a light that | turns"></iframe>'
CARRIED = "<p title='it\"s'>one &amp; <script>if (1 < 2) {}</script></p>"
TEACH = "# Teach\n\n{}\n\n```{{exercises}}\n```\n\n```{{pieces}}\n```\n"
CHAPTERS = "```{chapters}\nfirst: vectors\nnotebooks/second: [first]; courage\n```"


def first(label="one", time="Five", text="Two. As Eq. 3 says, is $a = 0.5$ | right?\nWhy?"):
    return "# First\n\n" + EXERCISE.format(label=label, time=time, text=text) + CHECK


def notebook(*cells, outputs=()):
    code = {"cell_type": "code", "source": "shown", "metadata": {}, "execution_count": None}
    made = [{"cell_type": "markdown", "source": each, "metadata": {}} for each in cells]
    shown = [{"output_type": "display_data", "data": each, "metadata": {}} for each in outputs]
    return json.dumps(
        {
            "cells": [*made, {**code, "outputs": shown}],
            "metadata": {
                "kernelspec": {"name": "python3", "display_name": "Python 3"},
                "language_info": {"name": "python", "pygments_lexer": "python"},
            },
            "nbformat": 4,
            "nbformat_minor": 4,
        }
    )


GATED = """
```{{solution-start}} {label}
:class: dropdown
```

So it is.

```{{solution-end}}
```
"""
SECOND = notebook(
    "# Second\n\n" + FRAME,
    EXERCISE.format(label="two", time="Fifteen", text="Show it."),
    EXERCISE.split("```{{solution}}")[0].format(
        label="three", time="Ten", text="With a cell, no question"
    ),
    GATED.format(label="three"),
    outputs=[{"text/html": visualisation.frame(CARRIED, "Interactive: carried")}],
)


@pytest.fixture
def teaching(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "book" / "_ext"))
    import teaching

    return teaching


@pytest.fixture
def book(tmp_path):
    """A function that writes a book of two chapters and a page for teachers, each replaceable."""

    def write(**changed):
        folder = tmp_path / "book"
        (folder / "notebooks").mkdir(parents=True)
        (folder / "interactive").mkdir()
        (folder / "interactive" / "light.html").write_text("<p>light</p>")
        (folder / "conf.py").write_text(CONFIGURATION.format(ext=str(ROOT / "book" / "_ext")))
        (folder / "index.md").write_text("# Book\n\n```{toctree}\n:glob:\n*\nnotebooks/*\n```\n")
        (folder / "_toc.yml").write_text(changed.get("toc", TOC))
        (folder / "first.md").write_text(changed.get("first", first()))
        (folder / "notebooks" / "second.ipynb").write_text(changed.get("second", SECOND))
        (folder / "teach.md").write_text(TEACH.format(changed.get("chapters", CHAPTERS)))
        return folder

    return write


def read(folder):
    """What Sphinx knows of a book when it has read it, as far as it could."""
    out = folder.parent / "read"
    with patch_docutils(folder), docutils_namespace():
        app = Sphinx(folder, folder, out, out, "dummy", status=None, warning=io.StringIO())
        with contextlib.suppress(ValueError):  # such as a notebook that is none
            app.builder.read()
    return app.env


def built(folder, builder):
    out = folder.parent / builder
    command = [sys.executable, "-m", "sphinx", "-b", builder, "-n", "-W", "-q", "-E", folder, out]
    done = subprocess.run(command, capture_output=True, text=True)
    return out, done.stderr


def rows(table):
    return [
        [" ".join("".join(cell.itertext()).split()) for cell in row]
        for row in table.findall("tgroup/tbody/row")
    ]


def test_the_tables_are_what_stands_in_the_chapters(book):
    out, faults = built(book(), "xml")
    assert faults == ""
    chapters, exercises, pieces = ET.parse(out / "teach.xml").getroot().iter("table")
    light, carried = (f'<a href="{name}.html">{name}.html</a>' for name in ("light", "second"))
    assert rows(chapters) == [
        ["First", "vectors", "5", "1: 5 min", ""],
        [
            "Second",
            "first; courage",
            "5",
            "2: 25 min",
            f"{light}, {carried}",
        ],
    ]
    assert rows(exercises) == [
        ["Exercise 1", "5", "easy", "Two. As Eq. 3 says, is a = 0.5 | right?", "yes", "First"],
        ["Exercise 2", "15", "easy", "Show it.", "", "Second"],
        ["Exercise 3", "10", "easy", "With a cell, no question", "", "Second"],
    ]
    assert rows(pieces) == [
        ["A light that | turns", "Second", light],
        ["Carried", "Second", carried],
    ]
    assert [each.get("refuri") or each.get("refid") for each in exercises.iter("reference")]


def test_a_piece_that_a_page_carries_becomes_a_file(book):
    out, faults = built(book(), "html")
    assert faults == ""
    assert (out / "second.html").read_text() == CARRIED
    assert (out / "light.html").read_text() == "<p>light</p>"
    assert 'href="second.html"' in (out / "teach.html").read_text()


def test_a_large_piece_is_loaded_from_its_file(book, teaching):
    large = CARRIED + "x" * teaching.LARGE
    frames = [visualisation.frame(each, "Interactive: a piece") for each in (CARRIED, large)]
    second = notebook("# Second", outputs=[{"text/html": each} for each in frames])
    out, faults = built(book(second=second), "html")
    assert faults == ""
    assert (out / "second-2.html").read_text() == large
    page = (out / "notebooks" / "second.html").read_text()
    assert page.count("srcdoc='") == 1
    assert re.findall(r"<iframe[^>]* src='([^']*)'></iframe>", page) == ["../second-2.html"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"first": first(time="Some")},
            "exercise one begins '(Some minutes, easy.'; begin it with",
        ),
        (
            {"first": first().replace("five", "Five").replace("easy", "odd")},
            "one of easy, medium, ",
        ),
        ({"first": first().replace(":label: one\n", "")}, "has no label; write :label: a-name"),
        ({"first": first().replace("{solution} one", "{note}")}, "exercise one has no solution"),
        ({"second": "{"}, "notebooks/second.ipynb: cannot be read"),
        ({"second": notebook("# S\n\n<iframe src='x.html'></iframe>")}, "a frame is titled ''"),
        ({"toc": "parts: 3"}, "no table of contents"),
        ({"toc": "chapters: [{file: nothing.md}]"}, "nothing.md: cannot be read"),
        ({"chapters": "```{chapters}\nfirst: x\n```"}, "notebooks/second has no line; say what"),
        ({"chapters": "```{chapters}\nfirst\n```"}, "line 'first': write chapter: what it takes"),
        ({"chapters": "```{chapters}\nthird: x\n```"}, "third is no page of the book"),
        ({"chapters": "```{chapters}\nfirst: x\nfirst: y\n```"}, "first has two lines; leave one"),
        ({"chapters": CHAPTERS.replace("[first]", "[frist]")}, "[frist] is no page of the book"),
    ],
)
def test_what_is_missing_or_mistaken_is_told(book, teaching, change, message):
    folder = book(**change)
    text = (folder / "teach.md").read_text()
    lines = re.search(r"\{chapters\}\n(.*?)\n```", text, re.DOTALL)[1].splitlines()
    with pytest.raises(UserError) as error:
        teaching.chapters(teaching.pages(read(folder)), lines)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_fault_stops_the_build(book):
    _, faults = built(book(first=first(time="Some")), "html")
    assert re.search(r"teach\.md:3:.*Some minutes.*begin it with its time", faults)


def test_reading_takes_longer_with_words_and_figures_but_not_with_exercises(book, teaching):
    folder = book()
    page = folder / "first.md"

    def minutes(text):
        page.write_text(text)
        return teaching.page(read(folder), "first.md").minutes

    words = "word " * 600
    assert minutes(words) == 5
    assert minutes(words + "more") == 10
    assert minutes(words + "\n" + first()[7:]) == 5
    assert minutes(words + "\n" + first()[7:].replace(CHECK, "").replace("```", ":::")) == 5
    assert minutes(words + "\n```python\nx = 1\n```\n") == 5
    figures = [{"image/svg+xml": "<svg/>"}] * 5
    (folder / "notebooks" / "drawn.ipynb").write_text(notebook(words, outputs=figures))
    assert teaching.page(read(folder), "notebooks/drawn.ipynb").minutes == 10
    told = [{"text/markdown": words}]
    (folder / "notebooks" / "told.ipynb").write_text(notebook(words, outputs=told))
    assert teaching.page(read(folder), "notebooks/told.ipynb").minutes == 10


def test_code_samples_are_no_exercises_and_no_pieces(book, teaching):
    sample = (
        f"```html\n{FRAME}\n```\n\n````text\n{EXERCISE.format(label='x', time='No', text='')}````\n"
    )
    found = teaching.page(read(book(first="# First\n\n" + sample + first()[7:])), "first.md")
    assert [each.label for each in found.exercises] == ["one"]
    assert found.pieces == ()


PAGE = (ROOT / "book" / "teach.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^[ ]*neuronbasis (run|sweep) (.*)$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("kind", "words"), COMMANDS, ids=[words[:30] for _, words in COMMANDS])
def test_a_command_on_the_page_names_what_there_is(kind, words):
    words = shlex.split(words)
    assert words[-1].count("=") == 1
    given = dict(each.split("=") for each in words if "=" in each)
    if kind == "sweep":
        assert len(sweep.combinations(words[1], given)) > 1
    else:
        declared = records.declared(run.source(words[0]), words[0])
        records.validated(declared, given, words[0])


def test_the_page_tells_enough_commands():
    assert len(COMMANDS) >= 8


@pytest.mark.parametrize(
    ("sentences", "said"),
    [
        (["Given this.", " Why?", " And now?"], "Given this. Why?"),
        (["x" * 200 + ".", " Why?"], "Why?"),
        (["Show it.", " Then stop."], "Show it."),
    ],
)
def test_a_question_stands_with_what_comes_before_it_unless_that_is_long(
    sentences, said, monkeypatch
):
    monkeypatch.syspath_prepend(str(project.root() / "book" / "_ext"))
    import teaching

    assert teaching.asked(sentences) == said
