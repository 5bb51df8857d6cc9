"""Editions for students and instructors: no student finds a solution in one."""

import ast
import builtins
import re
import zipfile

import jupytext
import nbformat
import pytest
import yaml

from neuronbasis.errors import UserError
from neuronbasis.utils import project
from neuronbasis.workflow import editions, leaks, run

ROOT = project.root()
PROSE = ROOT / "book" / "activation_space.md"  # a page that is not computed, with exercises in code
CHAPTERS = {name: run.source(name) for name in project.notebooks()}
CHAPTERS[PROSE.stem] = jupytext.read(PROSE, fmt="md:myst")
WITH = {name: each for name, each in CHAPTERS.items() if "{exercise}" in str(each)}
FRONT = "---\nkernelspec: {name: python3, display_name: Python 3, language: python}\n---\n"
TWO = """
Text before.

```{exercise}
:label: one
(Ten minutes, easy.) Why?
```

```{code-cell}
answer = ...
```

```{solution-start} one
:class: dropdown
```

Because of the secret.

```{code-cell}
answer = "a secret cell"
```

```{solution-end}
```

```{code-cell}
check("method.arc", answer)
```

````{solution} two
:class: dropdown
Another secret.
```python
secret = 1
```
````

Text after.
"""


def notebook(text):
    return jupytext.reads(FRONT + text, fmt="md:myst")


def after_first_exercise(cells):
    """The cells of a chapter from its first exercise on."""
    first = next(k for k, each in enumerate(cells) if "{exercise}" in each.source)
    return cells[first:]


def test_the_students_edition_lacks_solutions_and_nothing_else():
    made = editions.student(notebook(TWO))
    text = "\n".join(each.source for each in made.cells)
    assert "secret" not in text
    assert "solution" not in text
    kept = ("Text before.", "(Ten minutes, easy.) Why?", "answer = ...", "check(", "Text after.")
    assert [each for each in kept if each not in text] == []
    assert all(each.source.strip() for each in made.cells)


def test_students_are_told_of_no_output_and_each_check_imports_itself():
    cells = editions.student(CHAPTERS["method"]).cells
    assert not any("it says it of our solution" in each.source for each in cells)
    checks = [each.source for each in cells if editions.checked(each.source)]
    assert len(checks) > 1
    assert all(each.count("from neuronbasis.exercises import check\n") == 1 for each in checks)


def test_what_a_check_and_a_solution_printed_is_gone_from_students():
    given = notebook(TWO)
    for cell in given.cells:
        if cell.cell_type == "code":
            cell.outputs = [{"output_type": "stream", "name": "stdout", "text": "secret output"}]
    cells = editions.student(given).cells
    said = {each.source: each.outputs for each in cells if each.cell_type == "code"}
    assert [said[each] for each in said if editions.checked(each)] == [[]]
    assert said["answer = ..."] != []
    assert 'answer = "a secret cell"' not in said


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TWO.replace("```{solution-end}\n```", ""), "{solution} two stands in solution one"),
        (
            TWO.replace("```{solution-start} one\n:class: dropdown\n```", ""),
            "no solution has begun",
        ),
        ("```{solution-start} one\n```\n\nText.", "solution one does not end"),
    ],
)
def test_a_solution_without_an_end_or_a_beginning_is_told(text, message):
    with pytest.raises(UserError, match=re.escape(message)):
        editions.student(notebook(text))


@pytest.mark.parametrize("name", WITH)
def test_code_below_an_exercise_is_a_stub_a_check_or_part_of_a_solution(name):
    """Whatever else stands there would show a student how an exercise is solved."""
    cells = [
        each
        for each in after_first_exercise(editions.student(CHAPTERS[name]).cells)
        if each.cell_type == "code" and "remove-cell" not in each.metadata.get("tags", [])
    ]
    stubs = [each for each in cells if not editions.checked(each.source)]
    assert [each.source for each in stubs if "..." not in each.source] == []
    assert all(3 <= len(each.source.splitlines()) <= 10 for each in stubs)
    assert len(stubs) == len(cells) - len(stubs), "one stub and one check an exercise"


def names(cells, context):
    """Names that cells of code read, or that they give."""
    nodes = [node for code in cells for node in ast.walk(ast.parse(code))]
    found = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, context)}
    if context is ast.Store:
        found |= {each.arg for each in nodes if isinstance(each, ast.arg)}
        found |= {n.name for n in nodes if isinstance(n, ast.FunctionDef | ast.ClassDef)}
        imports = [n for n in nodes if isinstance(n, ast.Import | ast.ImportFrom)]
        found |= {(a.asname or a.name).split(".")[0] for each in imports for a in each.names}
    return found


def code(cells):
    return [each.source for each in cells if each.cell_type == "code"]


