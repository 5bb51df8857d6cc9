"""What decides a trained network, all of it, and the key that follows from it."""

import hashlib
import json
import math
from dataclasses import asdict, dataclass, replace
from typing import Any

from neuronbasis.datasets import Dataset
from neuronbasis.errors import UserError
from neuronbasis.utils.checks import whole_number

VERSION = 2  # of the training code: raise it when the same specification gives other weights
_CHOICES = {
    "size": ("small", "large"),
    "basis": ("thompson", "standard"),
    "activation": ("generalised", "isotropic", "elementwise"),
    "initialiser": ("xavier_normal", "xavier_uniform", "orthogonal"),
    "normalisation": ("none", "batch", "layer"),
    "output": ("linear", "tanh"),
    "task": ("reconstruction", "classification"),
    "optimiser": ("sgd", "adam"),
    "dtype": ("float32",),
    "version": (VERSION,),
}


@dataclass(frozen=True, kw_only=True)
class Specification:
    """All that decides a trained network; two trainings of one specification are equal.

    The defaults of the training are the paper's (Bird 2025, arXiv 2505.13471, App. E and G).

    Attributes
    ----------
    dataset, data_checksum : str
        Name and `Dataset.checksum` of the images.
    size : str
        "small" or "large", see `networks.autoencoder`.
    n, m : int
        Width of the latent layer, number of basis vectors.
    basis, basis_seed : str, int
        "thompson" (any m) or "standard" (m = n), and the seed of the former.
    activation : str
        "generalised" (tanh along the basis), "isotropic" (tanh of the length) or "elementwise"
        (tanh of each neuron); the latter two do not depend on the basis.
    bias : bool
        Whether the linear maps have biases.
    hidden : int
        Width of the hidden layers around the latent layer of a large network; 0 means n.
    initialiser : str
        Of the first weights: "xavier_normal", "xavier_uniform" or "orthogonal".
    normalisation, dropout : str, float
        "none", "batch" or "layer", of what the activation function takes; the rate at which
        single neurons of what it gives are dropped.
    output : str
        "linear", or "tanh" of every output.
    task : str
        "reconstruction" of the images, or "classification" (cross-entropy of the labels).
    centre : bool
        Take the mean training image off all images first.
    optimiser : str
        "sgd" or "adam".
    epochs, batch : int
        Passes over the images; images a step.
    learning_rate, momentum : float
        Of the optimiser; Adam has no such momentum and leaves it aside.
    snapshots : tuple of int
        Epochs after which the network is kept as well; default: 1, 2, 5, 10, 20, 50, ... as far
        as they come before the last.
    seed : int
        Of the first weights and of the order of the images.
    dtype, version : str, int
        Of the weights; of the training code.

    Raises
    ------
    UserError
        If a value is of the wrong type or out of its range.

    Examples
    --------
    >>> from neuronbasis import datasets
    >>> spec = Specification.of(datasets.load("digits"), n=10, m=20)
    >>> spec.batch, spec.learning_rate, spec.key[:16] == spec.entry[-16:]
    (24, 0.08, True)
    """

    dataset: str
    data_checksum: str
    size: str = "small"
    n: int = 24
    m: int = 48
    basis: str = "thompson"
    basis_seed: int = 0
    activation: str = "generalised"
    bias: bool = True
    hidden: int = 0
    initialiser: str = "xavier_normal"
    normalisation: str = "none"
    dropout: float = 0.0
    output: str = "linear"
    task: str = "reconstruction"
    centre: bool = False
    optimiser: str = "sgd"
    epochs: int = 100
    batch: int = 24
    learning_rate: float = 0.08
    momentum: float = 0.9
    snapshots: tuple[int, ...] | None = None
    seed: int = 0
    dtype: str = "float32"
    version: int = VERSION

    def __post_init__(self) -> None:
        for name in ("n", "m", "epochs", "batch"):
            self._set(name, whole_number(getattr(self, name), name, 1))
        for name in ("seed", "basis_seed", "hidden"):
            self._set(name, whole_number(getattr(self, name), name, 0))
        self._set("learning_rate", _real(self.learning_rate, "learning_rate", "> 0", "0.08"))
        for name in ("momentum", "dropout"):
            self._set(name, _real(getattr(self, name), name, "in [0, 1)", "0"))
        for name, legal in _CHOICES.items():
            if getattr(self, name) not in legal:
                listed = " or ".join(map(repr, legal))
                raise UserError(f"{name} is {getattr(self, name)!r}; it must be {listed}")
        for name in ("bias", "centre"):
            if not isinstance(getattr(self, name), bool):
                raise UserError(f"{name} is {getattr(self, name)!r}; it must be True or False")
        for name in ("dataset", "data_checksum"):
            if not isinstance(getattr(self, name), str):
                raise UserError(f"{name} is {getattr(self, name)!r}; it must be a string")
        self._set("snapshots", _epochs(self.snapshots, self.epochs))
        self._check_together()

    def _check_together(self) -> None:
        if self.basis == "standard" and self.m != self.n:
            raise UserError(f"m is {self.m}; a standard basis has m = n: pass m={self.n}")
        if self.hidden and self.size == "small":
            raise UserError(f"hidden is {self.hidden}; a small network has no hidden layer: pass 0")

    @classmethod
    def of(cls, dataset: Dataset, **settings: Any) -> "Specification":
        """Specify a training on a dataset; ``settings`` are the attributes other than its own."""
        return cls(dataset=dataset.name, data_checksum=dataset.checksum, **settings)

    @property
    def configuration(self) -> "Specification":
        """The same with all seeds 0: what networks that are trained together have in common."""
        return replace(self, seed=0, basis_seed=0)

    @property
    def key(self) -> str:
        """SHA-256, in hexadecimal, of the specification as canonical JSON."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def entry(self) -> str:
        """Its name in a store, for human readers: the layout and the start of `key`."""
        return f"{self.size}-n{self.n}-m{self.m}-{self.key[:16]}"

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)


def _real(value: Any, name: str, range_: str, remedy: str) -> float:
    number = not isinstance(value, bool | str) and hasattr(value, "__float__")
    real = float(value) if number else math.nan  # no range holds NaN
    if not (0 < real < math.inf if range_ == "> 0" else 0 <= real < 1):
        raise UserError(f"{name} is {value!r}; it must be {range_}: pass {remedy}")
    return real


def _epochs(chosen: Any, last: int) -> tuple[int, ...]:
    """The chosen epochs, in order, or the 1-2-5 series before the last epoch."""
    if chosen is None:
        series = (lead * 10**power for power in range(10) for lead in (1, 2, 5))
        return tuple(epoch for epoch in series if epoch < last)
    found = sorted({whole_number(epoch, "a snapshot", 1) for epoch in chosen})
    if found and found[-1] >= last:
        raise UserError(f"a snapshot is {found[-1]}; it must come before the last epoch, {last}")
    return tuple(found)
