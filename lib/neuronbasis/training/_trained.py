"""Trained networks by their specification: from the store, else trained and kept there."""

import sys
import warnings
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import asdict
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from neuronbasis import datasets
from neuronbasis.basis import Basis
from neuronbasis.datasets import Dataset
from neuronbasis.errors import UserError
from neuronbasis.networks import checksum
from neuronbasis.training import _autoencoders, _classifiers
from neuronbasis.training._descent import History, Trained
from neuronbasis.training._specification import ClassifierSpecification, Specification
from neuronbasis.training._store import Entry, Store, kept_store
from neuronbasis.utils import devices

Spec = Specification | ClassifierSpecification


def inputs(spec: Spec, dataset: Dataset, split: str) -> Tensor:
    """Give the images of a split as the networks of a specification take them.

    Parameters
    ----------
    spec : Specification or ClassifierSpecification
    dataset : Dataset
        The one that the specification names by its checksum.
    split : str
        "train" or "test".

    Returns
    -------
    Tensor, float32, in [-1, 1]
        (N, pixels) for autoencoders; where the specification says ``centre``, less the mean
        training image. (N, C, H, W) for classifiers.

    Raises
    ------
    UserError
        If the dataset or the split is another one.

    Examples
    --------
    >>> from neuronbasis import datasets
    >>> digits = datasets.load("digits")
    >>> spec = Specification.of(digits, centre=True)
    >>> float(inputs(spec, digits, "train").mean(0).abs().max()) < 1e-6
    True
    >>> inputs(ClassifierSpecification.of(digits), digits, "test").shape
    torch.Size([360, 1, 8, 8])
    """
    _check_data(spec, dataset)
    found: Tensor = _kind(spec).images(spec, dataset, split)
    return found


