"""A gallery of what lies along every vector: a folder with one page, to look at in any browser."""

import base64
import html
import io
import json
from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from neuronbasis.datasets import Limits
from neuronbasis.errors import UserError
from neuronbasis.recording import Field, Names, UnitsAxis
from neuronbasis.utils import files
from neuronbasis.visualisation._strongest import both_ends
from neuronbasis.visualisation._traversal import Walk, walk
from neuronbasis.visualisation._traversal import pictures as cut_out

PAGE, DATA = "index.html", "gallery.js"
_PREFIX = "window.gallery = "
_SMALL = 32  # pixels: pictures up to here are kept pixel by pixel
_LARGE = 64  # and larger ones become so wide and high
_MOST_PIXELS = 2**26  # of a sheet: beyond it browsers on phones give up


def gallery(
    model: nn.Module,
    layers: Names,
    inputs: Any,
    folder: str | Path,
    *,
    limits: Limits = (-1.0, 1.0),
    vectors: int | None = None,
    points: int = 9,
    patches: int = 4,
    seed: int = 0,
    draws: int = 1,
    inside: bool = False,
    title: str = "What lies along the vectors",
    units_axis: UnitsAxis = None,
) -> Path:
    """Write a gallery: for each layer principal components, neurons and random directions.

    One activation is recorded for each image, or as many as `draws` says, each at a random
    position of a feature map. For each vector the patches nearest to points along it are shown, as
    `visualisation.nearest` finds them; vectors along which the activations do not vary are left
    out.

    Parameters
    ----------
    model : nn.Module
        Left as it was.
    layers
        As of `recording.record`.
    inputs : Tensor or ndarray, shape (N, C, H, W), floating-point
        Images as the model takes them, with one channel or three.
    folder : str or Path
        Becomes ``index.html``, ``gallery.js`` and a sheet of pictures for each layer, which the
        page reads when the layer is chosen. An earlier gallery is replaced.
    limits : (low, high)
        Inputs of black and white pixels, see `datasets.limits`.
    vectors : int, optional
        The first so many vectors of each basis. Default: all.
    points, patches : int
        As of `visualisation.nearest`.
    seed : int
        Decides the positions and the random directions: same arguments, same bytes.
    draws, inside
        As of `walk`.
    title : str
        What the page is called.
    units_axis
        As of `recording.record`.

    Returns
    -------
    Path
        The page. It opens without a server and asks for nothing but its own files.

    Raises
    ------
    UserError
        If the model, layers, images or settings are refused as by the functions named above, the
        folder holds something else, or a sheet would be too large.

    Notes
    -----
    After the figures of Dey et al. (2025), Fig. 2-4 and 16-20, and the demo that they name.

    Examples
    --------
    >>> import tempfile, torch
    >>> net = nn.Sequential(nn.Conv2d(1, 4, 3))
    >>> images = torch.rand(20, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    >>> folder = Path(tempfile.mkdtemp()) / "gallery"
    >>> gallery(net, ["0"], images, folder).name
    'index.html'
    >>> sorted(file.name for file in folder.iterdir())
    ['gallery.js', 'index.html', 'sheet-0.png']
    """
    _checked(title, folder)
    walks = walk(
        model, layers, inputs, limits=limits, vectors=vectors, points=points, patches=patches,
        seed=seed, draws=draws, inside=inside, progress=True, units_axis=units_axis,
    )  # fmt: skip
    return gallery_of(walks, folder, title=title)


def gallery_of(
    walks: Mapping[str, Walk],
    folder: str | Path,
    *,
    title: str = "What lies along the vectors",
    ends: int = 0,
) -> Path:
    """Write a gallery of walks that are there already.

    Parameters
    ----------
    walks : mapping of str to Walk
        By layer, of one call of `walk`.
    folder, title
        As of `gallery`.
    ends : int
        Show so many patches of each end of a vector, as `both_ends` finds them, and not those of
        points along it; 0: those of the walks.

    Returns
    -------
    Path
        The page, see `gallery`.

    Raises
    ------
    UserError
        If the folder holds something else, or a sheet would be too large.

    Examples
    --------
    See `gallery`.
    """
    target = _checked(title, folder)
    if ends:
        walks = {name: _at_ends(one, ends) for name, one in walks.items()}
    shape = next(iter(next(iter(walks.values())).along.values())).sizes
    with files.partial_folder(target) as partial:
        told = []
        for number, (name, one) in enumerate(walks.items()):
            rows, shown = _used(one)
            tiles = _tiles(one.activations[rows], one.images, one.field, one.beyond, name)
            file, content = _file(tiles, number)
            (partial / file).write_bytes(content)
            told.append(_layer(name, one, file, tiles, shown))
        counts = {"points": shape["point"], "patches": shape["rank"], "ends": ends}
        data = {"title": title, **counts, "layers": told}
        (partial / DATA).write_text(_PREFIX + _json(data) + ";\n", encoding="utf-8")
        (partial / PAGE).write_text(_page(title), encoding="utf-8")
    return target / PAGE


