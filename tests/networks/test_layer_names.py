"""What the layers of well-known networks are called, and where their activation functions are."""

import pytest
import timm
import torch
import torchvision

from neuronbasis import datasets, networks, recording
from neuronbasis.networks._own import ResNet

# No activation function stands behind these.
BARE = ("fc3", "bottleneck", "attention", "residual")


def made(name):
    """The network with any weights, and an image."""
    if name == "stories260k":
        model = networks.pretrained(name)
        return model, datasets.tokenised(model, ["One day"])
    if name.endswith("cifar10"):
        return ResNet({"resnet20_cifar10": 3, "resnet56_cifar10": 9}[name]), torch.zeros(3, 32, 32)
    own = torchvision.models if name in torchvision.models.list_models() else timm
    model = own.get_model(name, weights=None) if own is not timm else timm.create_model(name)
    return model, torch.zeros(3, 224, 224)


@pytest.mark.parametrize("name", sorted(networks.LAYERS))
def test_what_is_recorded_comes_just_before_a_nonlinearity(name):
    model, image = made(name)
    tags = {layer.name: layer.tags for layer in recording.layers(model.eval(), image)}
    for layer, modules in networks.LAYERS[name].items():
        for module in modules:
            before = "before" in tags[module]
            assert before is not layer.startswith(BARE), (layer, module)
    every = networks.layer_names("all", f"neuronbasis:{name}")
    assert set(every) <= set(networks.LAYERS[name])
