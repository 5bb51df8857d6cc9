"""Paths as people type them, and where data files lie: the folder named, else a cache."""

import os
from pathlib import Path

from platformdirs import user_cache_path

from neuronbasis.errors import UserError

FOLDER_VARIABLE = "NEURONBASIS_DATA"
_OF_SYSTEMS = ("thumbs.db", "desktop.ini")


def as_path(given: str | Path) -> Path:
    """The path, with the home of a user in the place of ``~``; as it is where there is none.

    Examples
    --------
    >>> as_path("~/x") == Path.home() / "x", as_path("~nobody-of-this-name/x")
    (True, PosixPath('~nobody-of-this-name/x'))
    """
    try:
        return Path(given).expanduser()
    except RuntimeError:
        return Path(given)


def is_file(path: Path) -> bool:
    """Whether there is such a file; what no file can be called is none.

    Examples
    --------
    >>> is_file(Path("x" * 300))
    False
    """
    try:
        return path.is_file()
    except OSError:
        return False


def is_folder(path: Path) -> bool:
    """Whether there is such a folder; see `is_file`."""
    try:
        return path.is_dir()
    except OSError:
        return False


def is_hidden(name: str, folder: bool = False) -> bool:
    """Whether a file or folder of that name is a program's own, and not meant to be seen.

    Examples
    --------
    >>> is_hidden("._cat.jpg"), is_hidden("Thumbs.db"), is_hidden("__MACOSX", folder=True)
    (True, True, True)
    """
    return name.startswith((".", "__") if folder else ".") or name.lower() in _OF_SYSTEMS


def cache_folder() -> Path:
    """The user's cache folder of this package: where downloads and trained networks go."""
    return user_cache_path("neuronbasis", appauthor=False)


def data_folder(folder: str | Path | None = None) -> Path:
    """The folder given, else the one that the environment names, else the cache."""
    given = folder or os.environ.get(FOLDER_VARIABLE)
    if not given:
        return cache_folder()
    home = as_path(given)
    if not is_folder(home):
        origin = "" if folder else f" (from {FOLDER_VARIABLE})"
        raise UserError(f"data folder {str(home)!r}{origin} is no folder; name one that exists")
    return home


def found_path(given: str | Path) -> Path:
    """The file as given, or in the data folder."""
    if not isinstance(given, str | Path):
        raise UserError(f"{given!r} is no path; pass the path of a file")
    path, home = as_path(given), os.environ.get(FOLDER_VARIABLE)
    tried = [path, as_path(home) / path] if home else [path]
    for candidate in tried:
        if is_file(candidate):
            return candidate
    where = f", neither here nor in {FOLDER_VARIABLE}" if len({*tried}) > 1 else ""
    raise UserError(f"{path}: no such file{where}; pass the path of one that exists")
