"""What decides a trained network, all of it, and the key that follows from it."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Self

from neuronbasis.datasets import Dataset
from neuronbasis.errors import UserError
from neuronbasis.utils.checks import flag, number, whole_number

#: Of the training code: raise it when the same specification gives other weights.
VERSION, CLASSIFIER_VERSION = 2, 1


@dataclass(frozen=True, kw_only=True)
class _Base:
    """What every specification has: its data, its seed, and a key over all of it."""

    dataset: str
    data_checksum: str
    seed: int = 0
    dtype: str = "float32"

    _choices: ClassVar[dict[str, tuple[Any, ...]]]
    _counts: ClassVar[tuple[tuple[str, int], ...]]  # whole numbers, and the least of each
    _numbers: ClassVar[tuple[tuple[str, str, str], ...]]  # numbers, their interval, the remedy
    _flags: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        for name, least in self._counts:
            self._set(name, whole_number(getattr(self, name), name, least))
        for name, interval, remedy in self._numbers:
            self._set(name, number(getattr(self, name), name, interval, remedy))
        for name, legal in self._choices.items():
            if getattr(self, name) not in legal:
                listed = " or ".join(map(repr, legal))
                raise UserError(f"{name} is {getattr(self, name)!r}; it must be {listed}")
        for name in self._flags:
            flag(getattr(self, name), name)
        for name in ("dataset", "data_checksum"):
            if not isinstance(getattr(self, name), str):
                raise UserError(f"{name} is {getattr(self, name)!r}; it must be a string")

    @classmethod
    def of(cls, dataset: Dataset, **settings: Any) -> Self:
        """Specify a training on a dataset; ``settings`` are the attributes other than its own."""
        return cls(dataset=dataset.name, data_checksum=dataset.checksum, **settings)

    @property
    def configuration(self) -> Self:
        """The same with all seeds 0: what networks that differ in their seeds have in common."""
        seeds: dict[str, Any] = dict.fromkeys(self._seeds, 0)
        return replace(self, **seeds)

    @property
    def key(self) -> str:
        """SHA-256, in hexadecimal, of the specification as canonical JSON."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def entry(self) -> str:
        """Its name in a store, for human readers: the layout and the start of `key`."""
        return f"{self._layout}-{self.key[:16]}"

    @property
    def _layout(self) -> str:
        raise NotImplementedError

    _seeds: ClassVar[tuple[str, ...]] = ("seed",)

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)


@dataclass(frozen=True, kw_only=True)
class Specification(_Base):
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
    version: int = VERSION

    _choices: ClassVar = {
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
    _counts = (
        *((name, 1) for name in ("n", "m", "epochs", "batch")),
        *((name, 0) for name in ("seed", "basis_seed", "hidden")),
    )
    _numbers = (
        ("learning_rate", "(0, inf)", "0.08"),
        ("momentum", "[0, 1)", "0"),
        ("dropout", "[0, 1)", "0"),
    )
    _flags = ("bias", "centre")
    _seeds = ("seed", "basis_seed")

    def __post_init__(self) -> None:
        super().__post_init__()
        self._set("snapshots", _epochs(self.snapshots, self.epochs))
        if self.basis == "standard" and self.m != self.n:
            raise UserError(f"m is {self.m}; a standard basis has m = n: pass m={self.n}")
        if self.hidden and self.size == "small":
            raise UserError(f"hidden is {self.hidden}; a small network has no hidden layer: pass 0")

    @property
    def _layout(self) -> str:
        return f"{self.size}-n{self.n}-m{self.m}"


@dataclass(frozen=True, kw_only=True)
class ClassifierSpecification(_Base):
    """All that decides a trained classifier; two trainings of one specification are equal.

    Attributes
    ----------
    dataset, data_checksum : str
        Name and `Dataset.checksum` of the images.
    network, width, dropout : str, int, float
        "convnet", and its arguments, see `networks.convnet`.
    epochs, batch : int
        Passes over the images; images a step.
    learning_rate, momentum, weight_decay : float
        Of stochastic gradient descent; the learning rate falls linearly to 0 over the steps.
    seed : int
        Of the first weights, of the order of the images and of the dropout.
    dtype, version : str, int
        Of the weights; of the training code.

    Raises
    ------
    UserError
        If a value is of the wrong type or out of its range.

    Examples
    --------
    >>> from neuronbasis import datasets
    >>> spec = ClassifierSpecification.of(datasets.load("digits"), width=8)
    >>> spec.epochs, spec.weight_decay, spec.entry[:-16], spec.key[:16] == spec.entry[-16:]
    (10, 0.0005, 'convnet-w8-', True)
    """

    network: str = "convnet"
    width: int = 16
    dropout: float = 0.0
    epochs: int = 10
    batch: int = 64
    learning_rate: float = 0.05
    momentum: float = 0.9
    weight_decay: float = 5e-4
    version: int = CLASSIFIER_VERSION

    _choices: ClassVar = {
        "network": ("convnet",),
        "dtype": ("float32",),
        "version": (CLASSIFIER_VERSION,),
    }
    _counts = (("width", 1), ("epochs", 1), ("batch", 1), ("seed", 0))
    _numbers = (
        ("dropout", "[0, 1)", "0 or 0.5"),
        ("learning_rate", "(0, inf)", "0.05"),
        ("momentum", "[0, 1)", "0.9"),
        ("weight_decay", "[0, inf)", "0"),
    )

    @property
    def _layout(self) -> str:
        return f"{self.network}-w{self.width}"


def _epochs(chosen: Any, last: int) -> tuple[int, ...]:
    """The chosen epochs, in order, or the 1-2-5 series before the last epoch."""
    if chosen is None:
        series = (lead * 10**power for power in range(10) for lead in (1, 2, 5))
        return tuple(epoch for epoch in series if epoch < last)
    found = sorted({whole_number(epoch, "a snapshot", 1) for epoch in chosen})
    if found and found[-1] >= last:
        raise UserError(f"a snapshot is {found[-1]}; it must come before the last epoch, {last}")
    return tuple(found)
