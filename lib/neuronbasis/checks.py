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
