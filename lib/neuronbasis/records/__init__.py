"""What a run of a notebook leaves: its parameters, numbers, claims and curves."""

from neuronbasis.records._parameters import Parameter, declared, validated
from neuronbasis.records._record import FILE as FILE
from neuronbasis.records._record import FOLDER_VARIABLE as FOLDER_VARIABLE
from neuronbasis.records._record import Frozen, Record, frozen, read, read_curves

__all__ = [
    "Record",
    "Frozen",
    "frozen",
    "read",
    "read_curves",
    "Parameter",
    "declared",
    "validated",
]
