"""The steps of networks, and their diagrams."""

import matplotlib.pyplot as plt
import pytest
import torch
from torch import nn

from neuronbasis import basis, networks
from neuronbasis.errors import UserError
from neuronbasis.figures import networks as diagrams
from neuronbasis.nonlinearity import GeneralisedTanh
from neuronbasis.recording import steps


def autoencoder(size, **settings):
    sigma = GeneralisedTanh(basis.thompson(m=10, n=5, seed=0))
    return networks.autoencoder(inputs=12, n=5, sigma=sigma, size=size, **settings)


def texts(figure):
    return [each.get_text() for axes in figure.axes for each in axes.texts if each.get_text()]


@pytest.fixture
def drawn():
    """A function that draws a network and returns the texts from top to bottom."""

    def draw(network, inputs, latent="", **settings):
        diagram = diagrams.Diagram(steps(network, inputs), inputs, latent, **settings)
        figure = diagrams.side_by_side({"net": diagram})
        found = sorted((-each.get_position()[1], each.get_text()) for each in figure.axes[0].texts)
        return [text for _, text in found if text]

    yield draw
    plt.close("all")


@pytest.mark.parametrize("size", ["small", "large"])
def test_the_steps_compute_what_the_network_computes(size):
    network = autoencoder(size)
    x = y = torch.rand(4, 12, generator=torch.Generator().manual_seed(0))
    for step in steps(network, (12,)):
        y = step.module(y)
        assert y.shape[1:] == step.shape
    torch.testing.assert_close(y, network(x), rtol=0, atol=0)


def test_small_from_top_to_bottom(drawn):
    assert drawn(autoencoder("small"), (12,), "encoder.0", data="MNIST") == [
        "MNIST",
        "[12]",
        "linear (12, 5)",
        "[5] latent",
        "m = 10",
        "σ",
        "[5]",
        "linear (5, 12)",
        "[12]",
        "MSE",
    ]


def test_large_has_an_activation_function_before_the_latent_layer(drawn):
    network = autoencoder("large")
    said = drawn(network, (12,), network.latent)
    before = said[: said.index("[5] latent")]
    assert (before.count("σ"), said.count("σ")) == (1, 3)
    assert said.count("[5] latent") == 1


def test_a_network_of_whatever_modules(drawn):
    network = nn.Sequential(
        nn.Conv2d(3, 8, (2, 4), stride=(1, 2), padding=(0, 1)),
        nn.BatchNorm2d(8),
        nn.LeakyReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Identity(),
        nn.Dropout(0.25),
        nn.Linear(24, 10),
    )
    said = drawn(network, (3, 3, 12), cost="CE", latent="7")
    assert said == [
        *("data", "[3, 3, 12]"),
        *("conv (4, 2, 3, 8) {2, 1} |1, 0|", "[8, 2, 6]"),
        *("batchnorm2d (8)", "[8, 2, 6]"),
        *("leakyrelu", "σ", "[8, 2, 6]"),
        *("max (2) {2}", "[8, 1, 3]"),
        *("flatten", "[24]"),
        *("dropout (0.25)", "[24]"),
        *("linear (24, 10)", "[10] latent", "CE"),
    ]


def test_tracing_leaves_the_network_as_it_was():
    network = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Dropout(0.5)).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    found = steps(network, (4,))
    assert network.training
    assert found[1].module is network[1]
    assert not any(each._forward_hooks for each in network.modules())
    for name, value in network.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)


def test_a_module_called_twice_is_two_steps():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.map = nn.Linear(2, 2)

        def forward(self, x):
            return self.map(self.map(x))

    assert [step.name for step in steps(Twice(), (2,))] == ["map", "map"]


def test_a_sample_of_another_shape_is_refused():
    with pytest.raises(UserError, match=r"inputs is \(5,\); this network takes other samples: "):
        steps(nn.Linear(4, 3), (5,))
    with pytest.raises(UserError, match=r"network is a str; it must be a torch\.nn\.Module"):
        steps("net", (5,))


def test_networks_side_by_side_share_a_scale():
    drawn = {
        size: diagrams.Diagram(steps(autoencoder(size), (12,)), (12,))
        for size in ("small", "large")
    }
    figure = diagrams.side_by_side(drawn)
    assert [axes.get_title() for axes in figure.axes] == ["small", "large"]
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
    lowest = min(each.get_position()[1] for each in figure.axes[1].texts if each.get_text())
    assert lowest > figure.axes[1].get_ylim()[0]
    assert texts(figure).count("MSE") == 2
    plt.close(figure)
