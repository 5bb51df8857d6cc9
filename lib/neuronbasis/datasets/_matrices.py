"""Matrices from files: activations or basis vectors that somebody brings along."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from neuronbasis.errors import UserError

SUFFIXES = (".npy", ".npz", ".safetensors")


def read_matrix(path: str | Path, key: str | None = None) -> Any:
    """Read one matrix from an .npy, .npz or .safetensors file, without pickle.

    Parameters
    ----------
    path
        The file. An .npy file is mapped, not loaded, so it may be larger than memory.
    key
        Name of the array in a file of several; not needed where only one is a matrix.

    Returns
    -------
    ndarray or torch.Tensor, shape (rows, columns)
        As it is stored; a tensor from a .safetensors file, since numpy lacks some of its types.

    Raises
    ------
    UserError
        If there is no such file, it is damaged or of another kind, or which array is meant is
        not clear.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "layer.npy"
    >>> np.save(path, np.zeros((5, 3)))
    >>> read_matrix(path).shape
    (5, 3)
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise UserError(f"{path}: files of {', '.join(SUFFIXES)} can be read; convert it to one")
    if not path.is_file():
        raise UserError(f"{path}: no such file; pass the path of a file of {', '.join(SUFFIXES)}")
    try:
        return _READERS[path.suffix](path, key)
    except UserError:
        raise
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, SafetensorError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"{path}: not a readable {path.suffix} file ({reason}); write it anew"
        ) from None


def _npy(path: Path, key: str | None) -> Any:
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    return _only({"": array}, None, path)


def _npz(path: Path, key: str | None) -> Any:
    with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        return _only({name: archive[name] for name in archive.files}, key, path)


def _safetensors(path: Path, key: str | None) -> Any:
    with safe_open(path, framework="pt") as file:
        return _only({name: file.get_tensor(name) for name in file.keys()}, key, path)  # noqa: SIM118


_READERS = {".npy": _npy, ".npz": _npz, ".safetensors": _safetensors}


def _only(arrays: dict[str, Any], key: str | None, path: Path) -> Any:
    """The array of that name, or the only matrix."""
    shapes = ", ".join(f"{name or 'one'} {tuple(a.shape)}" for name, a in arrays.items()) or "none"
    if key:
        if key not in arrays:
            raise UserError(f"{path}: no array {key!r}; it holds {shapes}: pass one of its names")
        arrays = {key: arrays[key]}
    matrices = [array for array in arrays.values() if array.ndim == 2]
    if len(matrices) != 1:
        raise UserError(
            f"{path}: {len(matrices)} matrices (rows, columns) to choose from; it holds {shapes}: "
            "name one by its key, or store the activations as one row a sample"
        )
    return matrices[0]
