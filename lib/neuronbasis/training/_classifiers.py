"""Classifiers: the whole specification of a training, its result, and how often it is right."""

import copy
import hashlib
import json
import logging
import math
import sys
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from neuronbasis.datasets import Dataset
from neuronbasis.errors import UserError
from neuronbasis.networks import ConvNet, accuracy, checked_dropout, convnet
from neuronbasis.training._store import Entry, Store
from neuronbasis.utils.checks import whole_number
from neuronbasis.utils.threads import one_thread

VERSION = 1  # of the training code: raise it when the same specification gives other weights
_CHOICES = {"network": ("convnet",), "dtype": ("float32",), "version": (VERSION,)}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ClassifierSpecification:
    """All that decides a trained classifier; two trainings of one specification are equal.

    Attributes
    ----------
    dataset, data_checksum : str
        Name and `Dataset.checksum` of the images.
    network, width, dropout : str, int, float
        "convnet", and its arguments, see `neuronbasis.convnet.convnet`.
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

    dataset: str
    data_checksum: str
    network: str = "convnet"
    width: int = 16
    dropout: float = 0.0
    epochs: int = 10
    batch: int = 64
    learning_rate: float = 0.05
    momentum: float = 0.9
    weight_decay: float = 5e-4
    seed: int = 0
    dtype: str = "float32"
    version: int = VERSION

    def __post_init__(self) -> None:
        for name, least in (("width", 1), ("epochs", 1), ("batch", 1), ("seed", 0)):
            self._set(name, whole_number(getattr(self, name), name, least))
        self._set("dropout", checked_dropout(self.dropout))
        tiny = math.ulp(0.0)
        self._set("learning_rate", self._number("learning_rate", tiny, math.inf, "> 0: pass 0.05"))
        self._set("momentum", self._number("momentum", 0, 1, "in [0, 1): pass 0.9"))
        self._set("weight_decay", self._number("weight_decay", 0, math.inf, ">= 0: pass 0"))
        for name, legal in _CHOICES.items():
            if getattr(self, name) not in legal:
                raise UserError(f"{name} is {getattr(self, name)!r}; it must be {legal[0]!r}")
        for name in ("dataset", "data_checksum"):
            if not isinstance(getattr(self, name), str):
                raise UserError(f"{name} is {getattr(self, name)!r}; it must be a string")

    @classmethod
    def of(cls, dataset: Dataset, **settings: Any) -> "ClassifierSpecification":
        """Specify a training on a dataset; ``settings`` are the attributes other than its own."""
        return cls(dataset=dataset.name, data_checksum=dataset.checksum, **settings)

    @property
    def key(self) -> str:
        """SHA-256, in hexadecimal, of the specification as canonical JSON."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def entry(self) -> str:
        """Its name in a store, for human readers: network, width and the start of `key`."""
        return f"{self.network}-w{self.width}-{self.key[:16]}"

    def _set(self, name: str, value: float) -> None:
        object.__setattr__(self, name, value)

    def _number(self, name: str, low: float, high: float, legal: str) -> float:
        """The attribute as a float, if it lies in [low, high)."""
        value = getattr(self, name)
        number = not isinstance(value, bool | str) and hasattr(value, "__float__")
        if not number or not low <= float(value) < high:
            raise UserError(f"{name} is {value!r}; it must be {legal}")
        return float(value)


@dataclass(frozen=True)
class ClassifierHistory:
    """What a training recorded.

    Attributes
    ----------
    loss : tuple of float, one an epoch
        Cross-entropy in nats, the mean over the epoch's images, each taken just before the step
        that learns from it.
    test_accuracy : tuple of float, one an epoch
        Share of the test images that are classified rightly after it; nothing of the training
        depends on it.
    """

    loss: tuple[float, ...]
    test_accuracy: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class TrainedClassifier:
    """A classifier before and after its training, on the CPU in eval mode, with its history."""

    before: ConvNet
    after: ConvNet
    history: ClassifierHistory
    spec: ClassifierSpecification


def classifier_inputs(dataset: Dataset, split: str) -> Tensor:
    """Images of a split as a convolutional network takes them.

    Parameters
    ----------
    dataset : Dataset
    split : str
        "train" or "test".

    Returns
    -------
    Tensor, shape (N, C, H, W), float32
        Rescaled linearly to [-1, 1]. In memory the channels stay last, which saves a copy and is
        what convolutions on a CPU are fastest with.

    Raises
    ------
    UserError
        If the split is another one.

    Examples
    --------
    >>> from neuronbasis import datasets
    >>> classifier_inputs(datasets.load("digits"), "test").shape
    torch.Size([360, 1, 8, 8])
    """
    height, width, *channels = dataset.image_shape
    flat = torch.from_numpy(dataset.scaled(split))
    return flat.view(-1, height, width, *(channels or [1])).permute(0, 3, 1, 2)


