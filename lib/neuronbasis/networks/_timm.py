"""Timm's image networks by name."""

import warnings
from collections.abc import Sequence
from typing import Any

from torch import nn

from neuronbasis.errors import UserError
from neuronbasis.networks import _weights
from neuronbasis.networks._weights import Weights
from neuronbasis.utils.downloads import check_hub, hub_folder, is_of_hub, patient_and_quiet
from neuronbasis.utils.files import brief


def names() -> Sequence[str]:
    """All names of its architectures."""
    found: list[str] = _timm().list_models()
    return found


def knows(name: str) -> bool:
    """Whether it has an architecture of that name, perhaps with a tag: "resnet18.a1_in1k"."""
    return bool(_timm().is_model(name))


def load(name: str, weights: Weights | None) -> nn.Module:
    """A network with weights of a file, or those that timm publishes; see `pretrained`."""
    timm = _timm()
    if weights is None:
        model = _published(name)
    else:
        state = _weights.renamed(
            _weights.read(weights.path), weights.package, name.partition(".")[0]
        )
        model = timm.create_model(name)
        _weights.put(model, state, name, weights.path)
    config = timm.data.resolve_data_config({}, model=model)
    own = _weights.PACKAGES.get(weights.package) if weights else None
    if own and own.mean:
        config |= {"mean": own.mean, "std": own.std}
    _weights.attach(model, transforms=timm.data.create_transform(**config))
    return model


def published(name: str) -> str:
    """Where a network's weights come from if nobody names any."""
    return "published by timm"


def licence(model: Any) -> str:
    """That of the published weights, as timm states it."""
    return str(model.pretrained_cfg.get("license") or "")


def _timm() -> Any:
    """Timm, whose import takes seconds that few need."""
    with warnings.catch_warnings():
        # In a notebook it asks for a progress bar that loads from other hosts.
        warnings.filterwarnings("ignore", "IProgress not found")
        import timm

    return timm


def _published(name: str) -> nn.Module:
    timm = _timm()
    own, sought = "", False
    try:
        config = timm.get_pretrained_cfg(name)
        own = config.hf_hub_id if config else ""
        sought = bool(own) and not is_of_hub(own)
        if sought:
            check_hub()
        with patient_and_quiet():
            model: nn.Module = timm.create_model(name, pretrained=True)
            return model
    except Exception as error:  # whatever the hub, the connection or a damaged file raises
        missing = f"{own} is not in the cache {hub_folder()}, and " if sought else ""
        raise UserError(
            f"{name}: {missing}its weights cannot be downloaded ({brief(error)}); connect to the "
            "network, or pass weights=<file> or package:NAME"
        ) from None