@pytest.mark.parametrize("name", WITH)
def test_no_cell_of_the_students_needs_a_name_that_a_solution_made(name):
    kept = code(editions.student(CHAPTERS[name]).cells)
    solved = [each for each in code(CHAPTERS[name].cells) if each not in kept]
    made_by_solutions = names(solved, ast.Store) - names(kept, ast.Store)
    assert names(kept, ast.Load) & made_by_solutions == set()
    known = names(kept, ast.Store) | set(dir(builtins))
    assert names(kept, ast.Load) - known == set()


SECRET = "the answer is that both of them shrink together"
PAGE = f"Shown.\n\n```{{solution}} one\n{SECRET}\n```\n"


@pytest.fixture
def edition(tmp_path):
    (tmp_path / "page.html").write_text("<p>Shown.</p>")
    return tmp_path


def hide(folder, how):
    words = SECRET.split()
    if how == "html":
        (folder / "page.html").write_text("<p>" + "</span> <span>".join(words) + "</p>")
    elif how == "json":
        (folder / "a.ipynb").write_text('["' + '\\n", "'.join(words) + '\\n"]')
    elif how == "zip":
        with zipfile.ZipFile(folder / "a.whl", "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("deep/file.md", SECRET * 9)
    else:
        (folder / "a.js").write_bytes(b"\xff\x00" + SECRET.replace(" ", "_").encode())


@pytest.mark.parametrize("how", ["html", "json", "zip", "bytes"])
def test_a_solution_is_found_wherever_it_stands(edition, how):
    secrets = leaks.phrases([PAGE])
    assert list(leaks.leaks(edition, secrets)) == []
    hide(edition, how)
    found = list(leaks.leaks(edition, secrets))
    assert {phrase for _, phrase in found} == {" ".join(each) for each in secrets}


def test_what_is_told_outside_solutions_is_no_secret():
    assert leaks.phrases([PAGE, f"All know: {SECRET}."]) == set()


def test_no_student_finds_a_solution_in_any_byte_of_the_edition():
    folder = ROOT / "build" / "course" / "student"
    if not folder.is_dir():
        pytest.skip("no student edition: `make course` first to have it searched")
    secrets = secrets_of(ROOT)
    assert len(secrets) > 2000
    assert list(leaks.leaks(folder, secrets)) == []


def secrets_of(root):
    pages = [*root.glob("book/*.md"), *root.glob("notebooks/*.md"), *root.glob("lib/**/*.py")]
    return leaks.phrases(path.read_text(encoding="utf-8") for path in pages)


def test_the_instructors_edition_has_the_solutions():
    """The search sees what is there: the same search finds nearly every phrase."""
    folder = ROOT / "build" / "course" / "instructor" / "html"
    if not folder.is_dir():
        pytest.skip("no instructor edition: `make course` first to have it searched")
    secrets = secrets_of(ROOT)
    assert len({phrase for _, phrase in leaks.leaks(folder, secrets)}) > 0.9 * len(secrets)


@pytest.fixture
def course(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "course"))
    import answers
    import editions as course
    import plain

    return course, plain, answers


def test_prose_for_other_programs_has_no_role_and_no_directive(course):
    _, plain, _ = course
    text = (
        "(place)=\n```{exercise}\n:label: one\n(Ten minutes, easy.) As {cite:t}`bird2025spotlight` "
        "and {term}`rotated copies <rotated copy>`, {ref}`flip-exercise`, [](method.ipynb)?\n```\n"
    )
    assert plain.plain(text, {"method": "The method"}) == (
        "**Exercise.** (Ten minutes, easy.) As Bird (2025) and rotated copies, flip exercise, "
        "*The method*?\n"
    )


def test_a_notebook_to_open_folds_what_pages_hide_and_writes_no_record(course, tmp_path):
    course, _, _ = course
    made = notebook(
        '<iframe src="../a.html" title="Interactive: a"></iframe>\n\n'
        "```{code-cell}\n:tags: [hide-input]\n\ndraw()\n```\n\n"
        "```{code-cell}\nshown = 1\n```\n\n"
        "```{code-cell}\n:tags: [remove-cell]\n\nrecord.write();\n```\n"
    )
    course.to_open(ROOT, made, tmp_path / "a.ipynb")
    link, folded, shown = nbformat.read(tmp_path / "a.ipynb", as_version=4).cells
    assert link.source == (
        "[Interactive: a](../html/a.html) (if it does not open, open `html/a.html` of this folder "
        "in a browser)"
    )
    assert folded.metadata["jupyter"] == {"source_hidden": True}
    assert "jupyter" not in shown.metadata
    assert "environment.yml" not in course.FILES  # Binder would prefer it to requirements.txt


