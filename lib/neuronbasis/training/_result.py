"""What a training gives: the network before and after it, and what it went through."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class History:
    """What a training recorded.

    Attributes
    ----------
    loss : tuple of float, one an epoch
        Mean squared error per pixel (of [-1, 1]), or cross-entropy (in nats) where classes are
        told apart; the mean over the epoch's images, each taken just before the step that
        learns from it.
    test_loss : float
        The same on the test images after the last epoch.
    test_accuracy : float or None
        Share of the test images put into the right class after the last epoch, where classes
        are told apart.
    accuracies : tuple of float
        The same after every epoch, of a classifier; nothing of the training depends on it.
    """

    loss: tuple[float, ...]
    test_loss: float
    test_accuracy: float | None = None
    accuracies: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False)
class Trained:
    """A network before and after its training, on the CPU in eval mode, and its history.

    Attributes
    ----------
    before, after : Autoencoder or ConvNet
        As the specification says.
    history : History
    spec : Specification or ClassifierSpecification
    basis : Basis or None
        What the activation function of an autoencoder acts along; None of a classifier, whose
        ReLU acts on each neuron.
    snapshots : dict of int to network
        The network after the epochs that the specification names.
    """

    before: Any
    after: Any
    history: History
    spec: Any
    basis: Any = None
    snapshots: dict[int, Any] = field(default_factory=dict)
