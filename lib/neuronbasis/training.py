"""Training of autoencoders: the whole specification, the fit, and what came of it."""

import copy
import logging
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from neuronbasis import basis as bases
from neuronbasis import networks, nonlinearity
from neuronbasis.basis import Basis
from neuronbasis.datasets import Dataset
from neuronbasis.errors import UserError
from neuronbasis.specification import Specification
from neuronbasis.store import Entry, Store

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class History:
    """What a training recorded.

    Attributes
    ----------
    loss : tuple of float, one an epoch
        Mean squared error per pixel (of [-1, 1]), the mean over the epoch's images, each taken
        just before the step that learns from it.
    test_loss : float or None
        The same on the test images after the last epoch.
    """

    loss: tuple[float, ...]
    test_loss: float | None = None


@dataclass(frozen=True, eq=False)
class Trained:
    """A network before and after its training, on the CPU, with its basis and its history."""

    before: networks.Autoencoder
    after: networks.Autoencoder
    basis: Basis
    history: History
    spec: Specification


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


def build(spec: Specification, inputs: int, basis: Basis | None = None) -> networks.Autoencoder:
    """Build the untrained network of a specification; the same one every time.

    Parameters
    ----------
    spec : Specification
        Its size, widths, activation, biases and seeds are used.
    inputs : int
        Pixels of an image, channels counted.
    basis : Basis, optional
        The specification's basis where it is at hand, since to make one can take seconds.

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
    return networks.autoencoder(
        inputs=inputs, n=spec.n, sigma=sigma, size=spec.size, bias=spec.bias, seed=spec.seed
    )


def fit(
    network: nn.Module,
    images: NDArray[np.float32] | Tensor,
    spec: Specification,
    test_images: NDArray[np.float32] | Tensor | None = None,
    device: str = "cpu",
    progress: bool = True,
) -> History:
    """Train a network in place to reconstruct images.

    Stochastic gradient descent with momentum on the mean squared error, averaged over images
    and pixels. Every epoch takes all images in a new order; its last batch may be smaller.
    One intra-op thread is used: at these sizes more of them cost time.

    Parameters
    ----------
    network : nn.Module
        Maps (N, D) to (N, D), float32. It ends up on the CPU.
    images, test_images : ndarray or Tensor, shape (N, D), float32
        Flattened images, finite; what is trained on, and what the final loss is taken of.
    spec : Specification
        Its epochs, batch, learning_rate, momentum and seed are used.
    device : str
        "cpu", "cuda" or "cuda:<number>".
    progress : bool
        Show a progress bar, on a terminal only.

    Returns
    -------
    History
        The mean loss of each epoch, and the test loss where there are test images.

    Raises
    ------
    UserError
        If the images are not of this form, the device is not there, or the training diverges.

    Examples
    --------
    >>> from neuronbasis import datasets
    >>> digits = datasets.load("digits")
    >>> spec = Specification.of(digits, n=3, m=6, epochs=2)
    >>> history = fit(build(spec, inputs=64), digits.scaled("train"), spec, progress=False)
    >>> history.loss[1] < history.loss[0] < 1
    True
    """
    where = _device(device)
    with _one_thread():
        network.to(where)
        x = _checked(network, images, "images", where)
        test = None
        if test_images is not None:
            test = _checked(network, test_images, "test_images", where)
        losses = _descend(network, x, spec, progress)
        with torch.no_grad():
            test_loss = None if test is None else float(_loss(network, test))
        network.to("cpu")
    return History(tuple(losses), test_loss)


def trained(
    spec: Specification,
    dataset: Dataset,
    store: Store | None = None,
    device: str = "cpu",
    progress: bool = True,
) -> Trained:
    """Give the trained network of a specification: from the store, else by training it.

    Jobs that want the same network at the same time train it once. A network trained on another
    kind of device is kept apart, since its last bits differ.

    Parameters
    ----------
    spec : Specification
        All of the training.
    dataset : Dataset
        The images; it must be the one that the specification names by its checksum.
    store : Store, optional
        Default: ``Store()``.
    device, progress
        As in `fit`.

    Raises
    ------
    UserError
        As `fit`; or if the dataset is another one, or the store cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from neuronbasis import datasets
    >>> digits = datasets.load("digits")
    >>> spec = Specification.of(digits, n=3, m=6, epochs=1)
    >>> result = trained(spec, digits, Store(tempfile.mkdtemp()), progress=False)
    >>> result.after.encode(torch.tensor(digits.scaled("test"))).shape
    torch.Size([360, 3])
    """
    if dataset.checksum != spec.data_checksum:
        raise UserError(
            f"dataset {dataset.name!r} has checksum {dataset.checksum[:16]}, the specification "
            f"wants {spec.data_checksum[:16]!r} ({spec.dataset}): pass the same data to both"
        )
    store = Store() if store is None else store
    kind = _device(device).type
    key = spec.entry if kind == "cpu" else f"{spec.entry}-{kind}"
    with store.lock(key):
        entry = store.get(key)
        if entry is None or entry[1]["specification"] != asdict(spec):
            entry = _train(spec, dataset, device, progress)
            store.put(key, *entry)
    return _restored(spec, dataset, entry)


def _train(spec: Specification, dataset: Dataset, device: str, progress: bool) -> Entry:
    """Train; the result in the form in which it is stored."""
    _log.info("training %s on %s", spec.entry, dataset.name)
    train, test = dataset.scaled("train"), dataset.scaled("test")
    with _one_thread():
        basis = privileged_basis(spec)
        before = build(spec, train.shape[1], basis)
        after = copy.deepcopy(before)
        history = fit(after, train, spec, test, device, progress)
    tensors = {"basis": torch.tensor(basis.vectors)}
    for stage, network in (("before", before), ("after", after)):
        tensors |= {f"{stage}.{name}": t for name, t in network.state_dict().items()}
    versions = {"python": sys.version.split()[0], "torch": torch.__version__}
    return tensors, {
        "specification": asdict(spec),
        "basis_name": basis.name,
        "history": {"loss": list(history.loss), "test_loss": history.test_loss},
        "versions": versions,
    }


def _restored(spec: Specification, dataset: Dataset, entry: Entry) -> Trained:
    tensors, about = entry
    basis = Basis(tensors["basis"], about["basis_name"])
    found = []
    for stage in ("before.", "after."):
        network = build(spec, math.prod(dataset.image_shape), basis)
        state = {k.removeprefix(stage): t for k, t in tensors.items() if k.startswith(stage)}
        network.load_state_dict(state)
        found.append(network.eval())
    history = History(tuple(about["history"]["loss"]), about["history"]["test_loss"])
    return Trained(found[0], found[1], basis, history, spec)


def _descend(network: nn.Module, x: Tensor, spec: Specification, progress: bool) -> list[float]:
    optimiser = torch.optim.SGD(network.parameters(), lr=spec.learning_rate, momentum=spec.momentum)
    # A stream of its own, apart from the one that the first weights are drawn from.
    rng = np.random.default_rng([spec.seed, 1])
    losses: list[float] = []
    disable = None if progress else True  # None: silent unless it is a terminal
    with tqdm(range(spec.epochs), desc="training", unit="epoch", disable=disable) as epochs:
        for epoch in epochs:
            order = torch.from_numpy(rng.permutation(len(x))).to(x.device)
            losses.append(_epoch(network, x, order.split(spec.batch), optimiser))
            if not _finite(network, losses[-1]):
                raise UserError(
                    f"the loss is no longer finite after epoch {epoch + 1} with learning_rate "
                    f"{spec.learning_rate:g}: lower it, for example to {spec.learning_rate / 4:g}"
                )
            epochs.set_postfix(loss=f"{losses[-1]:.4f}", refresh=False)
    return losses


def _epoch(
    network: nn.Module, x: Tensor, batches: tuple[Tensor, ...], optimiser: torch.optim.Optimizer
) -> float:
    """One pass; the mean of the batches' losses, weighted by their sizes."""
    losses = []
    for rows in batches:
        optimiser.zero_grad(set_to_none=True)
        loss = _loss(network, x[rows])
        loss.backward()
        optimiser.step()
        losses.append(loss.detach())
    sizes = torch.tensor([len(rows) for rows in batches], dtype=torch.float64)
    return float(torch.stack(losses).double().cpu() @ sizes / len(x))


