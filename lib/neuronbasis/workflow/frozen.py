"""By how much two computations' records differ, and keeping one's records with the project."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from neuronbasis import records
from neuronbasis.errors import UserError
from neuronbasis.utils import project
from neuronbasis.utils.files import check_replaceable, partial_folder
from neuronbasis.utils.folders import as_path, is_file, is_folder

LARGEST = 15_000_000  # bytes of all frozen records together
_KEPT = (records.FILE, "provenance.json", "*.nc", "*.nc.gz")


@dataclass(frozen=True)
class Difference:
    """One thing that two records of a run do not say alike.

    Attributes
    ----------
    run, name : str
        The run; what differs: a parameter, a value, a claim's effect or interval, or a curve.
    change : str
        From what to what, in words.
    absolute, relative : float or None
        Largest difference of any number in it, and the same over the largest number of the old
        one (infinite where that is 0); None where the two cannot be subtracted.
    verdict : bool
        Whether it is a verdict, which must not change.
    """

    run: str
    name: str
    change: str
    absolute: float | None = None
    relative: float | None = None
    verdict: bool = False

    def __str__(self) -> str:
        said = f"{self.run}: {self.name}: {self.change}"
        if self.absolute is None:
            return said
        return f"{said} (by {self.absolute:.2g}, {self.relative:.2g} of it)"


@dataclass(frozen=True)
class Comparison:
    """What `compare` found.

    Attributes
    ----------
    same : tuple of str
        Runs whose records say exactly the same.
    differences : tuple of Difference
        Of the runs that both hold.
    missing, new : tuple of str
        Runs that only the old, only the new computation holds.
    """

    same: tuple[str, ...]
    differences: tuple[Difference, ...]
    missing: tuple[str, ...]
    new: tuple[str, ...]

    @property
    def verdicts(self) -> tuple[Difference, ...]:
        """The verdicts that changed."""
        return tuple(each for each in self.differences if each.verdict)


def compare(old: str | Path, new: str | Path) -> Comparison:
    """Compare the records of two computations, run by run.

    Parameters
    ----------
    old, new
        Each a folder with a record, or a folder of such folders, one a run.

    Raises
    ------
    UserError
        When one holds no record, or they share no run, or a record is damaged.

    Examples
    --------
    >>> import tempfile
    >>> from neuronbasis.records import Record
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name, slope in {"old": 0.5, "new": 0.625}.items():
    ...     made = Record("example", {})
    ...     _ = made.value("slope", slope)
    ...     _ = made.write(folder / name / "run")
    >>> print(*compare(folder / "old", folder / "new").differences)
    run: slope: 0.5 -> 0.625 (by 0.12, 0.25 of it)
    """
    before, after = runs(old), runs(new)
    shared = [name for name in before if name in after]
    if not shared and len(before) == len(after) == 1:  # two records of whatever name
        (name, folder), (_, other) = *before.items(), *after.items()
        before, after, shared = {name: folder}, {name: other}, [name]
    if not shared:
        raise UserError(f"{old} and {new} hold no run of one name: compare two profiles' results")
    differences = {name: tuple(_of_run(name, before[name], after[name])) for name in shared}
    return Comparison(
        same=tuple(name for name in shared if not differences[name]),
        differences=tuple(each for several in differences.values() for each in several),
        missing=tuple(name for name in before if name not in after),
        new=tuple(name for name in after if name not in before),
    )


def runs(folder: str | Path) -> dict[str, Path]:
    """Folders of the records in a folder, by run.

    Raises
    ------
    UserError
        When there is none.
    """
    folder = as_path(folder)
    if is_file(folder / records.FILE):
        return {folder.resolve().name: folder}
    files = sorted(folder.glob(f"[!.]*/{records.FILE}")) if is_folder(folder) else []
    found = {path.parent.name: path.parent for path in files}
    if not found:
        raise UserError(f"{folder}: no records there; give a folder such as results/paper")
    return found


def _of_run(run: str, old: Path, new: Path) -> Iterator[Difference]:
    before, after = records.read(old), records.read(new)
    for part in ("parameters", "data", "values"):
        yield from _of_mapping(run, part, before.get(part, {}), after.get(part, {}))
    if "weights" in before:  # records frozen earlier do not name them
        yield from _of_mapping(run, "weights", before["weights"], after.get("weights", {}))
    yield from _of_claims(run, before.get("claims", {}), after.get("claims", {}))
    curves = [set(content.get("curves", [])) for content in (before, after)]
    for name in sorted(curves[0] | curves[1]):
        if name in curves[0] & curves[1]:
            yield from _of_curves(
                run, name, records.read_curves(old, name), records.read_curves(new, name)
            )
        else:
            yield Difference(run, f"curves {name}", _only(name in curves[0]))


def _of_mapping(
    run: str, part: str, old: dict[str, Any], new: dict[str, Any]
) -> Iterator[Difference]:
    for name in sorted(old.keys() | new.keys()):
        title = name if part == "values" else f"{part} {name}"
        if name not in old or name not in new:
            yield Difference(run, title, _only(name in old))
        elif old[name] != new[name]:
            yield _difference(run, title, old[name], new[name])


def _of_claims(run: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Difference]:
    for claim in sorted(old.keys() | new.keys()):
        if claim not in old or claim not in new:
            # A claim that is no longer settled has lost its verdict; a new one contradicts none.
            yield Difference(run, f"claim {claim}", _only(claim in old), verdict=claim in old)
            continue
        for field in sorted(old[claim].keys() | new[claim].keys()):
            values = old[claim].get(field), new[claim].get(field)
            if values[0] != values[1]:
                title = f"{field} of {claim}"
                yield _difference(run, title, *values, verdict=field == "verdict")


def _of_curves(run: str, name: str, old: xr.Dataset, new: xr.Dataset) -> Iterator[Difference]:
    for variable in sorted({*old.variables, *new.variables}, key=str):
        title = f"curves {name}.{variable}"
        if variable not in old.variables or variable not in new.variables:
            yield Difference(run, title, _only(variable in old.variables))
        elif not old[variable].variable.equals(new[variable].variable):
            yield _difference(run, title, old[variable].values, new[variable].values)


def _difference(run: str, name: str, old: Any, new: Any, verdict: bool = False) -> Difference:
    try:
        a, b = np.asarray(old), np.asarray(new)
    except ValueError:  # lists of unequal lengths
        return Difference(run, name, "has another shape", verdict=verdict)
    if not all(np.issubdtype(each.dtype, np.number) for each in (a, b)):
        change = f"{old} -> {new}" if a.ndim == b.ndim == 0 else "differs"
        return Difference(run, name, change, verdict=verdict)
    if a.shape != b.shape:
        return Difference(run, name, f"has shape {b.shape} instead of {a.shape}", verdict=verdict)
    with np.errstate(invalid="ignore"):  # of two infinities of one sign
        gaps = np.where(
            (a == b) | ((a != a) & (b != b)), 0, np.abs(a.astype(float) - b.astype(float))
        )
    gaps[np.isnan(gaps)] = np.inf  # not a number on one side only
    gap, size = float(np.nanmax(gaps, initial=0)), float(np.nanmax(np.abs(a), initial=0))
    change = f"{old:.6g} -> {new:.6g}" if a.ndim == 0 else f"{np.sum(gaps > 0)} of {a.size} differ"
    relative = gap / size if size and np.isfinite(gap) else np.inf
    return Difference(run, name, change, gap, relative, verdict)


def _only(in_old: bool) -> str:
    return "only in the old one" if in_old else "only in the new one"


def freeze(
    results: str | Path, frozen: str | Path, names: Sequence[str] = (), largest: int = LARGEST
) -> list[str]:
    """Copy the records of results, with curves and provenance, over the frozen ones of their runs.

    Each run is replaced whole or not at all. A run whose record and curves are those that are
    frozen already stays as it is, its provenance too.

    Parameters
    ----------
    results
        Folder with the result of each run, as `build/paper`.
    frozen
        Folder of the frozen records, as `results/paper`.
    names
        Runs to freeze; all where none is named.
    largest
        Bytes that all frozen records together may take.

    Returns
    -------
    list of str
        Runs that were copied.

    Raises
    ------
    UserError
        When a run has no whole result, a record is damaged, or all would take more space than is
        allowed; then nothing is copied.

    Examples
    --------
    >>> import tempfile
    >>> from neuronbasis.records import Record
    >>> folder = Path(tempfile.mkdtemp())
    >>> made = Record("example", {}).write(folder / "build" / "run")
    >>> _ = (made / "provenance.json").write_text("{}")
    >>> freeze(folder / "build", folder / "results"), freeze(folder / "build", folder / "results")
    (['run'], [])
    """
    results, frozen = Path(results), Path(frozen)
    found = runs(results)
    wanted = [project.one_of(name, found, "result") for name in names] or list(found)
    copied = [name for name in wanted if not _unchanged(found[name], frozen / name)]
    for name in copied:
        _check(found[name], frozen / name)
    staying = [path.parent for path in frozen.glob(f"[!.]*/{records.FILE}")]
    folders = [found[name] for name in copied]
    folders += [folder for folder in staying if folder.name not in copied]
    size = sum(file.stat().st_size for folder in folders for file in _files(folder))
    if size > largest:
        raise UserError(
            f"{frozen}: all records would take {size / 1e6:.1f} MB; at most {largest / 1e6:g} MB "
            "are kept: record fewer curves, or curves of fewer points"
        )
    for name in copied:
        with partial_folder(frozen / name) as partial:
            for file in _files(found[name]):
                shutil.copyfile(file, partial / file.name)
    return copied


def _files(folder: Path) -> list[Path]:
    return sorted(file for pattern in _KEPT for file in folder.glob(pattern))


def _check(result: Path, target: Path) -> None:
    content = records.read(result)
    for name in content.get("curves", []):
        records.read_curves(result, name)
    if not (result / "provenance.json").is_file():
        raise UserError(f"{result}: has no provenance.json; make it by neuronbasis run")
    check_replaceable(target, records.FILE)


def _unchanged(result: Path, frozen: Path) -> bool:
    """Whether record and curves are the same bytes; times and machine may differ."""
    names = [[file.name for file in _files(each)] for each in (result, frozen)]
    if names[0] != names[1]:
        return False
    said = [name for name in names[0] if name != "provenance.json"]
    return all((result / name).read_bytes() == (frozen / name).read_bytes() for name in said)
