"""Judge an answer in one line: why it is right, or what is still missing."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from neuronbasis.exercises._answers import NotYet, Unfinished
from neuronbasis.utils.project import one_of

# Imported by name where it is asked for: a notebook uses the checks of its own chapter alone.
_CHAPTERS = "neuronbasis.exercises._chapters"
_NOTHING = (lambda: None).__code__


@dataclass(frozen=True)
class Result:
    """What a check says of an answer; a notebook shows it as one line.

    Attributes
    ----------
    right : bool
        Whether the answer is right.
    line : str
        Why it is right, or what was expected and a hint.
    """

    right: bool
    line: str

    def __str__(self) -> str:
        return f"{'Right' if self.right else 'Not yet'}. {self.line}"

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        return f"**{'Right' if self.right else 'Not yet'}.** {self.line}"


def names() -> list[str]:
    """Names of all checks, such as "method.arc", by chapter.

    Examples
    --------
    >>> "method.arc" in names()
    True
    """
    chapters = sorted(each.name for each in iter_modules(import_module(_CHAPTERS).__path__))
    return [f"{chapter}.{name}" for chapter in chapters for name in _judges(chapter)]


def check(name: str, *answer: Any) -> Result:
    """Check an answer to an exercise of the book.

    Parameters
    ----------
    name : str
        Chapter and exercise, such as "method.arc"; it stands in the cell below the exercise.
    answer
        Numbers, arrays or functions, as the exercise asks.

    Returns
    -------
    Result
        One line. An answer that fails in whichever way is no error: the line says how it failed.

    Raises
    ------
    UserError
        If there is no such check.

    Examples
    --------
    >>> check("method.corners", lambda epsilon: 2)
    Not yet. For epsilon = 0.9 you say n = 2, where a corner has an in-plane radius of 1.00.
    >>> check("method.corners", ...)
    Not yet. A `...` is left in the answer. Wanted: the smallest n, a whole number, for an epsilon.
    """
    name = one_of(name, names(), "check")
    chapter, _, exercise = name.partition(".")
    judge = _judges(chapter)[exercise]
    wanted = (inspect.getdoc(judge) or "").splitlines()[0]
    wanted = f"Wanted: {wanted[:1].lower()}{wanted[1:]}"
    unfinished = f"A `...` is left in the answer. {wanted}"
    try:
        if any(each is ... or each is None for each in answer):
            raise Unfinished
        return Result(True, judge(*answer))
    except Unfinished:
        return Result(False, unfinished)
    except NotYet as hint:
        return Result(False, str(hint))
    except Exception as error:  # of whatever kind the reader's code raises
        said = " ".join(str(error).split())
        if "ellipsis" in said or any(map(_has_blank, answer)):
            return Result(False, unfinished)
        return Result(False, f"The answer fails: `{type(error).__name__}: {said}`. {wanted}")


def _has_blank(answer: Any) -> bool:
    """Whether a function was written with a `...` in its place of a value."""
    return any(each is ... for each in getattr(answer, "__code__", _NOTHING).co_consts)


def _judges(chapter: str) -> dict[str, Callable[..., str]]:
    """The checks of a chapter: the public functions that its file defines."""
    module = import_module(f"{_CHAPTERS}.{chapter}")
    return {
        name: each
        for name, each in vars(module).items()
        if inspect.isfunction(each) and each.__module__ == module.__name__ and name[0] != "_"
    }
