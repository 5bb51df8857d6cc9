"""Photographs that may be shown: those of the package, each with its author, or a reader's own."""

import csv
import os
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from neuronbasis.datasets._decoded import KINDS, is_picture, warn_left_out
from neuronbasis.errors import UserError
from neuronbasis.utils.files import brief
from neuronbasis.utils.folders import FOLDER_VARIABLE, as_path, is_folder, is_hidden

_HOME = "photographs"
_CREDITS = "credits.csv"


@dataclass(frozen=True)
class Credit:
    """Whose a photograph is, and by what right it is shown.

    Attributes
    ----------
    title, author : str
    licence : str
        "public domain", "CC0 1.0", or "CC BY" with its version.
    source : str
        Where its author published it.
    package : str
        The package that it was taken from, whose own files state author and licence.
    """

    title: str
    author: str
    licence: str
    source: str
    package: str


@dataclass(frozen=True)
class Photographs:
    """Picture files; see `photographs`.

    Attributes
    ----------
    name : str
        "photographs", or the name of the reader's folder.
    files : tuple of Path
        In alphabetical order.
    titles : tuple of str
        One a file.
    credits : tuple of Credit
        One a file; none for a folder of the reader's own.
    """

    name: str
    files: tuple[Path, ...]
    titles: tuple[str, ...]
    credits: tuple[Credit, ...]


def photographs(folder: str | Path = "") -> Photographs:
    """List the photographs of the package, or the picture files of a folder.

    Those of the package are in the public domain or under CC0 or CC BY. They were made smaller,
    the short side to 256 pixels, and written as JPEG anew.

    Parameters
    ----------
    folder : str or Path
        A folder of picture files (as of `load`), here or in the data folder that the environment
        variable NEURONBASIS_DATA names. The folders below are passed over, and so are other
        files, which a warning counts. Empty: the photographs of the package.

    Returns
    -------
    Photographs

    Raises
    ------
    UserError
        If there is no such folder, or no picture in it.

    Examples
    --------
    >>> found = photographs()
    >>> len(found.files) == len(found.titles) == len(found.credits) > 24
    True
    >>> found.credits[found.titles.index("kitten")].licence
    'CC BY 2.0'
    """
    if folder:
        return _own(_found(as_path(folder)))
    home = Path(str(resources.files("neuronbasis.datasets").joinpath(_HOME)))
    with (home / _CREDITS).open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    files = tuple(home / row.pop("file") for row in rows)
    credits = tuple(Credit(**row) for row in rows)
    return Photographs(_HOME, files, tuple(each.title for each in credits), credits)


def _found(folder: Path) -> Path:
    """The folder as given, or in the data folder."""
    home = os.environ.get(FOLDER_VARIABLE)
    elsewhere = as_path(home) / folder if home else folder
    return elsewhere if is_folder(elsewhere) and not is_folder(folder) else folder


def _own(folder: Path) -> Photographs:
    try:
        shown = sorted(path for path in folder.iterdir() if not is_hidden(path.name))
        found = [path for path in shown if not path.is_dir()]
    except OSError as error:
        raise UserError(
            f"{folder}: {brief(error)}; pass a folder of pictures that exists"
        ) from None
    files = tuple(filter(is_picture, found))
    if not files:
        kinds = ", ".join(kind.removeprefix(".") for kind in KINDS)
        raise UserError(f"{folder}: no picture in it; put some there ({kinds})")
    others = [path for path in found if not is_picture(path)]
    warn_left_out(folder, others, stacklevel=3)
    return Photographs(folder.resolve().name, files, tuple(path.stem for path in files), ())
