"""Single picture files: what is transparent, turned, of other pixels, or cut short."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms.functional import pil_to_tensor

from neuronbasis import datasets
from neuronbasis.errors import UserError

DARK, LIGHT = 20, 100


def _clear(mode: str) -> Image.Image:
    """Two pixels, a dark one that is seen and one of the same that is not."""
    if mode == "P":
        image = Image.new("P", (2, 1))
        image.putpalette([DARK] * 3 + [DARK] * 3)
        image.putpixel((1, 0), 1)
        image.info["transparency"] = b"\xff\x00"
        return image
    if mode in ("L", "RGB"):  # one level of the file is declared to be transparent
        image = Image.new(mode, (2, 1), "black")
        image.putpixel((0, 0), DARK if mode == "L" else (DARK,) * 3)
        image.info["transparency"] = 0 if mode == "L" else (0, 0, 0)
        return image
    values = [*[DARK] * (3 if mode == "RGBA" else 1)]
    image = Image.new(mode, (2, 1), (*values, 255))
    image.putpixel((1, 0), (*values, 0))
    return image


def _through(path: Path, image: Image.Image) -> list[np.ndarray]:
    """The picture by both ways that a file takes: as part of a dataset, and for a network."""
    root = path.parent / "root"
    for half in ("train", "test"):
        (root / half / "a").mkdir(parents=True, exist_ok=True)
        file = root / half / "a" / path.name
        image.save(file, **({"exif": image.getexif()} if image.getexif() else {}))
    model = torch.nn.Identity()
    model.transforms = pil_to_tensor
    inputs = datasets.transformed(model, [file])[0].permute(1, 2, 0).numpy()
    data = datasets.load(root).x_test[0]
    return [inputs, data if data.ndim == 3 else np.repeat(data[..., None], 3, axis=2)]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "RGB"])
def test_what_is_transparent_is_white_not_black(tmp_path: Path, mode: str) -> None:
    for found in _through(tmp_path / "0.png", _clear(mode)):
        assert found[0].tolist() == [[DARK] * 3, [255] * 3]


def test_a_transparent_gif_is_white_where_nothing_is_drawn(tmp_path: Path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([0, 0, 0, 200, 0, 0])
    image.putpixel((0, 0), 1)
    image.info["transparency"] = 0
    for found in _through(tmp_path / "0.gif", image):
        assert found[0].tolist() == [[200, 0, 0], [255, 255, 255]]


def test_half_transparent_pixels_are_half_white(tmp_path: Path) -> None:
    image = Image.new("RGBA", (2, 1), (0, 0, 0, 255))
    image.putpixel((1, 0), (0, 0, 0, 51))
    for found in _through(tmp_path / "0.png", image):
        assert found[0, 1].tolist() == [204] * 3


@pytest.mark.parametrize("alpha", [0, 128])
def test_a_drawing_that_vanishes_on_white_is_refused(tmp_path: Path, alpha: int) -> None:
    image = Image.new("RGBA", (2, 1), (255, 255, 255, alpha))
    with pytest.raises(UserError, match=r"0\.png: .*\(laid on white it is all white: lay it on"):
        _through(tmp_path / "0.png", image)
    _through(tmp_path / "0.png", Image.new("RGBA", (2, 1), "white"))


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif"])
def test_a_picture_taken_with_a_turned_camera_is_upright(tmp_path: Path, ending: str) -> None:
    image = Image.new("L", (32, 16), 250)
    image.paste(10, (0, 0, 16, 16))
    image = image.convert("RGB")
    image.getexif()[0x112] = 6  # to be turned to the right by a quarter
    for found in _through(tmp_path / f"0.{ending}", image):
        assert found.shape == (32, 16, 3)
        assert found[:12].max() < 60 < 200 < found[20:].min()


def test_cmyk_becomes_coloured(tmp_path: Path) -> None:
    for found in _through(tmp_path / "0.tif", Image.new("CMYK", (2, 1), (255, 0, 0, 0))):
        assert found[0, 0].tolist() == [0, 255, 255]


@pytest.mark.parametrize("mode", ["I;16", "I", "F", "LAB"])
def test_pixels_of_other_kinds_are_refused_with_the_path(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "0.tif"
    with pytest.raises(UserError, match=rf"0\.tif: no readable image .* of kind {mode}\); mend"):
        _through(path, Image.new(mode, (2, 1)))


@pytest.mark.parametrize("ending", ["jpg", "png", "gif", "webp", "bmp", "tif", "avif", "jp2"])
def test_a_picture_that_is_cut_short_is_one_line_with_its_path(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"0.{ending}"
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    content = path.read_bytes()
    model = torch.nn.Identity()
    model.transforms = pil_to_tensor
    for share in (0, 0.01, 0.1, 0.5, 0.95):
        path.write_bytes(content[: int(share * len(content))])
        with pytest.raises(UserError, match=rf"0\.{ending}: no readable image") as caught:
            datasets.transformed(model, [path])
        assert "\n" not in str(caught.value)


def test_an_opened_picture_that_is_cut_short_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "0.bmp"
    Image.new("RGB", (16, 16)).save(path)
    path.write_bytes(path.read_bytes()[:200])
    model = torch.nn.Identity()
    model.transforms = pil_to_tensor
    with Image.open(path) as image, pytest.raises(UserError, match="an image: no readable image"):
        datasets.transformed(model, [image])


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "0.png")
    model = torch.nn.Identity()
    model.transforms = pil_to_tensor
    with pytest.raises(UserError, match=r"0\.png: no readable image .*\(it is no file\)"):
        datasets.transformed(model, [tmp_path / "0.png"])