def _checked(
    network: nn.Module, images: NDArray[np.float32] | Tensor, what: str, where: torch.device
) -> Tensor:
    """The images on a device, once it is sure that the network can be trained on them."""
    x = torch.tensor(images) if isinstance(images, np.ndarray) else images
    if not isinstance(x, Tensor) or x.dtype != torch.float32 or x.ndim != 2 or 0 in x.shape:
        form = (x.dtype, tuple(x.shape)) if isinstance(x, Tensor) else type(x).__name__
        raise UserError(
            f"{what} are {form}; they must be float32, (N, D), neither 0: pass dataset.scaled()"
        )
    if not x.isfinite().all():
        raise UserError(f"{what} hold NaN or inf; all values must be finite: mend or drop them")
    x = x.to(where)
    with torch.no_grad():
        shape = network(x[:1]).shape
    if shape != x[:1].shape:
        raise UserError(
            f"the network turns {x.shape[1]} values into {tuple(shape)[1:]}; it must give back as "
            "many as it takes: pass an autoencoder"
        )
    return x


def _loss(network: nn.Module, x: Tensor) -> Tensor:
    return nn.functional.mse_loss(network(x), x)


def _finite(network: nn.Module, loss: float) -> bool:
    # The weights too: the last step of an epoch can spoil them after its loss was taken.
    return math.isfinite(loss) and all(bool(p.isfinite().all()) for p in network.parameters())


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _device(device: str) -> torch.device:
    legal = "it must be 'cpu', or 'cuda' where there is such a GPU"
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError):
        raise UserError(f"device is {device!r}; {legal}: pass 'cpu'") from None
    count = torch.cuda.device_count() if found.type == "cuda" else 1
    if found.type not in ("cpu", "cuda") or (found.index or 0) >= count:
        raise UserError(f"device is {device!r}, not available here; {legal}: pass 'cpu'")
    return found
