"""Numbers on the command line as people type them."""

from collections.abc import Callable
from typing import Any

import typer

from neuronbasis.utils.checks import typed_whole


def whole(least: int, most: int | None = None) -> Callable[[Any], int]:
    """A parser of whole numbers in a range, also of those that are written as 1e3 or 1000.0.

    Examples
    --------
    >>> whole(1)("1e3")
    1000
    """

    def parse(value: Any) -> int:
        number = typed_whole(value)
        if number is None or number < least or (most is not None and number > most):
            legal = f"of at least {least}" if most is None else f"from {least} to {most}"
            raise typer.BadParameter(f"{value!r} is no whole number {legal}.")
        return number

    return parse
