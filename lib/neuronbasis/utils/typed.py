"""Whole numbers as people type them: 1000, 1e3 or 1000.0."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

_DIGITS = 25  # of a whole number that means anything here; 1e999999999 would fill the memory


def whole(value: Any) -> int | None:
    """The whole number that is meant, or None where none is.

    Examples
    --------
    >>> [whole(each) for each in ("1000", "1e3", "1000.0", 7.0, "2.5", "many", True)]
    [1000, 1000, 1000, 7, None, None, None]
    """
    text = str(value)
    try:
        float(text)  # stricter than Decimal, which reads 1__0 as 10
        number = Decimal(text)
    except (ValueError, InvalidOperation):
        return None
    if not number.is_finite() or (number and number.adjusted() >= _DIGITS):
        return None
    # Compared as a whole, since a remainder of 1e-999999999 would be rounded to zero.
    return int(number) if number == number.to_integral_value() else None


def option(least: int, most: int | None = None) -> Callable[[Any], int]:
    """A parser of an option of the command line that takes a whole number in a range.

    Examples
    --------
    >>> option(1)("1e3")
    1000
    """

    def parse(value: Any) -> int:
        import typer

        number = whole(value)
        if number is None or number < least or (most is not None and number > most):
            legal = f"of at least {least}" if most is None else f"from {least} to {most}"
            raise typer.BadParameter(f"{value!r} is no whole number {legal}.")
        return number

    return parse
