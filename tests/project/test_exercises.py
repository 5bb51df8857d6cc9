"""Exercises of the chapters: how they are written, and that no student finds a solution."""

import ast
import re

import jupytext
import pytest

from neuronbasis import exercises
from neuronbasis.errors import UserError
from neuronbasis.utils import project
from neuronbasis.workflow import editions, run

CHAPTERS = {name: run.source(name) for name in project.notebooks()}
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


def test_what_a_check_and_a_solution_printed_is_gone_from_students():
    given = notebook(TWO)
    for cell in given.cells:
        if cell.cell_type == "code":
            cell.outputs = [{"output_type": "stream", "name": "stdout", "text": "secret output"}]
    cells = editions.student(given).cells
    said = {each.source: each.outputs for each in cells if each.cell_type == "code"}
    assert said['check("method.arc", answer)'] == []
    assert said["answer = ..."] != []
    (one, two) = editions.solutions(given)
    assert one.label == "one"
    assert "secret output" in one.texts
    assert 'answer = "a secret cell"' in one.texts
    assert two.texts[0].startswith("Another secret.")


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


def test_every_check_belongs_to_an_exercise_and_every_exercise_in_code_has_its_check():
    called = [
        check
        for each in CHAPTERS.values()
        for cell in each.cells
        for check in editions.checked(cell.source)
    ]
    assert sorted(called) == sorted(exercises.names())


def test_a_check_is_called_by_its_own_chapter():
    for name, each in CHAPTERS.items():
        for cell in each.cells:
            assert all(check.split(".")[0] == name for check in editions.checked(cell.source))