def _at_ends(one: Walk, patches: int) -> Walk:
    """The same with the patches at the ends of the vectors in the place of those along them."""
    along = {
        name: both_ends(one.activations, one.bases[name], found.vector.values.tolist(), patches)
        for name, found in one.along.items()
    }
    return replace(one, along=along)


def _checked(title: str, folder: str | Path) -> Path:
    """The folder, if title and folder can be taken."""
    if not isinstance(title, str) or not title.strip():
        raise UserError(f"title is {title!r}; it must be a text that is not empty: pass one")
    target = Path(folder)
    files.check_replaceable(target.absolute(), DATA)
    return target


def single_page(folder: str | Path) -> str:
    """The page of a gallery with its data and pictures inside, to embed in another page.

    Parameters
    ----------
    folder : str or Path
        What `gallery` wrote.

    Raises
    ------
    UserError
        If there is no gallery.

    Examples
    --------
    See `frame`.
    """
    home = Path(folder)
    try:
        page, text = ((home / name).read_text(encoding="utf-8") for name in (PAGE, DATA))
        data = json.loads(text.removeprefix(_PREFIX).rstrip().removesuffix(";"))
        for layer in data["layers"]:
            kind = "png" if layer["sheet"].endswith(".png") else "jpeg"
            layer["sheet"] = address((home / layer["sheet"]).read_bytes(), kind)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{home}: no gallery there ({error}); write one first") from None
    script = f"<script>\n{_PREFIX}{_json(data)};\n</script>"
    return page.replace(f'<script src="{DATA}"></script>', script, 1)


def frame(page: str, title: str, bare: bool = False) -> str:
    r"""HTML that shows a whole page within another, with nothing to load.

    Parameters
    ----------
    page : str
        HTML, such as `single_page` or `turning_page` returned.
    title : str
        What those who do not see the frame are told of it.
    bare : bool
        Take away the light card that the book's theme puts outputs on in the dark, for a page
        with colours of its own.

    Examples
    --------
    >>> frame("<p title='a & b'></p>", "mine")[:58]
    "<iframe title='mine' loading='lazy' style='width:100%;heig"
    >>> frame("<p title='a & b'></p>", "mine")[-54:]
    " srcdoc='<p title=&#39;a &amp; b&#39;></p>'></iframe>\n"
    """
    style = "width:100%;height:700px;border:0"
    inside = page.replace("&", "&amp;").replace("'", "&#39;")
    said = f"title='{html.escape(title)}' loading='lazy' style='{style}'"
    plain = ".text_html:has(> iframe) {background: none !important; padding: 0 !important}"
    card = f"<style>{plain}</style>" if bare else ""
    return f"{card}<iframe {said} srcdoc='{inside}'></iframe>\n"


def _used(one: Walk) -> tuple[NDArray[np.int64], list[NDArray[np.int64]]]:
    """Rows of the activations that are shown anywhere, and per basis their places among these."""
    every = [result["sample"].values for result in one.along.values()]
    if _whole(one):  # the first row of a photograph then stands for all
        _, first, image = np.unique(
            one.activations["image"].values, return_index=True, return_inverse=True
        )
        every = [first[image[each]] for each in every]
    rows = np.unique(np.concatenate([each.ravel() for each in every]))
    return rows, [np.searchsorted(rows, each) for each in every]


def _whole(one: Walk) -> bool:
    """Whether every patch is its whole image, although positions differ."""
    if "row" not in one.activations.coords:
        return False
    places = np.stack([one.activations[name].values for name in ("row", "col")], axis=1)
    start = np.array(one.field.start) + places * one.field.stride
    return bool(((start <= 0) & (start + one.field.size >= np.array(one.field.image))).all())


