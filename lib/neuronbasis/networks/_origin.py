"""What comes with a network that others trained: its name, its weights, how to make its inputs."""

from typing import Any, NamedTuple

from torch import nn


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
