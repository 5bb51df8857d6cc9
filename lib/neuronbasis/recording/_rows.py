"""A matrix of known shape that is filled row by row, in memory or in a file."""

from pathlib import Path
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from neuronbasis.utils import files


class Rows:
    """A float32 matrix of known shape that is filled from the top: in memory, or in a file.

    In a file its size in memory stays that of the rows last given: they are written, and mapped
    when all are there.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns in the end.
    name : str
        The file is called ``<name>.npy``, with what file names may not hold in percent signs; a
        long name is cut, with a checksum of the whole.
    folder : Path, optional
        Where that file is written. Default: memory.

    Examples
    --------
    >>> rows = Rows((3, 2), "layer")
    >>> rows.append(np.ones((2, 2), dtype=np.float32))
    >>> rows.append(np.zeros((1, 2), dtype=np.float32))
    >>> rows.matrix().tolist()
    [[1.0, 1.0], [1.0, 1.0], [0.0, 0.0]]
    """

    def __init__(self, shape: tuple[int, int], name: str, folder: Path | None = None) -> None:
        self.file = f"{files.fitting(quote(name, safe='#'))}.npy"
        self._path = None if folder is None else folder / self.file
        self._filled = 0
        if self._path is None:
            self._array = np.empty(shape, dtype=np.float32)
            return
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        with self._path.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, header)

    def append(self, rows: NDArray[np.float32]) -> None:
        """Add rows, shape (K, columns)."""
        if self._path is None:
            self._array[self._filled : self._filled + len(rows)] = rows
            self._filled += len(rows)
        else:
            with self._path.open("ab") as file:
                file.write(np.ascontiguousarray(rows, dtype="<f4").data)

    def matrix(self, folder: Path | None = None) -> NDArray[np.float32]:
        """The matrix; from the folder, mapped and read-only, if it was written."""
        if self._path is None:
            return self._array
        found = np.load((folder or self._path.parent) / self.file, mmap_mode="r")
        return np.asarray(found)
