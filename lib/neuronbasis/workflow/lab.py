"""JupyterLab on copies of the notebooks: `neuronbasis lab`."""

import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from neuronbasis.errors import UserError
from neuronbasis.utils import files, project

START = "start_here.md"
# A text notebook opens as a notebook, not as text; and nothing is asked of other computers.
_VIEWERS = {"markdown": "Jupytext Notebook", "myst": "Jupytext Notebook"}
_SETTINGS = {
    "@jupyterlab/docmanager-extension:plugin": {"defaultViewers": _VIEWERS},
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
}
_CONFIGURATION = ".jupyter"


def prepare(folder: Path) -> list[str]:
    """Copy the notebooks into a folder; what is there already, perhaps changed, is left alone.

    Parameters
    ----------
    folder
        It is made where it does not exist.

    Returns
    -------
    list of str
        Names of the files that were copied.

    Raises
    ------
    UserError
        If JupyterLab is not installed, or the folder cannot be written.
    """
    for module in ("jupyterlab", "jupytext"):
        if find_spec(module) is None:
            raise UserError(f"no module {module}; pip install 'neuronbasis[book]'")
    sources = [Path(__file__).with_name(START), *sorted(project.source().glob("notebooks/*.md"))]
    new = [each for each in sources if not (folder / each.name).exists()]
    settings = folder / _CONFIGURATION / "labconfig"
    try:
        settings.mkdir(parents=True, exist_ok=True)
        for each in new:
            partial = folder / f".{each.name}.partial"
            partial.write_bytes(each.read_bytes())
            partial.replace(folder / each.name)
    except OSError as error:
        raise files.cannot_write(folder, error) from None
    files.write_json(settings / "default_setting_overrides.json", _SETTINGS)
    return [each.name for each in new]


def environment(folder: Path) -> dict[str, str]:
    """What JupyterLab is told beside its options: our settings, and this Python's own kernel."""
    known = os.environ.get("JUPYTER_CONFIG_PATH", "")
    ours = str((folder / _CONFIGURATION).resolve())
    paths = os.pathsep.join(filter(None, [ours, known]))
    return {**os.environ, "JUPYTER_CONFIG_PATH": paths, "JUPYTER_PREFER_ENV_PATH": "1"}


def become(folder: Path, options: Sequence[str] = ()) -> NoReturn:
    """Turn this process into JupyterLab, opened on the first notebook.

    Parameters
    ----------
    folder
        As `prepare` left it.
    options
        Of JupyterLab, such as ``--no-browser``.
    """
    first = f"--LabApp.default_url=/lab/tree/{START}"
    command = [sys.executable, "-m", "jupyterlab", first, *options]
    told = environment(folder)
    os.chdir(folder)
    os.execve(sys.executable, command, told)
