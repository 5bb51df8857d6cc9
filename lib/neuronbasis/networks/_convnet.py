"""The convolutional network whose layers are analysed: AlexNet's shape at the images' size."""

import math
from collections import OrderedDict
from typing import Any

import torch
import torch.fx
from torch import Tensor, nn

from neuronbasis.errors import UserError
from neuronbasis.utils.checks import number, whole_number

# Units of each layer in multiples of those of conv1; torchvision's AlexNet has the same five
# convolutions at width 64, and 64 in place of 16 before its thousand classes.
_CONVOLUTIONS = (1, 3, 6, 4, 4)
_CONNECTED = 16
_KERNELS = (5, 3, 3, 3, 3)
_POOLED = (1, 2, 5)
_SMALLEST = 8


class ConvNet(nn.Sequential):
    """Five convolutions and three fully connected layers; see `convnet`.

    Attributes
    ----------
    image_shape : (int, int, int)
        Channels, height and width of an image.
    layers : tuple of str
        Names of the layers whose outputs are activations before the nonlinearity, in order.
    """

    layers = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc1", "fc2", "fc3")

    def __init__(
        self, image_shape: tuple[int, int, int], classes: int, width: int, dropout: float
    ) -> None:
        super().__init__(_layers(image_shape, classes, width, dropout))
        self.image_shape = image_shape

    def forward(self, x: Tensor) -> Tensor:
        """Logits, shape (N, classes), of images (N, C, H, W); values are not checked."""
        return super().forward(_checked(x, next(self.parameters()).dtype, self.image_shape))


def convnet(
    image_shape: tuple[int, int, int],
    classes: int = 10,
    width: int = 16,
    dropout: float = 0.0,
    seed: int = 0,
) -> ConvNet:
    """Make an untrained network of AlexNet's shape whose sizes fit the images.

    conv1 - pool - conv2 - pool - conv3 - conv4 - conv5 - pool - fc1 - fc2 - fc3, with a ReLU
    after each layer but the last. The convolutions keep the size of the picture and each pooling
    (the largest of 2x2) halves it: 8x8 pixels end as 1x1, 32x32 as 4x4. The outputs of the modules
    named so are activations before the nonlinearity.

    Parameters
    ----------
    image_shape : (int, int, int)
        Channels, height and width of an image; at least 8x8 pixels.
    classes : int
        Units of fc3, at least 2.
    width : int
        Channels of conv1. The convolutions have 1, 3, 6, 4 and 4 times as many, as AlexNet's
        (width 64); fc1 and fc2 have 16 times as many.
    dropout : float
        Chance that a unit before fc1 and before fc2 is left out of a training step; AlexNet's is
        0.5. Off by default: it acts on single neurons, and so would be, besides ReLU, a second
        reason for neurons to be special directions.
    seed : int
        Decides the weights, whatever was drawn elsewhere before.

    Returns
    -------
    ConvNet
        float32, on the CPU, in training mode; weights Kaiming-normal, biases zero.

    Raises
    ------
    UserError
        If the images are too small, a number is not a whole one or out of its range.

    Notes
    -----
    Krizhevsky et al. (2012), in torchvision's one-column form. Ours: kernels of 5x5 and 3x3 in
    place of 11x11 and 5x5, no stride, pooling that does not overlap.

    Examples
    --------
    >>> net = convnet((1, 8, 8), classes=10, width=4)
    >>> net(torch.zeros(5, 1, 8, 8)).shape
    torch.Size([5, 10])
    >>> net.layers[0], net.conv2
    ('conv1', Conv2d(4, 12, kernel_size=(3, 3), stride=(1, 1), padding=same))
    """
    shape = _image_shape(image_shape)
    classes, width = whole_number(classes, "classes", 2), whole_number(width, "width", 1)
    generator = torch.Generator().manual_seed(whole_number(seed, "seed", 0))
    net = ConvNet(shape, classes, width, number(dropout, "dropout", "[0, 1)", "0 or 0.5"))
    with torch.no_grad():
        for name in net.layers:
            layer = net.get_submodule(name)
            assert isinstance(layer.weight, Tensor)
            assert isinstance(layer.bias, Tensor)
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
            layer.bias.zero_()
    return net


@torch.fx.wrap  # one step where the network is traced: what it looks at is not known there
def _checked(x: Any, dtype: torch.dtype, image_shape: tuple[int, int, int]) -> Tensor:
    if not isinstance(x, Tensor) or x.dtype != dtype:
        kind = x.dtype if isinstance(x, Tensor) else type(x).__name__
        raise UserError(
            f"input is {kind}; this network takes {dtype}: pass torch.as_tensor(x).to({dtype})"
        )
    if x.ndim != 4 or x.shape[1:] != image_shape:
        wanted = ", ".join(map(str, image_shape))
        raise UserError(
            f"input has shape {tuple(x.shape)}; it must be (N, {wanted}): pass images of the "
            "size that the network was made for, channels first"
        )
    return x


def _image_shape(given: Any) -> tuple[int, int, int]:
    message = f"image_shape is {given!r}; it must be (C, H, W) with H and W >= {_SMALLEST}"
    try:
        channels, height, width = (whole_number(n, "image_shape", 1) for n in given)
    except (TypeError, ValueError):  # not three, or not whole numbers
        raise UserError(f"{message}: pass such as (3, 32, 32)") from None
    if min(height, width) < _SMALLEST:
        raise UserError(f"{message}, since it is halved three times: enlarge the images")
    return channels, height, width


def _layers(
    image_shape: tuple[int, int, int], classes: int, width: int, dropout: float
) -> OrderedDict[str, nn.Module]:
    """Modules by name, uninitialised: torch's own draw would move its global generator."""
    found: OrderedDict[str, nn.Module] = OrderedDict()
    channels, *size = image_shape
    for k, (times, kernel) in enumerate(zip(_CONVOLUTIONS, _KERNELS, strict=True), start=1):
        conv = nn.utils.skip_init(nn.Conv2d, channels, times * width, kernel, padding="same")
        found |= {f"conv{k}": conv, f"relu{k}": nn.ReLU()}
        channels = times * width
        if k in _POOLED:
            found[f"pool{k}"] = nn.MaxPool2d(2)
            size = [side // 2 for side in size]
    found["flatten"] = nn.Flatten()
    inputs = channels * math.prod(size)
    for k in (1, 2):
        linear = nn.utils.skip_init(nn.Linear, inputs, _CONNECTED * width)
        found |= {f"dropout{k}": nn.Dropout(dropout), f"fc{k}": linear, f"relu{k + 5}": nn.ReLU()}
        inputs = _CONNECTED * width
    found["fc3"] = nn.utils.skip_init(nn.Linear, inputs, classes)
    return found
