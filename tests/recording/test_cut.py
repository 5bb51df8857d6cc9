"""A cut network gives what the whole one gives, whatever follows the cut and however often."""

import re

import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional

from neuronbasis import recording
from neuronbasis.errors import UserError


def images(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class Residual(nn.Module):
    """Two arms, an addition in place, and a module that is used twice."""

    def __init__(self):
        super().__init__()
        self.stem, self.inner = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 6, 3, padding=1)
        self.relu, self.head = nn.ReLU(inplace=True), nn.Linear(6, 5)

    def forward(self, x):
        x = self.relu(self.stem(x))
        y = self.inner(x)
        y += x
        return self.head(self.relu(y).mean((2, 3)))


class Fire(nn.Module):
    def __init__(self):
        super().__init__()
        self.squeeze = nn.Conv2d(3, 4, 1)
        self.one, self.three = nn.Conv2d(4, 5, 1), nn.Conv2d(4, 3, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        x = self.relu(self.squeeze(x))
        return torch.cat([self.relu(self.one(x)), self.relu(self.three(x))], 1)


class Branching(nn.Module):
    """Cannot be traced: what it does hangs on the values."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 6), nn.Linear(6, 5)

    def forward(self, x):
        y = self.a(x)
        return self.b(functional.relu_(y) if x.sum() > -1e9 else -y)


class OtherArm(Residual):
    """Adds, in place, to the arm that does not pass the cut."""

    def forward(self, x):
        x = self.stem(x)
        x = x.add_(self.inner(x))
        return self.head(x.mean((2, 3)))


class Repeating(nn.Module):
    """Cannot be traced, runs a module twice and changes its input in place."""

    def __init__(self):
        super().__init__()
        self.a = nn.Linear(4, 4)

    def forward(self, x):
        x -= 1
        return self.a(self.a(x).relu()) if x.sum() > -1e9 else x


class LateChange(nn.Module):
    """Changes, in place, what the part after the cut has read before: the order decides."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 6), nn.Linear(4, 6)

    def forward(self, x):
        x = x + 1
        y = self.a(x) + x.sum(1, keepdim=True)
        z = y * x[:, :1]
        functional.relu_(x)
        return z + self.b(x)


class Chain(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = (nn.Linear(4, 4) for _ in range(3))

    def forward(self, x):
        return self.c(self.b(self.a(x).relu()).relu())


def fire():
    return nn.Sequential(Fire(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8 * 9, 5))


NETWORKS = {
    "linear": (lambda: nn.Sequential(nn.Linear(4, 6), nn.ReLU(True), nn.Linear(6, 5)), "0", True),
    "first in place": (lambda: nn.Sequential(nn.ReLU(True), nn.Linear(4, 6)), "1", True),
    "residual": (Residual, "inner", True),
    "before the arms": (Residual, "stem", True),
    "second call": (Residual, "relu#2", True),
    "first call": (Residual, "relu#1", True),
    "the other arm": (OtherArm, "inner", True),
    "first call, untraceable": (Repeating, "a#1", False),
    "joined": (fire, {"fire": ["0.one", "0.three"]}, True),
    "joined, other order": (fire, {"fire": ["0.three", "0.one"]}, True),
    "a block": (fire, "0", True),
    "one feeds another": (Chain, {"both": ["a", "b"]}, False),
    "untraceable": (Branching, "a", False),
    "untraceable within": (lambda: nn.Sequential(Branching(), nn.Linear(5, 3)), "0.b", False),
    "untraceable before": (lambda: nn.Sequential(Branching(), nn.Linear(5, 3)), "1", True),
    "late change": (LateChange, "a", False),
    "resnet": (lambda: torchvision.models.resnet18(num_classes=9), "layer2.0.conv1", True),
    "transformer": (
        lambda: nn.Sequential(nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), nn.Flatten()),
        "0.linear1",
        None,
    ),
}
SHAPES = {"resnet": (3, 3, 40, 40), "transformer": (3, 2, 4)}
FLAT = ("linear", "first in place", "one feeds another", "late change")


def case(name):
    torch.manual_seed(1)
    make, layer, once = NETWORKS[name]
    plain = (3, 4) if name in FLAT or "untraceable" in name else (3, 3, 6, 6)
    return make().eval(), layer, once, images(*SHAPES.get(name, plain))


def literal(model, layer, x, change):
    """The whole network with hooks that change what the modules give, as plainly as can be."""
    names = [layer] if isinstance(layer, str) else next(iter(layer.values()))
    handles = []
    for place, name in enumerate(names):
        module, _, call = name.partition("#")
        calls = []

        def hook(_, given, output, place=place, call=int(call or 1), calls=calls):
            calls.append(1)
            return change(place, output.clone()) if len(calls) == call else None

        handles.append(model.get_submodule(module).register_forward_hook(hook))
    with torch.no_grad():
        answer = model(x.clone())
    for handle in handles:
        handle.remove()
    return answer


def hooks_of(model):
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_replaced_gives_the_very_answer(name):
    model, layer, once, x = case(name)
    halves = recording.cut(model, layer, x[:2])
    passed = halves.before(x)
    with torch.no_grad():
        assert torch.equal(halves.after(passed, passed.outputs), model(x.clone()))
    assert once is None or halves.once is once
    assert hooks_of(model) == 0


@pytest.mark.parametrize("name", sorted(set(NETWORKS) - {"one feeds another"}))
def test_what_is_replaced_counts_and_nothing_is_spoiled(name):
    model, layer, _, x = case(name)
    before = x.clone()
    halves = recording.cut(model, layer, x[:2])
    passed = halves.before(x)
    own = [output.clone() for output in passed.outputs]
    for turn in range(3):
        noise = [images(*output.shape, seed=turn + 5 * i) for i, output in enumerate(own)]
        given = [output + 2 * each for output, each in zip(own, noise, strict=True)]
        copies = [each.clone() for each in given]
        expected = literal(model, layer, x, lambda i, output, noise=noise: output + 2 * noise[i])
        answer = halves.after(passed, given)
        assert torch.equal(answer, expected)
        assert not torch.equal(answer, literal(model, layer, x, lambda i, output: output))
        assert all(map(torch.equal, given, copies))
    assert all(map(torch.equal, passed.outputs, own))
    assert torch.equal(x, before)


def test_one_that_feeds_another_is_replaced_as_in_one_pass():
    model, layer, _, x = case("one feeds another")
    halves = recording.cut(model, layer, x)
    passed = halves.before(x)
    assert torch.equal(passed.outputs[1], model.b(model.a(x).relu()))
    silent = halves.after(passed, [torch.zeros(3, 4), passed.outputs[1]])
    with torch.no_grad():
        assert torch.equal(silent, model(x))


def test_batches_need_not_be_as_large_as_the_trial():
    model, layer, _, _ = case("residual")
    x = images(7, 3, 6, 6, seed=3)
    halves = recording.cut(model, layer, x[:2])
    with torch.no_grad():
        for part in (x, x[:1]):
            passed = halves.before(part)
            assert torch.equal(halves.after(passed, passed.outputs), model(part))


@pytest.mark.parametrize(("name", "layer"), [("residual", "inner"), ("joined", NETWORKS["joined"])])
def test_the_part_before_runs_once(name, layer):
    model, layer, _, x = case(name)
    early = model.stem if name == "residual" else model[0].squeeze
    late = model.head if name == "residual" else model[3]
    halves = recording.cut(model, layer, x[:2])
    calls = []
    early.register_forward_hook(lambda *_: calls.append("early"))
    late.register_forward_hook(lambda *_: calls.append("late"))
    passed = halves.before(x)
    for _ in range(4):
        halves.after(passed, passed.outputs)
    assert calls == ["early", *["late"] * 4]


def test_outputs_are_those_before_an_operation_in_place():
    model, layer, _, x = case("linear")
    (output,) = recording.cut(model, layer, x).before(x).outputs
    assert torch.equal(output, model[0](x))
    assert (output < 0).any()


def test_weights_are_shared_and_gradients_off():
    model, layer, _, x = case("linear")
    halves = recording.cut(model, layer, x)
    with torch.no_grad():
        model[2].weight.mul_(2)
    passed = halves.before(x)
    answer = halves.after(passed, passed.outputs)
    assert torch.equal(answer, model(x))
    assert not answer.requires_grad


# --- mistakes -----------------------------------------------------------------------------------


class Unused(Chain):
    def forward(self, x):
        return self.a(x)


class Pair(Chain):
    def forward(self, x):
        return self.a(x), self.b(x)


class Random(Chain):
    def forward(self, x):
        return functional.dropout(self.a(x), training=True)


class Alias(nn.Module):
    """The layer gives the very tensor that is changed under another name afterwards."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Identity()

    def forward(self, x):
        y = self.a(x)
        z = self.b(y)
        functional.relu_(y)
        return z + 1


MISTAKES = [
    (Chain, "d", "no layer 'd' in Chain"),
    (Chain, [], "no layers are named"),
    (Chain, {"twice": ["a", "a#1"]}, "names a module twice; name each once"),
    (Unused, "c", "layer 'c' is never called in a forward pass"),
    (Chain, "a#2", "layer 'a#2' is called once a forward pass: name 'a'"),
    (Residual, "relu", "layer 'relu' is called 2 times a forward pass: name 'relu#1' or 'relu#2'"),
    (Pair, "a", "the model gives a tuple; it must give one tensor"),
    (Random, "a", "putting back what a gave changes the model's answer"),
    (Alias, "b", "putting back what b gave changes the model's answer"),
    (lambda: nn.Sequential(Pair(), nn.Identity()), "0", "layer '0' gives a tuple"),
]


@pytest.mark.parametrize(("make", "layer", "message"), MISTAKES)
def test_a_mistake_is_told_in_one_line(make, layer, message):
    model = make().eval()
    x = images(2, 3, 6, 6) if make is Residual else images(2, 4)
    with pytest.raises(UserError, match=re.escape(message)) as caught:
        recording.cut(model, layer, x)
    assert "\n" not in str(caught.value)
    assert hooks_of(model) == 0


def test_training_mode_and_other_shapes_are_refused():
    model, layer, _, x = case("linear")
    with pytest.raises(UserError, match=r"in training mode, .*call model.eval\(\)"):
        recording.cut(model.train(), layer, x)
    for name in ("linear", "untraceable"):
        model, layer, _, x = case(name)
        halves = recording.cut(model, layer, x)
        passed = halves.before(x)
        with pytest.raises(UserError, match=r"shape \(3, 1\); the layer's own is \(3, 6\)"):
            halves.after(passed, [torch.zeros(3, 1)])


def test_no_hook_stays_when_the_model_raises():
    for name in ("linear", "untraceable"):
        model, layer, _, x = case(name)
        halves = recording.cut(model, layer, x)
        with pytest.raises(RuntimeError):
            halves.before(x[:, :2])
        with pytest.raises(RuntimeError):
            recording.cut(model, layer, x[:, :2])
        assert hooks_of(model) == 0