def _tiles(
    chosen: xr.DataArray, pictures: NDArray[np.uint8], field: Field, fill: Any, name: str
) -> NDArray[np.uint8]:
    """The patches of some activations, shape (rows, h, w) or (rows, h, w, 3)."""
    side = [size if size <= _SMALL else _LARGE for size in map(min, field.size, field.image)]
    if len(chosen) * side[0] * side[1] > _MOST_PIXELS:
        raise UserError(
            f"layer {name!r}: {len(chosen)} pictures of {side[0]} x {side[1]} do not fit a sheet; "
            "pass fewer images, or fewer vectors"
        )
    coords = {
        key: (("vector", "point", "rank"), chosen[key].values[None, None])
        for key in ("image", "row", "col")
        if key in chosen.coords
    }
    sample = (("vector", "point", "rank"), np.arange(len(chosen))[None, None])
    cut = []
    for at in range(0, len(chosen), 256):  # large windows are made small before the next are cut
        here = xr.Dataset({"sample": sample}, coords).isel(rank=slice(at, at + 256))
        some = cut_out(here, pictures, field, fill).picture.values[0, 0]
        cut += [np.asarray(_resized(each, side)) for each in some]
    return np.stack(cut)


def _resized(picture: NDArray[np.uint8], side: list[int]) -> Image.Image:
    image = Image.fromarray(picture)
    size = (side[1], side[0])
    return image if image.size == size else image.resize(size, Image.Resampling.LANCZOS)


def sheet(pictures: NDArray[Any], columns: int) -> Image.Image:
    """All pictures in one, row after row; what is left of the last row is black."""
    rows = -(-len(pictures) // columns)
    height, width, *channels = pictures.shape[1:]
    filled = np.zeros((rows * columns, height, width, *channels), np.uint8)
    filled[: len(pictures)] = pictures
    filled = filled.reshape(rows, columns, height, width, *channels).swapaxes(1, 2)
    return Image.fromarray(filled.reshape(rows * height, columns * width, *channels))


def address(content: bytes, kind: str) -> str:
    """An address that holds an image itself."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _file(tiles: NDArray[np.uint8], number: int) -> tuple[str, bytes]:
    """Name and content of the one file with all pictures of a layer."""
    image, stream = sheet(tiles, _columns(len(tiles))), io.BytesIO()
    if max(tiles.shape[1:3]) <= _SMALL:
        image.save(stream, format="PNG", optimize=True)
        return f"sheet-{number}.png", stream.getvalue()
    # Its blocks of 8 pixels then never hold two pictures.
    image.save(stream, format="JPEG", quality=85, subsampling=0)
    return f"sheet-{number}.jpg", stream.getvalue()


def _columns(count: int) -> int:
    return int(np.ceil(np.sqrt(count)))


def _layer(
    name: str, one: Walk, file: str, tiles: NDArray[np.uint8], shown: list[NDArray[np.int64]]
) -> dict[str, Any]:
    """What the page has to know of a layer; numbers as short as they can be read."""
    bases = []
    for (kind, result), places in zip(one.along.items(), shown, strict=True):
        basis = one.bases[kind]
        share = basis.variances[: len(places)] / basis.variances.sum()
        labels = basis.labels or tuple(f"direction {i + 1}" for i in range(basis.m))
        bases.append(
            {
                "name": kind,
                "labels": labels[: len(places)],
                "share": [float(f"{each:.3g}") for each in share],
                "low": [float(f"{each:.3g}") for each in result.coordinate.values[:, 0]],
                "high": [float(f"{each:.3g}") for each in result.coordinate.values[:, -1]],
                "tiles": places.reshape(len(places), -1).tolist(),
            }
        )
    height, width = tiles.shape[1:3]
    size = {"width": width, "height": height, "columns": _columns(len(tiles))}
    told = {
        "name": name,
        "units": one.activations.sizes["unit"],
        "seen": [*map(min, one.field.size, one.field.image)],
    }
    return {**told, "sheet": file, **size, "bases": bases}


def _json(data: Any) -> str:
    """Compact, and safe within a page."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("</", "<\\/").replace("<!--", "<\\!--")


def _page(title: str) -> str:
    return filled("gallery.html").replace("{title}", html.escape(title))


def filled(name: str, *parts: str) -> str:
    """A page of the folder `pages`, with the parts that it shares with others put in."""
    home = package_files("neuronbasis.visualisation") / "pages"
    text = (home / name).read_text(encoding="utf-8")
    for part in ("head.html", "page.css", "frame.js", *parts):
        text = text.replace(f"/*{part}*/\n", (home / part).read_text(encoding="utf-8"), 1)
    return text
