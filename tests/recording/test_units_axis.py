"""Which axis holds the units: what the network tells, wherever the values then go."""

import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor, nn

from neuronbasis import completeness, decomposition, recording, visualisation
from neuronbasis.errors import UserError


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def seeded(make, *given, **options):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return make(*given, **options).eval()


def hooked(model: nn.Module, name: str, x) -> Tensor:
    """What a module gives at its first call, by a hook of torch's own."""
    seen = []
    module = model.get_submodule(name)
    with torch.no_grad(), module.register_forward_hook(lambda m, i, y: seen.append(first(y))):
        model(x)
    return seen[0]


def first(y) -> Tensor:
    return y[0].clone() if isinstance(y, tuple) else y.clone()


def rows(output: Tensor, axis: int) -> np.ndarray:
    """One vector of units a row, image after image, written out with numpy."""
    return np.moveaxis(output.numpy(), axis, -1).reshape(-1, output.shape[axis])


class Tokens(nn.Module):
    """Patches as tokens, mixed along the tokens and along the units."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 12, 4, 4), nn.LayerNorm(12)
        self.along, self.act, self.drop = nn.Linear(4, 4), nn.GELU(), nn.Dropout()
        self.attention = nn.MultiheadAttention(12, 3, batch_first=True)
        self.mix, self.head = nn.Linear(12, 6), nn.Linear(6, 2)
        self.cls = nn.Parameter(torch.zeros(1, 1, 12))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x).flatten(2).transpose(1, 2)
        x = self.drop(x + self.act(self.along(self.norm(x).mT)).mT)
        x = torch.cat([self.cls.expand(len(x), -1, -1), x], 1)
        x = x + self.attention(x, x, x, need_weights=False)[0]
        return self.head(self.mix(x)[:, 0])


class Last(nn.Module):
    """Takes images with their channels last."""

    def __init__(self) -> None:
        super().__init__()
        self.early, self.conv, self.late = nn.GELU(), nn.Conv2d(3, 5, 3), nn.GELU()

    def forward(self, x: Tensor) -> Tensor:
        return self.late(self.conv(self.early(x).permute(0, 3, 1, 2)).permute(0, 2, 3, 1))


class Shuffled(nn.Module):
    """Units that are grouped, exchanged and joined again, and a product without a module."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.same, self.act = nn.Conv2d(3, 8, 1), nn.Identity(), nn.ReLU()
        self.weight = nn.Parameter(normal(5, 8))

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x).unflatten(1, (2, 4)).transpose(1, 2).flatten(1, 2)
        return self.act(torch.einsum("nchw,oc->nohw", self.same(x), self.weight))


