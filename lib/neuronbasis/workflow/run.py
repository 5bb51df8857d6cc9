"""Execute a notebook with validated parameters; leave the whole result or nothing."""

import logging
import math
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import papermill
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from neuronbasis import records
from neuronbasis.errors import UserError
from neuronbasis.utils import project
from neuronbasis.utils.files import check_replaceable, partial_folder, write_json
from neuronbasis.utils.folders import as_path

PROVENANCE = "provenance.json"
_VERSIONS = (
    "neuronbasis",
    "numpy",
    "scipy",
    "torch",
    "torchvision",
    "timm",
    "transformers",
    "numba",
    "xarray",
    "papermill",
)
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
#: What a person's shell may set otherwise, to the ruin of a page or a number.
PLAIN = {
    "PYTHONHASHSEED": "0",
    "PYTHONSTARTUP": "",  # which a kernel would run
    "PYTHONUTF8": "1",  # whatever the language of the shell
    "PYTHONWARNINGS": "",  # which may make errors of them
}
_FIGURES = "module://matplotlib_inline.backend_inline"
_KEPT = ("kernelspec", "language_info")
_SOCKET = 90  # bytes of a folder in which a socket can be: its whole name has at most 107


class NotebookError(RuntimeError):
    """A fault in a notebook's own code, with the cell, the error and its traceback."""


def source(name: str) -> nbformat.NotebookNode:
    """Read a notebook's text source."""
    return jupytext.read(project.notebook(name), fmt="md:myst")


def run(
    name: str,
    given: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    *,
    threads: int = 1,
    time_limit: float | None = None,
    finish: Callable[[Path], object] | None = None,
) -> Path:
    """Execute a notebook and return the folder of its result.

    The folder holds the executed notebook, the record with its curves, and `provenance.json`.
    It takes the place of an earlier one only when everything succeeded.

    Parameters
    ----------
    name
        Name of a notebook of the project, or the path of a text notebook.
    given
        Parameters that differ from the notebook's defaults; text is converted.
    out
        Folder of the result; by default `build/runs/<name>` in the project, or, without a
        checkout of it, `<name>.run` in the working folder. A notebook given by its path has
        `<name>.run` beside it.
    threads
        Threads of the kernel's numerical libraries. One is fastest for tiny networks.
    time_limit
        Seconds after which the run is given up.
    finish
        Called with the folder when all is in it and before it takes its place, to read what this
        run computed, or to add to it.

    Raises
    ------
    UserError
        For a mistake in what was asked, or raised by the notebook.
    NotebookError
        When the notebook fails otherwise; it is kept as `<out>.failed.ipynb`.
    """
    asked, path = name, project.notebook(name)
    name = path.stem
    ours = project.notebooks().get(name) == path
    if ours:
        asked = name
    notebook = source(str(path))
    declared = records.declared(notebook, name)
    values = records.validated(declared, given or {}, name)
    changed = {p.name: values[p.name] for p in declared if values[p.name] != p.default}
    target = as_path(out).absolute() if out else _folder(name) if ours else path.with_suffix(".run")
    check_replaceable(target, PROVENANCE)
    if time_limit is not None and not 0 < time_limit < math.inf:
        raise UserError(f"time limit is {time_limit}; it must be a number of seconds above 0")
    start, commit = time.perf_counter(), _commit()
    with partial_folder(target) as partial:
        file = partial / f"{name}.ipynb"
        try:
            with _limit(time_limit, name):
                _execute(notebook, file, changed, threads)
        except PapermillExecutionError as error:
            raise _translated(error, file, target) from None
        except DeadKernelError as error:
            raise NotebookError(
                f"notebook {name}: its kernel died (out of memory?): {error}"
            ) from None
        _collect(partial, name, values)
        write_json(partial / PROVENANCE, _provenance(asked, values, threads, start, commit))
        if finish:
            finish(partial)
    return target


def _folder(name: str) -> Path:
    """Where a result goes that was given no place."""
    if project.source() == project.CARRIED:
        return Path(f"{name}.run").absolute()
    return project.root() / "build" / "runs" / name


def _execute(
    notebook: nbformat.NotebookNode, file: Path, changed: dict[str, Any], threads: int
) -> None:
    """Run the cells by papermill and write the notebook in its reproducible form."""
    logging.getLogger("papermill").setLevel(logging.ERROR)
    before = os.environ.get("JUPYTER_PATH")
    with tempfile.TemporaryDirectory(prefix="nb-") as own:
        _own_kernel(Path(own))
        text = Path(own, "input.ipynb")
        nbformat.write(_prepared(notebook), text)
        environment = dict.fromkeys(_THREADS, str(threads)) | PLAIN
        environment |= {
            records.FOLDER_VARIABLE: str(file.parent / "record"),
            "MPLBACKEND": _FIGURES,
            "IPYTHONDIR": f"{own}/ipython",  # no startup files of the user's
            "JUPYTER_PATH": f"{own}{os.pathsep}{before}" if before else own,
        }
        # Sockets of its own instead of ports: kernels that start together cannot collide.
        short = len(own) < _SOCKET  # where scratch folders have long names, ports after all
        config = Config({"KernelManager": {"transport": "ipc", "ip": f"{own}/k"}} if short else {})
        with _environment(environment):
            papermill.execute_notebook(
                *(str(path).replace("{", "{{").replace("}", "}}") for path in (text, file)),
                parameters=changed,
                kernel_name="python3",
                language="python",
                progress_bar=sys.stderr.isatty(),
                iopub_timeout=60,
                shutdown_kernel="immediate",  # a graceful end prints a traceback on Ctrl-C
                config=config,
            )
    nbformat.write(_normalised(nbformat.read(file, as_version=4)), file)


