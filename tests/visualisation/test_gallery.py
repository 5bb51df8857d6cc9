import html
import io
import json
import re
from base64 import b64decode

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision.transforms import v2

from neuronbasis import datasets, recording, visualisation
from neuronbasis.decomposition import _components
from neuronbasis.errors import UserError
from neuronbasis.visualisation import _gallery


def network(channels=1):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(channels, 6, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2),
        nn.Conv2d(6, 5, 3), nn.Flatten(), nn.Linear(20, 4),
    )  # fmt: skip


def images(count=60, channels=1, side=8):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(count, channels, side, side, generator=generator) * 2 - 1


def read(folder):
    text = (folder / visualisation.DATA).read_text(encoding="utf-8")
    return json.loads(text.removeprefix("window.gallery = ").rstrip().removesuffix(";"))


def sheet_of(folder, layer):
    return np.asarray(Image.open(io.BytesIO((folder / layer["sheet"]).read_bytes())))


def tile(folder, layer, number):
    sheet = sheet_of(folder, layer)
    height, width = layer["height"], layer["width"]
    y, x = height * (number // layer["columns"]), width * (number % layer["columns"])
    return sheet[y : y + height, x : x + width]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gallery") / "mine"
    visualisation.gallery(
        network(), ["0", "3", "5"], images(), folder, seed=3, title="Mine & <yours>"
    )
    return folder


@pytest.mark.parametrize("place", [0, 1, 2])
def test_every_picture_is_the_patch_that_the_traversal_finds(built, place):
    model, layer = network(), read(built)["layers"][place]
    recorded = recording.record(model, [layer["name"]], images(), seed=3)[layer["name"]]
    field = recording.receptive_field(model, layer["name"], (1, 8, 8))
    shown = datasets.pictures(images())
    for basis, made in zip(layer["bases"], ("principal", "neurons", "random"), strict=True):
        seed = [3] if made == "random" else []
        ours = getattr(_components, made)(recorded, *seed)
        assert len(basis["tiles"]) == layer["units"] == ours.m
        found = visualisation.pictures(
            visualisation.nearest(recorded, ours, ours.m, 9, 4), shown, field, fill=128
        )
        for vector in (0, ours.m - 1):
            pictures = found.picture.values[vector].reshape(36, layer["height"], layer["width"])
            for number, picture in zip(basis["tiles"][vector], pictures, strict=True):
                np.testing.assert_array_equal(tile(built, layer, number), picture)
            low, high = found.coordinate.values[vector, [0, -1]]
            assert basis["low"][vector] == pytest.approx(low, rel=6e-3)
            assert basis["high"][vector] == pytest.approx(high, rel=6e-3)
        assert sum(basis["share"]) == pytest.approx(1, abs=0.02)
        if made == "neurons":
            assert basis["labels"] == list(ours.labels)


def test_a_sheet_holds_each_picture_once(built):
    for layer in read(built)["layers"]:
        used = {t for basis in layer["bases"] for row in basis["tiles"] for t in row}
        assert used == set(range(len(used)))
        sheet = sheet_of(built, layer)
        assert sheet.dtype == np.uint8
        assert sheet.ndim == 2  # grey
        assert sheet.shape[1] == layer["columns"] * layer["width"]


def test_same_arguments_same_bytes_and_an_earlier_gallery_is_replaced(built, tmp_path):
    def build(seed):
        visualisation.gallery(network(), ["0"], images(), tmp_path / "g", seed=seed)
        return {file.name: file.read_bytes() for file in (tmp_path / "g").iterdir()}

    first = build(0)
    visualisation.gallery(network(), ["0", "3"], images(), tmp_path / "g")
    assert sorted(first) == ["gallery.js", "index.html", "sheet-0.png"]
    assert build(0) == first
    assert build(1) != first


def test_the_title_and_the_data_are_safe_within_the_page(built, tmp_path):
    page = (built / "index.html").read_text(encoding="utf-8")
    assert "<title>Mine &amp; &lt;yours&gt;</title>" in page
    visualisation.gallery(network(), {"</script>": "0"}, images(), tmp_path / "g")
    whole = visualisation.single_page(tmp_path / "g")
    assert whole.count("</script>") == 2
    assert read(tmp_path / "g")["layers"][0]["name"] == "</script>"


def test_the_single_page_holds_everything_and_asks_for_nothing(built):
    whole = visualisation.single_page(built)
    assert re.findall(r"""(?:src|href)=["'](?!data:)""", whole) == []
    inside = re.findall(r'"sheet":"data:image/png;base64,([^"]+)"', whole)
    files = [built / layer["sheet"] for layer in read(built)["layers"]]
    assert [b64decode(each) for each in inside] == [file.read_bytes() for file in files]
    framed = visualisation.frame(whole, "a 'title'")
    assert html.unescape(re.search("srcdoc='([^']*)'", framed)[1]) == whole
    assert "title='a &#x27;title&#x27;'" in framed


def test_photographs_become_small_jpegs_whose_blocks_hold_one_picture_each(tmp_path):
    mean, std = [0.4, 0.5, 0.6], [0.2, 0.25, 0.5]
    transforms = v2.Compose([v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True)])
    transforms.transforms.append(v2.Normalize(mean, std))
    model = nn.Sequential(nn.Conv2d(3, 4, 40, stride=8))
    object.__setattr__(model, "transforms", transforms)
    limits = datasets.limits(model)
    colours = torch.tensor([[255.0, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]) / 255
    mean, std = (torch.tensor(each) for each in (mean, std))
    flat = ((colours - mean) / std)[:, :, None, None].expand(4, 3, 80, 80)
    visualisation.gallery(model, ["0"], flat, tmp_path / "g", limits=limits, patches=1, vectors=2)
    (layer,) = read(tmp_path / "g")["layers"]
    assert layer["sheet"] == "sheet-0.jpg"
    assert layer["width"] == layer["height"] == 64
    seen = {t for basis in layer["bases"] for row in basis["tiles"] for t in row}
    means = [tile(tmp_path / "g", layer, number).reshape(-1, 3) for number in seen]
    for each in means:
        assert np.ptp(each, axis=0).max() <= 8
    wanted = 255 * colours.numpy()
    assert all(np.abs(wanted - each.mean(0)).max(1).min() <= 6 for each in means)


def test_vectors_without_variance_are_left_out(tmp_path):
    model = network()
    with torch.no_grad():
        model[5].weight[2] = 0
    visualisation.gallery(model, ["5"], images(), tmp_path / "g")
    pcs, neurons, turned = read(tmp_path / "g")["layers"][0]["bases"]
    assert [len(each["labels"]) for each in (pcs, neurons, turned)] == [3, 3, 4]
    assert "neuron 2" not in neurons["labels"]
    visualisation.gallery(model, ["5"], images(), tmp_path / "g", vectors=2, points=3, patches=2)
    assert [len(each["tiles"]) for each in read(tmp_path / "g")["layers"][0]["bases"]] == [2] * 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layers": ["9"]}, "no layer '9' in Sequential"),
        ({"vectors": 0}, "vectors is 0; it must be an integer >= 1"),
        ({"points": 1}, "points is 1; it must be an integer >= 2"),
        ({"patches": 99}, "patches is 99 of 60 activations: pass at most that many"),
        ({"title": " "}, "title is ' '; it must be a text that is not empty"),
        ({"inputs": images().expand(60, 2, 8, 8), "model": network(2)}, "with C of 1 or 3"),
    ],
)
def test_mistakes_are_told_in_a_line_and_leave_nothing(change, message, tmp_path):
    settings = {"model": network(), "layers": ["0"], "inputs": images()} | change
    with pytest.raises(UserError, match=re.escape(message)) as caught:
        visualisation.gallery(folder=tmp_path / "g", **settings)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_other_things_are_not_replaced_nor_taken_for_a_gallery(tmp_path):
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(UserError, match="exists and holds no earlier result"):
        visualisation.gallery(network(), ["0"], images(), tmp_path)
    with pytest.raises(UserError, match="no gallery there"):
        visualisation.single_page(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_a_sheet_that_no_browser_shows_is_refused(tmp_path):
    model = nn.Conv2d(1, 2, 200)
    wide = torch.zeros(2, 1, 200, 200)
    found = recording.record(nn.Sequential(model), ["0"], wide)["0"]
    many = found[np.zeros(20_000, int)]
    field = recording.receptive_field(nn.Sequential(model), "0", (1, 200, 200))
    with pytest.raises(UserError, match="20000 pictures of 64 x 64 do not fit a sheet"):
        _gallery._tiles(many, datasets.pictures(wide), field, 0, "0")


def test_levels_are_those_of_the_picture_that_was_normalised():
    levels = np.arange(2 * 3 * 4 * 5, dtype=np.uint8).reshape(2, 3, 4, 5)
    shape = (3, 1, 1)
    mean, std = (np.array(each, np.float32).reshape(shape) for each in ([0.4] * 3, [0.2] * 3))
    inputs = ((levels / 255 - mean) / std).astype(np.float32)
    found = datasets.pictures(inputs, (-mean / std, (1 - mean) / std))
    np.testing.assert_array_equal(found, levels.transpose(0, 2, 3, 1))
    assert datasets.pictures(np.full((1, 1, 2, 2), 9, np.float32)).tolist() == [[[255] * 2] * 2]
    with pytest.raises(UserError, match="an input holds NaN or inf"):
        datasets.pictures(np.full((1, 1, 2, 2), np.nan))
    with pytest.raises(UserError, match=re.escape("inputs are torch.float64 of shape (2, 2)")):
        datasets.pictures(np.zeros((2, 2)))