class Spectral(nn.Module):
    """Maps of which each column becomes one vector in time."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.act, self.cells = nn.Conv2d(3, 4, 3), nn.GELU(), nn.GRU(24, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.conv(x).permute(0, 3, 1, 2).flatten(2))
        return self.cells(x.transpose(0, 1))[0].transpose(0, 1)


class Recurrent(nn.Module):
    def __init__(self, kind, **options) -> None:
        super().__init__()
        self.cells, self.act = kind(3, 7, batch_first=True, **options), nn.Tanh()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.cells(x)[0])


def signals() -> nn.Module:
    return nn.Sequential(
        nn.MaxPool1d(2), nn.Conv1d(3, 5, 3), nn.GELU(), nn.BatchNorm1d(5), nn.AvgPool1d(2),
        nn.Flatten(), nn.Linear(15, 2),
    )  # fmt: skip


def transformer() -> nn.Module:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    return nn.Sequential(nn.Dropout(), nn.TransformerEncoder(layer, 2), nn.GELU())


NETWORKS = {
    "signals": (signals, (4, 3, 16), {"0": 1, "1": 1, "2": 1, "3": 1, "4": 1, "5": 1, "6": 1}),
    "tokens": (
        Tokens,
        (4, 3, 8, 8),
        {"stem": 1, "norm": 2, "along": 2, "act": 2, "drop": 2, "attention": 2, "mix": 2},
    ),
    "channels last": (Last, (4, 8, 9, 3), {"early": 3, "conv": 1, "late": 3}),
    "shuffled": (Shuffled, (4, 3, 6, 8), {"conv": 1, "same": 1, "act": 1}),
    "spectral": (Spectral, (4, 3, 8, 9), {"conv": 1, "act": 2}),
    "lstm": (lambda: Recurrent(nn.LSTM), (4, 11, 3), {"cells": 2, "act": 2}),
    "gru": (lambda: Recurrent(nn.GRU, bidirectional=True), (4, 11, 3), {"cells": 2, "act": 2}),
    "transformer": (transformer, (4, 11, 8), {"0": 2, "1": 2, "1.layers.0.linear1": 2, "2": 2}),
    "one unit": (lambda: nn.Sequential(nn.Linear(8, 1), nn.Tanh()), (4, 3, 8), {"0": 2, "1": 2}),
    "images": (lambda: nn.Sequential(nn.ReLU()), (4, 3, 6, 8), {"0": 1}),
    "flattened": (
        lambda: nn.Sequential(nn.ReLU(), nn.Flatten(), nn.Linear(36, 2), nn.Tanh()),
        (4, 1, 6, 6),
        {"0": 1, "1": 1, "2": 1, "3": 1},
    ),
    "elementwise, then pooled": (
        lambda: nn.Sequential(nn.ReLU(), nn.Hardtanh(), nn.AdaptiveAvgPool1d(2)),
        (4, 3, 6),
        {"0": 1, "1": 1, "2": 1},
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_axis_is_what_the_network_tells(name):
    make, shape, axes = NETWORKS[name]
    model, x = seeded(make), normal(*shape)
    listed = {layer.name: layer for layer in recording.layers(model, x[0])}
    found = recording.record(model, list(axes), x, "all", batch=3)
    for layer, axis in axes.items():
        output = hooked(model, layer, x)
        assert listed[layer].units_axis == axis
        assert listed[layer].shape == tuple(output.shape[1:])
        assert found[layer].attrs["units_axis"] == axis
        assert found[layer].attrs["shape"] == list(output.shape[1:])
        np.testing.assert_allclose(found[layer], rows(output, axis), atol=1e-5)


@pytest.mark.parametrize("name", ["signals", "tokens", "transformer"])
def test_so_do_the_inputs_of_modules(name):
    make, shape, axes = NETWORKS[name]
    model, x = seeded(make), normal(*shape)
    for layer in axes:
        module, given = model.get_submodule(layer), []

        def keep(_, inputs, given=given):
            given.append(inputs[0].clone())

        with torch.no_grad(), module.register_forward_pre_hook(keep):
            model(x)
        recorded = recording.record(model, layer, x, "all", what="input")[layer]
        own = 1 if isinstance(module, nn.Conv1d | nn.Conv2d) or name == "signals" else -1
        np.testing.assert_allclose(recorded, rows(given[0], own), atol=1e-5)


def test_swin_has_its_units_last():
    """The mistake that was: 16 units, and 384 taken for columns."""
    model, x = seeded(torchvision.models.swin_t, weights=None), normal(3, 3, 64, 64)
    name = "features.1.0.mlp.0"
    (recorded,) = recording.record(model, name, x, "all").values()
    assert recorded.shape == (3 * 16 * 16, 384)
    assert {"row", "col"} < set(recorded.coords)
    output = hooked(model, name, x)
    picked = output.numpy()[recorded.image, recorded.row, recorded.col]
    np.testing.assert_allclose(recorded, picked, atol=1e-5)
    for layer in recording.layers(model, x[0]):
        if len(layer.shape) == 3:
            conv = layer.name in ("features.0.0", "permute", "avgpool")
            assert layer.units_axis == (1 if conv else 3), layer


def test_convnext_has_both_orders():
    model, x = seeded(torchvision.models.convnext_tiny, weights=None), normal(1, 3, 64, 64)
    inside = {".block.2": 3, ".block.3": 3, ".block.4": 3, ".block.5": 3, ".block.1": 3}
    seen = set()
    for layer in recording.layers(model, x[0]):
        if len(layer.shape) == 3:
            axis = next((a for end, a in inside.items() if layer.name.endswith(end)), 1)
            assert layer.units_axis == axis, layer
            seen.add(axis)
    assert seen == {1, 3}


@pytest.mark.parametrize(
    "name",
    ["alexnet", "squeezenet1_1", "resnet18", "densenet121", "shufflenet_v2_x0_5", "mnasnet0_5",
     "mobilenet_v3_small", "efficientnet_b0", "googlenet", "regnet_y_400mf", "vgg11_bn"],
)  # fmt: skip
def test_all_maps_of_convolutional_networks_have_their_units_first(name):
    options = {"init_weights": False} if name == "googlenet" else {}
    model = seeded(getattr(torchvision.models, name), weights=None, **options)
    listed = recording.layers(model, normal(3, 64, 64))
    assert {layer.units_axis for layer in listed} == {1}


def test_vision_transformers_have_them_last():
    model = torchvision.models.VisionTransformer(16, 8, 2, 2, 8, 8, num_classes=3).eval()
    for layer in recording.layers(model, normal(3, 16, 16)):
        assert layer.units_axis == (2 if len(layer.shape) == 2 else 1), layer


# --- where nothing tells ------------------------------------------------------------------------


class Products(nn.Module):
    """Scores between tokens: no axis holds units."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.scores = nn.Linear(8, 8), nn.Linear(8, 8), nn.Softmax(-1)

    def forward(self, x: Tensor) -> Tensor:
        return self.scores(self.a(x) @ self.b(x).mT) @ x


