"""Labelled images by name or by path, each with a checksum of what it holds."""

import difflib
import hashlib
import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from neuronbasis.datasets import _files
from neuronbasis.errors import UserError

FOLDER_VARIABLE = "NEURONBASIS_DATA"
KEYS = _files.KEYS
_SPLIT_SEED = 0


class _Known(NamedTuple):
    image_shape: tuple[int, ...]
    classes: tuple[str, ...]


_DIGITS = tuple("0123456789")
_CIFAR10 = "airplane automobile bird cat deer dog frog horse ship truck"
_KNOWN = {
    "digits": _Known((8, 8), _DIGITS),
    "mnist": _Known((28, 28), _DIGITS),
    "cifar10": _Known((32, 32, 3), tuple(_CIFAR10.split())),
}


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Labelled images in a train and a test split. The arrays are read-only.

    Attributes
    ----------
    name : str
        The name it was loaded by, or the stem of the path.
    x_train, x_test : ndarray, shape (N, H, W) or (N, H, W, C), uint8
        Images, in grey levels or channels of `pixel_range`.
    y_train, y_test : ndarray, shape (N,), int64
        Labels: places in `classes`.
    classes : tuple of str
        Names of the classes.
    pixel_range : (int, int)
        The darkest and the brightest level the pixels can have: (0, 16) for digits, else (0, 255).

    Examples
    --------
    >>> load("digits")
    Dataset('digits', 1437 train and 360 test images of 8x8, 10 classes)
    """

    name: str
    x_train: NDArray[np.uint8]
    y_train: NDArray[np.int64]
    x_test: NDArray[np.uint8]
    y_test: NDArray[np.int64]
    classes: tuple[str, ...]
    pixel_range: tuple[int, int] = (0, 255)

    def __post_init__(self) -> None:
        for key in KEYS:
            # One type and layout whatever the file had, so that equal data have equal checksums.
            kind = np.uint8 if key.startswith("x") else np.dtype("<i8")
            array = np.ascontiguousarray(getattr(self, key), dtype=kind).view()
            array.flags.writeable = False
            object.__setattr__(self, key, array)

    def __repr__(self) -> str:
        size = "x".join(map(str, self.image_shape))
        counts = f"{len(self.x_train)} train and {len(self.x_test)} test images of {size}"
        return f"Dataset({self.name!r}, {counts}, {len(self.classes)} classes)"

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of one image: (H, W) or (H, W, C)."""
        return self.x_train.shape[1:]

    @cached_property
    def checksum(self) -> str:
        """SHA-256, in hexadecimal, of the four arrays and of the pixel range.

        It covers names, shapes, types and bytes, and neither the dataset's name nor its file.
        """
        digest = hashlib.sha256(json.dumps(self.pixel_range).encode())
        for key in KEYS:
            array = getattr(self, key)
            digest.update(json.dumps([key, array.shape, array.dtype.str]).encode())
            digest.update(array.data)
        return digest.hexdigest()

    def scaled(self, split: str) -> NDArray[np.float32]:
        """Flatten the images of a split and rescale them linearly to [-1, 1].

        Parameters
        ----------
        split : str
            "train" or "test".

        Returns
        -------
        ndarray, shape (N, H * W * C), float32
            -1 is the darkest, 1 the brightest level that a pixel can have (Bird 2025, arXiv
            2505.13471, Sec. 3: pixels rescaled to [-1, 1]).

        Raises
        ------
        UserError
            If the split is another one.

        Examples
        --------
        >>> x = load("digits").scaled("test")
        >>> x.shape, float(x.min()), float(x.max())
        ((360, 64), -1.0, 1.0)
        """
        if split not in ("train", "test"):
            raise UserError(f"split is {split!r}; there are 'train' and 'test': pass one of them")
        images = self.x_train if split == "train" else self.x_test
        low, high = self.pixel_range
        flat = images.reshape(len(images), -1).astype(np.float32)
        # Whole numbers until the one division, so that both ends are hit exactly. In place, since
        # each copy of CIFAR-10 takes 600 MB.
        flat *= 2
        flat -= low + high
        flat /= high - low
        return flat


def classes(name: str) -> tuple[str, ...]:
    """Names of the classes of a known data set, without its images.

    Examples
    --------
    >>> classes("digits")[:3]
    ('0', '1', '2')
    """
    if name not in _KNOWN:
        raise UserError(f"no dataset {name!r}: there are {', '.join(_KNOWN)}; pass one of these")
    return _KNOWN[name].classes


def names() -> tuple[str, ...]:
    """List the datasets that `load` knows by name.

    Examples
    --------
    >>> names()
    ('digits', 'mnist', 'cifar10')
    """
    return tuple(_KNOWN)


