"""Networks that a chapter can look into, each with its images, by the names of parameters."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from neuronbasis import classification, datasets, pixels, pretrained
from neuronbasis.checks import whole_number
from neuronbasis.convnet import ConvNet
from neuronbasis.errors import UserError
from neuronbasis.pixels import Limits

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


@dataclass(frozen=True, eq=False)
class Subject:
    """A trained network and images that it takes.

    Attributes
    ----------
    model : nn.Module
        In eval mode, on the CPU.
    inputs : Tensor, shape (N, C, H, W), float32
        Images as the model takes them.
    labels : ndarray, shape (N,), int64
        Their classes, as places among the model's logits.
    limits : (low, high)
        Inputs of black and white pixels, see `pixels.limits`.
    data : dict of str to str
        Checksum of the images by their name.
    """

    model: nn.Module
    inputs: Tensor
    labels: NDArray[np.int64]
    limits: Limits
    data: Mapping[str, str]


def convnet(dataset: datasets.Dataset, images: int, **settings: Any) -> Subject:
    """A convnet trained on a dataset, and the first of its training images.

    Parameters
    ----------
    dataset : Dataset
        See `datasets.load`.
    images : int
        How many; all if there are fewer.
    settings
        Of `classification.Specification`: width, epochs, seed, ...

    Raises
    ------
    UserError
        As `classification.trained`.
    """
    spec = classification.Specification.of(dataset, **settings)
    inputs = classification.inputs(dataset, "train")[: whole_number(images, "images", 2)]
    labels = dataset.y_train[: len(inputs)]
    model = classification.trained(spec, dataset).after
    return Subject(model, inputs, labels, pixels.limits(model), {dataset.name: dataset.checksum})


def imagenet(name: str, folder: str | Path, images: int, weights: str = "") -> Subject:
    """One of torchvision's ImageNet classifiers, and labelled pictures of a folder.

    Parameters
    ----------
    name, weights
        As of `pretrained.pretrained`; empty: torchvision's download.
    folder : str or Path
        As of `pretrained.samples`.
    images : int
        How many, evenly spaced in the folder's list; all if there are fewer.

    Raises
    ------
    UserError
        As `pretrained.pretrained`, `samples` and `transformed`.
    """
    model = pretrained.pretrained(name, weights or None)
    listed = pretrained.samples(folder)
    count = min(whole_number(images, "images", 2), len(listed.files))
    places = np.linspace(0, len(listed.files) - 1, count).round().astype(int)
    chosen = [listed.files[i] for i in places]
    digest = hashlib.sha256()
    for file in chosen:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    inputs = pretrained.transformed(model, chosen)
    data = {Path(folder).name: digest.hexdigest()}
    return Subject(model, inputs, listed.labels[places], pixels.limits(model), data)


def layers(text: str, model: str) -> dict[str, list[str]]:
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
    >>> layers("conv2, fc1", "convnet")
    {'conv2': ['conv2'], 'fc1': ['fc1']}
    >>> layers("all", "resnet18")["layer4"]
    ['layer4.1.bn1']
    >>> layers("fire2", "squeezenet1_0")
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