@pytest.mark.parametrize("name", CHAPTERS)
def test_no_cell_of_a_downloaded_chapter_has_a_role_or_a_directive(name, course, monkeypatch):
    _, plain, _ = course
    monkeypatch.setattr(plain, "quoted", lambda book, text: "0")  # the book may not be built
    for cell in CHAPTERS[name].cells:
        if cell.cell_type == "markdown":
            made = plain.plain(cell.source, {})
            assert not re.search(r"\{[a-z:-]+\}[`\n]|<iframe", made), made


def test_the_page_of_answers_has_every_exercise(course):
    course, _, answers = course
    toc = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text())
    order = [each["file"] for part in toc["parts"] for each in part["chapters"]]
    made = answers.answers(course.chapters(ROOT), order)
    asked = sum(str(each).count("{exercise}") for each in CHAPTERS.values())
    assert made.count("**Expected answer.**") == asked
    assert made.count("*Common mistakes.*") == asked


SMALL = """
# A chapter

```{exercise}
:label: small-one
(Ten minutes, easy.) Why?
```

```{code-cell}
answer = ...
```

```{solution-start} small-one
:class: dropdown
```

Because of the xylophone that nobody heard in the next room.

```{code-cell}
answer = "zeppelin over the harbour of a small town"
print(answer)
```

```{solution-end}
```

```{code-cell}
check("method.arc", answer)
```

```{exercise}
:label: small-two
(Five minutes, hard.) And this?
```

```{solution} small-two
:class: dropdown
A quagmire of seven words and no sentence.
```
"""
WORDS = ("xylophone", "zeppelin", "quagmire")
CONTENTS = """
format: jb-book
root: index.md
parts:
  - caption: Chapters
    chapters: [{file: notebooks/small.ipynb}]
  - caption: Teaching
    chapters: [{file: teach.md}]
"""


@pytest.fixture
def small(tmp_path):
    """A project of one executed chapter, with solutions in its prose, code and outputs."""
    for name in ("_config.yml", "pyproject.toml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    for name in ("book/notebooks", "notebooks", "profiles", "results"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("_ext", "interactive"):
        (tmp_path / "book" / name).symlink_to(ROOT / "book" / name)
    (tmp_path / "book" / "references.bib").touch()
    (tmp_path / "book" / "_toc.yml").write_text(CONTENTS)
    (tmp_path / "book" / "index.md").write_text("# A book\n\nSee [](teach.md).\n")
    (tmp_path / "book" / "teach.md").write_text("# Teach\n")
    (tmp_path / "notebooks" / "small.md").write_text(FRONT + SMALL)
    executed = notebook(SMALL)
    for cell in executed.cells:
        if cell.cell_type == "code":
            cell.outputs = [nbformat.v4.new_output("stream", text="zeppelin over\n")]
    executed.cells[1].outputs = []  # of the stub
    jupytext.write(executed, tmp_path / "book" / "notebooks" / "small.ipynb")
    return tmp_path


def test_both_editions_of_a_small_book(small, course, monkeypatch):
    course, _, _ = course
    monkeypatch.setattr(course, "CARRIED", ("profiles", "results"))
    monkeypatch.setattr(course, "FILES", ("pyproject.toml",))
    out = small / "out"
    course.make(small, out)
    assert sorted(each.name for each in out.iterdir()) == ["instructor", "student"]
    for path in (each for each in (out / "student").rglob("*") if each.is_file()):
        content = path.read_bytes().lower()
        assert not any(word[:6].encode() in content for word in WORDS), path
    page = (out / "student" / "html" / "notebooks" / "small.html").read_text()
    assert "(Ten minutes, easy.) Why?" in page
    assert 'class="admonition solution' not in page
    cells = jupytext.read(out / "student" / "notebooks" / "small.ipynb").cells
    assert [each.source for each in cells if each.cell_type == "code"] == [
        "answer = ...",
        'from neuronbasis.exercises import check\n\ncheck("method.arc", answer)',
    ]
    page = (out / "instructor" / "html" / "notebooks" / "small.html").read_text()
    assert all(word in page for word in WORDS)
    assert "dropdown" not in re.findall(r'<div class="(solution[^"]*)"', page)
    answers = (out / "instructor" / "html" / "notebooks" / "answers.html").read_text()
    assert all(word in answers for word in WORDS)


def test_an_edition_that_gives_a_solution_away_is_refused(small, course):
    course, _, _ = course
    (small / "student" / "notebooks").mkdir(parents=True)
    (small / "student" / "notebooks" / "small.md").write_text(SMALL)
    with pytest.raises(UserError, match=r"small.md gives a solution away \('"):
        course.check_no_leak(small, small / "student")


def test_before_the_book_is_made_there_is_no_edition(small, course):
    course, _, _ = course
    (small / "book" / "notebooks" / "small.ipynb").unlink()
    with pytest.raises(UserError, match=r"no executed notebooks; `make book` first"):
        course.make(small, small / "out")
