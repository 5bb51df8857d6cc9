"""Run what is stale of a profile's notebooks and render the book."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout

from neuronbasis import parameters, project, run
from neuronbasis.errors import UserError
from neuronbasis.files import cannot_write


def runs(profile: str) -> dict[str, dict[str, Any]]:
    """The runs of a profile: name -> notebook and parameters, every parameter checked.

    Raises
    ------
    UserError
        For an unknown profile, a malformed one, or a wrong notebook or parameter in it.
    """
    path = project.profile(profile)
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))["runs"]
        asked = {
            name: (each["notebook"], each.get("parameters", {})) for name, each in found.items()
        }
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):
        raise UserError(
            f"profile {profile} ({path.name}): write runs: with notebook: and parameters: for each"
        ) from None
    for notebook, given in asked.values():
        declared = parameters.declared(run.source(notebook), notebook)
        parameters.validated(declared, given, notebook)
    return found


def build(profile: str = "demo", jobs: int | None = None) -> Path:
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
    folder = project.root()
    page = folder / "_build" / "html" / "index.html"
    lock = folder / "build" / ".lock"
    try:
        lock.parent.mkdir(exist_ok=True)
        # The lock dies with its process, so Snakemake's own, which outlives a kill, is not used.
        with FileLock(lock, timeout=0):
            if not page.is_file():
                (folder / "build" / "book.done").unlink(missing_ok=True)
            done = subprocess.run(_snakemake(profile, jobs), cwd=folder)
    except Timeout:
        raise UserError(f"{folder}: another build is under way; wait until it ends") from None
    except OSError as error:
        raise cannot_write(folder / "build", error) from None
    if done.returncode:
        raise UserError(
            f"profile {profile}: a job failed, its message stands above; what succeeded is kept"
        )
    return page


def _snakemake(profile: str, jobs: int | None) -> list[str]:
    cores = jobs or os.cpu_count() or 1
    return [
        *(sys.executable, "-m", "snakemake"),
        *("--cores", str(cores), "--config", f"profile={profile}"),
        *("--rerun-incomplete", "--nolock", "--keep-going", "--quiet", "all"),
    ]
