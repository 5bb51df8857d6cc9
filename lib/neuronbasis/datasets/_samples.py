"""Labelled picture files, as inputs of a network, and their checksum."""

import csv
import hashlib
import os
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from neuronbasis.datasets._load import FOLDER_VARIABLE
from neuronbasis.errors import UserError

_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")


_LIST = "labels.csv"


@dataclass(frozen=True, eq=False)
class Samples:
    """Labelled picture files; see `samples`.

    Attributes
    ----------
    files : tuple of Path
    labels : ndarray, shape (N,), int64
        Classes as places among a network's logits.
    names : tuple of str
        The classes' names; two classes may share one.
    """

    files: tuple[Path, ...]
    labels: NDArray[np.int64]
    names: tuple[str, ...]


def transformed(model: nn.Module, images: Sequence[str | Path | Image.Image]) -> Tensor:
    """Turn pictures into the input of a network, by its own transforms.

    Parameters
    ----------
    model : nn.Module
        From `pretrained`.
    images : sequence of paths or PIL images
        Of 8 bits a channel, of any size; grey ones become coloured. A rotation noted in a file's
        EXIF data is not applied, as torchvision does not.

    Returns
    -------
    Tensor, shape (N, C, H, W), float32
        1,000 pictures of 224x224 take 600 MB.

    Raises
    ------
    UserError
        If there is no picture, one cannot be read, or the model has no transforms.

    Examples
    --------
    See `pretrained`.
    """
    transforms: Any = getattr(model, "transforms", None)
    if not callable(transforms):
        raise UserError(f"{type(model).__name__} has no transforms: pass a model of pretrained()")
    if isinstance(images, str | Path | Image.Image) or not len(images):
        found = "none" if not isinstance(images, str | Path | Image.Image) else "a single one"
        raise UserError(f"images are {found}; pass a list of one or more paths or PIL images")
    first = transforms(_picture(images[0]))
    found = first.new_empty((len(images), *first.shape))
    for row, image in zip(found, images, strict=True):
        row[...] = transforms(_picture(image))
    return found


def samples(folder: str | Path) -> Samples:
    r"""List labelled pictures of a folder with a ``labels.csv``.

    Parameters
    ----------
    folder : str or Path
        Its labels.csv has the columns ``file``, ``class_index`` and ``label``. It may lie in the
        data folder that the environment variable NEURONBASIS_DATA names.

    Returns
    -------
    Samples
        In the order of the list; the files exist.

    Raises
    ------
    UserError
        If the list is missing, empty or of another form, or a file that it names is not there.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> Image.new("RGB", (8, 8)).save(folder / "a.png")
    >>> _ = (folder / "labels.csv").write_text("file,class_index,label\na.png,7,cock\n")
    >>> samples(folder).labels, samples(folder).names
    (array([7]), ('cock',))
    """
    listing = found_path(Path(folder, _LIST))
    form = "it must be UTF-8 lines of file, class_index and label, these names in the first line"
    try:
        with listing.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
        files = tuple(listing.parent / row["file"] for row in rows)
        labels = np.array([int(row["class_index"]) for row in rows], dtype=np.int64)
        names = tuple(row["label"] for row in rows)
    except (OSError, KeyError, ValueError, TypeError, csv.Error) as error:
        raise UserError(f"{listing}: {brief(error)}; {form}") from None
    if not files or labels.min() < 0 or None in names:
        raise UserError(f"{listing}: no line, one cut short, or a class_index below 0; {form}")
    for file in files:
        if not file.is_file():
            raise UserError(f"{file}: no such file, but {listing} names it; put it there")
    return Samples(files, labels, names)


def found_path(given: str | Path) -> Path:
    """The file as given, or in the data folder."""
    if not isinstance(given, str | Path):
        raise UserError(f"{given!r} is no path; pass the path of a file")
    path, home = Path(given).expanduser(), os.environ.get(FOLDER_VARIABLE)
    tried = [path, Path(home).expanduser() / path] if home else [path]
    for candidate in tried:
        if candidate.is_file():
            return candidate
    where = f", neither here nor in {FOLDER_VARIABLE}" if len({*tried}) > 1 else ""
    raise UserError(f"{path}: no such file{where}; pass the path of one that exists")


def _picture(image: Any) -> Image.Image:
    """The image in three channels, from its file if need be."""
    if isinstance(image, str | Path):
        try:
            with Image.open(image) as opened:
                return _coloured(opened, str(image))
        except UserError:
            raise
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise UserError(f"{image}: no readable image ({brief(error)}); mend it") from None
    if not isinstance(image, Image.Image):
        raise UserError(f"an image is a {type(image).__name__}; pass paths or PIL images")
    return _coloured(image, "an image")


def _coloured(image: Image.Image, what: str) -> Image.Image:
    if image.mode not in _MODES:
        raise UserError(f"{what}: pixels of kind {image.mode}; convert it to 8 bits a channel")
    return image.convert("RGB")


def brief(error: BaseException) -> str:
    return textwrap.shorten(str(error) or type(error).__name__, 200)


def checksum(files: Sequence[Path]) -> str:
    """SHA-256, in hexadecimal, over the checksums of picture files in their order.

    Raises
    ------
    UserError
        If there is no file, or one cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "a.png"
    >>> Image.new("L", (1, 1)).save(file)
    >>> checksum([file]) == checksum([file, file])
    False
    """
    if not len(files):
        raise UserError("there are no picture files; pass one or more")
    digest = hashlib.sha256()
    for file in files:
        try:
            digest.update(hashlib.sha256(Path(file).read_bytes()).digest())
        except OSError as error:
            raise UserError(f"{file}: cannot be read ({brief(error)}); mend it") from None
    return digest.hexdigest()
