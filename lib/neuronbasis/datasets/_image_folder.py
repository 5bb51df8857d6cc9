"""Labelled images as they lie in a folder: which of its folders are splits, which are classes."""

import os
import unicodedata
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuronbasis.datasets._decoded import (
    counted,
    decoded,
    is_picture,
    warn_left_out,
)
from neuronbasis.datasets._files import Labelled, dim
from neuronbasis.errors import UserError
from neuronbasis.utils.files import brief
from neuronbasis.utils.folders import is_hidden

_TREE = "it must hold one folder of images per class, or two such folders, train and test"
_SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("test", "testing"), "test"),
    **dict.fromkeys(("val", "valid", "validation"), "val"),
}
_CALLER = 4  # whom a warning names: who calls `datasets.load`


def read_folder(root: Path) -> tuple[list[Labelled], tuple[str, ...]]:
    """Read an image folder: one folder of images per class, classes in alphabetical order.

    Returns
    -------
    parts : list of (images, labels)
        One part, or two (train, test) where ``root`` holds folders of these names. Images are
        uint8, (N, H, W) where the first file is grey and (N, H, W, 3) where it is coloured.
    classes : tuple of str
        The names of the class folders.

    Raises
    ------
    UserError
        If there are no class folders, one is empty, two have the same name, train and test differ
        in classes, an image cannot be read, or its size or kind is another than the first one's; or
        if all are black.

    Warns
    -----
    UserWarning
        In one line, if files or folders are left out, or two classes differ in capitals only.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> root = Path(tempfile.mkdtemp())
    >>> for name in ("cat", "dog"):
    ...     (root / name).mkdir()
    ...     Image.new("L", (4, 3), 255).save(root / name / "0.png")
    >>> parts, classes = read_folder(root)
    >>> parts[0][0].shape, classes
    ((2, 3, 4), ('cat', 'dog'))
    """
    try:
        inner = _unwrapped(root)
        splits = _splits(inner)
        listings = [_listing(half) for half in splits or [inner]]
        _tell_left_out(inner, splits, listings)
    except OSError as error:
        raise UserError(f"{root}: {brief(error)}; {_TREE}") from None
    classes = tuple(listings[0])
    if listings[-1].keys() != listings[0].keys():
        odd = sorted(listings[0].keys() ^ listings[-1].keys())[0]
        raise UserError(f"{root}: class {odd!r} is in one of train and test only; {_TREE}")
    like = next(filter(is_picture, listings[0][classes[0]]))
    parts = [_read(listing, like) for listing in listings]
    if level := dim(*(images for images, _ in parts)):
        raise UserError(
            f"{root}: no pixel of a split is brighter than {level} of 255, so all would be black: "
            "stretch the levels of its pictures to 0 to 255"
        )
    return parts, classes


def _folders(path: Path) -> list[Path]:
    """The folders in a folder that are meant to be seen, in alphabetical order."""
    return sorted(
        each for each in path.iterdir() if each.is_dir() and not is_hidden(each.name, True)
    )


def _pictures(path: Path) -> list[Path]:
    """The pictures that lie in a folder itself."""
    return [
        each
        for each in path.iterdir()
        if is_picture(each) and not is_hidden(each.name) and not each.is_dir()
    ]


def _unwrapped(root: Path) -> Path:
    """The first folder on the way down that holds more than one folder of folders.

    Archives are often unpacked into a folder of their name, which holds another such one.
    """
    seen = set()
    while (real := root.resolve()) not in seen:  # a link may lead upwards
        seen.add(real)
        inside = _folders(root)
        if len(inside) != 1 or inside[0].name.lower() in _SPLITS or _pictures(root):
            break
        if _pictures(inside[0]) or not _folders(inside[0]):
            break
        root = inside[0]
    return root


def _splits(root: Path) -> list[Path]:
    """The folders for training and for testing; none where the folder holds the classes."""
    folders = _folders(root)
    named = [path for path in folders if path.name.lower() in _SPLITS]
    deep = [path for path in named if _folders(path)]
    if not deep and named != folders:
        return []
    return [_half(root, wanted, deep, named) for wanted in ("train", "test") if named]


