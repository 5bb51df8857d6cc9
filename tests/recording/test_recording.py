"""Recording: what hooks see, nothing left behind, mistakes told."""

import logging
import math

import numpy as np
import pytest
import scipy.sparse
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from neuronbasis import datasets, recording
from neuronbasis.errors import UserError
from neuronbasis.recording import NAMES


class Twice(nn.Module):
    """One ReLU at two places, a module that never runs, an output that is no tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 3, 3)
        self.norm = nn.BatchNorm2d(3)
        self.relu = nn.ReLU(inplace=True)
        self.second = nn.Conv2d(3, 3, 3, padding=1)
        self.other = nn.Conv2d(3, 5, 1)
        self.unused = nn.Linear(4, 4)
        self.head = nn.Linear(3, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.norm(self.first(x)))
        y = self.relu(self.second(x))
        return self.head((y + self.other(x)[:, :3]).mean((2, 3)))


class Raises(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        if len(x) > 1:
            raise RuntimeError("broken")
        return x


def images(count: int = 7, channels: int = 2, size: int = 8, seed: int = 0) -> Tensor:
    return torch.randn(count, channels, size, size, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def net() -> Twice:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = Twice()
        made.norm.running_mean.normal_()
    made.norm.eval()
    return made.train(False)


def random_vision(build, **options):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build(weights=None, **options).eval()


def no_hooks(model: nn.Module) -> bool:
    return not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def maps(net: Twice, x: Tensor) -> dict[str, Tensor]:
    """What each layer gives, written out."""
    with torch.no_grad():
        first = net.first(x)
        one = net.norm(first).relu()
        return {
            "first": first,
            "relu#1": one,
            "second": net.second(one),
            "relu#2": net.second(one).relu(),
            "other": net.other(one),
        }


def test_every_place_of_every_layer_is_what_the_layers_give_one_by_one(net):
    x = images()
    expected = maps(net, x)
    found = recording.record(net, list(expected), x, positions="all", batch=3)
    for name, values in expected.items():
        a = found[name]
        assert a.dims == ("sample", "unit")
        assert a.dtype == np.float32
        assert a.name == name
        picked = values.numpy()[a.image, :, a.row, a.col]
        np.testing.assert_allclose(a, picked, atol=1e-6)
        n, _, h, w = values.shape
        place = (a.image * h + a.row) * w + a.col
        assert np.array_equal(place, np.arange(n * h * w))  # image by image, row by row
        assert a.attrs["shape"] == list(values.shape[1:])


def test_the_other_positions_from_all_of_them(net):
    x, layers = images(), ["first", "head"]
    every = recording.record(net, layers, x, positions="all")
    mean = recording.record(net, layers, x, positions="mean")
    centre = recording.record(net, layers, x, positions="centre")
    of_image = every["first"].values.reshape(len(x), 6, 6, 3)
    np.testing.assert_allclose(mean["first"], of_image.mean((1, 2)), atol=1e-6)
    np.testing.assert_array_equal(centre["first"], of_image[:, 3, 3])
    assert set(centre["first"].row.values) == set(centre["first"].col.values) == {3}
    assert set(mean["first"].coords) == {"image"}
    for found in (mean, centre):  # a vector has one place only
        np.testing.assert_allclose(found["head"], every["head"], atol=1e-6)
        assert set(found["head"].coords) == {"image"}


@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 9),
    batch=st.integers(1, 8),
    count=st.integers(1, 7),
    draws=st.integers(1, 3),
)
def test_random_places_hang_on_seed_and_image_only(seed, batch, count, draws):
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.MaxPool2d(2))
    x = images()
    both = recording.record(model, ["0", "1"], x, seed=seed, draws=draws)
    part = recording.record(model, "0", x[:count], seed=seed, batch=batch, draws=draws)["0"]
    for coordinate in ("image", "row", "col"):
        whole = both["0"][coordinate].values
        assert np.array_equal(part[coordinate], whole[: count * draws])
        half = both["1"][coordinate].values
        same = whole if coordinate == "image" else whole // 2  # the same fraction of the map
        assert np.array_equal(half, same)
    np.testing.assert_allclose(part, both["0"][: count * draws], atol=1e-6)


def test_random_places_are_uniform_and_seeded():
    x = torch.zeros(4000, 1, 3, 2)
    one, again, other = (
        recording.record(nn.Sequential(nn.Identity()), "0", x, seed=seed, batch=1000)["0"]
        for seed in (1, 1, 2)
    )
    assert one.identical(again)
    assert not np.array_equal(one.row, other.row)
    counts = np.bincount(one.row * 2 + one.col, minlength=6)
    # Five standard deviations of a count of 4000 / 6.
    assert np.abs(counts - 4000 / 6).max() < 5 * math.sqrt(4000 * 5 / 36)


def test_in_place_operations_change_nothing():
    alexnet = random_vision(torchvision.models.alexnet)
    x = images(2, 3, 64)
    with torch.no_grad():
        before = alexnet.features[0](x)
    for positions in NAMES[:3]:
        found = recording.record(alexnet, "features.0", x, positions)["features.0"]
        assert float(found.min()) < 0  # after the ReLU that follows it would be 0
        np.testing.assert_allclose(
            found, before.numpy()[found.image, :, found.row, found.col], atol=1e-5
        )


class MapsThenTokens(nn.Module):
    """One module called on feature maps, then on the same as tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.same = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.same(self.same(x).flatten(2).mT)


