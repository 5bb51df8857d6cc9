"""Keeping the papers' trained networks with the project, and saying which are kept."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from neuronbasis import datasets, training
from neuronbasis.errors import UserError
from neuronbasis.experiments.kept import configurations
from neuronbasis.training import Specification, Store
from neuronbasis.utils import project
from neuronbasis.utils.files import partial_folder

LARGEST = 40_000_000  # bytes of all kept networks together


@dataclass(frozen=True)
class Kept:
    """One configuration of the papers, and which of its networks are kept.

    Attributes
    ----------
    name : str
        What it is for.
    specs : tuple of Specification
        All networks of it.
    seeds : tuple of int
        Of those that are kept.
    size : int
        Bytes that they take.
    """

    name: str
    specs: tuple[Specification, ...]
    seeds: tuple[int, ...]
    size: int


def folder() -> Path:
    """Where they are kept."""
    return project.root() / "results" / "networks"


def kept() -> list[Kept]:
    """Say of each configuration which networks are kept, whole; a damaged one is told."""
    found = []
    for name, specs in configurations(datasets.load("mnist")).items():
        there = [spec for spec in specs if Store(folder()).get(spec.entry) is not None]
        seeds = tuple(spec.seed for spec in there)
        size = sum(_size(folder() / spec.entry) for spec in there)
        found.append(Kept(name, tuple(specs), seeds, size))
    return found


def keep(data_folder: str | None = None, jobs: int = 1) -> Iterator[str]:
    """Train what is missing, a configuration a job, and keep it; yield what was done.

    What a job has trained is in the user's store, so that a killed call goes on where it was.

    Parameters
    ----------
    data_folder : str, optional
        Where MNIST lies; see `datasets.load`.
    jobs : int
        Configurations that are trained side by side.

    Raises
    ------
    UserError
        If MNIST cannot be had, or all of them would take more than `LARGEST` bytes.
    """
    missing = [each for each in kept() if len(each.seeds) < len(each.specs)]
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        doing = {pool.submit(_train, each.specs, data_folder): each for each in missing}
        try:
            for done in as_completed(doing):
                done.result()
                _copy(doing[done].specs)
                yield doing[done].name
        except BrokenProcessPool:
            raise UserError(
                "a training was killed (out of memory?): repeat with fewer jobs"
            ) from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def retrained(data_folder: str | None = None) -> bool:
    """Train the first kept network once more: whether its bytes come out again.

    Raises
    ------
    UserError
        If none is kept, or MNIST cannot be had.
    """
    spec = next((each.specs[0] for each in kept() if 0 in each.seeds), None)
    if spec is None:
        raise UserError(f"{folder()}: no kept network; train them with `neuronbasis keep`")
    kept_weights = Store(folder()).get(spec.entry)
    data = datasets.load("mnist", folder=data_folder)
    network = training.build(spec, 28 * 28)
    training.fit([network], training.inputs(spec, data, "train"), [spec])
    tensors = kept_weights[0] if kept_weights else {}
    return all(tensors[f"after.{name}"].equal(t) for name, t in network.state_dict().items())


def _train(specs: tuple[Specification, ...], data_folder: str | None) -> None:
    training.trained_all(specs, datasets.load("mnist", folder=data_folder), progress=False)


def _copy(specs: tuple[Specification, ...]) -> None:
    """From the user's store into the project, each whole or not at all."""
    store, total = Store(), sum(each.size for each in kept())
    for spec in specs:
        entry = store.folder / spec.entry
        if Store(folder()).get(spec.entry) is not None or not entry.is_dir():
            continue
        total += _size(entry)
        if total > LARGEST:
            raise UserError(
                f"{folder()}: with {spec.entry} the kept networks take {total:,} bytes, at most "
                f"{LARGEST:,} are to be kept: take a configuration out of experiments/kept.py"
            )
        with partial_folder(folder() / spec.entry) as partial:
            for file in entry.iterdir():
                shutil.copy(file, partial)


def _size(entry: Path) -> int:
    return sum(file.stat().st_size for file in entry.iterdir())
