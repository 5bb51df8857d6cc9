"""Which layers an activation function acts on: planted networks, and what the numbers show."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from neuronbasis import basis, datasets, networks, nonlinearity, recording
from neuronbasis.recording import _tags


def tags(model, image):
    return {layer.name: layer.tags for layer in recording.layers(model.eval(), image)}


class Functional(nn.Module):
    """No activation function is a module."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c, self.d, self.e, self.f = (nn.Linear(4, 4) for _ in range(6))

    def forward(self, x):
        y = functional.dropout(functional.relu(self.a(x)), 0.5, self.training)
        z = x + self.f(self.b(y) * torch.sigmoid(self.c(y)))
        return self.d(z) + self.e(z) ** 2


def test_functional_activations_are_followed():
    assert tags(Functional(), torch.ones(4)) == {
        "a": ("before",),
        "b": ("gated",),
        "c": ("before",),
        "d": ("linear",),
        "e": ("unknown",),  # a square may be a part of anything
        "f": ("linear",),
    }


class Residual(nn.Module):
    """A block before whose parts the stream is normalised."""

    def __init__(self, norm):
        super().__init__()
        self.norm, self.up, self.act, self.down = (
            norm(6),
            nn.Linear(6, 9),
            nn.GELU(),
            nn.Linear(9, 6),
        )

    def forward(self, x):
        return x + self.down(self.act(self.up(self.norm(x))))


class RootMeanSquareNorm(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.gain = nn.Parameter(torch.rand(n))

    def forward(self, x):
        return self.gain * x / x.pow(2).mean(-1, keepdim=True).sqrt()


@pytest.mark.parametrize("norm", [nn.LayerNorm, nn.RMSNorm, RootMeanSquareNorm])
def test_a_residual_stream_has_no_activation_function_behind_it(norm):
    model = nn.Sequential(nn.Linear(4, 6), Residual(norm), Residual(norm), nn.Linear(6, 3))
    found = tags(model, torch.ones(4))
    assert found["0"] == found["1"] == found["2"] == ("residual", "linear")
    for block in "12":
        assert found[f"{block}.norm"] == ("norm",)
        assert found[f"{block}.up"] == ("before",)
        assert found[f"{block}.act"] == ("after",)
        assert found[f"{block}.down"] == ("linear",)
    assert found["3"] == ("linear",)


def test_llama_and_bert():
    stories = networks.pretrained("stories260k")
    found = tags(stories, datasets.tokenised(stories, ["One day"]))
    for k in range(5):
        block = f"model.layers.{k}"
        assert found[block] == ("residual", "linear")
        assert found[f"{block}.self_attn"] == found[f"{block}.mlp"] == ("linear",)
        assert found[f"{block}.mlp.gate_proj"] == ("before",)
        assert found[f"{block}.mlp.act_fn"] == ("after", "gated")
        assert found[f"{block}.mlp.up_proj"] == ("gated",)
        assert found[f"{block}.input_layernorm"] == ("norm",)
    assert found["model.embed_tokens"] == ("residual", "linear")
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=30,
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=12,
    )
    found = tags(BertModel(config), torch.arange(6))
    for k in range(2):
        block = f"encoder.layer.{k}"
        assert found[f"{block}.intermediate.dense"] == ("before",)
        assert found[f"{block}.intermediate"] == ("after",)
        assert found[f"{block}.output.dense"] == ("linear",)
        assert found[f"{block}.attention.output.LayerNorm"] == ("norm", "residual")
    assert found["pooler.dense"] == ("before",)


def test_the_parts_of_a_network_of_timm():
    import timm

    found = tags(timm.create_model("tf_efficientnet_lite0"), torch.zeros(3, 64, 64))
    assert found["blocks.1.1.bn1.drop"] == ("before",)  # what bn1 hands to its act
    assert found["blocks.1.1.bn1"] == found["blocks.1.1.bn1.act"] == ("after",)
    assert found["blocks.1.1.bn3"] == ("linear",)
    assert found["blocks.1.1"] == found["blocks.1.0.bn3"] == ("residual", "linear")
    assert found["global_pool"] == ("after",)
    assert found["classifier"] == ("linear",)


def test_an_activation_along_other_vectors_is_one():
    sigma = nonlinearity.GeneralisedTanh(basis.thompson(m=6, n=4, seed=0))
    found = tags(networks.autoencoder(5, 4, sigma), torch.zeros(5))
    assert found["encoder.0"] == ("before",)
    assert found["between.0.sigma"] == ("after",)
    assert found["decoder.0"] == ("linear",)


def of_timm(name):
    import timm

    torch.manual_seed(0)
    model = timm.create_model(name).eval()
    for module in model.modules():  # else some blocks give nothing but their input
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.1)
    return model, torch.randn(1, 3, 64, 64)


@pytest.mark.parametrize("name", ["resnet18", "tf_efficientnet_lite0", "regnetx_002"])
def test_what_is_tagged_after_a_relu_is_never_negative_and_all_else_is(name):
    model, x = of_timm(name)
    found = tags(model, x[0])
    values = recording.record(model, list(found), x, "all")
    negative = {layer: bool((values[layer] < 0).any()) for layer in found}
    assert negative == {layer: "after" not in tag for layer, tag in found.items()}


@pytest.mark.parametrize("name", ["resnet18", "tf_efficientnet_lite0"])
def test_what_a_relu_is_given_is_tagged_before(name):
    model, x = of_timm(name)
    found = tags(model, x[0])
    relus = [layer for layer in found if isinstance(model.get_submodule(layer), nn.ReLU | nn.ReLU6)]
    given = recording.record(model, relus, x, "all", what="input")
    values = recording.record(model, list(found), x, "all")
    same = [
        (relu, layer)
        for relu in relus
        for layer in found
        if np.array_equal(given[relu], values[layer])
    ]
    assert len({relu for relu, _ in same}) > len(relus) / 3
    assert [pair for pair in same if "before" not in found[pair[1]]] == []


def test_an_activation_function_is_seen_through_what_leaves_each_unit_alone():
    model, x = of_timm("resnet18")
    found = tags(model, x[0])
    assert found["layer1.0.conv1"] == found["layer1.0.bn1"] == ("before",)  # behind a batch norm
    assert found["layer1.0.bn2"] == ("before",)  # behind the sum
    assert found["layer2.0.downsample.1"] == ("before",)
    assert found["layer1.0"] == ("before", "after", "residual")  # the next block's sum too
    assert found["layer4.1"] == found["global_pool"] == ("after",)


class Joined(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.act = nn.Conv2d(3, 2, 1), nn.Conv2d(3, 2, 1), nn.ReLU()
        self.both, self.pool, self.last = nn.Identity(), nn.MaxPool2d(2), nn.Identity()

    def forward(self, x):
        a, b = self.a(x), self.b(x)
        both = self.both(torch.cat([a, b], 1))
        half = self.last(torch.cat([self.act(a), b], 1))
        return self.act(self.pool(both)).sum() + half


def test_units_side_by_side():
    found = tags(Joined(), torch.ones(3, 4, 4))
    assert found["a"] == found["b"] == found["both"] == found["pool"] == ("before",)
    assert found["act#1"] == ("after",)
    assert found["last"] == ("unknown",)  # half of its units only


def test_nothing_is_guessed_where_operations_cannot_be_followed(monkeypatch):
    def refusing(*_):
        raise RuntimeError("no looking on")

    monkeypatch.setattr(_tags, "flowing", refusing)
    assert set(tags(Functional(), torch.ones(4)).values()) == {("unknown",)}
