"""What depends on the batch or on chance is refused, and its cause is named."""

import copy
import random

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from neuronbasis import completeness, decomposition, networks, recording
from neuronbasis.errors import UserError


def images(count: int = 6) -> Tensor:
    return torch.randn(count, 3, 8, 8, generator=torch.Generator().manual_seed(0))


class Net(nn.Module):
    def __init__(self, norm: nn.Module | None = None) -> None:
        super().__init__()
        self.conv, self.norm, self.head = nn.Conv2d(3, 4, 3), norm or nn.Identity(), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(self.conv(x)).mean((2, 3)))


class Dropping(Net):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(functional.dropout(self.conv(x).mean((2, 3))))


class Noise(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.from_numpy(np.random.default_rng().normal(size=x.shape)).to(x)


class Rare(Net):
    """Now and then silent, by numpy's old generator or Python's."""

    def __init__(self, draw) -> None:
        super().__init__()
        self.draw = draw

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.conv(x)).mean((2, 3))
        return self.head(x * (self.draw() > 0.2))


class Centred(Net):
    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return self.head((x - x.mean(0)).mean((2, 3)))


BATCH = "gives an image other values when others stand beside it: "
CHANCE = "gives other values each time, in evaluation mode too: "
UNSTEADY = [
    (
        lambda: Net(nn.BatchNorm2d(4, track_running_stats=False)),
        BATCH + "'norm' (BatchNorm2d, which keeps no running statistics) mixes the images",
    ),
    (Centred, BATCH + "the model (the forward method of Centred) mixes the images of a batch"),
    (Dropping, CHANCE + "the model (the forward method of Dropping) draws at random"),
    (lambda: Rare(np.random.rand), CHANCE + "the model (the forward method of Rare) draws"),
    (lambda: Rare(random.random), CHANCE + "the model (the forward method of Rare) draws"),
    (lambda: Net(Noise()), CHANCE + "'norm' (Noise) draws at random"),
    (
        lambda: nn.Sequential(nn.Identity(), Dropping()),
        CHANCE + "'1' (the forward method of Dropping) draws at random",
    ),
]


@pytest.mark.parametrize(("make", "message"), UNSTEADY)
def test_it_is_refused_with_its_cause(make, message):
    model, x = make(), images()
    last = [name for name, _ in model.named_modules()][-1]
    for refused in (
        lambda: recording.record(model, last, x),
        lambda: networks.accuracy(model, x, torch.zeros(6, dtype=torch.int64)),
        lambda: completeness.ablation(
            model, last, decomposition.neurons(np.eye(3)), x, np.zeros(6, int), [0]
        ),
    ):
        with pytest.raises(UserError) as caught:
            refused()
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_layers_before_the_cause_are_recorded():
    for make, _ in UNSTEADY[:4]:
        model, x = make(), images()
        found = recording.record(model, "conv", x, "all")["conv"]
        with torch.no_grad():
            expected = model.conv(x).permute(0, 2, 3, 1).reshape(-1, 4)
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_images_one_by_one_are_no_batch():
    model, x = Net(nn.BatchNorm2d(4, track_running_stats=False)).eval(), images()
    found = recording.record(model, "norm", x, "all", batch=1)["norm"]
    with torch.no_grad():
        alone = [model.norm(model.conv(one[None])) for one in x]
    np.testing.assert_allclose(found, torch.cat(alone).permute(0, 2, 3, 1).flatten(0, 2), atol=1e-5)
    with pytest.raises(UserError, match="draws at random"):
        recording.record(Dropping(), "head", x, batch=1)


def test_what_is_seeded_within_is_steady():
    class Seeded(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            noise = torch.randn(x.shape[1:], generator=torch.Generator().manual_seed(0))
            return x + noise

    x = images()
    found = recording.record(nn.Sequential(Seeded()), "0", x, "all")["0"]
    assert found.shape == (6 * 64, 3)


def test_modules_that_rest_in_evaluation_mode_are_steady():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(), nn.Flatten()).train()
    assert recording.record(model, "3", images())["3"].shape == (6, 144)


def test_the_autocast_of_the_caller_changes_nothing():
    model, x = Net(nn.BatchNorm2d(4)), images()
    labels = torch.zeros(6, dtype=torch.int64)
    expected = recording.record(model, ["conv", "head"], x, "all")
    accuracy = networks.accuracy(model, x, labels)
    with torch.autocast("cpu", torch.bfloat16):
        found = recording.record(model, ["conv", "head"], x, "all")
        assert networks.accuracy(model, x, labels) == accuracy
        assert torch.is_autocast_enabled("cpu")
    for name, values in expected.items():
        assert np.array_equal(found[name], values)


def test_no_more_is_left_than_before():
    model = Dropping().train()
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(UserError):
        recording.record(model, "head", images())
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


class Alone(nn.Module):
    """What it gives an image depends on those before it, as in a recurrent layer of (T, N, C)."""

    def __init__(self, mix):
        super().__init__()
        self.mix, self.seen = mix, nn.Identity()

    def forward(self, x):
        return self.seen(self.mix(x))


@pytest.mark.parametrize(
    "mix", [lambda x: x.cumsum(0), lambda x: x - x[:1], lambda x: x - x.mean(0)]
)
def test_what_flows_to_later_images_is_told_too(mix):
    images = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    with pytest.raises(UserError, match="other values when others stand beside it"):
        recording.record(Alone(mix).eval(), "seen", images, progress=False)
    recording.record(Alone(lambda x: x - 1).eval(), "seen", images, progress=False)


def test_the_scores_of_a_classifier_that_gives_its_loss_too_are_compared():
    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.head = nn.Linear(6, 8), nn.Linear(8, 3)

        def forward(self, x):
            scores = self.head(self.body(x).relu())
            return {"loss": scores.logsumexp(1).mean(), "logits": scores}

    images = torch.randn(20, 6, generator=torch.Generator().manual_seed(0))
    model = Both().eval()
    x = recording.record(model, "body", images, progress=False)["body"]
    labels = torch.arange(20) % 3
    found = completeness.ablation(model, "body", decomposition.neurons(x), images, labels, [0, 8])
    assert found.accuracy.sizes["count"] == 2
