"""Networks that a chapter can look into, each with its images, by the names of parameters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn, no_grad
from torch.utils.data import Subset, TensorDataset

from neuronbasis import datasets, networks, recording, training
from neuronbasis.datasets import Limits
from neuronbasis.errors import UserError
from neuronbasis.training import Store
from neuronbasis.utils.checks import whole_number

_NAMED = ("cifar10",)  # of the datasets by name, those that others' networks were trained on


@dataclass(frozen=True, eq=False)
class Subject:
    """A trained network and images that it takes.

    Attributes
    ----------
    model : nn.Module
        In eval mode, on the CPU.
    inputs : Tensor, shape (N, C, H, W), float32
        Images as the model takes them.
    labels : ndarray, shape (N,), int64
        Their classes, as places among the model's logits.
    limits : (low, high)
        Inputs of black and white pixels, see `datasets.limits`.
    data : dict of str to str
        Checksum of the images by their name.
    """

    model: nn.Module
    inputs: Tensor
    labels: NDArray[np.int64]
    limits: Limits
    data: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Case:
    """A trained network, some of its layers, and two sets of images without a common one.

    Attributes
    ----------
    model : nn.Module
        Classifier in eval mode, on the CPU.
    layers : dict of str to list of str
        Modules that each layer consists of, before the nonlinearity.
    fit, held_out : Tensor, shape (N, C, H, W), or dataset
        Images on which bases are found; images on which they are measured.
    labels : ndarray, shape (images held out,), int64
        Classes of the images held out.
    seed : int
        Decides which positions of the images are read, and random bases.
    data : dict of str to str
        Checksum of the images by their name.
    """

    model: nn.Module
    layers: Mapping[str, list[str]]
    fit: Any
    held_out: Any
    labels: NDArray[np.int64]
    seed: int
    data: Mapping[str, str]


def convnet(dataset: datasets.Dataset, images: int, **settings: Any) -> Subject:
    """A convnet trained on a dataset, and the first of its training images.

    Parameters
    ----------
    dataset : Dataset
        See `datasets.load`.
    images : int
        How many; all if there are fewer.
    settings
        Of `training.ClassifierSpecification`: width, epochs, seed, ...

    Raises
    ------
    UserError
        As `training.trained`.
    """
    spec = training.ClassifierSpecification.of(dataset, **settings)
    inputs = training.inputs(spec, dataset, "train")[: whole_number(images, "images", 2)]
    labels = dataset.y_train[: len(inputs)]
    model = training.trained(spec, dataset).after
    return Subject(model, inputs, labels, datasets.limits(model), {dataset.name: dataset.checksum})


def autoencoders(
    dataset: datasets.Dataset,
    seeds: int,
    device: str = "cpu",
    store: Store | None = None,
    **settings: Any,
) -> list[training.Trained]:
    """Autoencoders that differ in initial weights, batches and the rotation of their basis.

    Parameters
    ----------
    dataset : Dataset
        Whose training images they reconstruct.
    seeds : int
        How many, from seed 0.
    device : str
        Where those are trained that are not in the store.
    store : Store, optional
        As of `training.trained_all`.
    settings
        Of `training.Specification`: size, n, m, epochs, ...

    Raises
    ------
    UserError
        As `training.trained_all`.
    """
    specs = [
        training.Specification.of(dataset, seed=seed, basis_seed=seed, **settings)
        for seed in range(seeds)
    ]
    return training.trained_all(specs, dataset, store, device)


def latent(
    networks: Sequence[training.Trained],
    dataset: datasets.Dataset,
    stage: str | int = "after",
    images: int | None = None,
) -> list[Tensor]:
    """Latent activations of the test images in each autoencoder, each (images, n), float32.

    Parameters
    ----------
    networks, dataset
        As `autoencoders` takes and gives them.
    stage : str or int
        "before" or "after" training, or the epoch of one of their snapshots.
    images : int, optional
        The first so many; all when None.

    Examples
    --------
    >>> import tempfile
    >>> data, store = datasets.load("digits"), Store(tempfile.mkdtemp())
    >>> kind = {"n": 3, "m": 6, "epochs": 2, "snapshots": (1,)}
    >>> networks = autoencoders(data, 2, store=store, **kind)
    >>> [each.shape for stage in ("before", 1) for each in latent(networks, data, stage, 5)]
    [torch.Size([5, 3]), torch.Size([5, 3]), torch.Size([5, 3]), torch.Size([5, 3])]
    """
    test = training.inputs(networks[0].spec, dataset, "test")[:images]
    with no_grad():
        return [
            (each.snapshots[stage] if isinstance(stage, int) else getattr(each, stage)).encode(test)
            for each in networks
        ]


def imagenet(
    name: str, folder: str | Path, images: int, weights: str = "", data_folder: str = ""
) -> Subject:
    """A classifier of pictures that others trained, and labelled pictures.

    Parameters
    ----------
    name, weights
        As of `networks.pretrained`; empty: a download.
    folder : str or Path
        As of `datasets.samples`; or a name that `datasets.load` knows, such as "cifar10", whose
        test images are taken.
    images : int
        How many, evenly spaced in the folder's list; all if there are fewer.
    data_folder : str
        As of `datasets.load`.

    Raises
    ------
    UserError
        As `networks.pretrained`, `datasets.load`, `samples` and `transformed`.
    """
    model = networks.pretrained(name, weights or None)
    if folder in _NAMED:
        return _named(model, str(folder), images, data_folder)
    listed = datasets.samples(folder)
    count = min(whole_number(images, "images", 2), len(listed.files))
    places = np.linspace(0, len(listed.files) - 1, count).round().astype(int)
    chosen = [listed.files[i] for i in places]
    inputs = datasets.transformed(model, chosen)
    data = {Path(folder).name: datasets.checksum(chosen)}
    return Subject(model, inputs, listed.labels[places], datasets.limits(model), data)


def _named(model: nn.Module, name: str, images: int, data_folder: str) -> Subject:
    """Test images of a dataset, for a network that others trained."""
    data = datasets.load(name, folder=data_folder or None)
    count = min(whole_number(images, "images", 2), len(data.x_test))
    places = np.linspace(0, len(data.x_test) - 1, count).round().astype(int)
    inputs = datasets.transformed(model, [Image.fromarray(data.x_test[i]) for i in places])
    with recording.inference(model):
        scores = model(inputs[:1]).shape[-1]
    if scores != len(data.classes):
        raise UserError(
            f"the network tells {scores} classes apart, {name} has {len(data.classes)}: pass a "
            "network that was trained on it, such as resnet56_cifar10, or a folder with labels.csv"
        )
    labels, named = data.y_test[places], {data.name: data.checksum}
    return Subject(model, inputs, labels, datasets.limits(model), named)


def cases(
    model: str = "convnet",
    dataset: str = "digits",
    layers: str = "all",
    images: int = 1000,
    seeds: int = 3,
    width: int = 16,
    weights: str = "",
    data_folder: str = "",
    store: Store | None = None,
) -> list[Case]:
    """Make the cases that the parameters of a chapter ask for.

    Parameters
    ----------
    model : str
        "convnet": a network for each seed, trained on the dataset where it is not in the store.
        Bases are found on the first of its training images, measured on the first test images.
        Else one that others trained, as of `networks.pretrained`: there is one network, so each
        seed draws two halves of its pictures.
    dataset : str
        As of `datasets.load`, or of `imagenet`.
    layers : str
        As of `networks.layer_names`.
    images : int
        At most so many to find bases on, and at most so many to measure them on.
    seeds : int
        How many cases, from seed 0.
    width : int
        Of a convnet.
    weights : str
        Of a network that others trained, as of `networks.pretrained`; empty: a download.
    data_folder : str
        As of `datasets.load`; empty: its default.
    store : Store, optional
        As of `training.trained`.

    Raises
    ------
    UserError
        As `datasets.load`, `training.trained`, `networks.layer_names` and `imagenet`;
        or if a number is out of range.

    Examples
    --------
    >>> import tempfile
    >>> temporary = Store(tempfile.mkdtemp())
    >>> case, = cases(layers="conv2, fc1", images=100, seeds=1, width=2, store=temporary)
    >>> case.layers, case.held_out.shape, case.labels.shape
    ({'conv2': ['conv2'], 'fc1': ['fc1']}, torch.Size([100, 1, 8, 8]), (100,))
    """
    whole_number(images, "images", 4), whole_number(seeds, "seeds", 1)
    wanted = networks.layer_names(layers, model)
    if model == "convnet":
        data = datasets.load(dataset, folder=data_folder or None)
        specs = [
            training.ClassifierSpecification.of(data, seed=seed, width=width)
            for seed in range(seeds)
        ]
        return _convnets(data, wanted, images, specs, store)
    return _halves(imagenet(model, dataset, 2 * images, weights, data_folder), wanted, seeds)


def described(model: str, looked_at: Sequence[Case]) -> tuple[str, str]:
    """What `cases` made, as the title of a figure and within a sentence.

    Examples
    --------
    >>> case = Case(nn.Identity(), {}, [], [], np.zeros(0, int), 0, {"mnist": "abc"})
    >>> described("convnet", [case, case])
    ('Convnets on MNIST', '2 convnets, trained on MNIST from different initial weights')
    >>> described("alexnet", [case])[0]
    'alexnet on pictures of mnist'
    """
    (data, *_), count = looked_at[0].data, len(looked_at)
    if model == "convnet":
        on = datasets.title(data)
        said = f"{count} convnets, trained on {on} from different initial weights"
        return f"Convnets on {on}", said
    others = f"one network, {model}, trained by others (random splits of its pictures: {count})"
    return f"{model} on pictures of {data}", others


def _convnets(
    data: datasets.Dataset,
    layers: Mapping[str, list[str]],
    images: int,
    specs: Sequence[training.ClassifierSpecification],
    store: Store | None,
) -> list[Case]:
    networks = [training.trained(spec, data, store).after for spec in specs]
    # Copies, since views would keep every image of the dataset in memory.
    fit, held_out = (
        training.inputs(specs[0], data, split)[:images].clone() for split in ("train", "test")
    )
    labels, named = data.y_test[:images], {data.name: data.checksum}
    return [
        Case(network, layers, fit, held_out, labels, spec.seed, named)
        for network, spec in zip(networks, specs, strict=True)
    ]


def _halves(subject: Subject, layers: Mapping[str, list[str]], seeds: int) -> list[Case]:
    found, every = [], TensorDataset(subject.inputs)
    for seed in range(seeds):
        order = np.random.default_rng(seed).permutation(len(every))
        # In their own order, which reads memory in one direction.
        fit, held_out = (np.sort(half) for half in np.array_split(order, 2))
        parts = Subset(every, fit.tolist()), Subset(every, held_out.tolist())
        labels = subject.labels[held_out]
        found.append(Case(subject.model, layers, parts[0], parts[1], labels, seed, subject.data))
    return found
