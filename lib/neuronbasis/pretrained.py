"""Networks trained by others: torchvision's ImageNet classifiers, and pictures to show them."""

import csv
import difflib
import os
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
import torchvision
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torchvision.models import WeightsEnum

from neuronbasis.datasets import FOLDER_VARIABLE
from neuronbasis.errors import UserError
from neuronbasis.imagefiles import patient_and_quiet

# The weights that the sources could use; later ones of a network come from other trainings.
_FIRST = ("IMAGENET1K_V1", "IMAGENET1K_SWAG_LINEAR_V1")
# What these two need to be the published network: a head less, and inputs rescaled.
_INCEPTION = {"aux_logits": False, "init_weights": False, "transform_input": True}
_SETTINGS: dict[str, dict[str, Any]] = {"googlenet": _INCEPTION, "inception_v3": _INCEPTION}
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


def pretrained(name: str, weights: str | Path | None = None) -> nn.Module:
    """Load one of torchvision's ImageNet classifiers with trained weights.

    Parameters
    ----------
    name : str
        "alexnet", "resnet18", "resnet50", "vit_b_16", "squeezenet1_0" or another that
        ``torchvision.models.list_models(module=torchvision.models)`` lists.
    weights : str or Path, optional
        A file of the network's state dict: ``.safetensors``, else what ``torch.save`` writes; it
        may lie in the data folder that the environment variable NEURONBASIS_DATA names. Default:
        torchvision's first weights (IMAGENET1K_V1), downloaded once.

    Returns
    -------
    nn.Module
        float32, on the CPU, in eval mode, giving logits (N, classes). ``model.transforms`` turns
        a PIL image into its input (C, H, W), as those first weights want it.

    Raises
    ------
    UserError
        If there is no such network or file; the file is damaged, holds anything but tensors, or
        is of another network; or the download fails.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "mine.safetensors"
    >>> fresh = torchvision.models.squeezenet1_0(weights=None)
    >>> safetensors.torch.save_file(fresh.state_dict(), file)
    >>> model = pretrained("squeezenet1_0", weights=file)
    >>> transformed(model, [Image.new("RGB", (300, 256))]).shape
    torch.Size([1, 3, 224, 224])
    """
    published = _published(name)
    # torchvision draws first weights even where others follow.
    with torch.random.fork_rng(devices=[]):
        model = _downloaded(name, published) if weights is None else _loaded(name, _path(weights))
    # Past nn.Module's own setter, since transforms are modules and would be listed as a layer.
    object.__setattr__(model, "transforms", published.transforms())
    return model.eval()


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
    listing = _path(Path(folder, _LIST))
    form = "it must be UTF-8 lines of file, class_index and label, these names in the first line"
    try:
        with listing.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
        files = tuple(listing.parent / row["file"] for row in rows)
        labels = np.array([int(row["class_index"]) for row in rows], dtype=np.int64)
        names = tuple(row["label"] for row in rows)
    except (OSError, KeyError, ValueError, TypeError, csv.Error) as error:
        raise UserError(f"{listing}: {_brief(error)}; {form}") from None
    if not files or labels.min() < 0 or None in names:
        raise UserError(f"{listing}: no line, one cut short, or a class_index below 0; {form}")
    for file in files:
        if not file.is_file():
            raise UserError(f"{file}: no such file, but {listing} names it; put it there")
    return Samples(files, labels, names)


def _published(name: str) -> WeightsEnum:
    """The weights whose transforms a network gets, and which are downloaded."""
    known = torchvision.models.list_models(module=torchvision.models)
    if name not in known:
        close = difflib.get_close_matches(str(name), known, n=3) or ["alexnet", "resnet18"]
        raise UserError(
            f"no network {name!r} in torchvision; pass one of its classifiers, such as "
            f"{', '.join(close)}"
        )
    published = torchvision.models.get_model_weights(name)
    return next(published[first] for first in _FIRST if first in published.__members__)


def _downloaded(name: str, published: WeightsEnum) -> nn.Module:
    cached = Path(torch.hub.get_dir(), "checkpoints", published.url.rpartition("/")[2])
    there = cached.exists()
    try:
        with patient_and_quiet():
            return torchvision.models.get_model(name, weights=published)
    except Exception as error:  # a file that is cut short or overwritten raises nearly anything
        reason = _brief(error)
    if there:
        raise UserError(f"{cached}: not the weights of {name} ({reason}); remove this file")
    raise UserError(
        f"{name}: its weights cannot be downloaded ({reason}); connect to the network, put "
        f"{cached.name} into {cached.parent}, or pass weights=<file>"
    )


def _loaded(name: str, file: Path) -> nn.Module:
    model = torchvision.models.get_model(name, weights=None, **_SETTINGS.get(name, {}))
    try:
        if file.suffix == ".safetensors":
            state: Any = safetensors.torch.load_file(file)
        else:
            state = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # see _downloaded
        raise UserError(
            f"{file}: no readable file of weights ({_brief(error)}); write model.state_dict() "
            "anew, by torch.save or as .safetensors"
        ) from None
    try:
        if not isinstance(state, dict) or not all(isinstance(t, Tensor) for t in state.values()):
            raise TypeError("it holds other things than tensors by name")
        model.load_state_dict(state)
    except (RuntimeError, TypeError) as error:
        raise UserError(
            f"{file}: not the weights of {name} ({_brief(error)}); pass that network's state dict"
        ) from None
    for key, tensor in model.state_dict().items():
        if not tensor.isfinite().all():
            raise UserError(f"{file}: {key} holds NaN or inf; all must be finite: get it anew")
    return model


def _path(given: str | Path) -> Path:
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
            raise UserError(f"{image}: no readable image ({_brief(error)}); mend it") from None
    if not isinstance(image, Image.Image):
        raise UserError(f"an image is a {type(image).__name__}; pass paths or PIL images")
    return _coloured(image, "an image")


def _coloured(image: Image.Image, what: str) -> Image.Image:
    if image.mode not in _MODES:
        raise UserError(f"{what}: pixels of kind {image.mode}; convert it to 8 bits a channel")
    return image.convert("RGB")


def _brief(error: BaseException) -> str:
    return textwrap.shorten(str(error) or type(error).__name__, 200)
