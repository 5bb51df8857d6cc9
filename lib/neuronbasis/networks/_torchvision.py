"""Torchvision's ImageNet classifiers by name."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from neuronbasis.errors import UserError
from neuronbasis.networks import _weights
from neuronbasis.networks._weights import Weights
from neuronbasis.utils.downloads import check_connection, patient_and_quiet
from neuronbasis.utils.files import brief

# The weights that the sources could use; later ones of a network come from other trainings.
_FIRST = ("IMAGENET1K_V1", "IMAGENET1K_SWAG_LINEAR_V1")
# What these two need to be the published network: a head less, and inputs rescaled.
_INCEPTION = {"aux_logits": False, "init_weights": False, "transform_input": True}
_SETTINGS: dict[str, dict[str, Any]] = {"googlenet": _INCEPTION, "inception_v3": _INCEPTION}


def names() -> Sequence[str]:
    """All names of its classifiers."""
    models = _models()
    found: list[str] = models.list_models(module=models)
    return found


def knows(name: str) -> bool:
    """Whether it has a classifier of that name."""
    return name in names()


def load(name: str, weights: Weights | None) -> nn.Module:
    """A classifier with weights of a file, or the first published ones; see `pretrained`."""
    published = published_weights(name)
    if weights is None:
        model = _downloaded(name, published)
    else:
        model = _models().get_model(name, weights=None, **_SETTINGS.get(name, {}))
        _weights.put(model, _weights.read(weights.path), name, weights.path)
    _weights.attach(model, transforms=published.transforms())
    return model


def published(name: str) -> str:
    """Where a network's weights come from if nobody names any."""
    return "published by torchvision"


def licence(model: nn.Module) -> str:
    """That of the published weights, which torchvision does not state."""
    return ""


def published_weights(name: str) -> Any:
    """The weights whose transforms a network gets, and which are downloaded."""
    published = _models().get_model_weights(name)
    return next(published[first] for first in _FIRST if first in published.__members__)


def _models() -> Any:
    """Torchvision's networks, whose import takes a second that few need."""
    import torchvision.models

    return torchvision.models


def _downloaded(name: str, published: Any) -> nn.Module:
    cached = Path(torch.hub.get_dir(), "checkpoints", published.url.rpartition("/")[2])
    there = cached.exists()
    try:
        if not there:
            check_connection(published.url)
        with patient_and_quiet():
            model: nn.Module = _models().get_model(name, weights=published)
            return model
    except Exception as error:  # a file that is cut short or overwritten raises nearly anything
        reason = brief(error)
    if there:
        raise UserError(f"{cached}: not the weights of {name} ({reason}); remove this file")
    raise UserError(
        f"{name}: its weights cannot be downloaded ({reason}); connect to the network, put "
        f"{cached.name} into {cached.parent}, or pass weights=<file>"
    )
