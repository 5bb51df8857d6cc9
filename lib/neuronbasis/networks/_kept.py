"""Networks of the project's own names: a small language model that it carries, small ResNets."""

from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path

import torch
from torch import nn

from neuronbasis.networks import _transformers, _weights
from neuronbasis.networks._origin import attach
from neuronbasis.networks._resnet import ResNet
from neuronbasis.networks._weights import Weights

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_BLOCKS = {"resnet20_cifar10": 3, "resnet56_cifar10": 9}


def names() -> Sequence[str]:
    """All of them."""
    return list(_LOADED)


def knows(name: str) -> bool:
    """Whether there is one of that name."""
    return name in _LOADED


def load(name: str, weights: Weights | None) -> nn.Module:
    """A network of the project's own; see `pretrained`."""
    return _LOADED[name](name, weights)


def published(name: str) -> str:
    """Where a network's weights come from if nobody names any."""
    return f"{name}.safetensors" if name in _BLOCKS else "part of neuronbasis"


def licence(model: nn.Module) -> str:
    """That of the weights, as their publishers state it."""
    return "BSD-2-Clause" if isinstance(model, ResNet) else "MIT"


def _stories(name: str, weights: Weights | None) -> nn.Module:
    folder = Path(str(resources.files("neuronbasis.networks"))) / name
    return _transformers.load("LlamaForCausalLM", weights or Weights(folder))


def _resnet(name: str, weights: Weights | None) -> nn.Module:
    place = weights or _weights.located(f"{name}.safetensors")
    model = ResNet(_BLOCKS[name])
    _weights.put(model, _weights.read(place.path), name, place.path)
    attach(model, transforms=_transforms())
    return model


def _transforms() -> nn.Module:
    from torchvision.transforms import v2

    return v2.Compose(
        [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(_MEAN, _STD)]
    )


_LOADED: dict[str, Callable[[str, Weights | None], nn.Module]] = {
    "stories260k": _stories,
    **dict.fromkeys(_BLOCKS, _resnet),
}
