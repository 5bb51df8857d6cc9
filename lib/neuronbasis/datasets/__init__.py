"""Images by name or path, as arrays; pictures as the inputs of a network, and back.

``load("digits" | "mnist" | "cifar10" | a folder | a file)``; ``read_matrix`` for activations.
"""

from neuronbasis.datasets._dataset import Dataset
from neuronbasis.datasets._files import KEYS as KEYS
from neuronbasis.datasets._files import patient_and_quiet as patient_and_quiet
from neuronbasis.datasets._load import FOLDER_VARIABLE as FOLDER_VARIABLE
from neuronbasis.datasets._load import cache_folder as cache_folder
from neuronbasis.datasets._load import classes, load
from neuronbasis.datasets._matrices import SUFFIXES as SUFFIXES
from neuronbasis.datasets._matrices import read_matrix
from neuronbasis.datasets._pictures import Limits, limits, pictures
from neuronbasis.datasets._samples import brief as brief
from neuronbasis.datasets._samples import checksum, samples, transformed
from neuronbasis.datasets._samples import found_path as found_path

__all__ = [
    "load",
    "classes",
    "Dataset",
    "read_matrix",
    "samples",
    "transformed",
    "checksum",
    "pictures",
    "limits",
    "Limits",
]
