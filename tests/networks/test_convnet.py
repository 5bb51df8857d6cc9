"""The convolutional network: a literal twin, AlexNet's proportions, seeds, bad input."""

from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from neuronbasis.errors import UserError
from neuronbasis.networks import ConvNet, convnet


def _outputs(net: ConvNet, x: Tensor) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}

    def keep(name: str) -> Any:
        return lambda module, args, output: found.__setitem__(name, output)

    handles = [m.register_forward_hook(keep(name)) for name, m in net.named_children()]
    net(x)
    for handle in handles:
        handle.remove()
    return found


# ---- the forward pass, written out


def _convolved(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    outputs, inputs, size, _ = weight.shape
    half, (_, height, width) = size // 2, x.shape
    padded = np.zeros((inputs, height + 2 * half, width + 2 * half))
    padded[:, half : half + height, half : half + width] = x
    result = np.empty((outputs, height, width))
    for o in range(outputs):
        for i in range(height):
            for j in range(width):
                result[o, i, j] = (weight[o] * padded[:, i : i + size, j : j + size]).sum() + bias[
                    o
                ]
    return result


def _pooled(x: np.ndarray) -> np.ndarray:
    channels, height, width = x.shape
    result = np.empty((channels, height // 2, width // 2))
    for i in range(height // 2):
        for j in range(width // 2):
            result[:, i, j] = x[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].max((1, 2))
    return result


def _literal(net: ConvNet, x: np.ndarray) -> dict[str, np.ndarray]:
    """Each layer's output before its ReLU, for one image, in float64."""
    w = {name: p.detach().double().numpy() for name, p in net.named_parameters()}
    found = {}
    for k in range(1, 6):
        x = found[f"conv{k}"] = _convolved(x, w[f"conv{k}.weight"], w[f"conv{k}.bias"])
        x = np.maximum(x, 0)
        x = _pooled(x) if k in (1, 2, 5) else x
    x = x.reshape(-1)
    for k in range(1, 4):
        found[f"fc{k}"] = w[f"fc{k}.weight"] @ x + w[f"fc{k}.bias"]
        x = np.maximum(found[f"fc{k}"], 0)
    return found


@pytest.mark.parametrize("image_shape", [(1, 8, 8), (3, 10, 13)])
def test_layers_are_those_of_the_literal_twin(image_shape: tuple[int, int, int]) -> None:
    net = convnet(image_shape, classes=4, width=2, dropout=0.5, seed=3).eval()
    generator = torch.Generator().manual_seed(0)
    for layer in net.layers:  # so that a bias left out would show
        nn.init.normal_(net.get_parameter(f"{layer}.bias"), generator=generator)
    x = torch.randn(2, *image_shape, generator=generator)
    found = _outputs(net, x)
    for n in range(2):
        expected = _literal(net, x[n].double().numpy())
        assert tuple(expected) == net.layers
        for name, output in expected.items():
            # float32 against float64, sums of at most 100 terms
            np.testing.assert_allclose(found[name][n].detach(), output, rtol=1e-4, atol=1e-5)
            # Before the nonlinearity, and untouched by it since; fc3 has four units only.
            assert name == "fc3" or (found[name][n] < 0).any()


# ---- sizes


@pytest.mark.parametrize(
    ("image_shape", "maps"),
    [
        ((1, 8, 8), (8, 4, 2, 2, 2)),
        ((1, 28, 28), (28, 14, 7, 7, 7)),
        ((3, 32, 32), (32, 16, 8, 8, 8)),
    ],
)
def test_sizes_fit_the_images(image_shape: tuple[int, int, int], maps: tuple[int, ...]) -> None:
    net = convnet(image_shape, width=4)
    found = _outputs(net, torch.zeros(2, *image_shape))
    for k, (channels, size) in enumerate(zip((4, 12, 24, 16, 16), maps, strict=True), start=1):
        assert found[f"conv{k}"].shape == (2, channels, size, size)
    assert [tuple(found[f"fc{k}"].shape) for k in (1, 2, 3)] == [(2, 64), (2, 64), (2, 10)]
    assert found["flatten"].shape[1] == 16 * (maps[-1] // 2) ** 2


def test_proportions_are_alexnets() -> None:
    with torch.device("meta"):
        alexnet = torchvision.models.alexnet(weights=None)
    theirs = [m.out_channels for m in alexnet.modules() if isinstance(m, nn.Conv2d)]
    net = convnet((3, 32, 32), width=64)
    ours = [m.out_channels for m in net.modules() if isinstance(m, nn.Conv2d)]
    assert ours == theirs == [64, 192, 384, 256, 256]
    kinds = [type(m) for m in alexnet.modules() if isinstance(m, nn.MaxPool2d | nn.Conv2d)]
    assert kinds == [type(m) for m in net.modules() if isinstance(m, nn.MaxPool2d | nn.Conv2d)]


@settings(max_examples=10, deadline=None)
@given(
    channels=st.integers(1, 3),
    height=st.integers(8, 20),
    width=st.integers(8, 20),
    classes=st.integers(2, 5),
)
def test_any_image_of_at_least_8x8_fits(
    channels: int, height: int, width: int, classes: int
) -> None:
    net = convnet((channels, height, width), classes=classes, width=1)
    assert net(torch.zeros(3, channels, height, width)).shape == (3, classes)


# ---- weights


def test_seed_alone_decides_the_weights() -> None:
    torch.manual_seed(1)
    first, state = convnet((1, 8, 8), width=2, seed=7), torch.get_rng_state()
    torch.manual_seed(2)
    second, other = convnet((1, 8, 8), width=2, seed=7), convnet((1, 8, 8), width=2, seed=8)
    torch.manual_seed(1)
    assert torch.equal(torch.get_rng_state(), state)  # the global generator stood still
    for p, q in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(p, q)
    assert not torch.equal(first.get_parameter("conv1.weight"), other.get_parameter("conv1.weight"))


def test_weights_have_kaimings_variance_and_biases_are_zero() -> None:
    net = convnet((3, 32, 32), width=16)
    for name in net.layers[1:7]:  # at least 3,000 weights each
        weight = net.get_parameter(f"{name}.weight")
        variance = 2 / weight[0].numel()
        # The relative error of a variance of k normal numbers is sqrt(2 / k): four of these.
        wide = 4 * (2 / weight.numel()) ** 0.5
        assert float(weight.detach().square().mean()) == pytest.approx(variance, rel=wide)
        assert not net.get_parameter(f"{name}.bias").any()


def test_dropout_is_off_unless_asked_for_and_acts_in_training_only() -> None:
    x = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    plain, dropped = convnet((1, 8, 8), width=4), convnet((1, 8, 8), width=4, dropout=0.5)
    assert torch.equal(plain.train()(x), plain.eval()(x))
    assert torch.equal(dropped.eval()(x), plain(x))
    found = _outputs(dropped.train(), x)
    for name, before in (("dropout1", "flatten"), ("dropout2", "relu6")):
        kept = found[name] != 0
        torch.testing.assert_close(found[name][kept], 2 * found[before][kept])
        share = float(kept.sum() / (found[before] != 0).sum())
        assert 0.25 < share < 0.75  # of at least 30 units, each kept by a fair coin


# ---- bad input


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        (
            {"image_shape": (1, 7, 8)},
            r"image_shape is \(1, 7, 8\); it must be \(C, H, W\) with H an",
        ),
        ({"image_shape": (8, 8)}, r"image_shape is \(8, 8\); .* pass such as \(3, 32, 32\)$"),
        ({"image_shape": (1, 8.0, 8)}, r"image_shape is \(1, 8\.0, 8\); it must be \(C, H, W\)"),
        ({"image_shape": (0, 8, 8)}, r"image_shape is \(0, 8, 8\); it must be \(C, H, W\)"),
        ({"image_shape": 28}, r"image_shape is 28; it must be \(C, H, W\)"),
        ({"classes": 1}, r"classes is 1; it must be an integer >= 2"),
        ({"width": 0}, r"width is 0; it must be an integer >= 1"),
        ({"seed": -1}, r"seed is -1; it must be an integer >= 0"),
        ({"dropout": 1.0}, r"dropout is 1\.0; it must lie in \[0, 1\): pass 0 or 0\.5"),
        ({"dropout": float("nan")}, r"dropout is nan; it must lie in \[0, 1\)"),
        ({"dropout": True}, r"dropout is True; it must lie in \[0, 1\)"),
    ],
)
def test_refuses(settings_: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        convnet(**({"image_shape": (1, 8, 8)} | settings_))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (
            torch.zeros(2, 8, 8, 1),
            r"input has shape \(2, 8, 8, 1\); it must be \(N, 1, 8, 8\): pass",
        ),
        (torch.zeros(1, 8, 8), r"input has shape \(1, 8, 8\); it must be \(N, 1, 8, 8\)"),
        (torch.zeros(2, 64), r"input has shape \(2, 64\); it must be \(N, 1, 8, 8\)"),
        (torch.zeros(2, 1, 8, 8).double(), r"input is torch.float64; this network takes torch.flo"),
        (np.zeros((2, 1, 8, 8)), r"input is ndarray; this network takes torch.float32: pass torch"),
    ],
)
def test_network_refuses(x: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        convnet((1, 8, 8), width=1)(x)