@pytest.mark.parametrize(
    ("model", "name", "shape"),
    [
        (nn.Sequential(nn.GELU()), "0", (4, 3, 16)),
        (nn.Sequential(nn.Identity(), nn.Dropout()), "1", (4, 5, 5)),
        (Products(), "scores", (4, 5, 8)),
    ],
)
def test_it_is_asked_for(model, name, shape):
    x = normal(*shape)
    with pytest.raises(UserError) as caught:
        recording.record(model, name, x)
    output = hooked(model.eval(), name, x)
    assert str(caught.value) == (
        f"layer {name!r}: its output for one image is {(1, *output.shape[1:])}, and nothing tells "
        "which axis holds the units: pass units_axis=1 where they come before the positions, "
        "units_axis=-1 where they come last"
    )
    listed = {layer.name: layer for layer in recording.layers(model, x[0])}
    assert listed[name].units_axis is None
    for given in (1, -1, 2, {name: -1}):
        axis = given[name] if isinstance(given, dict) else given
        found = recording.record(model, name, x, "all", units_axis=given)[name]
        assert found.attrs["units_axis"] == axis % 3
        np.testing.assert_allclose(found, rows(output, axis), atol=1e-6)


def test_what_was_asked_for_goes_before_what_the_network_tells():
    model, x = nn.Sequential(nn.Conv1d(3, 5, 1), nn.ReLU()), normal(4, 3, 6)
    found = recording.record(model, ["0", "1"], x, "all", units_axis={"1": 2})
    assert (found["0"].sizes["unit"], found["1"].sizes["unit"]) == (5, 6)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            0,
            "units_axis is 0; layer '0' gives (1, 3, 16), the first axis being the images: pass on",
        ),
        (
            3,
            "units_axis is 3; layer '0' gives (1, 3, 16), the first axis being the images: pass on",
        ),
        (-3, "units_axis is -3; layer '0' gives (1, 3, 16), the first axis being the images: pass"),
        (True, "units_axis is True; layer '0' gives (1, 3, 16), the first axis being the images"),
        ("last", "units_axis is 'last'; layer '0' gives (1, 3, 16), the first axis being the imag"),
        ({"1": 1}, "units_axis names '1'; the layers are '0': name some of these"),
    ],
)
def test_a_bad_axis_is_told(given, message):
    with pytest.raises(UserError) as caught:
        recording.record(nn.Sequential(nn.GELU()), "0", normal(4, 3, 16), units_axis=given)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


# --- what uses it -------------------------------------------------------------------------------