def trained_classifier(
    spec: ClassifierSpecification,
    dataset: Dataset,
    store: Store | None = None,
    progress: bool = True,
) -> TrainedClassifier:
    """Give the trained classifier of a specification: from the store, else by training it.

    Stochastic gradient descent on the cross-entropy, on the CPU and one thread, since such
    trainings run side by side. Jobs that want the same network at the same time train it once.

    Parameters
    ----------
    spec : Specification
        All of the training.
    dataset : Dataset
        The images; it must be the one that the specification names by its checksum.
    store : Store, optional
        Default: ``Store()``.
    progress : bool
        Show a progress bar, on a terminal only.

    Raises
    ------
    UserError
        If the dataset is another one or its images are too small, the training diverges, or the
        store cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from neuronbasis import datasets
    >>> digits = datasets.load("digits")
    >>> spec = ClassifierSpecification.of(digits, width=4, epochs=1)
    >>> result = trained_classifier(spec, digits, Store(tempfile.mkdtemp()), progress=False)
    >>> result.after(classifier_inputs(digits, "test")).shape
    torch.Size([360, 10])
    """
    if dataset.checksum != spec.data_checksum:
        raise UserError(
            f"dataset {dataset.name!r} has checksum {dataset.checksum[:16]}, the specification "
            f"wants {spec.data_checksum[:16]!r} ({spec.dataset}): pass the same data to both"
        )
    store = Store() if store is None else store
    with store.lock(spec.entry):
        entry = store.get(spec.entry)
        if entry is None or entry[1]["specification"] != asdict(spec):
            entry = _train(spec, dataset, progress)
            store.put(spec.entry, *entry)
    return _restored(spec, dataset, entry)


def _build(spec: ClassifierSpecification, dataset: Dataset) -> ConvNet:
    height, width, *channels = dataset.image_shape
    shape = (channels[0] if channels else 1, height, width)
    return convnet(shape, len(dataset.classes), spec.width, spec.dropout, spec.seed)


def _train(spec: ClassifierSpecification, dataset: Dataset, progress: bool) -> Entry:
    """Train; the result in the form in which it is stored."""
    _log.info("training %s on %s", spec.entry, dataset.name)
    before = _build(spec, dataset)
    after = copy.deepcopy(before)
    with one_thread(), torch.random.fork_rng(devices=[]):
        history = _descend(after, dataset, spec, progress)
    tensors: dict[str, Tensor] = {}
    for stage, network in (("before", before), ("after", after)):
        tensors |= {f"{stage}.{name}": t for name, t in network.state_dict().items()}
    versions = {"python": sys.version.split()[0], "torch": torch.__version__}
    # Lists, as JSON gives them back, so that the first call and the next ones return the same.
    told = {name: list(values) for name, values in asdict(history).items()}
    return tensors, {"specification": asdict(spec), "history": told, "versions": versions}


def _restored(spec: ClassifierSpecification, dataset: Dataset, entry: Entry) -> TrainedClassifier:
    tensors, about = entry
    found = []
    for stage in ("before.", "after."):
        network = _build(spec, dataset)
        state = {k.removeprefix(stage): t for k, t in tensors.items() if k.startswith(stage)}
        network.load_state_dict(state)
        found.append(network.eval())
    history = ClassifierHistory(
        **{name: tuple(values) for name, values in about["history"].items()}
    )
    return TrainedClassifier(found[0], found[1], history, spec)


def _descend(
    network: nn.Module, dataset: Dataset, spec: ClassifierSpecification, progress: bool
) -> ClassifierHistory:
    """Momentum SGD on the cross-entropy; every epoch takes all images in a new order."""
    x, y = classifier_inputs(dataset, "train"), torch.from_numpy(dataset.y_train.copy())
    test = classifier_inputs(dataset, "test"), dataset.y_test
    optimiser = torch.optim.SGD(
        network.parameters(), spec.learning_rate, spec.momentum, weight_decay=spec.weight_decay
    )
    steps = spec.epochs * math.ceil(len(x) / spec.batch)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 1 - step / steps)
    # Streams of their own, apart from the one that the first weights are drawn from.
    rng = np.random.default_rng([spec.seed, 1])
    torch.manual_seed(int(np.random.default_rng([spec.seed, 2]).integers(2**63)))  # for dropout
    loss, accuracies = [], []
    disable = None if progress else True  # None: silent unless it is a terminal
    with tqdm(total=steps, desc="training", unit="step", disable=disable) as bar:
        for _ in range(spec.epochs):
            rows = torch.from_numpy(rng.permutation(len(x))).split(spec.batch)
            loss.append(_epoch(network.train(), x, y, rows, optimiser, schedule, bar))
            if not _finite(network, loss[-1]):
                raise UserError(
                    f"the loss is no longer finite after epoch {len(loss)} with learning_rate "
                    f"{spec.learning_rate:g}: lower it, for example to {spec.learning_rate / 4:g}"
                )
            accuracies.append(accuracy(network, *test).value)
    return ClassifierHistory(tuple(loss), tuple(accuracies))


def _epoch(
    network: nn.Module,
    x: Tensor,
    y: Tensor,
    batches: tuple[Tensor, ...],
    optimiser: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    bar: Any,
) -> float:
    """One pass; the mean of the images' losses."""
    total = 0.0
    for rows in batches:
        optimiser.zero_grad(set_to_none=True)
        loss = nn.functional.cross_entropy(network(x[rows]), y[rows])
        loss.backward()
        optimiser.step()
        schedule.step()
        total += loss.item() * len(rows)
        bar.update()
    return total / len(x)


def _finite(network: nn.Module, loss: float) -> bool:
    # The weights too: the last step of an epoch can spoil them after its loss was taken.
    return math.isfinite(loss) and all(bool(p.isfinite().all()) for p in network.parameters())
