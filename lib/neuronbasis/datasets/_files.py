"""Labelled images as they lie in one file: an .npz, or a download.

Whatever is wrong with a file is one error that names it, what was found and what is wanted.
"""

import http.client
import shutil
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from neuronbasis.errors import UserError
from neuronbasis.utils.downloads import check_connection, patient_and_quiet
from neuronbasis.utils.files import brief

Labelled = tuple[NDArray[np.uint8], NDArray[np.int64]]

Range = tuple[int, int]

KEYS = ("x_train", "y_train", "x_test", "y_test")
_PERHAPS = ("classes", "pixel_range")
_DIM = 32  # an eighth of the levels: 0 and 1, and those of two, three, four or five bits
_FORM = (
    f"it must be an .npz of {', '.join(KEYS)}: uint8 images (N, H, W) or (N, H, W, 1 or 3), "
    "integer labels (N,), and perhaps classes, their names, and pixel_range, the darkest and the "
    "brightest level"
)


def read_npz(path: Path) -> tuple[dict[str, NDArray[Any]], tuple[str, ...] | None, Range | None]:
    """Read an .npz of labelled images without unpickling anything.

    Returns
    -------
    arrays : dict
        By the names in `KEYS`: uint8 images (N, H, W) or (N, H, W, C), integer labels (N,).
    classes : tuple of str or None
        The names of the classes if the file has them.
    pixel_range : (int, int) or None
        The darkest and the brightest level that pixels can have, if the file says so.

    Raises
    ------
    UserError
        If the file is missing, damaged, or of other keys, types or shapes; or if its images are so
        dark that they must be of other levels, and it does not say of which.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "mine.npz"
    >>> x, y = np.ones((5, 2, 2), np.uint8), np.arange(5)
    >>> np.savez(file, x_train=x, y_train=y, x_test=x, y_test=y, pixel_range=[0, 1])
    >>> arrays, classes, pixel_range = read_npz(file)
    >>> arrays["x_test"].shape, classes, pixel_range
    ((5, 2, 2), None, (0, 1))
    """
    try:
        arrays = _members(path)
    except (OSError, EOFError, ValueError, MemoryError, RuntimeError) as error:
        raise UserError(f"{path}: {brief(error)}; {_FORM}") from None
    except (zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"{path}: damaged ({brief(error)}); {_FORM}") from None
    fault = _fault(arrays)
    if fault:
        raise UserError(f"{path}: {fault}; {_FORM}")
    classes, levels = arrays.pop("classes", None), arrays.pop("pixel_range", None)
    if levels is None and (level := dim(arrays["x_train"], arrays["x_test"])):
        raise UserError(
            f"{path}: no pixel of a split is brighter than {level} of 255, so all would be black: "
            f"add pixel_range=[0, {level}] to the file, or what else its darkest and brightest are"
        )
    names = None if classes is None else tuple(classes.tolist())
    return arrays, names, None if levels is None else tuple(levels.tolist())


def dim(*splits: NDArray[np.uint8]) -> int | None:
    """The brightest level of a split that cannot be of 0 to 255, such as 1; None if all can be.

    Examples
    --------
    >>> dim(np.ones((5, 2, 2), np.uint8))
    1
    """
    brightest = (int(images.max()) for images in splits)
    return next((level for level in brightest if 0 < level < _DIM), None)


def _members(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        if not zipfile.is_zipfile(file):
            raise zipfile.BadZipFile("no archive, or its end is missing")
        file.seek(0)
        with np.load(file, allow_pickle=False) as archive:
            found = archive.files
            if not set(KEYS) <= set(found):
                raise ValueError(f"it holds {', '.join(found) or 'nothing'}")
            return {key: archive[key] for key in (*KEYS, *_PERHAPS) if key in found}


def _fault(arrays: dict[str, Any]) -> str | None:
    """What about the arrays of a file is not as it must be, or None."""
    for key, array in arrays.items():
        if not isinstance(array, np.ndarray):
            return f"{key} is no array"
    for split in ("train", "test"):
        x, y = arrays[f"x_{split}"], arrays[f"y_{split}"]
        if x.dtype != np.uint8:
            return f"x_{split} is of type {x.dtype}, pixels must be whole levels 0 to 255 in uint8"
        if x.ndim not in (3, 4) or (x.ndim == 4 and x.shape[3] not in (1, 3)) or 0 in x.shape:
            return f"x_{split} has shape {x.shape}"
        if y.dtype.kind not in "iu":
            return f"y_{split} is of type {y.dtype}"
        if y.shape != x.shape[:1]:
            return f"y_{split} has shape {y.shape} for {len(x)} images"
    shapes = arrays["x_train"].shape[1:], arrays["x_test"].shape[1:]
    if shapes[0] != shapes[1]:
        return f"the images of x_train are {shapes[0]}, those of x_test {shapes[1]}"
    classes = arrays.get("classes")
    if classes is not None and (classes.dtype.kind != "U" or classes.ndim != 1):
        return f"classes is of type {classes.dtype} and shape {classes.shape}"
    return _fault_of_range(arrays) if "pixel_range" in arrays else None


def _fault_of_range(arrays: dict[str, Any]) -> str | None:
    levels = arrays["pixel_range"]
    if levels.dtype.kind not in "iu" or levels.shape != (2,):
        return f"pixel_range is of type {levels.dtype} and shape {levels.shape}, not two integers"
    low, high = levels.tolist()
    if not 0 <= low < high <= 255:
        return f"pixel_range is {low} to {high}, not two levels of 0 to 255"
    for key in ("x_train", "x_test"):
        for end in (arrays[key].min(), arrays[key].max()):
            if not low <= end <= high:
                return f"{key} holds {end}, outside its pixel_range of {low} to {high}"
    return None


def download(name: str, target: Path, wanted: Path) -> None:
    """Download a dataset with torchvision and keep it as one .npz, whole or not at all.

    torchvision checks what it downloads, but takes any unpacked file of the right name for a
    good one. So it works in a scratch folder that is emptied first, and only the .npz counts.

    Parameters
    ----------
    name : str
        "mnist" or "cifar10".
    target : Path
        The .npz to write; jobs that want it at the same time wait for one another.
    wanted : Path
        Where the user may put the file instead: for the error message.

    Raises
    ------
    UserError
        If there is no network, the download is damaged, or the folder cannot be written.
    """
    scratch = target.with_name(f".{name}-download")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_suffix(".lock")):
            shutil.rmtree(scratch, ignore_errors=True)  # what a killed job left
            try:
                if not target.exists():
                    arrays = _fetched(name, scratch)
                    np.savez(scratch / target.name, **arrays)
                    (scratch / target.name).replace(target)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
    except (OSError, RuntimeError, EOFError, http.client.HTTPException) as error:
        raise UserError(
            f"{name}: there is no {wanted}, and its download failed ({brief(error)}); connect to "
            f"the network or put the file there ({_FORM})"
        ) from None


def _fetched(name: str, scratch: Path) -> dict[str, Any]:
    from torchvision.datasets import CIFAR10, MNIST  # seconds, for what few want

    arrays = {}
    source = MNIST if name == "mnist" else CIFAR10
    check_connection(*(MNIST.mirrors if name == "mnist" else [CIFAR10.url]))
    with patient_and_quiet():
        for split in ("train", "test"):
            part = source(scratch, train=split == "train", download=True)
            arrays[f"x_{split}"] = np.asarray(part.data, dtype=np.uint8)
            arrays[f"y_{split}"] = np.asarray(part.targets, dtype=np.int64)
    return arrays
