"""Labelled picture files as inputs of a network, inputs as pictures to look at."""

import csv
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from neuronbasis.datasets._decoded import decoded
from neuronbasis.errors import UserError
from neuronbasis.utils.checks import check_dense, plain
from neuronbasis.utils.files import brief
from neuronbasis.utils.folders import as_path, found_path
from neuronbasis.utils.typed import whole

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
        Of 8 bits a channel, of any size; grey ones become coloured. What is transparent is laid on
        white, and a rotation noted in the EXIF data is applied.

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
        with listing.open(encoding="utf-8-sig", newline="") as lines:
            rows = list(csv.DictReader(lines, strict=True))
        files = tuple(listing.parent / row["file"] for row in rows)
        labels = np.array([_index(row["class_index"]) for row in rows], dtype=np.int64)
        names = tuple(row["label"] for row in rows)
    except (OSError, KeyError, ValueError, TypeError, OverflowError, csv.Error) as error:
        raise UserError(f"{listing}: {brief(error)}; {form}") from None
    for line, row in enumerate(rows, 2):
        if "\n" in (row["label"] or ""):
            raise UserError(f"{listing}: line {line} has a label of several lines; close its quote")
        if None in row:
            raise UserError(
                f"{listing}: line {line} has more fields than the first line has names: put a "
                f'label with a comma into quotes, as in "{row["label"]}, ..."'
            )
    if not files or labels.min() < 0 or None in names:
        raise UserError(f"{listing}: no line, one cut short, or a class_index below 0; {form}")
    for file in files:
        if not file.is_file():
            raise UserError(f"{file}: no such file, but {listing} names it; put it there")
    if repeated := [file for file, count in Counter(files).items() if count > 1]:
        raise UserError(f"{listing}: {repeated[0].name} stands in two lines; leave one")
    return Samples(files, labels, names)


def _no_inputs(values: Any) -> UserError:
    return UserError(
        f"inputs are {values.dtype} of shape {tuple(values.shape)}; pictures need floating-point "
        "(N, C, H, W) with C of 1 or 3: pass the images that the network takes"
    )


def _index(text: str | None) -> int:
    """A whole number as spreadsheets and pandas write it: 7, or 7.0 beside an empty cell."""
    number = whole(text)
    if number is None:
        raise ValueError(f"class_index is {text!r}, no whole number")
    return number


def _pixels(inputs: Any) -> Tensor:
    """As a tensor; those of half precision, which would be a level off, in float32."""
    if not isinstance(inputs, Tensor):
        given = plain(inputs, "inputs")
        if given.dtype.kind != "f":
            raise _no_inputs(given)
        native = np.array(given, dtype=given.dtype.newbyteorder("="), order="C")
        inputs = torch.from_numpy(native if native.dtype.itemsize <= 8 else native.astype(float))
    check_dense(inputs, "inputs")
    array = inputs.detach().cpu()
    return array.float() if array.is_floating_point() and array.element_size() < 4 else array


def _picture(image: Any) -> Image.Image:
    """The image in three channels, from its file if need be."""
    if not isinstance(image, str | Path | Image.Image):
        raise UserError(f"an image is a {type(image).__name__}; pass paths or PIL images")
    return decoded(image).convert("RGB")


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
            digest.update(hashlib.sha256(as_path(file).read_bytes()).digest())
        except OSError as error:
            raise UserError(f"{file}: cannot be read ({brief(error)}); mend it") from None
    return digest.hexdigest()


#: The input of a black and of a white pixel: numbers, or arrays of shape (C, 1, 1).
Limits = tuple[Any, Any]


def limits(model: nn.Module) -> Limits:
    """Inputs of black and of white pixels, as a network wants them.

    Parameters
    ----------
    model : nn.Module
        Of `networks.pretrained`, whose transforms are asked with a black and a white picture; any
        other is taken to want [-1, 1], as `networks.convnet` does.

    Returns
    -------
    (low, high)
        Arrays of shape (C, 1, 1), float32; or the numbers -1 and 1.

    Raises
    ------
    UserError
        If the transforms give both the same, or numbers that are not finite.

    Examples
    --------
    >>> limits(nn.Flatten())
    (-1.0, 1.0)
    """
    transforms: Any = getattr(model, "transforms", None)
    if transforms is None:
        return -1.0, 1.0
    inputs = transformed(model, [Image.new("RGB", (64, 64), each) for each in ("black", "white")])
    height, width = inputs.shape[2:]
    low, high = inputs[:, :, height // 2, width // 2, None, None].numpy()
    if not (inputs.isfinite().all() and (low < high).all()):
        raise UserError(
            f"the transforms of {type(model).__name__} give black pixels {low.ravel()} and white "
            f"ones {high.ravel()}; white must be more: pass the limits of its inputs yourself"
        )
    return low, high


def pictures(inputs: Any, limits: Limits = (-1.0, 1.0)) -> NDArray[np.uint8]:
    """Turn inputs of a network into pictures.

    Parameters
    ----------
    inputs : Tensor or ndarray, shape (N, C, H, W), floating-point
        With one channel or three; what lies beyond the limits is cut.
    limits : (low, high)
        See `limits`.

    Returns
    -------
    ndarray, shape (N, H, W) or (N, H, W, 3), uint8
        0 is black, 255 full brightness.

    Raises
    ------
    UserError
        If the inputs are of another kind or not finite.

    Examples
    --------
    >>> pictures(torch.tensor([[[[-1.0, 0.0, 2.0]]]])).tolist()
    [[[0, 128, 255]]]
    """
    array = _pixels(inputs)
    if array.ndim != 4 or array.shape[1] not in (1, 3) or not array.is_floating_point():
        raise _no_inputs(array)
    low, high = (torch.as_tensor(each, dtype=torch.float32) for each in limits)
    found = np.empty((len(array), *array.shape[2:], array.shape[1]), np.uint8)
    for row, image in zip(found, array, strict=True):  # one by one: photographs are large
        if not image.isfinite().all():
            raise UserError("an input holds NaN or inf; all values must be finite: mend it")
        level = (255 * (image - low) / (high - low)).round().clamp(0, 255)
        row[...] = level.permute(1, 2, 0).numpy()
    return found[..., 0] if found.shape[-1] == 1 else found
