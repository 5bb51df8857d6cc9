"""Images by name or path, as arrays; pictures and texts as inputs of a network, pictures back.

``load("digits" | "mnist" | "cifar10" | a folder | a file)``; ``read_matrix`` for activations.
"""

from neuronbasis.datasets._dataset import Dataset
from neuronbasis.datasets._load import classes, load, title
from neuronbasis.datasets._matrices import read_matrix
from neuronbasis.datasets._photographs import Credit, Photographs, photographs
from neuronbasis.datasets._pictures import (
    Limits,
    checksum,
    limits,
    pictures,
    samples,
    transformed,
)
from neuronbasis.datasets._texts import sentences, tokenised

__all__ = [
    "load",
    "classes",
    "title",
    "Dataset",
    "read_matrix",
    "samples",
    "photographs",
    "Photographs",
    "Credit",
    "transformed",
    "sentences",
    "tokenised",
    "checksum",
    "pictures",
    "limits",
    "Limits",
]
