"""Judge a reader's answer in one line: why it is right, or what is still missing."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

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


#: Answers are written in decimals, and computed in float64 or float32.
CLOSE = 1e-4
#: A reader's function.
Answer = Callable[..., Any]


class NotYet(Exception):  # noqa: N818 - it is what a hint says, and no fault of a program
    """What is still missing from an answer, in one line."""


class Unfinished(NotYet):
    """The stub's blank is still in the answer."""


def called(answer: Answer, *given: Any) -> Any:
    """What the reader's function returns; its blank, or a function that is none, is told."""
    if not callable(answer):
        raise NotYet(f"The answer must be a function, and it is `{_short(answer)}`.")
    found = answer(*given)
    parts = found if isinstance(found, tuple | list) else [found]
    if any(each is ... or each is None for each in parts):
        raise Unfinished
    return found


def number(answer: Any, what: str = "the answer") -> float:
    """A single finite number."""
    found = np.asarray(answer)
    if found.size != 1 or found.dtype.kind not in "biuf" or not np.isfinite(found).all():
        raise NotYet(f"{_upper(what)} must be one number, and it is `{_short(answer)}`.")
    return float(found.reshape(()))


def array(answer: Any, shape: tuple[int, ...], what: str = "the answer") -> NDArray[np.float64]:
    """Finite numbers of a shape."""
    found = np.asarray(answer)
    if found.dtype.kind not in "biuf" or found.shape != shape:
        said = f"of shape {found.shape}" if found.dtype.kind in "biuf" else f"`{_short(answer)}`"
        raise NotYet(f"{_upper(what)} must be an array of shape {shape}, and it is {said}.")
    if not np.isfinite(found).all():
        raise NotYet(
            f"{_upper(what)} holds a number that is not finite; is something divided by 0?"
        )
    return found.astype(float)


def same(answer: ArrayLike, right: ArrayLike, tolerance: float = CLOSE) -> bool:
    """Whether two numbers or arrays agree, relative to their size."""
    return bool(np.allclose(answer, right, rtol=tolerance, atol=tolerance))


def expect(
    answer: Any, right: float, what: str, hint: str = "", slips: Sequence[tuple[float, str]] = ()
) -> float:
    """A number that must be right; a known slip has a hint of its own."""
    found = number(answer, what)
    if not same(found, right):
        said = next((each for value, each in slips if same(found, value)), hint)
        raise NotYet(f"{_upper(what)} is {right:.4g}, and you find {found:.4g}. {said}".strip())
    return found


def _short(answer: Any) -> str:
    text = " ".join(repr(answer).split())
    return text if len(text) <= 40 else f"{text[:40]} ..."


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
