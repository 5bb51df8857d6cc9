"""Labelled images by name or by path."""

import difflib
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from neuronbasis.datasets import _files, _mnist
from neuronbasis.datasets._dataset import Dataset
from neuronbasis.datasets._image_folder import read_folder
from neuronbasis.errors import UserError
from neuronbasis.utils.files import brief
from neuronbasis.utils.folders import as_path, cache_folder, data_folder, is_file, is_folder

_SPLIT_SEED = 0


class _Known(NamedTuple):
    title: str
    image_shape: tuple[int, ...]
    classes: tuple[str, ...]


_DIGITS = tuple("0123456789")
_CIFAR10 = "airplane automobile bird cat deer dog frog horse ship truck"
_KNOWN = {
    "digits": _Known("8x8 digits", (8, 8), _DIGITS),
    "mnist": _Known("MNIST", (28, 28), _DIGITS),
    "cifar10": _Known("CIFAR-10", (32, 32, 3), tuple(_CIFAR10.split())),
}


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


def title(name: str) -> str:
    """How a data set is called in prose: a known one by its owners' spelling, another by its name.

    Examples
    --------
    >>> title("cifar10"), title("my_photographs")
    ('CIFAR-10', 'my_photographs')
    """
    return _KNOWN[name].title if name in _KNOWN else name


def load(name: str | Path, folder: str | Path | None = None) -> Dataset:
    """Load a dataset by its name, or from the user's own file or folder.

    Parameters
    ----------
    name : str or Path
        - "digits": the 1,797 handwritten digits (8x8, levels 0 to 16) that scikit-learn carries,
          split 80/20 with equal shares of each class, always in the same way;
        - "mnist", "cifar10": from ``<data folder>/<name>.npz``, else downloaded once. The test
          images of MNIST are part of the package; its training images are read, or downloaded,
          when something first asks for them, and are then checked to be the published ones;
        - a path to an ``.npz`` of the same form: x_train, y_train, x_test, y_test (images in
          uint8, labels as integers), perhaps ``classes`` (their names) and ``pixel_range`` (the
          darkest and the brightest level that pixels can have, else 0 and 255);
        - a path to a folder of one folder of images per class, or of two such folders ``train``
          and ``test``, in small or capital letters. Without these it is split as the digits are.
          The images must be of one size, and all grey or all coloured; see the notes.
    folder : str or Path, optional
        The data folder. Default: what the environment variable NEURONBASIS_DATA names, else the
        user's cache folder, into which downloads go in any case.

    Raises
    ------
    UserError
        If the name is unknown; the file or folder is missing, damaged or of another form; its
        images are all but black, as those of levels 0 and 1 are; or a download fails.

    Notes
    -----
    Of an image folder, files of these endings are read, in small or capital letters: jpg, jpeg,
    jpe, jfif, png, webp, avif, gif, bmp, tif, tiff, ppm, pgm, pbm, jp2, tga. Others are left out,
    as are pictures in no class folder and folders beside ``train`` and ``test``, such as ``val``;
    a warning counts them. Hidden files and folders never count. A class holds the pictures of all
    folders below its own. A folder that holds nothing but one folder of folders is passed through,
    since archives are often unpacked so.

    What is transparent is laid on white, and a rotation noted in the EXIF data is applied. Of
    several frames the first is read.

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
    home = data_folder(folder)
    if name == "mnist":
        return _mnist.mnist(partial(_mnist_file, home))
    if name in _KNOWN:
        return _npz(_known_file(str(name), home), str(name))
    for path in (as_path(name), home / name):
        if is_folder(path) and str(name):
            return _folder(path)
        if is_file(path):
            return _npz(path, path.stem)
    close = difflib.get_close_matches(str(name), _KNOWN, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    raise UserError(
        f"no dataset {str(name)!r}: pass {', '.join(_KNOWN)}, or the path of an .npz file or an "
        f"image folder that exists{hint}"
    )


def _known_file(name: str, home: Path) -> Path:
    file, cached = home / f"{name}.npz", cache_folder() / f"{name}.npz"
    if file.exists():
        return file
    if not cached.exists():
        _files.download(name, cached, wanted=file)
    return cached


def _mnist_file(home: Path) -> Dataset:
    path = _known_file("mnist", home)
    whole = _npz(path, "mnist")
    if whole.checksum != _mnist.CHECKSUM:
        raise UserError(
            f"{path}: its images are not the published MNIST (checksum {whole.checksum[:16]}, "
            f"published {_mnist.CHECKSUM[:16]}): put the published file there, or name this one "
            "otherwise"
        )
    return whole


def _digits() -> Dataset:
    bunch = load_digits()
    return _split("digits", bunch.images, bunch.target, _DIGITS, (0, 16))


def _npz(path: Path, name: str) -> Dataset:
    """Read an .npz; where its name is a known one, shape and classes must be the known ones."""
    arrays, given, levels = _files.read_npz(path)
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
    x_train, y_train, x_test, y_test = (arrays[key] for key in _files.KEYS)
    return Dataset(name, x_train, y_train, x_test, y_test, classes, levels or (0, 255))


def _folder(path: Path) -> Dataset:
    parts, classes = read_folder(path)
    name = (path.resolve() if path.name in ("", "..") else path).name  # of a link its own
    if len(parts) == 1:
        return _split(name, *parts[0], classes)
    return Dataset(name, *parts[0], *parts[1], classes)


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
        counts = np.bincount(labels, minlength=len(classes))
        fewest = int(counts.argmin())
        raise UserError(
            f"{name}: too few images to split ({counts[fewest]} of class {classes[fewest]!r}; "
            f"{brief(error)}); add images, or make folders train and test"
        ) from None
    parts = images[train], labels[train], images[test], labels[test]
    return Dataset(name, *parts, classes, pixel_range)
