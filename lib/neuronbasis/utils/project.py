"""Where notebooks, profiles and records lie: in a checkout of the project, else in the package."""

import difflib
import tomllib
from collections.abc import Iterable
from pathlib import Path

from neuronbasis.errors import UserError
from neuronbasis.utils.folders import as_path, is_file

PACKAGE = Path(__file__).resolve().parents[1]
#: Notebooks, profiles and records as the package carries them: in a wheel files, here links.
CARRIED = PACKAGE / "carried"


def checkout(folder: Path) -> Path | None:
    """The checkout of the project that a folder lies in, told by its name in `pyproject.toml`.

    Examples
    --------
    >>> checkout(Path("/")) is None
    True
    """
    return next((each for each in (folder, *folder.parents) if _is_checkout(each)), None)


def root() -> Path:
    """The project's folder: the checkout of the working folder, else that of the library.

    Raises
    ------
    UserError
        When neither lies in one.
    """
    here = Path.cwd()
    found = checkout(here) or checkout(PACKAGE)
    if found is None:
        raise UserError(
            f"{here}: no checkout of {PACKAGE.name} here; change to its folder (without one there "
            "are list, run and report)"
        )
    return found


def source() -> Path:
    """The folder of `notebooks/`, `profiles/` and `results/paper/`: `root`, else `CARRIED`."""
    return checkout(Path.cwd()) or checkout(PACKAGE) or CARRIED


def notebooks() -> dict[str, Path]:
    """Text source of every notebook by name.

    Raises
    ------
    UserError
        When there is none.
    """
    folder = source() / "notebooks"
    found = {path.stem: path for path in sorted(folder.glob("*.md"))}
    if not found:
        raise UserError(f"{folder}: no notebooks (.md) there; install the project anew")
    return found


def notebook(name: str) -> Path:
    """The text source of one notebook, by name or path.

    Raises
    ------
    UserError
        When there is none of that name.
    """
    path = as_path(name)
    written = path.suffix.lower() == ".md"
    if written and is_file(path):
        return path.resolve()
    if written and path.name != str(name):  # not the project's of that name
        raise UserError(f"{name}: no such file; pass a notebook's path, or a name of `list`")
    found = notebooks()
    return found[one_of(path.stem if written else name, found, "notebook")]


def profile(name: str) -> Path:
    """The file of one profile: which runs make a book.

    Raises
    ------
    UserError
        When there is none of that name.
    """
    found = {path.stem: path for path in sorted((source() / "profiles").glob("*.yaml"))}
    return found[one_of(name, found, "profile")]


def one_of(name: str, legal: Iterable[str], what: str) -> str:
    """The name itself if it is legal.

    Examples
    --------
    >>> one_of("boook", ["book", "paper"], "profile")
    Traceback (most recent call last):
        ...
    neuronbasis.errors.UserError: no profile 'boook': did you mean book? There are book, paper
    """
    legal = list(legal)
    if name in legal:
        return name
    close = difflib.get_close_matches(name, legal, n=1)
    hint = f"did you mean {close[0]}? There" if close else "there"
    raise UserError(f"no {what} {name!r}: {hint} are {', '.join(legal)}")


def _is_checkout(folder: Path) -> bool:
    if not (folder / "notebooks").is_dir():
        return False
    try:
        about = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
        return bool(about["project"]["name"] == PACKAGE.name)
    except (OSError, ValueError, KeyError, TypeError):
        return False
