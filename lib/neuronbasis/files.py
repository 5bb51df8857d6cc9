"""Files that are whole or absent: nothing half-written survives a kill."""

import json
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from neuronbasis.errors import UserError


def write_json(path: Path, content: Any) -> None:
    """Write JSON in the one form that gives equal content equal bytes."""
    text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


@contextmanager
def partial_folder(target: str | Path) -> Iterator[Path]:
    """A folder that takes the target's place only when the block ends without an error.

    A reader sees the old content or the new, never a mixture. Where there was an old folder,
    two renames are needed; a kill between them leaves the old one as ``.<name>.previous``,
    and `restore`, which every next writer calls, puts it back.

    Raises
    ------
    UserError
        When the folder cannot be written: read-only, full, or not a folder.

    Examples
    --------
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "record"
    >>> with partial_folder(target) as partial:
    ...     _ = (partial / "answer.txt").write_text("42")
    ...     target.exists()
    False
    >>> [file.name for file in target.iterdir()]
    ['answer.txt']
    """
    target = Path(target).absolute()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        restore(target)
        partial = _fresh_partial(target)
    except OSError as error:
        raise cannot_write(target, error) from None
    try:
        yield partial
        _replace(partial, target)
    except OSError as error:
        raise cannot_write(target, error) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def restore(target: Path) -> None:
    """Put back the old folder that a kill between two renames left aside."""
    previous = _previous(target)
    if previous.exists() and not target.exists():
        previous.rename(target)


def cannot_write(path: Path, error: OSError) -> UserError:
    """The one-line error for a full, read-only or missing output folder."""
    reason = error.strerror or str(error)
    return UserError(f"{path}: cannot write there ({reason}); free space or choose another folder")


def _previous(target: Path) -> Path:
    return target.with_name(f".{target.name}.previous")


def _replace(partial: Path, target: Path) -> None:
    previous = _previous(target)
    if target.exists():
        shutil.rmtree(previous, ignore_errors=True)
        target.rename(previous)
    partial.rename(target)
    shutil.rmtree(previous, ignore_errors=True)


def _fresh_partial(target: Path) -> Path:
    """Make this process's partial folder, clearing those that killed processes left."""
    prefix = f".{target.name}.partial-{socket.gethostname()}-"
    for left in target.parent.glob(f"{prefix}*"):
        process = left.name.removeprefix(prefix)
        if process.isdigit() and (int(process) == os.getpid() or not _alive(int(process))):
            shutil.rmtree(left, ignore_errors=True)
    partial = target.with_name(f"{prefix}{os.getpid()}")
    partial.mkdir()
    return partial


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
