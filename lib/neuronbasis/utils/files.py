"""Files that are whole or absent: nothing half-written survives a kill."""

import errno
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import textwrap
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
    target = target.resolve() if target.is_symlink() else target  # the link itself stays
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        restore(target)
        partial, lock = _fresh_partial(target)
    except OSError as error:
        raise cannot_write(target, error) from None
    try:
        yield partial
        _replace(partial, target)
    except OSError as error:
        if error.errno in _WRITING:
            raise cannot_write(target, error) from None
        raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        os.close(lock)


def check_replaceable(target: Path, marker: str) -> None:
    """Refuse a target whose content is not an earlier result, since it would be replaced whole.

    Parameters
    ----------
    target
        Absent, empty, or a folder with the marker.
    marker
        Name of a file that every result of this kind holds.

    Raises
    ------
    UserError
        For a file, a folder of other things, or the root.
    """
    try:
        free = not target.exists() or (target.is_dir() and not any(target.iterdir()))
    except OSError as error:
        raise cannot_write(target, error) from None
    if not target.name or not (free or (target / marker).is_file()):
        raise UserError(f"{target}: exists and holds no earlier result; choose another folder")


def restore(target: Path) -> None:
    """Put back the old folder that a kill between two renames left aside."""
    previous = _previous(target)
    if previous.exists() and not target.exists():
        previous.rename(target)


def fitting(name: str) -> str:
    """A name that a file can bear: the same, or the beginning of a long one and a checksum of it.

    Examples
    --------
    >>> fitting("layer4.1.conv2")
    'layer4.1.conv2'
    >>> len(fitting("x" * 300)), fitting("x" * 300) == fitting("x" * 301)
    (200, False)
    """
    written = name.encode()
    if len(written) <= _LONGEST:
        return name
    mark = hashlib.sha256(written).hexdigest()[:16]
    return f"{written[: _LONGEST - 17].decode(errors='ignore')}-{mark}"


def brief(error: BaseException) -> str:
    """What an error says, in part of a line."""
    return textwrap.shorten(str(error) or type(error).__name__, 200)


_LONGEST = 200  # bytes of a name, of the 255 that file systems take: others are made from it
_WRITING = (
    *(errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EPERM, errno.EDQUOT, errno.EFBIG),
    errno.ENAMETOOLONG,
)


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


def _fresh_partial(target: Path) -> tuple[Path, int]:
    """Make a locked partial folder, clearing those that killed processes left.

    The lock, unlike a process number, is gone for certain when its holder is.
    """
    prefix = f".{target.name}.partial-"
    for left in target.parent.glob(f"{prefix}*"):
        lock = _lock(left)
        if lock is not None:
            shutil.rmtree(left, ignore_errors=True)
            os.close(lock)
    while True:
        partial = Path(tempfile.mkdtemp(prefix=prefix, dir=target.parent))
        lock = _lock(partial)
        if lock is not None:
            partial.chmod(0o777 & ~_umask())
            return partial, lock


def _lock(folder: Path) -> int | None:
    """Lock a folder for as long as this process lives; None if another holds it or it is gone."""
    try:
        lock = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if folder.exists():
            return lock
    except BlockingIOError:
        pass
    os.close(lock)
    return None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
