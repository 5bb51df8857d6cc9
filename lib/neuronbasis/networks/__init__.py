"""Networks to measure: the autoencoders of Bird (2025), a convnet, and those trained by others."""

from neuronbasis.networks._accuracy import accuracy
from neuronbasis.networks._accuracy import check_logits as check_logits
from neuronbasis.networks._autoencoder import Autoencoder, autoencoder, stack, unstack
from neuronbasis.networks._convnet import ConvNet, convnet
from neuronbasis.networks._layer_names import LAYERS, layer_names
from neuronbasis.networks._pretrained import pretrained, untrained
from neuronbasis.networks._weights import Origin, checksum

__all__ = [
    "autoencoder",
    "convnet",
    "pretrained",
    "untrained",
    "layer_names",
    "accuracy",
    "checksum",
    "Origin",
    "Autoencoder",
    "ConvNet",
    "stack",
    "unstack",
    "LAYERS",
]