class Channels(nn.Module):
    """A classifier with its channels last in the middle."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.wide, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 5), nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.wide(self.conv(x).movedim(1, -1)).relu().mean((1, 2)))


@pytest.fixture
def channels() -> tuple[nn.Module, Tensor]:
    return seeded(Channels), normal(30, 3, 8, 9)


@pytest.mark.parametrize("layer", ["wide", "conv"])
def test_ablation_replaces_units_along_that_axis(channels, layer):
    model, x = channels
    recorded = recording.record(model, layer, x, "all")[layer]
    neurons = decomposition.neurons(recorded)
    labels = np.arange(30) % 3
    found = completeness.ablation(model, layer, neurons, x, labels, [0, 2], ["descending"])
    gone = [int(label.split()[-1]) for label in neurons.labels[:2]]
    mean = torch.from_numpy(recorded.values.mean(0))

    def masked(module, given, output):
        axis = 3 if layer == "wide" else 1
        output = output.movedim(axis, -1).clone()
        output[..., gone] = mean[gone]
        return output.movedim(-1, axis)

    with torch.no_grad(), model.get_submodule(layer).register_forward_hook(masked):
        expected = model(x).argmax(1)
    assert found.predicted.sel(count=2).values.ravel().tolist() == expected.tolist()
    shares = completeness.explained_variance(recorded, neurons)
    assert shares.attrs["units"] == model.get_submodule(layer).weight.shape[0]
    removed = found.variance_removed.sel(count=2).item()
    np.testing.assert_allclose(removed, float(shares.explained[0, 2]), rtol=1e-5)


def test_ablation_of_modules_of_both_orders_joined():
    class Both(Channels):
        def forward(self, x: Tensor) -> Tensor:
            maps = self.conv(x)
            wide = self.wide(maps.movedim(1, -1))
            return self.head(wide.mean((1, 2)) + nn.functional.pad(maps.mean((2, 3)), (0, 1)))

    model, x = seeded(Both), normal(20, 3, 8, 8)
    joined = {"both": ["conv", "wide"]}
    recorded = recording.record(model, joined, x, "all")["both"]
    expected = [rows(hooked(model, name, x), axis) for name, axis in (("conv", 1), ("wide", 3))]
    np.testing.assert_allclose(recorded, np.concatenate(expected, 1), atol=1e-5)
    labels = np.zeros(20, int)
    neurons = decomposition.neurons(recorded)
    found = completeness.ablation(model, joined, neurons, x, labels, [0, 9])
    assert found.variance_removed.sel(count=9).values.ravel() == pytest.approx(1)


def test_bases_of_the_wrong_width_are_refused_where_the_axis_is_another(channels):
    model, x = channels
    wrong = decomposition.neurons(normal(50, 6).numpy())  # as many as the maps have rows
    with pytest.raises(UserError, match=r"^layer 'wide' has 5 units, basis 'neurons' vectors of 6"):
        completeness.ablation(model, "wide", wrong, x, np.zeros(30, int), [0])


def test_an_axis_that_is_asked_for_reaches_ablation_and_pictures():
    model = nn.Sequential(nn.GELU(), nn.Flatten(), nn.Linear(15, 3))
    x = normal(30, 5, 3)
    recorded = recording.record(model, "0", x, "all", units_axis=-1)["0"]
    neurons, labels = decomposition.neurons(recorded), np.zeros(30, int)
    with pytest.raises(UserError, match="pass units_axis=1 where"):
        completeness.ablation(model, "0", neurons, x, labels, [0])
    found = completeness.ablation(model, "0", neurons, x, labels, [0, 3], units_axis=-1)
    assert found.variance_removed.sel(count=3).values.ravel() == pytest.approx(1)


def test_activations_to_maximise_are_those_of_one_place(channels):
    model, x = channels
    activate = recording.activate(model, "wide", (1, 4))
    with torch.no_grad():
        np.testing.assert_allclose(activate(x), hooked(model, "wide", x)[:, 1, 4], atol=1e-5)
    with pytest.raises(UserError, match="position is \\(6, 0\\); 'wide' has 6 x 7"):
        recording.activate(model, "wide", (6, 0))(x)


def test_pictures_along_channels_last_are_what_the_field_says(channels):
    model, x = channels
    walk = visualisation.walk(model, ["wide"], x, vectors=1, points=2, patches=1)["wide"]
    assert walk.field == recording.receptive_field(model, "wide", (3, 8, 9))
    assert walk.activations.sizes["unit"] == 5
    assert walk.pictures("neurons").picture.shape[3:5] == walk.field.size


class Told(nn.Module):
    """A convolution or a linear layer, then something that moves or mixes axes."""

    def __init__(self, layer, after):
        super().__init__()
        self.layer, self.after, self.seen = layer, after, nn.Identity()
        self.register_buffer(
            "mixing", torch.rand(12, 12, generator=torch.Generator().manual_seed(0))
        )

    def forward(self, x):
        return self.seen(self.after(self, self.layer(x)))


@pytest.mark.parametrize(
    ("layer", "after", "axis"),
    [
        (nn.Linear(3, 8), lambda net, x: net.mixing @ x, 2),
        (nn.Linear(3, 8), lambda net, x: torch.einsum("st,btc->bsc", net.mixing, x), 2),
        (nn.Conv1d(12, 8, 1), lambda net, x: x.unfold(2, 2, 1).mean(-1), 1),
        (nn.Conv1d(12, 8, 1), lambda net, x: x.unfold(2, 2, 1).permute(0, 2, 3, 1), 3),
        (nn.Conv1d(12, 8, 1), lambda net, x: x[torch.arange(len(x))[:, None], :, [0, 1]], None),
        (nn.Linear(3, 8), lambda net, x: x.rot90(1, (1, 2)), None),
    ],
)
def test_what_moves_or_mixes_axes_is_followed_or_asked_for(layer, after, axis):
    found = {each.name: each for each in recording.layers(Told(layer, after), torch.zeros(12, 3))}
    assert found["seen"].units_axis == axis
