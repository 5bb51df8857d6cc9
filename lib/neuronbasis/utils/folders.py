"""Where data files lie: the folder that the user names, else a cache."""

import os
from pathlib import Path

from platformdirs import user_cache_path

from neuronbasis.errors import UserError

FOLDER_VARIABLE = "NEURONBASIS_DATA"


def cache_folder() -> Path:
    """The user's cache folder of this package: where downloads and trained networks go."""
    return user_cache_path("neuronbasis", appauthor=False)


def data_folder(folder: str | Path | None = None) -> Path:
    """The folder given, else the one that the environment names, else the cache."""
    given = folder or os.environ.get(FOLDER_VARIABLE)
    if not given:
        return cache_folder()
    home = Path(given).expanduser()
    if not home.is_dir():
        origin = "" if folder else f" (from {FOLDER_VARIABLE})"
        raise UserError(f"data folder {str(home)!r}{origin} is no folder; name one that exists")
    return home


def found_path(given: str | Path) -> Path:
    """The file as given, or in the data folder."""
    if not isinstance(given, str | Path):
        raise UserError(f"{given!r} is no path; pass the path of a file")
    path, home = Path(given).expanduser(), os.environ.get(FOLDER_VARIABLE)
    tried = [path, Path(home).expanduser() / path] if home else [path]
    for candidate in tried:
        if candidate.is_file():
            return candidate
    where = f", neither here nor in {FOLDER_VARIABLE}" if len({*tried}) > 1 else ""
    raise UserError(f"{path}: no such file{where}; pass the path of one that exists")