def trained(
    spec: Spec,
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
    >>> digits, store = datasets.load("digits"), Store(tempfile.mkdtemp())
    >>> spec = Specification.of(digits, n=3, m=6, epochs=1)
    >>> result = trained(spec, digits, store, progress=False)
    >>> result.after.encode(inputs(spec, digits, "test")).shape
    torch.Size([360, 3])
    >>> spec = ClassifierSpecification.of(digits, width=4, epochs=1)
    >>> result = trained(spec, digits, store, progress=False)
    >>> result.after(inputs(spec, digits, "test")).shape
    torch.Size([360, 10])
    """
    return trained_all([spec], dataset, store, device, progress)[0]


def trained_all(
    specs: Iterable[Spec],
    dataset: Dataset,
    store: Store | None = None,
    device: str = "cpu",
    progress: bool = True,
) -> list[Trained]:
    """Give the trained networks of specifications: from the store, else by training them.

    Autoencoders that differ in their seeds only are trained as one stack (see `training.fit`),
    which costs a fraction of training them one by one and gives the same weights. Jobs that want
    the same network at the same time train it once. A network trained on another kind of device
    is kept apart, since its last bits differ.

    Parameters
    ----------
    specs : iterable of Specification or ClassifierSpecification
        All of each training.
    dataset : Dataset
        The images; it must be the one that the specifications name by its checksum.
    store : Store, optional
        Default: ``Store()``. What it lacks is taken from the networks kept with the project.
    device : str
        "cpu", "cuda" or "cuda:<number>"; classifiers train on the CPU.
    progress : bool
        Show a progress bar, on a terminal only.

    Returns
    -------
    list of Trained
        In the order of the specifications.

    Raises
    ------
    UserError
        As `training.fit`; or if the dataset is another one, its images are too small, the
        training diverges, or the store cannot be written.

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
    kind = devices.trainable(device).type
    suffix = "" if kind == "cpu" else f"-{kind}"
    entries: dict[Spec, Entry] = {}
    for configuration in dict.fromkeys(spec.configuration for spec in specs):
        same = list(dict.fromkeys(s for s in specs if s.configuration == configuration))
        together = _kind(configuration).TOGETHER
        for start in range(0, len(same), together):
            some = same[start : start + together]
            entries |= _stored(some, dataset, store, suffix, device, progress)
    return [_restored(spec, dataset, entries[spec]) for spec in specs]


def kept(**settings: Any) -> list[Trained]:
    """Give the trained networks that are kept with the project.

    Parameters
    ----------
    settings
        Attributes of `Specification` that they must have, such as ``size="small", n=24``;
        without any, all networks are given.

    Returns
    -------
    list of Trained
        By configuration, then by seed. Their images are ``datasets.load(spec.dataset)``.

    Raises
    ------
    UserError
        If none has these settings.

    Examples
    --------
    >>> networks = kept(size="small", n=24, m=48, centre=False)
    >>> len(networks), networks[0].after.layout[0]
    (10, '784')
    """
    found = [
        _restored(spec, datasets.load(spec.dataset), entry)
        for spec, entry in kept_entries()
        if all(getattr(spec, name, None) == value for name, value in settings.items())
    ]
    if not found:
        said = ", ".join(f"{name}={value!r}" for name, value in settings.items()) or "any settings"
        store = kept_store()
        where = f"of {store.folder} has" if store else "lies with the project, none with"
        raise UserError(f"no kept network {where} {said}: `neuronbasis networks` lists them")
    return found


def kept_entries() -> list[tuple[Spec, Entry]]:
    """Entries kept with the project, by configuration, then by seed; what is none is told."""
    store = kept_store()
    found = []
    for key in store.entries() if store else ():
        entry = store.get(key)  # type: ignore[union-attr]
        if entry is None:  # damaged, which has been told
            continue
        try:
            found.append((_specification(entry[1]["specification"]), entry))
        except (UserError, TypeError, KeyError) as error:
            warnings.warn(f"{key}: a kept network of another version ({error})", stacklevel=3)
    return sorted(found, key=lambda each: (repr(each[0].configuration), each[0].seed))


def _specification(settings: dict[str, Any]) -> Spec:
    if "snapshots" not in settings:
        return ClassifierSpecification(**settings)
    return Specification(**settings | {"snapshots": tuple(settings["snapshots"])})


def _kind(spec: Spec) -> ModuleType:
    """The module that builds, shows images to and trains networks of such a specification."""
    return _classifiers if isinstance(spec, ClassifierSpecification) else _autoencoders


def _stored(
    specs: list[Spec], dataset: Dataset, store: Store, suffix: str, device: str, progress: bool
) -> dict[Spec, Entry]:
    """Entries of some networks of one configuration; what is missing is trained and stored."""
    keys = {spec: spec.entry + suffix for spec in specs}
    entries = _found(keys, store)
    if len(entries) == len(keys):
        return entries
    with ExitStack() as locks:
        for key in sorted(keys.values()):  # in one order, so that no two jobs wait for each other
            locks.enter_context(store.lock(key))
        entries |= _found({spec: key for spec, key in keys.items() if spec not in entries}, store)
        missing = [spec for spec in specs if spec not in entries]
        if missing:
            made = _kind(missing[0]).train(missing, dataset, device, progress)
            for spec, result in zip(missing, made, strict=True):
                entries[spec] = _entry(result)
                store.put(keys[spec], *entries[spec])
    return entries


def _found(keys: dict[Spec, str], store: Store) -> dict[Spec, Entry]:
    """Entries of these very specifications: of the store, else of the kept ones."""
    kept = kept_store()
    layers = [store] if kept is None or kept.folder == store.folder else [store, kept]
    found = {}
    for spec, key in keys.items():
        entries = (layer.get(key) for layer in layers)
        usable = (entry for entry in entries if entry and _is_of(spec, entry))
        if (entry := next(usable, None)) is not None:
            found[spec] = entry
    return found


def _is_of(spec: Spec, entry: Entry) -> bool:
    """Whether an entry is of this specification, in the form of `_entry`."""
    return entry[1]["specification"] == _plain(spec) and "before" in entry[1]


def _plain(value: Any) -> Any:
    """A specification or a history as JSON gives it back."""
    return {
        name: list(each) if isinstance(each, tuple) else each
        for name, each in asdict(value).items()
    }


def _entry(result: Trained) -> Entry:
    """A result in the form in which it is stored: what cannot be made again from the seeds."""
    tensors = {f"after.{name}": t for name, t in result.after.state_dict().items()}
    for epoch, network in result.snapshots.items():
        tensors |= {f"epoch{epoch}.{name}": t for name, t in network.state_dict().items()}
    about: dict[str, Any] = {
        "specification": _plain(result.spec),
        "history": _plain(result.history),
        "before": checksum(result.before),
        "versions": {"python": sys.version.split()[0], "torch": torch.__version__},
    }
    if result.basis is not None:
        tensors["basis"] = torch.tensor(result.basis.vectors)
        about["basis_name"] = result.basis.name
    return tensors, about


def _restored(spec: Spec, dataset: Dataset, entry: Entry) -> Trained:
    tensors, about = entry
    basis = Basis(tensors["basis"], about["basis_name"]) if "basis" in tensors else None
    before = _kind(spec).built(spec, dataset, basis)
    if checksum(before) != about["before"]:
        warnings.warn(
            f"{spec.entry}: other first weights are drawn here (torch {torch.__version__}) than at "
            f"its training (torch {about['versions']['torch']}); `before` is not where it began",
            stacklevel=4,
        )

    def network(stage: str) -> Any:
        made, start = _kind(spec).built(spec, dataset, basis), f"{stage}."
        state = {k.removeprefix(start): t for k, t in tensors.items() if k.startswith(start)}
        made.load_state_dict(state)
        return made.eval()

    said: dict[str, Any] = {
        name: tuple(each) if isinstance(each, list) else each
        for name, each in about["history"].items()
    }
    snapshots = {epoch: network(f"epoch{epoch}") for epoch in getattr(spec, "snapshots", ())}
    return Trained(before.eval(), network("after"), History(**said), spec, basis, snapshots)


def _check_data(spec: Spec, dataset: Dataset) -> None:
    if dataset.checksum != spec.data_checksum:
        raise UserError(
            f"dataset {dataset.name!r} has checksum {dataset.checksum[:16]}, the specification "
            f"wants {spec.data_checksum[:16]!r} ({spec.dataset}): pass the same data to both"
        )
