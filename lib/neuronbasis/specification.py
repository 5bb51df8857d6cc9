"""What decides a trained network, all of it, and the key that follows from it."""

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from typing import Any

from neuronbasis.checks import whole_number
from neuronbasis.datasets import Dataset
from neuronbasis.errors import UserError

VERSION = 1  # of the training code: raise it when the same specification gives other weights
_CHOICES = {
    "size": ("small", "large"),
    "basis": ("thompson", "standard"),
    "activation": ("generalised", "isotropic", "elementwise"),
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
    epochs, batch : int
        Passes over the images; images a step.
    learning_rate, momentum : float
        Of stochastic gradient descent.
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
    epochs: int = 100
    batch: int = 24
    learning_rate: float = 0.08
    momentum: float = 0.9
    seed: int = 0
    dtype: str = "float32"
    version: int = VERSION

    def __post_init__(self) -> None:
        for name in ("n", "m", "epochs", "batch"):
            self._set(name, whole_number(getattr(self, name), name, 1))
        for name in ("seed", "basis_seed"):
            self._set(name, whole_number(getattr(self, name), name, 0))
        rate, momentum = _real(self.learning_rate), _real(self.momentum)
        if not 0 < rate < math.inf:
            raise UserError(f"learning_rate is {self.learning_rate!r}; it must be > 0: pass 0.08")
        if not 0 <= momentum < 1:
            raise UserError(f"momentum is {self.momentum!r}; it must lie in [0, 1): pass 0.9")
        self._set("learning_rate", rate)
        self._set("momentum", momentum)
        for name, legal in _CHOICES.items():
            if getattr(self, name) not in legal:
                listed = " or ".join(map(repr, legal))
                raise UserError(f"{name} is {getattr(self, name)!r}; it must be {listed}")
        if not isinstance(self.bias, bool):
            raise UserError(f"bias is {self.bias!r}; it must be True or False")
        for name in ("dataset", "data_checksum"):
            if not isinstance(getattr(self, name), str):
                raise UserError(f"{name} is {getattr(self, name)!r}; it must be a string")
        if self.basis == "standard" and self.m != self.n:
            raise UserError(f"m is {self.m}; a standard basis has m = n: pass m={self.n}")

    @classmethod
    def of(cls, dataset: Dataset, **settings: Any) -> "Specification":
        """Specify a training on a dataset; ``settings`` are the attributes other than its own."""
        return cls(dataset=dataset.name, data_checksum=dataset.checksum, **settings)

    @property
    def key(self) -> str:
        """SHA-256, in hexadecimal, of the specification as canonical JSON."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def entry(self) -> str:
        """Its name in a store, for human readers: the layout and the start of `key`."""
        return f"{self.size}-n{self.n}-m{self.m}-{self.key[:16]}"

    def _set(self, name: str, value: float) -> None:
        object.__setattr__(self, name, value)


def _real(value: Any) -> float:
    """The value as a float, NaN where it is none: no range holds NaN."""
    number = not isinstance(value, bool | str) and hasattr(value, "__float__")
    return float(value) if number else math.nan
