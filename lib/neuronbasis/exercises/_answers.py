"""Read a reader's answer: a function that is called, a number, an array."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Answers are written in decimals, and computed in float64 or float32.
CLOSE = 1e-4


class NotYet(Exception):  # noqa: N818 - it is what a hint says, and no fault of a program
    """What is still missing from an answer, in one line."""


class Unfinished(NotYet):
    """The stub's blank is still in the answer."""


def called(answer: Callable[..., Any], *given: Any) -> Any:
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
