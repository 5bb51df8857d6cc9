"""What several modules check of an argument, told in one line."""

import operator
from typing import Any

from neuronbasis.errors import UserError


def whole_number(value: Any, name: str, least: int) -> int:
    """The value as an int, if it is a whole number of at least so much.

    Examples
    --------
    >>> whole_number(24, "n", 1)
    24
    >>> whole_number(2.5, "n", 1)
    Traceback (most recent call last):
        ...
    neuronbasis.errors.UserError: n is 2.5; it must be an integer >= 1: pass such a one
    """
    try:
        number = least - 1 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = least - 1
    if number < least:
        raise UserError(f"{name} is {value!r}; it must be an integer >= {least}: pass such a one")
    return number


def checked_epsilon(epsilon: float) -> float:
    """Return `epsilon` as a float, or say what is wrong with it.

    Raises
    ------
    UserError
        If it is not a number in (0, 1].

    Examples
    --------
    >>> checked_epsilon(1)
    1.0
    """
    try:
        legal = not isinstance(epsilon, bool | str) and 0 < (value := float(epsilon)) <= 1
    except (TypeError, ValueError):
        legal = False
    if not legal:
        raise UserError(
            f"epsilon is {epsilon!r}; it must lie in (0, 1]: pass the cosine of the spotlight's "
            "half-angle, such as 0.9"
        )
    return value


def checked_angles(angles: int) -> int:
    """Return `angles` as an int, or say what is wrong with it.

    Raises
    ------
    UserError
        If it is not an integer of at least 1.

    Examples
    --------
    >>> checked_angles(36)
    36
    """
    return checked_size(angles, "angles", "a size of the grid such as 360")


def checked_size(value: int, name: str, remedy: str, least: int = 1) -> int:
    """The value as an int, or say what is wrong and what to pass."""
    try:
        size = operator.index(value)
    except TypeError:
        size = least - 1
    if isinstance(value, bool) or size < least:
        raise UserError(f"{name} is {value!r}; it must be an integer >= {least}: pass {remedy}")
    return size
