"""Run what is stale of a profile's notebooks and render the book."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout

from neuronbasis import records
from neuronbasis.errors import UserError
from neuronbasis.utils import project
from neuronbasis.utils.files import cannot_write
from neuronbasis.utils.folders import as_path
from neuronbasis.workflow import run

PAGE = Path("_build", "html", "index.html")
_FOLDERS = ("NEURONBASIS_DATA", "NEURONBASIS_STORE", "NEURONBASIS_KEPT")
_DROPPED = ("SNAKEMAKE_PROFILE", "MPLBACKEND")  # options for every workflow; a window for figures
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


def runs(profile: str) -> dict[str, dict[str, Any]]:
    """The runs of a profile: name -> notebook and parameters, every parameter checked.

    Raises
    ------
    UserError
        For an unknown profile, a malformed one, or a wrong notebook or parameter in it.
    """
    path = project.profile(profile)
    try:
        text = path.read_text(encoding="utf-8")
        found = yaml.safe_load(text)["runs"]
        asked = {
            name: (str(each["notebook"]), dict(each.get("parameters", {})))
            for name, each in found.items()
        }
    except (yaml.YAMLError, OSError, KeyError, TypeError, ValueError, AttributeError):
        raise UserError(
            f"profile {profile} ({path.name}): write runs: with notebook: and parameters: for each"
        ) from None
    for name in _repeated(yaml.compose(text)):
        raise UserError(f"profile {profile}: {name!r} stands there twice; give each its own name")
    for name, (notebook, given) in asked.items():
        if not isinstance(name, str) or not _RUN.fullmatch(name):
            legal = "text of at most 100 letters, digits, -, _ and ."
            raise UserError(f"profile {profile}: run {name!r}; it must be {legal}")
        notebook = project.one_of(notebook, project.notebooks(), "notebook")
        declared = records.declared(run.source(notebook), notebook)
        records.validated(declared, {str(key): value for key, value in given.items()}, notebook)
    return found


def _repeated(node: Any) -> Iterator[str]:
    """Keys that a mapping of YAML, or one in it, holds twice: the first would be dropped."""
    if isinstance(node, yaml.MappingNode):
        names = [key.value for key, _ in node.value]
        yield from (name for place, name in enumerate(names) if name in names[:place])
        for _, value in node.value:
            yield from _repeated(value)


def build(profile: str = "book", jobs: int | None = None) -> Path:
    """Bring the book up to date for a profile and return its first page.

    Parameters
    ----------
    profile
        Name of a file in `profiles/`.
    jobs
        Notebooks that run side by side; by default one a core.

    Raises
    ------
    UserError
        For a faulty profile, a failed run, or when another build is under way.
    """
    runs(profile)
    make("book", {"profile": profile}, jobs, [".lock", f".{profile}.lock"])
    return project.root() / PAGE


def results(profile: str = "paper", jobs: int | None = None) -> Path:
    """Bring the results of a profile up to date, without a book, and return their folder.

    A book of another profile can be built meanwhile. Parameters and errors are those of `build`.
    """
    runs(profile)
    make("results", {"profile": profile}, jobs, [f".{profile}.lock"])
    return project.root() / "build" / profile


def make(
    target: str, settings: Mapping[str, str], jobs: int | None, locks: Sequence[str], *more: str
) -> None:
    """Have Snakemake bring one of its rules up to date.

    Parameters
    ----------
    target
        The rule: "book" or "results".
    settings
        Of the Snakefile, such as the profile.
    jobs
        Jobs that run side by side; by default one a core.
    locks
        Files in `build/` of which nobody else may hold any.
    more
        Further words of Snakemake's command line.
    """
    folder = project.root()
    with alone(*locks):
        try:
            if not (folder / PAGE).is_file():
                (folder / "build" / "book.done").unlink(missing_ok=True)
        except OSError as error:
            raise cannot_write(folder / "build", error) from None
        command = [*_snakemake(target, settings, jobs), *more]
        done = subprocess.run(command, cwd=folder, env=_environment())
    if done.returncode:
        said = ", ".join(f"{name} {value}" for name, value in settings.items())
        raise UserError(f"{said}: a job failed, its message stands above; what succeeded is kept")


@contextmanager
def alone(*locks: str) -> Iterator[None]:
    """Hold files in `build/` while something is made, of which nobody else may hold any.

    They die with their process, so Snakemake's own lock, which outlives a kill, is not used.

    Raises
    ------
    UserError
        When another process holds one, or `build/` cannot be written.
    """
    folder = project.root()
    with ExitStack() as held:
        try:
            (folder / "build").mkdir(exist_ok=True)
            for lock in locks:
                held.enter_context(FileLock(folder / "build" / lock, timeout=0))
        except Timeout:
            raise UserError(f"{folder}: another build is under way; wait until it ends") from None
        except OSError as error:
            raise cannot_write(folder / "build", error) from None
        yield


def _environment() -> dict[str, str]:
    """Of a build: the shell's, less what would make another build of it."""
    kept = {name: value for name, value in os.environ.items() if name not in _DROPPED}
    return kept | run.PLAIN | _folders()


def _folders() -> dict[str, str]:
    """The folders that the environment names, from whichever folder a job looks at them."""
    given = {name: os.environ.get(name) for name in _FOLDERS}
    return {name: str(as_path(each).absolute()) for name, each in given.items() if each}


def _snakemake(target: str, settings: Mapping[str, str], jobs: int | None) -> list[str]:
    cores = jobs or os.cpu_count() or 1
    return [
        *(sys.executable, "-m", "snakemake", target),
        *(
            "--cores",
            str(cores),
            "--config",
            *(f"{k}={json.dumps(v)}" for k, v in settings.items()),
        ),
        *("--rerun-incomplete", "--nolock", "--keep-going", "--quiet", "all"),
    ]
