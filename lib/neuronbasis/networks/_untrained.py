"""Networks of the same form as trained ones, with initial weights: a control."""

import torch
from torch import nn

from neuronbasis.errors import UserError
from neuronbasis.networks._resnet import ResNet


def untrained(model: nn.Module, seed: int) -> nn.Module:
    """Make a network of the same form before any training, as its library initialises it.

    Parameters
    ----------
    model : nn.Module
        Of `pretrained`.
    seed : int
        Decides the initial weights.

    Returns
    -------
    nn.Module
        float32, on the CPU, in eval mode. Batch normalisation has no statistics yet, so it
        leaves its input as it is.

    Raises
    ------
    UserError
        If the model is not of `pretrained`.

    Examples
    --------
    >>> from neuronbasis import networks
    >>> trained = networks.pretrained("stories260k")
    >>> fresh, again = untrained(trained, seed=0), untrained(trained, seed=0)
    >>> networks.checksum(fresh) == networks.checksum(again) != networks.checksum(trained)
    True
    """
    name = getattr(getattr(model, "origin", None), "name", "")
    library, _, own = name.partition(":")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if hasattr(model, "config"):  # of transformers
            made: nn.Module = type(model)(model.config)
        elif isinstance(model, ResNet):
            made = ResNet(len(model.layer1))
        elif library == "timm":
            import timm

            made = timm.create_model(own)
        elif library == "torchvision":
            from torchvision import models

            made = models.get_model(own, weights=None)
        else:
            raise UserError(
                f"the model is a {type(model).__name__} of no known origin; pass one of "
                "networks.pretrained"
            )
    return made.eval()
