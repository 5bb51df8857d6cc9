"""What a run leaves: numbers, claims and curves, the same bytes on a re-run.

A record is a folder with `record.json` and one netCDF file for each set of curves, compressed
where it is large. Prose and figures take their numbers from there and from nowhere else. Times,
machine and commit go into `provenance.json` beside it, because they differ between two runs of
the same thing.
"""

import ast
import gzip
import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from neuronbasis.errors import UserError
from neuronbasis.records._parameters import TYPES
from neuronbasis.utils import project
from neuronbasis.utils.files import brief, check_replaceable, partial_folder, write_json
from neuronbasis.utils.folders import is_file

FOLDER_VARIABLE = "NEURONBASIS_RECORD"
FILE = "record.json"
VERDICTS = ("reproduced", "not reproduced", "mixed", "not testable here")
_SUFFIXES = (".nc", ".nc.gz")  # of curves as they are, and compressed
_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*\Z")


class Record:
    """The numbers, claims and curves of one run of a notebook.

    What is recorded again under a name takes the place of what was there, so that any cell of a
    notebook can be run again.

    Parameters
    ----------
    notebook
        Name of the notebook that makes the record.
    parameters
        The notebook's ``globals()``, of which its parameters are taken: the variables that it
        declares with a type (``epochs: int = 3``), as the cell tagged `parameters` does. Or a
        mapping of every parameter to the value it ran under.
    data
        Name and checksum of each data set that was used.
    weights
        Name and checksum of each network that was not trained here, see `networks.checksum`.

    Attributes
    ----------
    parameters, data, weights, values, claims : dict
        What `record.json` will hold.

    Raises
    ------
    UserError
        When the namespace declares no parameter, or lacks one that it declares, or a parameter
        is not plain.

    Examples
    --------
    >>> record = Record("example", {"epochs": 3})
    >>> record.value("loss.last", 0.25)
    0.25
    >>> record.claim("S2", effect=0.8, interval=(0.6, 1.0), n=10,
    ...              control="rotated basis: 0.01", verdict="reproduced")
    >>> record.values
    {'loss.last': 0.25}
    """

    def __init__(
        self,
        notebook: str,
        parameters: Mapping[str, Any],
        data: Mapping[str, str] | None = None,
        weights: Mapping[str, str] | None = None,
    ) -> None:
        if "__name__" in parameters:  # a namespace, not a mapping of parameters
            parameters = _declared(notebook, parameters)
        self.notebook = notebook
        self.parameters = {name: _plain(value, name) for name, value in parameters.items()}
        self.data = dict(data or {})
        self.weights = dict(weights or {})
        self.values: dict[str, Any] = {}
        self.claims: dict[str, dict[str, Any]] = {}
        self._curves: dict[str, tuple[xr.Dataset, str]] = {}

    def value(self, name: str, value: Any) -> Any:
        """Keep a number (or text, or list of numbers) under a dotted name and return it.

        Raises
        ------
        UserError
            When the name is ill-formed, or the value is not finite or not plain.
        """
        _check_name(name)
        self.values[name] = _plain(value, name)
        return self.values[name]

    def keep(self, within: str = "", /, **values: Any) -> None:
        """Keep several values, each under the first name, a dot and its own; see `value`.

        Examples
        --------
        >>> record = Record("example", {"epochs": 3})
        >>> record.keep("loss", first=0.5, last=0.25)
        >>> record.values
        {'loss.first': 0.5, 'loss.last': 0.25}
        """
        for name, value in values.items():
            self.value(f"{within}.{name}" if within else name, value)

    def claim(
        self,
        claim: str,
        *,
        effect: float,
        interval: Sequence[float],
        n: int,
        control: str,
        verdict: str,
    ) -> None:
        """Settle one row of the scorecard.

        Parameters
        ----------
        claim
            Its id, for example ``"S2"``.
        effect, interval
            The measured effect and its 95% interval (low, high).
        n
            How many seeds (or images, where there is one network) the interval is over.
        control
            What the effect was compared with, in words and numbers.
        verdict
            One of ``reproduced``, ``not reproduced``, ``mixed``, ``not testable here``.
        """
        if verdict not in VERDICTS:
            raise UserError(
                f"verdict {verdict!r} of claim {claim}: use one of {', '.join(VERDICTS)}"
            )
        low, high = interval
        if not low <= high:
            raise UserError(f"interval ({low}, {high}) of claim {claim}: give (low, high)")
        self.claims[claim] = {
            "effect": _plain(effect, claim),
            "interval": [_plain(low, claim), _plain(high, claim)],
            "n": int(n),
            "control": control,
            "verdict": verdict,
        }

    def curves(self, name: str, curves: xr.Dataset, *, compressed: bool = False) -> None:
        """Keep labelled curves; they are written as ``<name>.nc`` beside the record.

        Where they are many, compressed, as ``<name>.nc.gz``; a reader need not know which.
        """
        _check_name(name)
        self._curves[name] = _storable(curves), _SUFFIXES[compressed]

    def as_dict(self) -> dict[str, Any]:
        """The content of `record.json`."""
        content = {
            "notebook": self.notebook,
            "parameters": self.parameters,
            "data": self.data,
            "values": self.values,
            "claims": self.claims,
            "curves": sorted(self._curves),
        }
        # Left out where there are none, as in records that were frozen before there was this part.
        return content | ({"weights": self.weights} if self.weights else {})

    def write(self, folder: str | Path | None = None) -> Path:
        """Write the record and return its folder; an earlier one there is replaced whole.

        Without a folder it goes where the runner wants it (environment variable
        ``NEURONBASIS_RECORD``), or, in a notebook opened by hand, to ``<notebook>.record``
        in the working folder.
        """
        wanted = folder or os.environ.get(FOLDER_VARIABLE) or f"{self.notebook}.record"
        target = Path(wanted).absolute()
        check_replaceable(target, FILE)
        with partial_folder(target) as partial:
            write_json(partial / FILE, self.as_dict())
            for name, (curves, suffix) in self._curves.items():
                content = bytes(curves.to_netcdf(engine="scipy"))
                if suffix == _SUFFIXES[True]:
                    content = gzip.compress(content, mtime=0)  # a time would differ on a re-run
                (partial / f"{name}{suffix}").write_bytes(content)
        return target


