"""One notebook under every combination of some of its parameters, here or on a cluster."""

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
from neuronbasis.utils.files import partial_folder
from neuronbasis.workflow import build, run

TABLE = "table.csv"


def combinations(notebook: str, given: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The parameters of every run of a sweep, by the run's name.

    Parameters
    ----------
    notebook
        Name of a notebook of the project.
    given
        Parameter -> its values as text, separated by commas.

    Raises
    ------
    UserError
        For an unknown parameter or a value that the notebook does not take.

    Examples
    --------
    >>> runs = combinations("autoencoder_alignment", {"n": "10,24", "seeds": "5", "m": "20,48"})
    >>> list(runs)
    ['n-10_m-20', 'n-10_m-48', 'n-24_m-20', 'n-24_m-48']
    >>> runs["n-10_m-48"]
    {'n': 10, 'seeds': 5, 'm': 48}
    """
    declared = records.declared(run.source(notebook), notebook)
    values = {name: list(dict.fromkeys(text.split(","))) for name, text in given.items()}
    varied = [name for name, several in values.items() if len(several) > 1]
    found = {}
    for combination in itertools.product(*values.values()):
        asked = dict(zip(values, combination, strict=True))
        checked = records.validated(declared, asked, notebook)
        words = "_".join(f"{name}-{asked[name]}" for name in varied) or "all"
        found[re.sub(r"[^A-Za-z0-9_.-]", "-", words)] = {name: checked[name] for name in asked}
    return found


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
    again and nothing else. Networks that runs have in common are trained once.

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
        numbers of its record.

    Raises
    ------
    UserError
        As `combinations`; for an ill-formed name; if a run fails.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise UserError(f"sweep {name!r}: use letters, digits, - and _ only, as in widths")
    runs = combinations(notebook, given)
    folder = project.root() / "build" / "sweeps" / name
    asked = {key: {"notebook": notebook, "parameters": each} for key, each in runs.items()}
    asks = folder.with_name(f"{name}.asks")
    with partial_folder(asks) as partial:
        text = yaml.safe_dump({"runs": asked}, sort_keys=False)
        (partial / "runs.yaml").write_text(text, encoding="utf-8")
    settings = {"runs": f"build/sweeps/{asks.name}/runs.yaml", "results": f"build/sweeps/{name}"}
    cluster = ("--jobs", str(jobs or 100)) if "--executor" in more else ()
    words = ("--group-components", f"runs={grouped}", *cluster, *more)
    build.make("results", settings, jobs, [f".sweep-{name}.lock"], *words)
    rows = {
        key: each | _numbers(records.read(folder / key)["values"]) for key, each in runs.items()
    }
    table = folder / TABLE
    pd.DataFrame.from_dict(rows, orient="index").to_csv(table, index_label="run")
    return table


def _numbers(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if not isinstance(value, list)}