def _half(root: Path, wanted: str, deep: list[Path], named: list[Path]) -> Path:
    """The one folder for training, or for testing."""
    found = [path for path in deep if _SPLITS[path.name.lower()] == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        told = " and ".join(path.name for path in found)
        raise UserError(f"{root}: {told} are two folders for {wanted}; leave one")
    there = " and ".join(path.name for path in deep)
    flat = " and ".join(path.name for path in named if path not in deep)
    if not there:
        raise UserError(f"{root}: no class folder in {flat}; {_TREE}")
    hint = f" (in {flat} is no class folder)" if flat else ""
    raise UserError(f"{root}: there is {there} and no {wanted}{hint}; {_TREE}")


def _listing(root: Path) -> dict[str, list[Path]]:
    """All files of each class, by its name."""
    found: dict[str, list[Path]] = {}
    for folder in _folders(root):
        # macOS spells letters with accents in two parts.
        name = unicodedata.normalize("NFC", folder.name)
        if name in found:
            raise UserError(
                f"{root}: two class folders are called {name!r}, their letters encoded in two "
                "ways; merge or rename one"
            )
        files = sorted(_files_below(folder), key=lambda file: (str(file.parent), file.name))
        if not any(map(is_picture, files)):
            held = counted(files) or "it is empty"
            raise UserError(
                f"{root}: class {name!r} has no picture ({held}); add some or remove it"
            )
        found[name] = files
    if not found:
        loose = len(_pictures(root))
        told = f" ({loose} picture{'s lie' if loose > 1 else ' lies'} in none)" if loose else ""
        raise UserError(f"{root}: no class folder{told}; {_TREE}")
    return dict(sorted(found.items()))


def _files_below(folder: Path) -> Iterator[Path]:
    """All files of a folder and those in it; each folder once, wherever links lead."""
    seen = set(folder.resolve().parents)
    for here, folders, names in os.walk(folder, onerror=_raised, followlinks=True):
        real = Path(here).resolve()
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not is_hidden(name, folder=True))
        yield from (Path(here, name) for name in names if not is_hidden(name))


def _raised(error: OSError) -> None:
    raise error


def _tell_left_out(root: Path, splits: list[Path], listings: list[dict[str, list[Path]]]) -> None:
    files = [file for listing in listings for files in listing.values() for file in files]
    aside = [path.name for path in _folders(root) if splits and path not in splits]
    loose = sum(len(_pictures(path)) for path in {root, *splits})
    warn_left_out(
        root,
        [file for file in files if not is_picture(file)],
        f"{loose} picture{'s' * (loose > 1)} in no class folder" if loose else "",
        f"the folder{'s' * (len(aside) > 1)} {', '.join(aside)}" if aside else "",
        stacklevel=_CALLER + 1,
    )
    alike: dict[str, str] = {}
    for name in listings[0]:
        other = alike.setdefault(name.casefold(), name)
        if other != name:
            warnings.warn(
                f"{root}: classes {other!r} and {name!r} differ in capitals only, and count as "
                "two; merge their folders if they are one",
                stacklevel=_CALLER + 1,
            )
            return


def _read(listing: dict[str, list[Path]], like: Path) -> Labelled:
    """The images of all classes, all of the shape of the image ``like``, and their labels."""
    paths = [list(filter(is_picture, files)) for files in listing.values()]
    labels = np.repeat(np.arange(len(paths)), [len(some) for some in paths])
    first = np.asarray(decoded(like))
    images: NDArray[np.uint8] = np.empty((len(labels), *first.shape), np.uint8)
    for row, path in zip(images, (path for some in paths for path in some), strict=True):
        image = np.asarray(decoded(path))
        if image.shape != first.shape:
            raise UserError(
                f"{path}: its pixels are {image.shape}, those of {like} {first.shape}; all images "
                "must have one size and be all grey or all coloured: convert or remove it"
            )
        row[...] = image
    return images, labels
