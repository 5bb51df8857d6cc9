"""Matrices from files: activations or basis vectors that somebody brings along."""

import tokenize
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from neuronbasis.errors import UserError
from neuronbasis.utils.files import brief
from neuronbasis.utils.folders import as_path, is_file

SUFFIXES = (".npy", ".npz", ".safetensors")


def read_matrix(path: str | Path, key: str | None = None) -> Any:
    """Read one matrix from an .npy, .npz or .safetensors file, without pickle.

    Parameters
    ----------
    path
        The file; what it holds counts, where its ending says otherwise. An .npy file is mapped, not
        loaded, so it may be larger than memory.
    key
        Name of the array in a file of several; not needed where only one is a matrix of real
        numbers. Nothing else in the file is read.

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
    path = as_path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"{path}: files of {', '.join(SUFFIXES)} can be read; convert it to one")
    if not is_file(path):
        raise UserError(f"{path}: no such file; pass the path of a file of {', '.join(SUFFIXES)}")
    try:
        return _READERS[_kind(path)](path, key)
    except UserError:
        raise
    except _FAULTS as error:
        raise UserError(
            f"{path}: not a readable {path.suffix} file ({brief(error)}); write it anew"
        ) from None


#: What numpy, zipfile and safetensors raise on a file that is damaged or of another kind.
_FAULTS = (
    *(OSError, ValueError, EOFError, MemoryError, RuntimeError, NotImplementedError),
    *(SyntaxError, tokenize.TokenError, zipfile.BadZipFile, zlib.error, SafetensorError),
)
_BEGINNINGS = {b"\x93NUMPY": ".npy", b"PK\x03\x04": ".npz", b"PK\x05\x06": ".npz"}


@dataclass(frozen=True)
class _Member:
    """An array of a file, of which only the type and shape are known before it is read."""

    shape: tuple[int, ...]
    type: str
    real: bool
    read: Callable[[], Any]


def _kind(path: Path) -> str:
    """The ending that the content of a file should have; its own where that is not plain."""
    with path.open("rb") as file:
        start = file.read(6)
    found = next((k for beginning, k in _BEGINNINGS.items() if start.startswith(beginning)), "")
    if not found and path.suffix.lower() in (".npy", ".npz"):
        raise UserError(
            f"{path}: not a readable {path.suffix} file (its content is of another kind: empty, or "
            "such as text); write it anew, by np.save"
        )
    return found or path.suffix.lower()


def _npy(path: Path, key: str | None) -> Any:
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    return _only({"": _member(array.shape, array.dtype, lambda: array)}, None, path)


def _npz(path: Path, key: str | None) -> Any:
    with zipfile.ZipFile(path) as archive:
        if any(name.endswith("/data.pkl") for name in archive.namelist()):
            raise UserError(
                f"{path}: a file of torch.save, which may run code when it is read; load it "
                "yourself, and write the tensor with np.save(..., tensor.numpy())"
            )
        found = {name: _of_archive(archive, name) for name in archive.namelist()}
        arrays = {name.removesuffix(".npy"): each for name, each in found.items() if each}
        return _only(arrays, key, path)


def _of_archive(archive: zipfile.ZipFile, name: str) -> _Member | None:
    """An array by its header; None for a file that is none."""
    with archive.open(name) as file:
        try:
            version = np.lib.format.read_magic(file)
            header = {
                1: np.lib.format.read_array_header_1_0,
                2: np.lib.format.read_array_header_2_0,
            }
            shape, _, kind = header[min(version[0], 2)](file)
        except ValueError:
            return None

    def read() -> Any:
        with archive.open(name) as file:
            return np.lib.format.read_array(file, allow_pickle=False)

    return _member(shape, kind, read)


def _member(shape: tuple[int, ...], kind: np.dtype[Any], read: Callable[[], Any]) -> _Member:
    return _Member(shape, str(kind), kind.kind in "iuf", read)


def _safetensors(path: Path, key: str | None) -> Any:
    with safe_open(path, framework="pt") as file:
        parts = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
        members = {
            name: _Member(
                tuple(part.get_shape()),
                part.get_dtype(),
                part.get_dtype()[0] in "IUFB" and part.get_dtype() != "BOOL",
                partial(file.get_tensor, name),
            )
            for name, part in parts.items()
        }
        return _only(members, key, path)


_READERS = {".npy": _npy, ".npz": _npz, ".safetensors": _safetensors}


def _only(members: dict[str, _Member], key: str | None, path: Path) -> Any:
    """The array of that name, or the only matrix."""
    said = ", ".join(
        f"{name or 'one'} {each.shape}{'' if each.real else f' of {each.type}'}"
        for name, each in members.items()
    )
    if key and key not in members:
        raise UserError(
            f"{path}: no array {key!r}; it holds {said or 'none'}: pass one of its names"
        )
    chosen = [members[key]] if key else list(members.values())
    matrices = [each for each in chosen if len(each.shape) == 2 and each.real]
    maps = [each for each in chosen if len(each.shape) > 2 and each.real]
    if len(matrices) != 1 or maps:
        raise UserError(
            f"{path}: {len(matrices)} matrices (rows, columns) of real numbers to choose from; it "
            f"holds {said or 'none'}: name one by its key, or store the activations as one row a "
            "sample"
        )
    return matrices[0].read()
