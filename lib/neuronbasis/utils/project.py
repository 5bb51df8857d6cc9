"""Where the project's notebooks, profiles and pages lie."""

import difflib
from collections.abc import Iterable
from pathlib import Path

from neuronbasis.errors import UserError


def root() -> Path:
    """The project's folder: the working folder or one above it, else where the library lies.

    Raises
    ------
    UserError
        When neither holds `notebooks/` and `_config.yml`.
    """
    here = Path.cwd()
    for folder in (here, *here.parents, *Path(__file__).resolve().parents):
        if (folder / "notebooks").is_dir() and (folder / "_config.yml").is_file():
            return folder
    raise UserError(f"{here}: no project here (notebooks/ and _config.yml); change to its folder")


def notebooks() -> dict[str, Path]:
    """Text source of every notebook by name."""
    return {path.stem: path for path in sorted((root() / "notebooks").glob("*.md"))}


def notebook(name: str) -> Path:
    """The text source of one notebook, by name or path.

    Raises
    ------
    UserError
        When there is none of that name.
    """
    path = Path(name)
    if path.suffix == ".md" and path.is_file():
        return path.resolve()
    found = notebooks()
    return found[one_of(path.stem if path.suffix == ".md" else name, found, "notebook")]


def profile(name: str) -> Path:
    """The file of one profile: which runs make a book.

    Raises
    ------
    UserError
        When there is none of that name.
    """
    found = {path.stem: path for path in sorted((root() / "profiles").glob("*.yaml"))}
    return found[one_of(name, found, "profile")]


def one_of(name: str, legal: Iterable[str], what: str) -> str:
    """The name itself if it is legal.

    Examples
    --------
    >>> one_of("boook", ["book", "paper"], "profile")
    Traceback (most recent call last):
        ...
    neuronbasis.errors.UserError: no profile 'boook': there are book, paper; did you mean book?
    """
    legal = list(legal)
    if name in legal:
        return name
    close = difflib.get_close_matches(name, legal, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    raise UserError(f"no {what} {name!r}: there are {', '.join(legal)}{hint}")
