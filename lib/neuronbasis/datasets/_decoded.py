"""Picture files: which ones of a folder are read, and how each becomes levels of 8 bits."""

import warnings
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from PIL import Image, ImageOps

from neuronbasis.errors import UserError
from neuronbasis.utils.files import brief
from neuronbasis.utils.folders import as_path

#: Endings of files that are taken for pictures, in small or capital letters.
KINDS = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".avif", ".gif", ".bmp", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pbm", ".jp2", ".tga"),
)
_GREY, _COLOUR = ("1", "L", "LA"), ("RGB", "RGBA", "P", "PA", "CMYK", "YCbCr")
_TOLD = 5  # kinds of files in one line, at most


def is_picture(path: Path) -> bool:
    """Whether the ending says that it is a picture.

    Examples
    --------
    >>> is_picture(Path("a.JFIF")), is_picture(Path("a.heic"))
    (True, False)
    """
    return path.suffix.lower() in KINDS


def counted(files: Iterable[Path]) -> str:
    """How many files there are of each ending, the commonest first.

    Examples
    --------
    >>> counted([Path("a.heic"), Path("b.HEIC"), Path("LICENSE")])
    '2 files of .heic, 1 without an ending'
    """
    counts = Counter(file.suffix.lower() for file in files)
    endings = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    told = [f"{n} of {ending}" if ending else f"{n} without an ending" for ending, n in endings]
    if told:
        several = "s" if endings[0][1] > 1 else ""
        told[0] = told[0].replace(" ", f" file{several} ", 1)
    more = sum(n for _, n in endings[_TOLD:])
    return ", ".join(told[:_TOLD] + ([f"{more} of other endings"] if more else []))


def warn_left_out(folder: Path, files: Iterable[Path], *others: str, stacklevel: int) -> None:
    """Say in one line what of a folder is not read, if there is anything."""
    told = ", ".join(filter(None, [counted(files), *others]))
    if told:
        kinds = ", ".join(kind.removeprefix(".") for kind in KINDS)
        warnings.warn(f"{folder}: left out {told} (read are {kinds})", stacklevel=stacklevel + 1)


def decoded(image: str | Path | Image.Image) -> Image.Image:
    """The picture as one looks at it, of mode "L" where it is grey, else "RGB".

    What is transparent is laid on white. A rotation noted in the EXIF data is applied. Of several
    frames the first counts; colour profiles do not.

    Parameters
    ----------
    image : path or PIL image
        Of 8 bits a channel. Pillow gives coloured pictures of 16 bits as such.

    Raises
    ------
    UserError
        If it cannot be read, has other pixels, such as 16 bits of grey, or all of it is white once
        it lies on white.

    Examples
    --------
    >>> decoded(Image.new("RGBA", (1, 1), (0, 0, 0, 51))).getpixel((0, 0))
    (204, 204, 204)
    """
    if isinstance(image, Image.Image):
        return _levels(image, "an image")
    path = as_path(image)
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise ValueError("it is no file")
        opened = Image.open(path)
    except Exception as error:  # a damaged file raises nearly anything
        raise _unreadable(str(image), error) from None
    with opened:
        return _levels(opened, str(image))


def _levels(image: Image.Image, what: str) -> Image.Image:
    try:
        if image.mode not in _GREY + _COLOUR:
            raise ValueError(f"its pixels are of kind {image.mode}")
        upright = ImageOps.exif_transpose(image)
        flat = _on_white(upright) if image.has_transparency_data else upright
        return flat.convert("L" if image.mode in _GREY else "RGB")
    except Exception as error:  # pixels are decoded only now, see above
        raise _unreadable(what, error) from None


def _on_white(image: Image.Image) -> Image.Image:
    drawn = image.convert("RGBA")
    found = Image.alpha_composite(Image.new("RGBA", drawn.size, "white"), drawn)
    opaque = drawn.getchannel("A").getextrema() == (255, 255)
    if not opaque and found.convert("L").getextrema() == (255, 255):
        raise ValueError("laid on white it is all white: lay it on a darker ground")
    return found


def _unreadable(what: str, error: Exception) -> UserError:
    return UserError(
        f"{what}: no readable image of 8 bits a channel ({brief(error)}); mend or remove it"
    )