@dataclass(frozen=True)
class Frozen:
    """A record that was kept, to draw and tell in a notebook what it says.

    Attributes
    ----------
    folder : Path
    parameters, data, weights, values, claims : dict
        As of `Record`.
    curve_names : tuple of str
    """

    folder: Path
    parameters: dict[str, Any]
    data: dict[str, str]
    weights: dict[str, str]
    values: dict[str, Any]
    claims: dict[str, dict[str, Any]]
    curve_names: tuple[str, ...]

    def curves(self, name: str) -> xr.Dataset:
        """One set of its curves, see `read_curves`."""
        return read_curves(self.folder, name)


def frozen(run: str) -> Frozen | None:
    """A run's frozen record; None where there is none.

    Raises
    ------
    UserError
        When it is damaged.

    Examples
    --------
    >>> frozen("method").parameters["n"]
    6
    >>> frozen("nothing") is None
    True
    """
    folder = project.source() / "results" / "paper" / run
    if not (folder / FILE).is_file():
        return None
    content = read(folder)
    names = "parameters", "data", "weights", "values", "claims"  # the older records lack weights
    parts = {name: content.get(name, {}) for name in names}
    return Frozen(folder, **parts, curve_names=tuple(content.get("curves", ())))


def read(folder: str | Path) -> dict[str, Any]:
    """Read `record.json` of a record's folder.

    Raises
    ------
    UserError
        When there is no record, or it is damaged.
    """
    path = Path(folder) / FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no record there; run its notebook first") from None
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path}: not a readable record ({error}); run its notebook again"
        ) from None
    if not isinstance(content, dict) or not {"notebook", "parameters", "values"} <= set(content):
        raise UserError(f"{path}: not a record (no notebook, parameters and values in it)")
    return content


def read_curves(folder: str | Path, name: str) -> xr.Dataset:
    """Read one set of curves of a record into memory.

    Raises
    ------
    UserError
        When there are none of that name, or their file is damaged or of another kind.
    """
    paths = [Path(folder) / f"{name}{suffix}" for suffix in _SUFFIXES]
    path = next(filter(is_file, paths), None)
    if path is None:
        raise UserError(f"{paths[0]}: no such curves; {FILE} beside it lists those there are")
    try:
        content = path.read_bytes()
        if path == paths[True]:
            content = gzip.decompress(content)
        with xr.open_dataset(BytesIO(content), engine="scipy") as curves:
            return curves.load()
    except Exception as error:  # scipy raises many kinds on a damaged file
        raise UserError(
            f"{path}: not readable curves ({brief(error)}); run its notebook again"
        ) from None


def _declared(notebook: str, namespace: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that a notebook declares, from the namespace its cells were run in.

    Its file is not read: it may have another name or place, or have been edited meanwhile.
    """
    declared = namespace.get("__annotations__")
    if not declared:  # Python 3.14 leaves none; IPython keeps the sources of the cells
        declared = {}
        for source in namespace.get("In", ()):
            with suppress(SyntaxError):  # a cell that did not run
                found = (each for each in ast.parse(source).body if isinstance(each, ast.AnnAssign))
                declared |= {ast.unparse(e.target): ast.unparse(e.annotation) for e in found}
    names = [name for name, kind in declared.items() if getattr(kind, "__name__", kind) in TYPES]
    if not names:
        raise UserError(
            f"notebook {notebook} declares no parameters: in the cell tagged parameters write "
            f"name: type = default, with a type of {', '.join(TYPES)}, and run it"
        )
    for name in names:
        if name not in namespace:
            raise UserError(
                f"notebook {notebook} declares {name} but it has no value: run its parameters cell"
            )
    return {name: namespace[name] for name in names}


def _storable(curves: xr.Dataset) -> xr.Dataset:
    """The same without truth values and unsigned numbers, of which netCDF 3 has none."""
    attributes = {k: int(v) if isinstance(v, bool) else v for k, v in curves.attrs.items()}
    marked = {  # xarray reads the mark
        name: (
            each.dims,
            each.values.view(f"i{each.dtype.itemsize}"),
            each.attrs | {"_Unsigned": "true"},
        )
        for name, each in curves.items()
        if each.dtype.kind == "u"
    }
    return curves.assign_attrs(attributes).assign(marked)


def _check_name(name: str) -> None:
    if not _NAME.match(name):
        raise UserError(f"name {name!r}: use small letters, digits, _ and dots, as in slope.after")


def _plain(value: Any, name: str) -> Any:
    """Plain Python data that JSON keeps exactly."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, xr.DataArray):
        value = value.values.tolist()
    if isinstance(value, list | tuple):
        return [_plain(each, name) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise UserError(f"{name} is {value}: a record holds finite numbers only")
    if isinstance(value, bool | int | float | str):
        return value
    raise UserError(f"{name} is a {type(value).__name__}: a record holds numbers, text and lists")
