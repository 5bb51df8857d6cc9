"""Trained autoencoders: from the store, else trained together and kept there."""

import logging
import math
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field

import torch
from torch import Tensor, nn

from neuronbasis import basis as bases
from neuronbasis import networks, nonlinearity
from neuronbasis.basis import Basis
from neuronbasis.datasets import Dataset
from neuronbasis.errors import UserError
from neuronbasis.training._descent import Course, fit, loss, place
from neuronbasis.training._specification import Specification
from neuronbasis.training._store import Entry, Store
from neuronbasis.utils.threads import one_thread

__all__ = ["History", "Specification", "Trained", "build", "inputs", "trained", "trained_all"]

#: Networks trained as one: more of them share no more of the cost, and no longer fit the cache.
TOGETHER = 10

_log = logging.getLogger(__name__)


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
        Share of the test images put into the right class, where classes are told apart.
    """

    loss: tuple[float, ...]
    test_loss: float
    test_accuracy: float | None = None


@dataclass(frozen=True, eq=False)
class Trained:
    """A network before and after its training, on the CPU, with its basis and its history.

    Attributes
    ----------
    snapshots : dict of int to Autoencoder
        The network after the epochs that the specification names.
    """

    before: networks.Autoencoder
    after: networks.Autoencoder
    basis: Basis
    history: History
    spec: Specification
    snapshots: dict[int, networks.Autoencoder] = field(default_factory=dict)


def privileged_basis(spec: Specification) -> Basis:
    """Make the basis that a specification names.

    Examples
    --------
    >>> privileged_basis(Specification(dataset="mine", data_checksum="", n=3, m=6))
    Basis('thompson(6, 3)', m=6, n=3)
    """
    if spec.basis == "standard":
        return bases.standard(spec.n)
    return bases.thompson(spec.m, spec.n, seed=spec.basis_seed)


def build(
    spec: Specification, inputs: int, basis: Basis | None = None, classes: int | None = None
) -> networks.Autoencoder:
    """Build the untrained network of a specification; the same one every time.

    Parameters
    ----------
    spec : Specification
        Its layers, initialiser and seeds are used.
    inputs : int
        Pixels of an image, channels counted.
    basis : Basis, optional
        The specification's basis where it is at hand, since to make one can take seconds.
    classes : int, optional
        Number of classes, needed where the task is to tell them apart.

    Examples
    --------
    >>> spec = Specification(dataset="mine", data_checksum="", n=3, m=6)
    >>> build(spec, inputs=64).encode(torch.zeros(5, 64)).shape
    torch.Size([5, 3])
    """
    sigma: nn.Module
    if spec.activation == "generalised":
        sigma = nonlinearity.GeneralisedTanh(basis or privileged_basis(spec))
    else:
        sigma = nonlinearity.IsotropicTanh() if spec.activation == "isotropic" else nn.Tanh()
    if spec.task == "classification" and classes is None:
        raise UserError("the task is classification, of how many classes is not said: pass classes")
    settings = ("size", "bias", "seed", "hidden", "initialiser", "normalisation", "dropout")
    return networks.autoencoder(
        inputs=inputs,
        n=spec.n,
        sigma=sigma,
        outputs=classes if spec.task == "classification" else None,
        output=spec.output,
        **{name: getattr(spec, name) for name in settings},
    )


def inputs(spec: Specification, dataset: Dataset, split: str) -> Tensor:
    """Give the images of a split as the networks of a specification take them.

    Returns
    -------
    Tensor, shape (N, pixels), float32
        In [-1, 1]; where the specification says ``centre``, less the mean training image.

    Examples
    --------
    >>> from neuronbasis import datasets
    >>> digits = datasets.load("digits")
    >>> spec = Specification.of(digits, centre=True)
    >>> float(inputs(spec, digits, "train").mean(0).abs().max()) < 1e-6
    True
    """
    _check_data(spec, dataset)
    images = torch.from_numpy(dataset.scaled(split))
    if spec.centre:
        train = images if split == "train" else torch.from_numpy(dataset.scaled("train"))
        images -= train.double().mean(0).float()
    return images


def trained(
    spec: Specification,
    dataset: Dataset,
    store: Store | None = None,
    device: str = "cpu",
    progress: bool = True,
) -> Trained:
    """Give the trained network of one specification; see `trained_all`.

    Examples
    --------
    >>> import tempfile
    >>> from neuronbasis import datasets
    >>> digits = datasets.load("digits")
    >>> spec = Specification.of(digits, n=3, m=6, epochs=1)
    >>> result = trained(spec, digits, Store(tempfile.mkdtemp()), progress=False)
    >>> result.after.encode(inputs(spec, digits, "test")).shape
    torch.Size([360, 3])
    """
    return trained_all([spec], dataset, store, device, progress)[0]


def trained_all(
    specs: Iterable[Specification],
    dataset: Dataset,
    store: Store | None = None,
    device: str = "cpu",
    progress: bool = True,
) -> list[Trained]:
    """Give the trained networks of specifications: from the store, else by training them.

    Those that differ in their seeds only are trained as one stack (see `training.fit`), which
    costs a fraction of training them one by one and gives the same weights. Jobs that want the
    same network at the same time train it once. A network trained on another kind of device is
    kept apart, since its last bits differ.

    Parameters
    ----------
    specs : iterable of Specification
        All of each training.
    dataset : Dataset
        The images; it must be the one that the specifications name by its checksum.
    store : Store, optional
        Default: ``Store()``.
    device : str
        "cpu", "cuda" or "cuda:<number>".
    progress : bool
        Show a progress bar, on a terminal only.

    Returns
    -------
    list of Trained
        In the order of the specifications.

    Raises
    ------
    UserError
        As `training.fit`; or if the dataset is another one, or the store cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from neuronbasis import datasets
    >>> digits = datasets.load("digits")
    >>> specs = [Specification.of(digits, n=3, m=6, epochs=2, seed=seed) for seed in range(3)]
    >>> found = trained_all(specs, digits, Store(tempfile.mkdtemp()), progress=False)
    >>> [each.spec.seed for each in found], list(found[0].snapshots)
    ([0, 1, 2], [1])
    """
    specs = list(specs)
    for spec in specs:
        _check_data(spec, dataset)
    store = Store() if store is None else store
    suffix = "" if place(device).type == "cpu" else f"-{place(device).type}"
    configurations = dict.fromkeys(spec.configuration for spec in specs)
    entries: dict[Specification, Entry] = {}
    for configuration in configurations:
        same = list(dict.fromkeys(s for s in specs if s.configuration == configuration))
        for start in range(0, len(same), TOGETHER):
            entries |= _stored(
                same[start : start + TOGETHER], dataset, store, suffix, device, progress
            )
    return [_restored(spec, dataset, entries[spec]) for spec in specs]


def _stored(
    specs: list[Specification],
    dataset: Dataset,
    store: Store,
    suffix: str,
    device: str,
    progress: bool,
) -> dict[Specification, Entry]:
    """Entries of some networks of one configuration; what is missing is trained and stored."""
    keys = {spec: spec.entry + suffix for spec in specs}
    with ExitStack() as locks:
        for key in sorted(keys.values()):  # in one order, so that no two jobs wait for each other
            locks.enter_context(store.lock(key))
        entries = {}
        for spec, key in keys.items():
            found = store.get(key)
            if found is not None and found[1]["specification"] == _plain(spec):
                entries[spec] = found
        missing = [spec for spec in specs if spec not in entries]
        if missing:
            for spec, entry in zip(
                missing, _train(missing, dataset, device, progress), strict=True
            ):
                store.put(keys[spec], *entry)
                entries[spec] = entry
    return entries


def _train(
    specs: Sequence[Specification], dataset: Dataset, device: str, progress: bool
) -> list[Entry]:
    """Train; the results in the form in which they are stored."""
    spec = specs[0]
    for each in specs:
        _log.info("training %s on %s", each.entry, dataset.name)
    train, test = inputs(spec, dataset, "train"), inputs(spec, dataset, "test")
    labels = test_labels = None
    if spec.task == "classification":
        labels, test_labels = torch.tensor(dataset.y_train), torch.tensor(dataset.y_test)
    with one_thread():
        found = [privileged_basis(each) for each in specs]
        before = [_build(s, dataset, b) for s, b in zip(specs, found, strict=True)]
        after = [_build(s, dataset, b) for s, b in zip(specs, found, strict=True)]
        courses = fit(after, train, specs, labels, device, progress)
        histories = [
            _history(network.eval(), course, test, test_labels)
            for network, course in zip(after, courses, strict=True)
        ]
    return [
        _entry(*each) for each in zip(specs, found, before, after, courses, histories, strict=True)
    ]


def _history(
    network: networks.Autoencoder, course: Course, test: Tensor, labels: Tensor | None
) -> History:
    accuracy = None
    if labels is not None:
        with torch.no_grad():
            accuracy = float((network(test).argmax(1) == labels).double().mean())
    return History(course.loss, loss(network, test, labels), accuracy)


def _entry(
    spec: Specification,
    basis: Basis,
    before: networks.Autoencoder,
    after: networks.Autoencoder,
    course: Course,
    history: History,
) -> Entry:
    tensors = {"basis": torch.tensor(basis.vectors)}
    states = {"before": before.state_dict(), "after": after.state_dict()}
    states |= {f"epoch{epoch}": state for epoch, state in course.snapshots.items()}
    for stage, state in states.items():
        tensors |= {f"{stage}.{name}": tensor for name, tensor in state.items()}
    versions = {"python": sys.version.split()[0], "torch": torch.__version__}
    return tensors, {
        "specification": _plain(spec),
        "basis_name": basis.name,
        "history": asdict(history),
        "versions": versions,
    }


def _restored(spec: Specification, dataset: Dataset, entry: Entry) -> Trained:
    tensors, about = entry
    basis = Basis(tensors["basis"], about["basis_name"])

    def network(stage: str) -> networks.Autoencoder:
        made = _build(spec, dataset, basis)
        start = f"{stage}."
        state = {k.removeprefix(start): t for k, t in tensors.items() if k.startswith(start)}
        made.load_state_dict(state)
        return made.eval()

    said = about["history"]
    history = History(tuple(said["loss"]), said["test_loss"], said["test_accuracy"])
    snapshots = {epoch: network(f"epoch{epoch}") for epoch in spec.snapshots or ()}
    return Trained(network("before"), network("after"), basis, history, spec, snapshots)


def _build(spec: Specification, dataset: Dataset, basis: Basis) -> networks.Autoencoder:
    return build(spec, math.prod(dataset.image_shape), basis, len(dataset.classes))


def _plain(spec: Specification) -> dict[str, object]:
    """A specification as JSON gives it back."""
    return asdict(spec) | {"snapshots": list(spec.snapshots or ())}


def _check_data(spec: Specification, dataset: Dataset) -> None:
    if dataset.checksum != spec.data_checksum:
        raise UserError(
            f"dataset {dataset.name!r} has checksum {dataset.checksum[:16]}, the specification "
            f"wants {spec.data_checksum[:16]!r} ({spec.dataset}): pass the same data to both"
        )
