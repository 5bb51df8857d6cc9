"""Networks trained by others: torchvision's ImageNet classifiers, and pictures to show them."""

import difflib
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from neuronbasis.errors import UserError
from neuronbasis.networks._convnet import ConvNet
from neuronbasis.utils.downloads import patient_and_quiet
from neuronbasis.utils.files import brief
from neuronbasis.utils.folders import found_path

# The weights that the sources could use; later ones of a network come from other trainings.
_FIRST = ("IMAGENET1K_V1", "IMAGENET1K_SWAG_LINEAR_V1")
# What these two need to be the published network: a head less, and inputs rescaled.
_INCEPTION = {"aux_logits": False, "init_weights": False, "transform_input": True}
_SETTINGS: dict[str, dict[str, Any]] = {"googlenet": _INCEPTION, "inception_v3": _INCEPTION}


def pretrained(name: str, weights: str | Path | None = None) -> nn.Module:
    """Load one of torchvision's ImageNet classifiers with trained weights.

    Parameters
    ----------
    name : str
        "alexnet", "resnet18", "resnet50", "vit_b_16", "squeezenet1_0" or another that
        ``torchvision.models.list_models(module=torchvision.models)`` lists.
    weights : str or Path, optional
        A file of the network's state dict: ``.safetensors``, else what ``torch.save`` writes; it
        may lie in the data folder that the environment variable NEURONBASIS_DATA names. Default:
        torchvision's first weights (IMAGENET1K_V1), downloaded once.

    Returns
    -------
    nn.Module
        float32, on the CPU, in eval mode, giving logits (N, classes). ``model.transforms`` turns
        a PIL image into its input (C, H, W), as those first weights want it.

    Raises
    ------
    UserError
        If there is no such network or file; the file is damaged, holds anything but tensors, or
        is of another network; or the download fails.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "mine.safetensors"
    >>> import torchvision
    >>> fresh = torchvision.models.squeezenet1_0(weights=None)
    >>> safetensors.torch.save_file(fresh.state_dict(), file)
    >>> model = pretrained("squeezenet1_0", weights=file)
    >>> from PIL import Image
    >>> from neuronbasis.datasets import transformed
    >>> transformed(model, [Image.new("RGB", (300, 256))]).shape
    torch.Size([1, 3, 224, 224])
    """
    published = _published(name)
    # torchvision draws first weights even where others follow.
    with torch.random.fork_rng(devices=[]):
        model = (
            _downloaded(name, published) if weights is None else _loaded(name, found_path(weights))
        )
    # Past nn.Module's own setter, since transforms are modules and would be listed as a layer.
    object.__setattr__(model, "transforms", published.transforms())
    return model.eval()


def _models() -> Any:
    """Torchvision's networks, whose import takes a second that few need."""
    import torchvision.models

    return torchvision.models


def _published(name: str) -> Any:
    """The weights whose transforms a network gets, and which are downloaded."""
    models = _models()
    known = models.list_models(module=models)
    if name not in known:
        close = difflib.get_close_matches(str(name), known, n=3) or ["alexnet", "resnet18"]
        raise UserError(
            f"no network {name!r} in torchvision; pass one of its classifiers, such as "
            f"{', '.join(close)}"
        )
    published = models.get_model_weights(name)
    return next(published[first] for first in _FIRST if first in published.__members__)


def _downloaded(name: str, published: Any) -> nn.Module:
    cached = Path(torch.hub.get_dir(), "checkpoints", published.url.rpartition("/")[2])
    there = cached.exists()
    try:
        with patient_and_quiet():
            return _models().get_model(name, weights=published)
    except Exception as error:  # a file that is cut short or overwritten raises nearly anything
        reason = brief(error)
    if there:
        raise UserError(f"{cached}: not the weights of {name} ({reason}); remove this file")
    raise UserError(
        f"{name}: its weights cannot be downloaded ({reason}); connect to the network, put "
        f"{cached.name} into {cached.parent}, or pass weights=<file>"
    )


