"""The two editions of a chapter for a course: without any solution, and with all of them."""

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass

from nbformat import NotebookNode

from neuronbasis.errors import UserError

_SOLUTION = re.compile(
    r"^(?P<fence>`{3,}|:{3,})\{(?P<kind>solution|solution-start|solution-end)\}[ \t]*(?P<label>\S*)"
    r"[ \t]*\n(?P<body>.*?)^(?P=fence)[ \t]*(?:\n|\Z)",
    re.MULTILINE | re.DOTALL,
)
_OPTION = re.compile(r"^:[\w-]+:.*\n", re.MULTILINE)
_TEXTS = ("text/plain", "text/markdown")
_CHECK = re.compile(r"^check\(\s*[\"']([\w.]+)[\"']", re.MULTILINE)


@dataclass(frozen=True)
class Solution:
    """What a student must not find: the source of a solution, and what its cells printed."""

    label: str
    texts: tuple[str, ...]


def student(notebook: NotebookNode) -> NotebookNode:
    r"""Give a notebook without its solutions and without what its checks said.

    Parameters
    ----------
    notebook : NotebookNode
        A chapter, executed or not. A solution is a directive ``{solution}``, or all that stands
        from a directive ``{solution-start}`` to ``{solution-end}``, code cells with their outputs
        included.

    Returns
    -------
    NotebookNode
        A copy; other cells are as they were.

    Raises
    ------
    UserError
        If a solution does not end, or one ends that has not begun.

    Examples
    --------
    >>> from nbformat import v4
    >>> text = "Why?\n\n```{solution} one\nSo.\n```"
    >>> student(v4.new_notebook(cells=[v4.new_markdown_cell(text)])).cells[0].source
    'Why?'
    """
    made = copy.deepcopy(notebook)
    made.cells = []
    for cell, kept, _ in _parted(notebook):
        if cell.cell_type == "code" and kept:
            cell = copy.deepcopy(cell)
            if checked(cell.source):
                cell.outputs, cell.execution_count = [], None
            made.cells.append(cell)
        elif kept.strip():
            made.cells.append(NotebookNode(copy.deepcopy(cell) | {"source": kept.strip()}))
    return made


def solutions(notebook: NotebookNode) -> list[Solution]:
    """List what `student` takes away, solution by solution.

    Returns
    -------
    list of Solution
        The prose of each, the source of its cells, and the text that they printed.

    Raises
    ------
    UserError
        As `student`.
    """
    found: dict[str, list[str]] = {}
    for cell, _, taken in _parted(notebook):
        for label, text in taken:
            texts = found.setdefault(label, [])
            texts.append(text)
            for output in cell.get("outputs", ()):
                shown = output.get("data", {})
                texts += [output.get("text", ""), *map(shown.get, _TEXTS, ("", ""))]
    return [Solution(label, tuple(filter(str.strip, texts))) for label, texts in found.items()]


def checked(code: str) -> list[str]:
    """Names of the checks that a cell calls.

    Examples
    --------
    >>> checked('check("method.arc", arc)')
    ['method.arc']
    """
    return _CHECK.findall(code)


def _parted(notebook: NotebookNode) -> Iterator[tuple[NotebookNode, str, list[tuple[str, str]]]]:
    """Each cell with the text that is kept of it, and with the labels and texts of solutions."""
    label = ""  # of the solution that is under way
    for cell in notebook.cells:
        kept: list[str] = []
        taken: list[tuple[str, str]] = []
        place = 0
        for match in _SOLUTION.finditer(cell.source) if cell.cell_type == "markdown" else ():
            between, place = cell.source[place : match.start()], match.end()
            (taken.append((label, between)) if label else kept.append(between))
            kind, named = match["kind"], match["label"]
            if (kind == "solution-end") != bool(label):
                said = f"in solution {label}" if label else "where no solution has begun"
                raise UserError(f"{{{kind}}} {named} stands {said}; end one before the next")
            label = named if kind == "solution-start" else ""
            taken.append((named, _OPTION.sub("", match["body"])))
        rest = cell.source[place:]
        (taken.append((label, rest)) if label else kept.append(rest))
        yield cell, "".join(kept), [each for each in taken if each[0] and each[1].strip()]
    if label:
        raise UserError(f"solution {label} does not end; write {{solution-end}} after it")
