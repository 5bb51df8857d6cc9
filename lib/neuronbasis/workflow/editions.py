"""The two editions of a chapter for a course: without any solution, and with all of them."""

import copy
import re

from nbformat import NotebookNode

from neuronbasis.errors import UserError

_SOLUTION = re.compile(
    r"^(?P<fence>`{3,}|:{3,})\{(?P<kind>solution|solution-start|solution-end)\}[ \t]*(?P<label>\S*)"
    r"[ \t]*\n(?P<body>.*?)^(?P=fence)[ \t]*(?:\n|\Z)",
    re.MULTILINE | re.DOTALL,
)
# What is right only where outputs stand.
_OUTPUTS = " Where a check already says something, it says it of our solution."
_IMPORT = "from neuronbasis.exercises import check"
_CHECK = re.compile(r"^check\(\s*[\"']([\w.]+)[\"']", re.MULTILINE)


def student(notebook: NotebookNode) -> NotebookNode:
    r"""Give a notebook without its solutions and without what its checks said.

    Each check imports what it needs, so that a student may begin with any exercise.

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
    made, label = copy.deepcopy(notebook), ""
    cells, made.cells = made.cells, []
    for cell in cells:
        if cell.cell_type == "markdown":
            kept, label = _kept(cell.source, label)
            if not kept.strip():
                continue
            cell.source = kept.strip()
        elif label:
            continue
        elif checked(cell.source):
            cell.outputs, cell.execution_count = [], None
            if _IMPORT not in cell.source:
                cell.source = f"{_IMPORT}\n\n{cell.source}"
        made.cells.append(cell)
    if label:
        raise UserError(f"solution {label} does not end; write {{solution-end}} after it")
    return made


def page(text: str) -> str:
    r"""Give a page in MyST without its solutions.

    Examples
    --------
    >>> page("Why?\n\n```{solution} one\nSo.\n```\n\nFurther.")
    'Why?\n\n\nFurther.'
    """
    return _kept(text, "")[0]


def checked(code: str) -> list[str]:
    """Names of the checks that a cell calls.

    Examples
    --------
    >>> checked('check("method.arc", arc)')
    ['method.arc']
    """
    return _CHECK.findall(code)


def _kept(source: str, label: str) -> tuple[str, str]:
    """What a cell of prose keeps, and the solution that is under way after it."""
    source = source.replace(_OUTPUTS, "")
    kept, place = [], 0
    for match in _SOLUTION.finditer(source):
        if not label:
            kept.append(source[place : match.start()])
        kind, named, place = match["kind"], match["label"], match.end()
        if (kind == "solution-end") != bool(label):
            said = f"in solution {label}" if label else "where no solution has begun"
            raise UserError(
                f"{{{kind}}} {named} stands {said}; end one before the next".replace("  ", " ")
            )
        label = named if kind == "solution-start" else ""
    return "".join(kept) + ("" if label else source[place:]), label