def _loaded(name: str, file: Path) -> nn.Module:
    model = _models().get_model(name, weights=None, **_SETTINGS.get(name, {}))
    try:
        if file.suffix == ".safetensors":
            state: Any = safetensors.torch.load_file(file)
        else:
            state = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # see _downloaded
        raise UserError(
            f"{file}: no readable file of weights ({brief(error)}); write model.state_dict() "
            "anew, by torch.save or as .safetensors"
        ) from None
    try:
        if not isinstance(state, dict) or not all(isinstance(t, Tensor) for t in state.values()):
            raise TypeError("it holds other things than tensors by name")
        model.load_state_dict(state)
    except (RuntimeError, TypeError) as error:
        raise UserError(
            f"{file}: not the weights of {name} ({brief(error)}); pass that network's state dict"
        ) from None
    for key, tensor in model.state_dict().items():
        if not tensor.isfinite().all():
            raise UserError(f"{file}: {key} holds NaN or inf; all must be finite: get it anew")
    return model


_FIRES = {
    f"fire{number}": [f"features.{place}.{expand}" for expand in ("expand1x1", "expand3x3")]
    for number, place in zip(range(2, 10), (3, 4, 5, 7, 8, 9, 10, 12), strict=True)
}


_ALEXNET = {
    **{f"conv{k}": f"features.{place}" for k, place in enumerate((0, 3, 6, 8, 10), 1)},
    **{f"fc{k}": f"classifier.{place}" for k, place in enumerate((1, 4, 6), 1)},
}


#: What a layer's name stands for: modules whose outputs are activations before the nonlinearity,
#: those of a Fire module joined. Of a residual network the last block of each stage, before a ReLU
#: within it; of a vision transformer the hidden layer of each block.
LAYERS: dict[str, dict[str, list[str]]] = {
    "squeezenet1_0": {"conv1": ["features.0"], **_FIRES, "conv10": ["classifier.1"]},
    "alexnet": {name: [module] for name, module in _ALEXNET.items()},
    "resnet18": {f"layer{k}": [f"layer{k}.1.bn1"] for k in range(1, 5)},
    "resnet50": {f"layer{k}": [f"layer{k}.{last}.bn2"] for k, last in enumerate((2, 3, 5, 2), 1)},
    "vit_b_16": {f"mlp{k + 1}": [f"encoder.layers.encoder_layer_{k}.mlp.0"] for k in range(12)},
}


_ALL = {model: tuple(names) for model, names in LAYERS.items()} | {
    "convnet": ConvNet.layers,
    "squeezenet1_0": tuple(_FIRES),
}


def layer_names(text: str, model: str) -> dict[str, list[str]]:
    """Layers as a parameter names them, and the modules that each consists of.

    Parameters
    ----------
    text : str
        Names with commas between them: those in `LAYERS`, or a module's own name, which any
        network takes. "all": every one in `LAYERS`, of "squeezenet1_0" the Fire modules, of
        "convnet" `ConvNet.layers`.
    model : str
        Name of the model.

    Returns
    -------
    dict of str to list of str
        As `recording.record` takes it, in the order of the text.

    Raises
    ------
    UserError
        If there is no name, one is there twice or unknown, or "all" is asked of another model.
        Whether the model has a module of that name shows when it is recorded.

    Examples
    --------
    >>> layer_names("conv2, fc1", "convnet")
    {'conv2': ['conv2'], 'fc1': ['fc1']}
    >>> layer_names("all", "resnet18")["layer4"]
    ['layer4.1.bn1']
    >>> layer_names("fire2", "squeezenet1_0")
    {'fire2': ['features.3.expand1x1', 'features.3.expand3x3']}
    """
    if text.strip() == "all":
        if model not in _ALL:
            raise UserError(f"layers are 'all', not known of {model}: pass names of its modules")
        text = ", ".join(_ALL[model])
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names or len({*names}) < len(names):
        raise UserError(f"layers are {text!r}; pass different names with commas between them")
    known = LAYERS.get(model, {})
    for name in names:
        if known and name not in known and "." not in name:
            raise UserError(
                f"no layer {name!r} in {model}; there are {', '.join(known)}, and its modules by "
                "names with a dot"
            )
    return {name: known.get(name, [name]) for name in names}
