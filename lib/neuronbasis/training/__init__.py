"""Trained networks by their specification: from the store, else trained and kept there."""

from neuronbasis.training._autoencoders import (
    History,
    Trained,
    build,
    inputs,
    privileged_basis,
    trained,
    trained_all,
)
from neuronbasis.training._classifiers import (
    ClassifierSpecification,
    TrainedClassifier,
    classifier_inputs,
    trained_classifier,
)
from neuronbasis.training._descent import fit, loss
from neuronbasis.training._specification import Specification
from neuronbasis.training._store import Store

__all__ = [
    "trained",
    "trained_all",
    "trained_classifier",
    "Specification",
    "ClassifierSpecification",
    "inputs",
    "classifier_inputs",
    "Trained",
    "TrainedClassifier",
    "History",
    "Store",
    "build",
    "privileged_basis",
    "fit",
    "loss",
]