def load(name: str | Path, folder: str | Path | None = None) -> Dataset:
    """Load a dataset by its name, or from the user's own file or folder.

    Parameters
    ----------
    name : str or Path
        - "digits": the 1,797 handwritten digits (8x8, levels 0 to 16) that scikit-learn carries,
          split 80/20 with equal shares of each class, always in the same way;
        - "mnist", "cifar10": from ``<data folder>/<name>.npz``, else downloaded once;
        - a path to an ``.npz`` of the same form: x_train, y_train, x_test, y_test (images in
          uint8, labels as integers), perhaps ``classes`` (their names);
        - a path to a folder of one folder of images per class, or of two such folders ``train``
          and ``test``. Without these it is split as the digits are. The images must be of one
          size, and all grey or all coloured.
    folder : str or Path, optional
        The data folder. Default: what the environment variable NEURONBASIS_DATA names, else the
        user's cache folder, into which downloads go in any case.

    Raises
    ------
    UserError
        If the name is unknown; the file or folder is missing, damaged or of another form; or
        a download fails.

    Examples
    --------
    >>> digits = load("digits")
    >>> digits.x_train.shape, digits.y_test[:3].tolist()
    ((1437, 8, 8), [7, 6, 3])
    """
    if not isinstance(name, str | Path):
        raise UserError(f"dataset is {name!r}; pass a name ({', '.join(_KNOWN)}) or a path")
    if name == "digits":
        return _digits()
    home = _data_folder(folder)
    if name in _KNOWN:
        return _npz(_known_file(str(name), home), str(name))
    for path in (Path(name).expanduser(), home / name):
        if path.is_dir() and str(name):
            return _folder(path)
        if path.is_file():
            return _npz(path, path.stem)
    close = difflib.get_close_matches(str(name), _KNOWN, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    raise UserError(
        f"no dataset {str(name)!r}: pass {', '.join(_KNOWN)}, or the path of an .npz file or an "
        f"image folder that exists{hint}"
    )


def cache_folder() -> Path:
    """The user's cache folder of this package: where downloads and trained networks go."""
    return user_cache_path("neuronbasis", appauthor=False)


def _data_folder(folder: str | Path | None) -> Path:
    given = folder or os.environ.get(FOLDER_VARIABLE)
    if not given:
        return cache_folder()
    home = Path(given).expanduser()
    if not home.is_dir():
        origin = "" if folder else f" (from {FOLDER_VARIABLE})"
        raise UserError(f"data folder {str(home)!r}{origin} is no folder; name one that exists")
    return home


def _known_file(name: str, home: Path) -> Path:
    file, cached = home / f"{name}.npz", cache_folder() / f"{name}.npz"
    if file.exists():
        return file
    if not cached.exists():
        _files.download(name, cached, wanted=file)
    return cached


def _digits() -> Dataset:
    bunch = load_digits()
    return _split("digits", bunch.images, bunch.target, _DIGITS, (0, 16))


def _npz(path: Path, name: str) -> Dataset:
    """Read an .npz; where its name is a known one, shape and classes must be the known ones."""
    arrays, given = _files.read_npz(path)
    known = _KNOWN.get(name)
    shape = arrays["x_train"].shape[1:]
    if known and shape != known.image_shape:
        raise UserError(
            f"{path}: its images are {shape}, those of {name} {known.image_shape}; "
            "put the right file there, or give this one another name"
        )
    labels = np.concatenate([arrays["y_train"], arrays["y_test"]])
    classes = given or (known.classes if known else None)
    # Where nobody names the classes, the number of images bounds what can be a label.
    count = len(classes) if classes else len(labels)
    bad = labels[(labels < 0) | (labels >= count)]
    if bad.size:
        raise UserError(f"{path}: a label is {bad[0]}; it must lie in 0 to {count - 1}: mend it")
    classes = classes or tuple(map(str, range(int(labels.max()) + 1)))
    x_train, y_train, x_test, y_test = (arrays[key] for key in KEYS)
    return Dataset(name, x_train, y_train, x_test, y_test, classes)


def _folder(path: Path) -> Dataset:
    parts, classes = _files.read_folder(path)
    if len(parts) == 1:
        return _split(path.name, *parts[0], classes)
    return Dataset(path.name, *parts[0], *parts[1], classes)


def _split(
    name: str,
    images: NDArray[Any],
    labels: NDArray[Any],
    classes: tuple[str, ...],
    pixel_range: tuple[int, int] = (0, 255),
) -> Dataset:
    """Put a fifth of the images into the test split: equal shares of each class, one seed."""
    rows = np.arange(len(labels))
    try:
        train, test = train_test_split(
            rows, test_size=0.2, stratify=labels, random_state=_SPLIT_SEED
        )
    except ValueError as error:  # fewer images than a share of each class needs
        raise UserError(
            f"{name}: too few images to split ({error}); add images, or make folders train and test"
        ) from None
    parts = images[train], labels[train], images[test], labels[test]
    return Dataset(name, *parts, classes, pixel_range)
