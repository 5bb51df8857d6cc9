"""Trained networks by their specification: from the store, else trained and kept there."""

from neuronbasis.training._autoencoders import build, privileged_basis
from neuronbasis.training._descent import History, Trained, fit, loss
from neuronbasis.training._specification import ClassifierSpecification, Specification
from neuronbasis.training._store import Store, kept_store
from neuronbasis.training._trained import inputs, kept, trained, trained_all

__all__ = [
    "trained",
    "trained_all",
    "kept",
    "Specification",
    "ClassifierSpecification",
    "inputs",
    "Trained",
    "History",
    "Store",
    "kept_store",
    "build",
    "privileged_basis",
    "fit",
    "loss",
]
