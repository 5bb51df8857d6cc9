"""A file of lines that only grows, and holds every line that it confirmed."""

import asyncio
import errno
import fcntl
import os
from collections.abc import Iterable
from pathlib import Path

from neuronbasis.errors import UserError
from neuronbasis.utils.files import cannot_write


class Journal:
    """Lines appended to a file, each on the disk before its writer goes on.

    A kill can leave at most a last line without its end, which nobody was told is there: the next
    one who opens the file cuts it off. Writers who come while the disk is busy are written
    together, so that many of them wait for few flushes.

    Parameters
    ----------
    path
        The file; made, with `header` as its first line, if there is none.
    header
        A line without its end, or "".

    Raises
    ------
    UserError
        If it cannot be written, or another process has it open as a journal.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "lines.txt"
    >>> with Journal(path) as journal:
    ...     asyncio.run(journal.append(["one", "two"]))
    ...     journal.lines()
    ['one', 'two']
    """

    def __init__(self, path: Path, header: str = "") -> None:
        self.path = path
        self._header = f"{header}\n".encode() if header else b""
        self._batch = _Batch()
        self._turn = asyncio.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
            self._file = os.open(path, flags, 0o644)
        except OSError as error:
            raise cannot_write(path, error) from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._mend()
        except BlockingIOError:
            self.close()
            raise UserError(f"{path}: another server writes there; stop it first") from None
        except OSError as error:
            self.close()
            raise cannot_write(path, error) from None

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the file back."""
        os.close(self._file)

    def lines(self) -> list[str]:
        """All lines but the header; what is not UTF-8 in them is replaced."""
        content = self.path.read_bytes().removeprefix(self._header)
        return content.decode(errors="replace").splitlines()

    async def append(self, lines: Iterable[str]) -> None:
        """Write the lines and return when they are on the disk.

        Raises
        ------
        OSError
            If they could not be written; then none of them is in the file.
        """
        batch = self._batch
        batch.lines += lines
        async with self._turn:
            if batch is self._batch:  # nobody has written it meanwhile
                self._batch = _Batch()
                try:
                    await asyncio.to_thread(self._write, batch.lines)
                    batch.error = None
                except OSError as error:
                    batch.error = error
        if batch.error:
            raise batch.error

    def _write(self, lines: list[str]) -> None:
        content = memoryview("".join(f"{line}\n" for line in lines).encode())
        before = os.fstat(self._file).st_size
        try:
            while content:
                content = content[os.write(self._file, content) :]
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, before)
            raise

    def _mend(self) -> None:
        """Cut off a last line without its end; write the header into an empty file."""
        content = self.path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.ftruncate(self._file, whole)
        if not whole and self._header:
            os.write(self._file, self._header)
        os.fsync(self._file)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # or the new file's name could be lost with the power
        finally:
            os.close(folder)


class _Batch:
    """Lines that reach the disk together, or not at all."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        # Until the disk has said otherwise: a writer that is cancelled must confirm nothing.
        self.error: OSError | None = OSError(errno.EINTR, "stopped while writing")