def _own_kernel(folder: Path) -> None:
    """Name this interpreter as the kernel `python3`, before any of that name that the user has."""
    specification = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Python 3",
        "language": "python",
    }
    (folder / "kernels" / "python3").mkdir(parents=True)
    write_json(folder / "kernels" / "python3" / "kernel.json", specification)


def _prepared(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook ready to execute: with fixed cell ids and the kernel named."""
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def _normalised(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The executed notebook without times and paths, its figures' alt texts in place."""
    notebook.metadata = {k: v for k, v in notebook.metadata.items() if k in _KEPT}
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
        for name in ("papermill", "execution"):
            cell.metadata.pop(name, None)
        for output in cell.get("outputs", []):
            cell.metadata.update(_figure_settings(output))
    return notebook


def _figure_settings(output: Any) -> dict[str, Any]:
    """What `figures.show` said of a figure, in the words of the book's builder."""
    said = output.get("metadata", {}).get("neuronbasis")
    if not said:
        return {}
    return {
        "mystnb": {
            "image": {"alt": said["alt"]},
            "figure": {"caption": said["caption"], "name": said["name"]},
        }
    }


def _collect(partial: Path, name: str, values: dict[str, Any]) -> None:
    """Put the record beside the notebook, and see that it speaks of this run."""
    left = partial / "record"
    written = records.read(left)
    if written["parameters"] != values:
        raise UserError(f"notebook {name}: its record names other parameters than it declares")
    for file in left.iterdir():
        file.rename(partial / file.name)
    left.rmdir()


def _translated(error: PapermillExecutionError, file: Path, target: Path) -> Exception:
    """A user's mistake in one line; anything else whole, with the notebook kept to look at."""
    if error.ename in ("UserError", "neuronbasis.errors.UserError"):
        return UserError(error.evalue)
    kept = target.with_name(f"{target.name}.failed.ipynb")
    with suppress(OSError):
        shutil.copyfile(file, kept)
    return NotebookError(f"{error}\nThe notebook as far as it came: {kept}")


def _provenance(
    name: str, values: dict[str, Any], threads: int, start: float, commit: str | None
) -> dict[str, Any]:
    return {
        "command": command(name, values, threads),
        "commit": commit,
        "device": str(values.get("device", "cpu")),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": f"{os.uname().sysname} {os.uname().machine}, {os.cpu_count()} cores",
        "python": sys.version.split()[0],
        "seconds": round(time.perf_counter() - start, 2),
        "threads": threads,
        "versions": {package: version(package) for package in _VERSIONS},
    }


def command(name: str, values: Mapping[str, Any], threads: int = 1) -> str:
    """The command line that repeats a run.

    Examples
    --------
    >>> command("example", {"epochs": 3, "dataset": "digits"})
    'neuronbasis run example -p epochs=3 -p dataset=digits'
    """
    words = ["neuronbasis", "run", name]
    for parameter, value in values.items():
        words += ["-p", f"{parameter}={value}"]
    return shlex.join(words + (["--threads", str(threads)] if threads != 1 else []))


def _commit() -> str | None:
    """The commit that both the library that computes and the project's notebooks are of.

    Marked where files differ from it. None where there is no one such commit: outside a checkout,
    or where the library is an installed one or that of another checkout.
    """
    library = project.checkout(project.PACKAGE)
    # A wheel in an environment inside a checkout is not that checkout's library.
    if library is None or library / "lib" / project.PACKAGE.name != project.PACKAGE:
        return None
    found = {_commit_of(home) for home in (library, project.root().resolve())}
    return found.pop() if len(found) == 1 else None


def _commit_of(home: Path) -> str | None:
    """The commit of a folder that is a repository of its own, marked where files differ from it."""
    # A hook of another repository's names that one in the environment.
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}

    def git(*words: str) -> str | None:
        command = ["git", "-C", str(home), *words]
        done = subprocess.run(command, capture_output=True, env=own)
        return None if done.returncode else os.fsdecode(done.stdout).strip()

    # Whatever the user's settings leave out of a status.
    every = "--untracked-files=normal", "--ignore-submodules=none"
    try:
        top, head, state = (
            git("rev-parse", "--show-toplevel"),
            git("rev-parse", "HEAD"),
            git("status", "--porcelain", *every),
        )
    except OSError:
        return None
    # Unpacked inside another repository, the project has no commit of its own.
    if not (top and head) or state is None or Path(top).resolve() != home.resolve():
        return None
    return f"{head}+changes" if state else head


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Environment of the kernel, which inherits this process's."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _limit(seconds: float | None, name: str) -> Iterator[None]:
    """Give up after so many seconds of wall-clock time."""
    if seconds is None:
        yield
        return

    def give_up(*_: object) -> None:
        raise UserError(f"notebook {name} ran past its limit of {seconds:g} s; raise --time-limit")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
