"""Tensors kept on disk by key, whole or not at all, for jobs that run side by side."""

import hashlib
import json
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import safetensors.torch
from filelock import FileLock
from safetensors import SafetensorError
from torch import Tensor

from neuronbasis.errors import UserError
from neuronbasis.utils import project
from neuronbasis.utils.files import cannot_write, partial_folder
from neuronbasis.utils.folders import as_path, cache_folder

FOLDER_VARIABLE, KEPT_VARIABLE = "NEURONBASIS_STORE", "NEURONBASIS_KEPT"
_WEIGHTS, _ABOUT = "weights.safetensors", "specification.json"

Entry = tuple[dict[str, Tensor], dict[str, Any]]


class Store:
    """A folder of entries, one folder each: ``weights.safetensors``, ``specification.json``.

    A checksum over both files says that an entry is whole; one that is not is never used.

    Parameters
    ----------
    folder : str or Path, optional
        Default: what the environment variable NEURONBASIS_STORE names, else ``networks`` in the
        user's cache folder of this package. It is made when first needed.

    Examples
    --------
    >>> import tempfile, torch
    >>> store = Store(tempfile.mkdtemp())
    >>> with store.lock("k1"):
    ...     if store.get("k1") is None:
    ...         store.put("k1", {"w": torch.ones(2)}, {"epochs": 3})
    >>> store.get("k1")
    ({'w': tensor([1., 1.])}, {'epochs': 3})
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        given = folder or os.environ.get(FOLDER_VARIABLE)
        self.folder = as_path(given) if given else cache_folder() / "networks"

    def get(self, key: str) -> Entry | None:
        """Read an entry: its tensors (on the CPU) and its metadata; None if there is none.

        Warns
        -----
        UserWarning
            If there is one but it is damaged; it counts as none, and `put` replaces it.
        """
        return _read(self._entry(key))

    def entries(self) -> list[str]:
        """Names of the folder's own entries, in alphabetical order."""
        return sorted(path.parent.name for path in self.folder.glob(f"[!.]*/{_ABOUT}"))

    def put(self, key: str, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
        """Write an entry, in place of any that is there; call it under `lock`.

        Parameters
        ----------
        tensors : mapping of str to Tensor
            Any shape, dtype and device; they may share memory.
        metadata : mapping
            What JSON can hold, without NaN.

        Raises
        ------
        UserError
            If the folder is read-only or full.
        """
        # Copies, since two names may hold one tensor, which the format refuses.
        held = {name: t.detach().cpu().contiguous().clone() for name, t in tensors.items()}
        weights = safetensors.torch.save(held)
        about = {"metadata": metadata, "checksum": _checksum(weights, metadata)}
        text = json.dumps(about, indent=2, sort_keys=True, allow_nan=False) + "\n"
        with partial_folder(self._entry(key)) as partial:
            _write(partial / _WEIGHTS, weights)
            _write(partial / _ABOUT, text.encode())

    @contextmanager
    def lock(self, key: str) -> Iterator[None]:
        """Wait until no other process holds this key, then hold it.

        The system frees it when a process dies, however it dies.

        Raises
        ------
        UserError
            If the store's folder cannot be written.
        """
        lock = FileLock(self._entry(key).with_name(f".{key}.lock"))
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except OSError as error:
            raise cannot_write(self.folder, error) from None
        try:
            yield
        finally:
            lock.release()

    def _entry(self, key: str) -> Path:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", key):
            raise UserError(f"key {key!r}: use letters, digits, - and _ only, as in digits-3f2a")
        return self.folder / key


def kept_store() -> Store | None:
    """The networks kept with the project, which are only read; None where there are none.

    They lie in ``results/networks`` of the checkout that the library lies in, else of that of the
    working folder; a wheel carries none. The environment variable NEURONBASIS_KEPT names another
    folder; where it is empty, no kept network is used.

    Examples
    --------
    >>> len(kept_store().entries()) > 0
    True
    """
    named = os.environ.get(KEPT_VARIABLE)
    if named is not None:
        return Store(named) if named else None
    homes = project.checkout(project.PACKAGE), project.checkout(Path.cwd())
    folders = (home / "results" / "networks" for home in homes if home)
    return next((Store(folder) for folder in folders if folder.is_dir()), None)


def _read(entry: Path) -> Entry | None:
    """An entry, if it is there and whole."""
    try:
        weights = (entry / _WEIGHTS).read_bytes()
        about = json.loads((entry / _ABOUT).read_bytes())
        if about["checksum"] != _checksum(weights, about["metadata"]):
            raise ValueError("its checksum does not match")
        return safetensors.torch.load(weights), about["metadata"]
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        if entry.exists():
            warnings.warn(f"{entry}: a damaged entry is not used ({error})", stacklevel=3)
        return None


def _checksum(weights: bytes, metadata: Any) -> str:
    text = json.dumps(metadata, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode() + weights).hexdigest()


def _write(path: Path, content: bytes) -> None:
    """Write so that a power cut after the folder's renaming cannot leave the file empty."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