def test_calls_that_nobody_asked_for_are_not_read():
    x = images()
    # "cls" makes sense for tokens only, "centre" for maps only.
    tokens = recording.record(MapsThenTokens(), "same#2", x, "cls")["same#2"]
    maps = recording.record(MapsThenTokens(), "same#1", x, "centre")["same#1"]
    assert np.array_equal(tokens, x[:, :, 0, 0])
    assert np.array_equal(maps, x[:, :, 4, 4])


def test_inputs_are_what_the_module_is_given(net):
    x = images()
    expected = maps(net, x)
    found = recording.record(net, ["relu#2", "other"], x, "all", what="input")
    second, relu = expected["second"], expected["relu#1"]
    for name, values in (("relu#2", second), ("other", relu)):
        rows = values.flatten(2).movedim(1, 2).reshape(-1, values.shape[1])
        np.testing.assert_allclose(found[name], rows, atol=1e-6)
    assert found["other"].attrs["what"] == "input"


def test_modules_are_joined_along_units_in_their_order(net):
    x = images()
    joined = recording.record(net, {"both": ["other", "relu#1"], "one": "other"}, x, seed=3)
    apart = recording.record(net, ["other", "relu#1"], x, seed=3)
    expected = np.concatenate([apart["other"], apart["relu#1"]], axis=1)
    assert np.array_equal(joined["both"], expected)
    assert np.array_equal(joined["one"], apart["other"])
    assert joined["both"].attrs["modules"] == ["other", "relu#1"]
    assert joined["both"].attrs["shape"] == [8, 6, 6]


def test_the_second_call_of_a_relu_in_a_resnet():
    resnet = random_vision(torchvision.models.resnet18)
    x = images(3, 3, 32)
    found = recording.record(
        resnet, ["layer1.0.relu#1", "layer1.0.relu#2", "layer1.0.bn1", "layer1.0"], x, "all"
    )
    first, second = found["layer1.0.relu#1"], found["layer1.0.relu#2"]
    assert np.array_equal(first, np.maximum(found["layer1.0.bn1"], 0))
    assert np.array_equal(second, found["layer1.0"])  # the block ends in its second ReLU
    assert not np.array_equal(first, second)


