"""Networks of the project's own names: a small language model that it carries, small ResNets."""

from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from neuronbasis.networks import _transformers, _weights
from neuronbasis.networks._weights import Weights, attach

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


_WIDTHS = (16, 32, 64)


class ResNet(nn.Module):
    """A ResNet for pictures of 32x32: 6 `blocks` + 2 layers.

    Images (N, 3, 32, 32) to logits (N, classes). He et al. (2016), arXiv 1512.03385, section 4.2,
    with shortcuts of kind A: where a stage halves the picture, the shortcut takes every second
    pixel and new channels are zero.

    Parameters
    ----------
    blocks : int
        Of each of the three stages: 3 makes ResNet-20, 9 ResNet-56.
    classes : int
        Number of logits.

    Examples
    --------
    >>> import torch
    >>> ResNet(3)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """

    def __init__(self, blocks: int, classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, _WIDTHS[0], 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(_WIDTHS[0])
        self.relu = nn.ReLU()
        before = (_WIDTHS[0], *_WIDTHS)
        self.layer1, self.layer2, self.layer3 = (
            nn.Sequential(*(Block(before[k] if i == 0 else width, width) for i in range(blocks)))
            for k, width in enumerate(_WIDTHS)
        )
        self.linear = nn.Linear(_WIDTHS[-1], classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of normalised images."""
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        logits: Tensor = self.linear(x.mean((2, 3)))
        return logits


class Block(nn.Module):
    """Two convolutions beside a shortcut; its ReLU is called twice."""

    def __init__(self, before: int, width: int) -> None:
        super().__init__()
        self.stride, self.new = (1 if before == width else 2), width - before
        self.conv1 = nn.Conv2d(before, width, 3, self.stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        """The block's output, shape (N, width, H, W), behind its second ReLU."""
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        around = x[:, :, :: self.stride, :: self.stride]
        around = functional.pad(around, (0, 0, 0, 0, self.new // 2, self.new - self.new // 2))
        out: Tensor = self.relu(y + around)
        return out
