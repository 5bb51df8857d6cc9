"""The report on somebody's activations: a run of its notebook, and one HTML page of it."""

import os
from collections.abc import Callable, Mapping
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import nbformat
from nbconvert import HTMLExporter

from neuronbasis import basis as bases
from neuronbasis import datasets, records, spotlight
from neuronbasis.errors import UserError
from neuronbasis.utils.folders import as_path, is_file
from neuronbasis.workflow import run

NOTEBOOK = "own_activations"
PAGE = "report.html"


def report(
    activations: str | Path,
    basis: str | Path = "standard",
    out: str | Path | None = None,
    parameters: Mapping[str, Any] | None = None,
    finish: Callable[[Path], object] | None = None,
) -> Path:
    """Measure whether activations align with a basis, and return the page that says so.

    Parameters
    ----------
    activations
        An .npy, .npz or .safetensors file with one row a sample.
    basis
        `standard` (the neurons), `orthoplex` (both signs of each), or a file of vectors, one a
        row.
    out
        Folder of the result; by default `<file's name>.report` in the working folder.
    parameters
        Other parameters of the notebook `own_activations`, such as `epsilon`.
    finish
        As of `run.run`.

    Returns
    -------
    Path
        The page. Beside it lie the executed notebook, the record, its curves and the provenance.

    Raises
    ------
    UserError
        If a file cannot be read, the widths differ, a parameter is not legal, or the folder
        holds the report on another file.
    """
    source = as_path(activations).absolute()
    named = str(basis) in _NAMED
    for taken in {"activations", "basis"} & set(parameters or {}):
        raise UserError(f"parameter {taken!r} is given twice: {taken} has a place of its own")
    given = dict(parameters or {}) | {
        "activations": str(source),
        "basis": str(basis) if named else str(as_path(basis).absolute()),
    }
    target = as_path(out or f"{source.stem}.report")
    _check_own(target, source)

    def whole(folder: Path) -> None:
        notebook = nbformat.read(folder / f"{NOTEBOOK}.ipynb", as_version=4)
        (folder / PAGE).write_text(page(notebook), encoding="utf-8")
        _check_own(target, source)  # once more: another report may have ended meanwhile
        if finish:
            finish(folder)

    return run.run(NOTEBOOK, given, target, threads=_cores(), finish=whole) / PAGE


def forecast(
    activations: str | Path,
    basis: str | Path = "standard",
    parameters: Mapping[str, Any] | None = None,
) -> list[str]:
    """How long `report` will take on this machine, and what would make a long one shorter.

    Parameters
    ----------
    activations, basis, parameters
        As of `report`.

    Returns
    -------
    list of str
        A line with the time; where it is more than two minutes, one for each parameter that
        shortens it by a fifth or more, with what is lost by it.

    Raises
    ------
    UserError
        As of `report`.
    """
    declared = records.declared(run.source(NOTEBOOK), NOTEBOOK)
    values = records.validated(declared, dict(parameters or {}), NOTEBOOK)
    matrix = datasets.read_matrix(activations, values["activations_key"] or None)
    vectors = _vectors(basis, values["basis_key"], matrix.shape[1])
    # Where the notebook takes a larger one, for opposite vectors, it is quicker than this.
    epsilon = values["epsilon"] or spotlight.epsilon_for(values["null_fraction"], vectors.n)

    def seconds(rotations: int, planes: int) -> float:
        test = spotlight.expected_seconds(
            matrix, vectors, epsilon, rotations=rotations, max_planes=planes
        )
        return 2 * test  # of the raw and of the centred activations

    rotations, planes = values["rotations"], values["max_planes"]
    whole = seconds(rotations, planes)
    lines = [
        f"{_duration(whole)} for {len(matrix):,} activations of {vectors.n:,} units, {rotations:,} "
        f"rotated copies and at most {planes:,} planes"
    ]
    if whole <= _LONG:
        return lines
    few, fewer = max(19, rotations // 5), max(planes // 10, 1)
    if few < rotations:
        part = whole * (few + 1) / (rotations + 1)
        lines.append(
            f"-p rotations={few}: {_duration(part)}; no p-value is then below {1 / (few + 1):.2g} "
            f"(now {1 / (rotations + 1):.2g}), and one near the level is less certain"
        )
    part = seconds(rotations, fewer)
    if part < 0.8 * whole:
        lines.append(
            f"-p max_planes={fewer}: {_duration(part)}; the mean is over fewer planes, so the "
            "slopes of rotated copies scatter more and a weak alignment is missed more often"
        )
    return lines


def _vectors(basis: str | Path, key: str, width: int) -> bases.Basis:
    if str(basis) in _NAMED:
        vectors: bases.Basis = getattr(bases, str(basis))(width)
        return vectors
    if not as_path(basis).suffix:
        raise UserError(
            f"basis is {str(basis)!r}; it must be {', '.join(_NAMED)}, or a file of vectors, one a "
            "row: pass one of these"
        )
    return bases.Basis(datasets.read_matrix(basis, key or None))


# Seconds beyond which a shorter report is offered.
_LONG = 120


def _duration(seconds: float) -> str:
    """In words, rounded to what a forecast is worth.

    Examples
    --------
    >>> [_duration(each) for each in (5, 100, 2400, 9000)]
    ['less than a minute', 'about 2 minutes', 'about 40 minutes', 'about 2.5 hours']
    """
    if seconds < 60:
        return "less than a minute"
    if seconds < 90 * 60:
        return f"about {seconds / 60:.0f} minutes"
    return f"about {seconds / 3600:.1f} hours"


def _cores() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _check_own(folder: Path, source: Path) -> None:
    """Refuse to put a report in the place of one on another file."""
    if not is_file(folder / records.FILE):
        return
    other = records.read(folder)["parameters"].get("activations")
    if other is None or as_path(other).resolve() != source.resolve():
        raise UserError(f"{folder}: holds the report on {other}; name another folder with --out")


_NAMED = tuple(each.__name__ for each in (bases.standard, bases.orthoplex))


def page(notebook: nbformat.NotebookNode) -> str:
    """Render an executed notebook as one HTML page without code, which needs no network."""
    for cell in notebook.cells:
        for output in list(cell.get("outputs", [])):
            said = output.get("metadata", {}).get("neuronbasis")
            if said:
                caption = nbformat.v4.new_output("display_data", {"text/markdown": said["caption"]})
                cell.outputs.insert(cell.outputs.index(output) + 1, caption)
    cells = [c for c in notebook.cells if "remove-cell" not in c.metadata.get("tags", [])]
    notebook.cells = cells
    templates = _templates()
    exporter = HTMLExporter(
        exclude_input=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        mathjax_url="",
        require_js_url="",
        jquery_url="",
        extra_template_basedirs=templates,
        extra_template_paths=templates,
    )
    return exporter.from_notebook_node(notebook)[0]


def _templates() -> list[str]:
    """The templates that lie beside nbconvert, which looks in the environment's folder alone."""
    files = distribution("nbconvert").files or []
    found = (file.locate() for file in files if file.match("templates/lab/conf.json"))
    return [str(Path(str(file)).resolve().parents[1]) for file in found]