def test_tokens_of_a_vision_transformer():
    vit = torchvision.models.VisionTransformer(32, 8, 2, 2, 16, 32, num_classes=4).eval()
    nn.init.normal_(vit.heads.head.weight)
    x, name = images(3, 3, 32), "encoder.layers.encoder_layer_1"
    found = recording.record(vit, [name, "encoder.ln", "heads.head"], x, "cls")
    every = recording.record(vit, name, x, "all")[name]
    assert every.shape == (3 * 17, 16)
    assert np.array_equal(every.token, np.tile(np.arange(17), 3))
    np.testing.assert_allclose(found[name], every[every.token == 0], atol=1e-6)
    with torch.no_grad():
        head = vit.heads(torch.tensor(found["encoder.ln"].values))
        np.testing.assert_allclose(found["heads.head"], vit(x), atol=1e-5)
    np.testing.assert_allclose(head, found["heads.head"], atol=1e-5)  # the head reads the first
    mean = recording.record(vit, name, x, "mean")[name]
    np.testing.assert_allclose(mean, every.values.reshape(3, 17, 16).mean(1), atol=1e-6)
    draw = recording.record(vit, name, x, "random", draws=40)[name]
    assert {0, 16} <= set(draw.token.values) <= set(range(17))
    attention = f"{name}.self_attention"  # it gives a pair: the output and no weights
    assert recording.record(vit, attention, x)[attention].shape == (3, 16)


@pytest.mark.parametrize("batch", [1, 2, 5, 100])
def test_the_batch_changes_nothing(net, batch):
    x = images()
    net.train()  # batch normalisation would mix the images of a batch
    whole = recording.record(net, ["first", "relu#2", "head"], x)
    parts = recording.record(net, ["first", "relu#2", "head"], x, batch=batch)
    for name, values in whole.items():
        np.testing.assert_allclose(parts[name], values, atol=1e-6)
        assert all(coord.identical(values[key]) for key, coord in parts[name].coords.items())


def test_the_model_is_left_as_it_was(net):
    net.train()
    net.other.eval()  # a mode of its own
    modes = {name: module.training for name, module in net.named_modules()}
    state = {name: value.clone() for name, value in net.state_dict().items()}
    x = images()
    kept = x.clone()
    found = recording.record(net, "first", x, "all")["first"]
    assert {name: module.training for name, module in net.named_modules()} == modes
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
    assert torch.equal(x, kept)
    assert torch.is_grad_enabled()
    assert no_hooks(net)
    assert net.first.weight.requires_grad
    assert net(x).requires_grad
    assert not np.shares_memory(found.values, x.numpy())


def test_nothing_stays_attached_when_the_model_raises():
    model = nn.Sequential(nn.Identity(), Raises()).train()
    tf32 = torch.backends.cudnn.allow_tf32
    with pytest.raises(RuntimeError, match=r"^broken$"):  # the first image alone passes
        recording.record(model, "0", images())
    assert no_hooks(model)
    assert model[1].training
    assert torch.is_grad_enabled()
    assert torch.backends.cudnn.allow_tf32 == tf32


def test_nor_when_what_it_gives_is_refused(net):
    net.train()
    with pytest.raises(UserError):
        recording.record(net, ["first", "unused"], images())
    with torch.no_grad():
        net.second.weight[0, 0, 0, 0] = np.nan
    with pytest.raises(UserError, match=r"^layer 'second' is NaN or beyond float32 for image 0; "):
        recording.record(net, ["first", "second"], images())
    assert no_hooks(net)
    assert net.training


class Labelled(torch.utils.data.Dataset):
    def __init__(self, x: Tensor) -> None:
        self.x, self.read = x, []

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        self.read.append(i)
        return self.x[i], i % 3


def test_arrays_mapped_files_and_datasets_give_the_same(net, tmp_path):
    x = images()
    expected = recording.record(net, "first", x)["first"]
    np.save(tmp_path / "x.npy", x.numpy())
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    big_endian = x.numpy().astype(">f8")
    dataset = Labelled(x)
    for same in (x.numpy(), mapped, big_endian, x.double(), dataset, list(x.numpy())):
        assert recording.record(net, "first", same, batch=4)["first"].identical(expected)
    assert dataset.read[-7:] == list(range(7))


