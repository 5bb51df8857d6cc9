"""The parameters of a notebook: read from its source, checked before a kernel starts.

A notebook has one cell tagged `parameters` with one ``name: type = default  # help`` a line.
The help may end in a range that is checked here: ``in (0, 1]`` or ``one of small, large``.
"""

import ast
import difflib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from neuronbasis.errors import UserError
from neuronbasis.utils import typed

if TYPE_CHECKING:  # a running notebook records without it: two seconds to import
    from nbformat import NotebookNode

TYPES: dict[str, type] = {"int": int, "float": float, "str": str, "bool": bool}
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_INTERVAL = re.compile(
    r"\bin\s+(?P<open>[(\[])\s*(?P<low>[^,\s]+),\s*(?P<high>[^\])\s]+)\s*(?P<close>[)\]])$"
)
_CHOICE = re.compile(r"\bone of\s+(?P<choices>[^;()]+)$")


@dataclass(frozen=True)
class Parameter:
    """One parameter: name, type, default, help, and the values that are legal."""

    name: str
    type: type
    default: Any
    help: str
    legal: str = ""
    """The range as the notebook writes it, empty when every value of the type is legal."""

    def parse(self, value: Any) -> Any:
        """The value as this parameter's type, checked against its range.

        Raises
        ------
        UserError
            When it is not of the type or not legal.
        """
        parsed = _convert(value, self.type)
        if parsed is None or not _is_legal(parsed, self.legal):
            raise UserError(f"{self.name} is {value!r}; it must be {self.wanted}")
        return parsed

    @property
    def wanted(self) -> str:
        """What may be passed, in words."""
        names = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
        return f"{names[self.type]} {self.legal}".strip()


def declared(notebook: "NotebookNode", name: str) -> list[Parameter]:
    """The parameters that a notebook declares, in its order.

    Raises
    ------
    UserError
        When there is not exactly one parameters cell, or a line of it cannot be read.
    """
    cells = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    if len(cells) != 1:
        raise UserError(f"notebook {name}: {len(cells)} cells tagged parameters; there must be one")
    lines = [line for line in cells[0].source.splitlines() if line.strip()]
    return [_parse_line(line, name) for line in lines if not line.lstrip().startswith("#")]


def validated(
    parameters: Sequence[Parameter], given: Mapping[str, Any], name: str
) -> dict[str, Any]:
    """Every parameter of the notebook with its value: the given one, or the default.

    Raises
    ------
    UserError
        For an unknown name or an illegal value.

    Examples
    --------
    >>> epsilon = Parameter("epsilon", float, 0.9, "cosine of the cone", "in (0, 1]")
    >>> validated([epsilon], {"epsilon": "0.8"}, "example")
    {'epsilon': 0.8}
    >>> validated([epsilon], {"epsilon": 1.5}, "example")
    Traceback (most recent call last):
        ...
    neuronbasis.errors.UserError: epsilon is 1.5; it must be a number in (0, 1]
    """
    known = {p.name: p for p in parameters}
    for unknown in given.keys() - known.keys():
        close = difflib.get_close_matches(unknown, known, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise UserError(
            f"notebook {name} has no parameter {unknown!r}: it has {', '.join(known)}{hint}"
        )
    return {p.name: p.parse(given.get(p.name, p.default)) for p in parameters}


def _parse_line(line: str, notebook: str) -> Parameter:
    line = line.strip()
    try:
        (statement,) = ast.parse(line).body
        if not isinstance(statement, ast.AnnAssign) or statement.value is None:
            raise ValueError
        name, kind = ast.unparse(statement.target), TYPES[ast.unparse(statement.annotation)]
        default = ast.literal_eval(statement.value)
    except (SyntaxError, ValueError, KeyError):
        raise UserError(
            f"notebook {notebook}: parameter line {line!r} must read "
            f"name: type = default  # help, with a type of {', '.join(TYPES)}"
        ) from None
    _, _, text = line.encode()[statement.end_col_offset :].decode().partition("#")
    text = text.strip()
    match = _INTERVAL.search(text) or _CHOICE.search(text)
    legal = match.group(0) if match else ""
    parameter = Parameter(name, kind, default, text.removesuffix(legal).rstrip(" ,;:"), legal)
    parameter.parse(default)
    return parameter


def _convert(value: Any, kind: type) -> Any:
    """The value as the type, or None where it is not one (2.5 and True are no whole numbers)."""
    if kind is str:
        return value if isinstance(value, str) and _is_storable(value) else None
    if kind is bool:
        return _BOOLEANS.get(str(value).strip().lower())
    if isinstance(value, bool | np.bool_):
        return None
    if kind is int:
        return typed.whole(value)
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _is_storable(text: str) -> bool:
    """Whether a file can hold the text: a name that is no UTF-8 comes with half characters."""
    return "\0" not in text and text.encode(errors="replace").decode() == text


def _is_legal(value: Any, legal: str) -> bool:
    if choice := _CHOICE.search(legal):
        return value in [each.strip() for each in choice["choices"].split(",")]
    if interval := _INTERVAL.search(legal):
        low, high = float(interval["low"]), float(interval["high"])
        above = value > low if interval["open"] == "(" else value >= low
        below = value < high if interval["close"] == ")" else value <= high
        return above and below
    return True
