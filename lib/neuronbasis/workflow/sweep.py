"""One notebook under every combination of some of its parameters, here or on a cluster."""

import csv
import hashlib
import itertools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from neuronbasis import records
from neuronbasis.errors import UserError
from neuronbasis.utils import project
from neuronbasis.utils.files import cannot_write, fitting, partial_folder
from neuronbasis.utils.folders import as_path, is_file, is_folder
from neuronbasis.workflow import build, run

TABLE = "table.csv"
_PLAIN = re.compile(r"([a-z0-9.+-]+(_[a-z0-9.+]+)*)?")
_SHORT = 40


def combinations(notebook: str, given: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The parameters of every run of a sweep, by the run's name.

    Parameters
    ----------
    notebook
        Name of a notebook of the project.
    given
        Parameter -> its values as text, separated by commas. A value that holds a comma stands in
        double quotes: ``"a,b.npz",digits``. The path of a file or folder is one value as it is.

    Raises
    ------
    UserError
        For an unknown parameter, a value that the notebook does not take, or a quote that is not
        closed.

    Examples
    --------
    >>> runs = combinations("autoencoder_alignment", {"n": "10,24", "seeds": "5", "m": "20,48"})
    >>> list(runs)
    ['n-10_m-20', 'n-10_m-48', 'n-24_m-20', 'n-24_m-48']
    >>> runs["n-10_m-48"]
    {'n': 10, 'seeds': 5, 'm': 48}
    >>> list(combinations("completeness", {"layers": '"conv2, conv4",conv5', "seeds": "1e1,10"}))
    ['layers-conv2-conv4-00d9535c', 'layers-conv5']
    """
    declared = records.declared(run.source(notebook), notebook)
    values = {}
    for name, text in given.items():
        each = [records.validated(declared, {name: word}, notebook) for word in _words(name, text)]
        values[name] = list(dict.fromkeys(checked[name] for checked in each))
    varied = [name for name, several in values.items() if len(several) > 1]
    found = {}
    for combination in itertools.product(*values.values()):
        asked = dict(zip(values, combination, strict=True))
        name = "_".join(f"{name}-{_named(asked[name])}" for name in varied) or "all"
        found[fitting(name)] = asked
    return found


def _words(name: str, text: str) -> list[str]:
    """The values that a text lists, as in a line of a table."""
    if is_file(as_path(text)) or is_folder(as_path(text)):
        return [text]
    try:
        (words,) = csv.reader([text], skipinitialspace=True, strict=True)
    except (csv.Error, ValueError):
        raise UserError(
            f"values of {name}: {text!r}; write value,value,..., one that holds a comma or a "
            f"""quote in double quotes, as in '{name}="a,b",c'"""
        ) from None
    return words or [""]


def _named(value: Any) -> str:
    """A value as part of a folder's name: itself where that is plain, else with a checksum.

    A plain one holds no ``_name-`` and no capitals, so that no two runs share a folder.
    """
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if len(text) <= _SHORT and _PLAIN.fullmatch(text):
        return text
    mark = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{re.sub(r'[^a-z0-9.]+', '-', text.lower()).strip('-.')[-_SHORT:]}-{mark}"


def sweep(
    name: str,
    notebook: str,
    given: Mapping[str, str],
    jobs: int | None = None,
    grouped: int = 4,
    more: Sequence[str] = (),
) -> Path:
    """Bring every run of a sweep up to date, and return the table of their numbers.

    Each run is a job that leaves its whole result or nothing, so what a kill interrupts is done
    again and nothing else, and so is what reads a file that has changed. Networks that runs have in
    common are trained once. Paths start in the working folder, as those of a single run do.

    Parameters
    ----------
    name
        Of the sweep: its results are in `build/sweeps/<name>/`, a folder for each run.
    notebook, given
        As in `combinations`.
    jobs
        Jobs side by side; by default one a core.
    grouped
        Runs that share one job of a cluster.
    more
        Further words of Snakemake's command line, such as ``--executor slurm``.

    Returns
    -------
    Path
        `table.csv` in the sweep's folder: one row a run, with its parameters and the single
        numbers of its record, as ``recorded.<name>`` where a parameter has the name.

    Raises
    ------
    UserError
        As `combinations`; for an ill-formed name; if a run fails; or while another sweep of this
        name is under way.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise UserError(f"sweep {name!r}: use letters, digits, - and _ only, as in widths")
    runs = combinations(notebook, given)
    folder = project.root() / "build" / "sweeps" / name
    path = project.notebook(notebook)
    known = project.notebooks().get(path.stem) == path
    own = [] if known else [str(path)]
    asked = {
        key: {
            "notebook": path.stem if known else str(path),
            "parameters": each,
            "paths": _states([*own, *(text for text in each.values() if isinstance(text, str))]),
        }
        for key, each in runs.items()
    }
    asks = folder.with_name(f"{name}.asks")
    settings = {"runs": f"build/sweeps/{asks.name}/runs.yaml", "results": f"build/sweeps/{name}"}
    cluster = ("--jobs", str(jobs or 100)) if "--executor" in more else ()
    words = ("--group-components", f"runs={grouped}", *cluster, *more)
    # Jobs read what is asked for while they run, and the table is of these runs.
    with build.alone(f".sweep-{name}.lock"):
        with partial_folder(asks) as partial:
            text = yaml.safe_dump({"here": str(Path.cwd()), "runs": asked}, sort_keys=False)
            (partial / "runs.yaml").write_text(text, encoding="utf-8")
        build.make("results", settings, jobs, [], *words)
        return _table(folder, {key: each | _row(folder / key, each) for key, each in runs.items()})


def _table(folder: Path, rows: Mapping[str, Mapping[str, Any]]) -> Path:
    """Write the table of a sweep, whole or not at all."""
    table, partial = folder / TABLE, folder / f".{TABLE}.partial"
    try:
        pd.DataFrame.from_dict(rows, orient="index").to_csv(partial, index_label="run")
        return partial.replace(table)
    except OSError as error:
        raise cannot_write(table, error) from None


def _row(result: Path, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The single numbers of a run's record, if it is of the parameters that were asked for."""
    record = records.read(result)
    for name, value in asked.items():
        if str(record["parameters"][name]) != str(value):
            raise UserError(
                f"{result}: its record has {name}={record['parameters'][name]!r}, not {value!r}; "
                "another sweep of this name wrote it, or Snakemake's memory of it is lost: remove "
                "the folder and repeat the sweep"
            )
    return _numbers(record["values"], asked)


def _states(texts: Sequence[str]) -> list[str]:
    """What stands where texts are paths: another file, or one that changed, is read again.

    Of a folder its place counts alone. Inputs of Snakemake they cannot be: braces are its own.
    """
    paths = [as_path(text).absolute() for text in texts if text]
    files = [(path, path.stat()) for path in paths if is_file(path)]
    return [
        *(f"{path}: {about.st_size} bytes, {about.st_mtime_ns}" for path, about in files),
        *(str(path) for path in paths if is_folder(path)),
    ]


def _numbers(values: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The single values of a record, apart from parameters of the same name."""
    single = {name: value for name, value in values.items() if not isinstance(value, list)}
    return {f"recorded.{n}" if n in parameters else n: value for n, value in single.items()}
