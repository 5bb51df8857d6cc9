"""Who is to blame when a model stops: its input, its own code, or somebody's hook."""

import pytest
import torch
from torch import nn

from neuronbasis import recording
from neuronbasis.errors import UserError

IMAGES = torch.rand(3, 2, 8, 8, generator=torch.Generator().manual_seed(0))


class Raising(nn.Sequential):
    """Gives up by itself."""

    def __init__(self, error=None):
        super().__init__(nn.Conv2d(2, 4, 3), nn.ReLU())
        self.error = error

    def forward(self, x):
        if self.error is None:
            assert x.sum() > 1e9, "too dark"
        else:
            raise self.error
        return x


def raising(*_):
    raise IndexError("no such entry")


def reshaping(module, given, output):
    output.view(7, 3)


def spied(hook, before=False):
    net = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU())
    (net[0].register_forward_pre_hook if before else net[1].register_forward_hook)(hook)
    return net


WAYS = {
    "record": lambda net: recording.record(net, "0", IMAGES),
    "layers": lambda net: recording.layers(net, IMAGES),
    "activate": lambda net: recording.activate(net, "0")(IMAGES),
    "receptive field": lambda net: recording.receptive_field(net, "0", (2, 8, 8)),
    "steps": lambda net: recording.steps(net, (2, 8, 8)),
}
HOOK = "a hook of Sequential raised "
MODELS = {
    "several lines": (
        Raising(ValueError("closed\nfor today")),
        "Raising itself raised ValueError: closed (in forward, ",
    ),
    "no text": (Raising(RuntimeError()), "Raising itself raised RuntimeError (in forward, "),
    "assert": (Raising(), "Raising itself raised AssertionError: too dark (in forward, "),
    "hook": (spied(raising), f"{HOOK}IndexError: no such entry (in raising, "),
    "hook before": (spied(raising, True), f"{HOOK}IndexError: no such entry (in raising, "),
    "hook that reshapes": (spied(reshaping), f"{HOOK}RuntimeError: shape '[7, 3]' is invalid"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", MODELS)
def test_what_a_model_or_a_hook_raises_is_not_blamed_on_the_images(name, way):
    net, message = MODELS[name]
    with pytest.raises(UserError) as caught:
        WAYS[way](net)
    told = str(caught.value)
    assert told.startswith(message)
    assert "test_causes.py line " in told
    assert "\n" not in told
    assert caught.value.__cause__ is not None


def test_ids_are_not_blamed_for_a_hook():
    net = nn.Sequential(nn.Embedding(5, 4))
    net[0].register_forward_pre_hook(raising)
    with pytest.raises(UserError, match=r"^a hook of Sequential raised IndexError: no such entry"):
        recording.record(net, "0", torch.zeros(2, 3, dtype=torch.long), "all")


def test_a_user_s_own_error_comes_through_as_it_is():
    with pytest.raises(UserError, match=r"^as told$"):
        recording.record(Raising(UserError("as told")), "0", IMAGES)


def test_images_that_do_not_fit_are_still_blamed():
    class Flat(nn.Sequential):
        def forward(self, x):
            return super().forward(x).view(len(x), 7)

    for net in (Flat(nn.Conv2d(2, 4, 3)), nn.Sequential(nn.Conv2d(5, 4, 3))):
        with pytest.raises(UserError, match=r"takes no images of shape \(1, 2, 8, 8\)"):
            recording.record(net, "0", IMAGES)