def test_a_folder_holds_the_same_and_appears_when_all_is_done(net, tmp_path):
    x, to = images(), tmp_path / "deep" / "recording"
    names = {"a/b": ["first"], "head": "head", "relu#1": "relu#1"}
    expected = recording.record(net, names, x, "all")
    found = recording.record(net, names, x, "all", batch=2, to=to)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, atol=1e-6)
        assert found[name].attrs == values.attrs
        assert not found[name].values.flags.writeable
    assert sorted(file.name for file in to.iterdir()) == [
        "a%2Fb.npy",
        "head.npy",
        "recording.json",
        "relu#1.npy",
    ]
    assert np.array_equal(datasets.read_matrix(to / "head.npy"), found["head"])
    again = recording.record(net, "first", x, to=to)  # an earlier one is replaced
    assert sorted(file.name for file in to.iterdir()) == ["first.npy", "recording.json"]
    assert again["first"].shape == (7, 3)


def test_a_folder_of_other_things_is_never_replaced_and_nothing_half_written_stays(net, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    with pytest.raises(UserError, match="exists and holds no earlier result"):
        recording.record(net, "first", images(), to=tmp_path / "mine")
    broken = nn.Sequential(nn.Identity(), Raises())
    with pytest.raises(RuntimeError, match="broken"):
        recording.record(broken, "0", images(), to=tmp_path / "new")
    assert [file.name for file in tmp_path.iterdir()] == ["mine"]


def test_the_memory_is_estimated_before_the_work(net, tmp_path):
    seen = []
    net.register_forward_hook(lambda *_: seen.append(1))
    x = images(100)
    # 100 x 36 rows of 3 float32, and two batches of 10 x 36.
    needed = 4 * 3 * 36 * (100 + 2 * 10)
    options = {"positions": "all", "batch": 10}
    with pytest.raises(UserError) as caught:
        recording.record(net, "first", x, **options, memory=needed - 1)
    assert str(caught.value) == (
        "first: 5.18e-05 GB are needed, the limit is 5.18e-05 GB: ask for fewer layers, images or "
        "positions, pass a folder as `to`, or raise `memory`"
    )
    assert len(seen) == 1  # one image, to see the shapes
    assert recording.record(net, "first", x, **options, memory=needed)["first"].shape == (3600, 3)
    # In a file only the batches count.
    with pytest.raises(UserError, match="pass a smaller batch, or raise"):
        recording.record(net, "first", x, **options, memory=needed // 6 - 1, to=tmp_path / "a")
    recording.record(net, "first", x, **options, memory=needed // 6, to=tmp_path / "a")


def test_device_and_type_are_said_once(net, caplog):
    with caplog.at_level(logging.INFO, "neuronbasis"):
        recording.record(net, ["first", "second"], images(), batch=1)
    assert caplog.messages == ["recording 7 images on cpu in torch.float32"]


def test_other_precisions_are_recorded_in_float32():
    model = nn.Sequential(nn.Conv2d(2, 3, 3))
    half = recording.record(model, "0", images())["0"]
    double = recording.record(model.double(), "0", images())["0"]
    assert double.dtype == np.float32
    np.testing.assert_allclose(double, half, atol=1e-5)


def test_one_image_is_enough_and_flat_rows_pass():
    model = nn.Sequential(nn.Linear(6, 4), nn.Tanh())
    found = recording.record(model, "0", torch.ones(1, 6))["0"]
    assert np.array_equal(found, model[0](torch.ones(1, 6)).detach())
    assert found.shape == (1, 4)


def test_layers_lists_what_can_be_asked_for(net):
    x = images()
    listed = recording.layers(net, x[0])
    shapes = {layer.name: (layer.type, layer.shape) for layer in listed}
    assert shapes == {
        "first": ("Conv2d", (3, 6, 6)),
        "norm": ("BatchNorm2d", (3, 6, 6)),
        "relu#1": ("ReLU", (3, 6, 6)),
        "relu#2": ("ReLU", (3, 6, 6)),
        "second": ("Conv2d", (3, 6, 6)),
        "other": ("Conv2d", (5, 6, 6)),
        "head": ("Linear", (4,)),
    }
    fields = {layer.name: layer.field for layer in listed}
    assert fields["first"].size == fields["relu#1"].size == (3, 3)
    assert fields["relu#2"].size == (5, 5)
    assert fields["head"].whole
    found = recording.record(net, [layer.name for layer in listed], x, "all")
    for layer in listed:
        assert found[layer.name].attrs["shape"] == list(layer.shape)
    assert recording.layers(net, x) == listed
    assert no_hooks(net)


def test_layers_of_a_transformer_and_of_flat_rows():
    vit = torchvision.models.VisionTransformer(16, 8, 1, 2, 8, 8, num_classes=3)
    listed = {layer.name: layer for layer in recording.layers(vit, images(1, 3, 16)[0])}
    block = listed["encoder.layers.encoder_layer_0"]
    assert block.shape == (5, 8)
    assert block.field.whole
    assert listed["conv_proj"].field.size == (8, 8)
    assert not [name for name in listed if name.endswith("out_proj")]
    (flat,) = recording.layers(nn.Sequential(nn.Linear(6, 4)), torch.ones(6))
    assert flat == recording.Layer("0", "Linear", (4,), None, 1, ("linear",))


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ("frist", "no layer 'frist' in Twice: did you mean first? (recording.layers lists all)"),
        ("frist#2", "no layer 'frist#2' in Twice: did you mean first? (recording.layers lists all"),
        ("relu#0", "no layer 'relu#0' in Twice: did you mean relu? (recording.layers lists all)"),
        ("xyz", "no layer 'xyz' in Twice: it has first, norm, relu, second, other, unused, head,"),
        ("", "no layer '' in Twice: it has first, norm, relu,"),
        ("unused", "layer 'unused' is never called in a forward pass: name another, such as the"),
        ("relu", "layer 'relu' is called 2 times a forward pass: name 'relu#1' or 'relu#2'"),
        ("relu#3", "layer 'relu#3' is called 2 times a forward pass: name 'relu#1' or 'relu#2'"),
        ("first#2", "layer 'first#2' is called once a forward pass: name 'first'"),
        ({"a": ["first", "head"]}, "layer 'a' joins modules of shapes (3, 6, 6), (4,); their plac"),
        ([], "no layers are named; pass names such as those of recording.layers()"),
        (nn.Linear(2, 2), "a layer is named by a Linear; pass its name as text, such as those of"),
        ([nn.ReLU()], "a layer is named by a ReLU; pass its name as text, such as those of"),
        (0, "a layer is named by a int; pass its name as text, such as those of recording.lay"),
        ({"a": 0}, "a layer is named by a int; pass its name as text, such as those of recording"),
        ({"a": []}, "no layers are named; pass names such as those of recording.layers()"),
    ],
)
def test_bad_layers_are_told(net, layers, message):
    with pytest.raises(UserError) as caught:
        recording.record(net, layers, images())
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
    assert no_hooks(net)


def damaged(value: float) -> Tensor:
    x = images()
    x[5, 1, 2, 3] = value
    return x


def mixed() -> list[Tensor]:
    return [*images(2), *images(1, size=9)]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (torch.zeros(0, 2, 8, 8), "there are no images: pass at least one"),
        ([], "there are no images: pass at least one"),
        (torch.zeros(2, 2, 0, 8), "images have shape (1, 2, 0, 8); no extent may be 0"),
        (images(7, 3), "Twice takes no images of shape (1, 3, 8, 8) (Given groups=1, weight of si"),
        (images()[0], "Twice takes no images of shape (1, 8, 8) ("),
        (torch.zeros(7), "images have shape (7,); pass a batch, such as (N, C, H, W)"),
        (damaged(np.nan), "image 5 holds NaN or inf; all values must be finite"),
        (damaged(-np.inf), "image 5 holds NaN or inf; all values must be finite"),
        (damaged(-255), "image 5 reaches 255, beyond 10: normalise images as the model takes them"),
        (list(damaged(255)), "image 5 reaches 255, beyond 10: normalise images as the model takes"),
        (images().to(torch.uint8), "images: torch.uint8 given, floating-point numbers wanted, nor"),
        (images().numpy().astype("U8"), "images: <U8 given, floating-point numbers wanted, normal"),
        (["cat.png"], "image 0: str given, floating-point numbers wanted, normalised as the model"),
        (mixed(), "image 2 has shape (2, 9, 9), image 0 (2, 8, 8); they must be of one shape: res"),
        (iter(images()), "images are a tuple_iterator; pass a tensor or an array (N, C, H, W)"),
        (scipy.sparse.eye_array(3), "images is a sparse dia_array; pass images.toarray()"),
        (None, "images are a NoneType; pass a tensor or an array (N, C, H, W), or a dataset of"),
    ],
)
@pytest.mark.parametrize("batch", [1, 2, 100])
def test_bad_images_are_told(net, given, message, batch):
    with pytest.raises(UserError) as caught:
        recording.record(net, "first", given, batch=batch)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
    assert no_hooks(net)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"positions": "center"},
            "positions are 'center'; legal are 'random', 'all', 'centre', 'm",
        ),
        (
            {"positions": "cls"},
            "positions are 'cls', which feature maps do not have: pass 'random'",
        ),
        ({"what": "gradient"}, "what is 'gradient'; legal are 'output' and 'input': pass one of t"),
        ({"seed": -1}, "seed is -1; it must be an integer >= 0: pass such a one"),
        ({"batch": 0}, "batch is 0; it must be an integer >= 1: pass such a one"),
        ({"draws": 1.5}, "draws is 1.5; it must be an integer >= 1: pass such a one"),
        ({"memory": 0}, "memory is 0; it must be a number above 0: pass a number of bytes"),
        ({"memory": "4GB"}, "memory is '4GB'; it must be a number above 0: pass a number of bytes"),
        ({"largest": None}, "largest is None; it must be a number above 0: pass inf for no limit"),
        ({"largest": -1}, "largest is -1; it must be a number above 0: pass inf for no limit"),
        ({"device": "meta"}, "device is 'meta', not available ("),
        ({"device": "tpu"}, "device is 'tpu', not available ("),
        ({"device": "cuda:99"}, "device is 'cuda:99', not available ("),
        ({"model": torch.relu}, "model is a builtin_function_or_method; it must be a torch.nn.Mod"),
    ],
)
def test_bad_settings_are_told(net, change, message):
    call = {"model": net, "layers": "first", "images": images(), **change}
    with pytest.raises(UserError) as caught:
        recording.record(**call)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_the_centre_of_tokens_is_refused():
    vit = torchvision.models.VisionTransformer(16, 8, 1, 2, 8, 8, num_classes=3)
    with pytest.raises(UserError, match=r"^positions are 'centre', which tokens do not have: "):
        recording.record(vit, "encoder.ln", images(1, 3, 16), "centre")


def test_images_not_along_the_first_axis_are_refused():
    model = nn.Sequential(nn.Flatten(0, 1), nn.Conv2d(1, 1, 1).requires_grad_(False))
    with pytest.raises(UserError, match=r"^layer '0': its output for one image is \(2, 1, 8, 8"):
        recording.record(model, "0", images()[:, :, None])


def test_larger_values_pass_where_they_are_allowed(net):
    found = recording.record(net, "first", damaged(255), largest=math.inf)
    assert np.isfinite(found["first"]).all()


def test_squeezenet_and_its_photographs(data_file):
    model = torchvision.models.squeezenet1_0(weights=None)
    weights = data_file("squeezenet1_0_imagenet.pt")
    model.load_state_dict(torch.load(weights, weights_only=True))
    parts = ["features.3.expand1x1", "features.3.expand3x3"]
    found = recording.record(
        model, {"fire2": parts, "block": "features.3"}, images(2, 3, 48), "all"
    )
    # The block gives its two convolutions after their ReLU, joined.
    assert np.array_equal(np.maximum(found["fire2"], 0), found["block"])
    assert float(found["fire2"].min()) < 0
