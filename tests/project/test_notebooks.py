"""Every notebook of the book, run whole on the parameters of the profile tiny."""

import itertools

import jupytext
import nbformat
import pytest

from neuronbasis import records
from neuronbasis.utils import project
from neuronbasis.workflow import build, editions, run

TINY = {name: each.get("parameters", {}) for name, each in build.runs("tiny").items()}


def with_stubs(name):
    """A chapter that runs once more, after its solutions, what a student finds of its exercises."""
    notebook = run.source(name)
    cells = editions.student(notebook).cells
    first = next((k for k, each in enumerate(cells) if "{exercise}" in each.source), len(cells))
    unsolved = [each for each in cells[first:] if each.cell_type == "code"]
    notebook.cells += [
        each for each in unsolved if "remove-cell" not in each.metadata.get("tags", [])
    ]
    return jupytext.writes(notebook, fmt="md:myst")


@pytest.mark.parametrize("name", project.notebooks())
def test_a_notebook_runs_and_leaves_a_record_and_figures_with_alt_texts(name, tmp_path):
    path = tmp_path / f"{name}.md"
    path.write_text(with_stubs(name))
    folder = run.run(str(path), TINY[name], tmp_path / "out")
    left = records.read(folder)
    declared = records.declared(run.source(name), name)
    assert left["parameters"] == records.validated(declared, TINY[name], name)
    assert left["values"]
    notebook = nbformat.read(folder / f"{name}.ipynb", as_version=4)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert [output for output in outputs if output.get("name") == "stderr"] == []
    shown = [output for output in outputs if "image/svg+xml" in output.get("data", {})]
    named = [cell.metadata["mystnb"] for cell in notebook.cells if "mystnb" in cell.metadata]
    assert len(shown) == len(named) > 0  # one figure a cell, each with its alt text
    assert all(len(settings["image"]["alt"]) > 40 for settings in named)
    assert list(doubled_bars(notebook.cells)) == []
    solutions_pass_and_stubs_fail(notebook)


def solutions_pass_and_stubs_fail(notebook):
    said = [
        (check, output["data"]["text/plain"])
        for cell in notebook.cells
        for check in editions.checked(cell.source)
        for output in cell.outputs
    ]
    half = len(said) // 2
    assert [check for check, _ in said[:half]] == [check for check, _ in said[half:]]
    assert [line for _, line in said[:half] if not line.startswith("Right. ")] == []
    assert [line for _, line in said[half:] if not line.startswith("Not yet. ")] == []
    assert all("\n" not in line for _, line in said)


def doubled_bars(cells):
    """Cells that show no more than the bar over their source, right above another such bar."""
    for cell, below in itertools.pairwise(cells):
        hidden = all("hide-input" in each.metadata.get("tags", []) for each in (cell, below))
        if hidden and not cell.outputs:
            yield cell.source
