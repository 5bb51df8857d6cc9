"""Keep the records of a profile's results with the project: no notebooks, pictures or weights."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from neuronbasis import records
from neuronbasis.errors import UserError
from neuronbasis.utils import project
from neuronbasis.utils.files import check_replaceable, partial_folder
from neuronbasis.workflow import compare

LARGEST = 15_000_000  # bytes of all frozen records together
_KEPT = (records.FILE, "provenance.json", "*.nc")


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
    found = compare.runs(results)
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
