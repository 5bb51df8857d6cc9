"""Gradient descent on a stack of networks at once, and what a training gives.

The cost of one step is shared by all networks of the stack.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from neuronbasis.errors import UserError
from neuronbasis.networks import Autoencoder, stack, unstack
from neuronbasis.training._specification import Specification
from neuronbasis.utils import devices
from neuronbasis.utils.threads import one_thread


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


State = dict[str, Tensor]


@dataclass(frozen=True, eq=False)
class Course:
    """What the training of one network went through.

    Attributes
    ----------
    loss : tuple of float, one an epoch
        Mean over the epoch's images, each taken just before the step that learns from it.
    snapshots : dict of int to state
        `state_dict` of the network after the epochs that its specification asks for.
    """

    loss: tuple[float, ...]
    snapshots: dict[int, State]


def fit(
    networks: Sequence[Autoencoder],
    images: NDArray[np.float32] | Tensor,
    specs: Sequence[Specification],
    labels: NDArray[np.int64] | Tensor | None = None,
    device: str = "cpu",
    progress: bool = True,
) -> list[Course]:
    """Train networks in place, side by side.

    Gradient descent on the mean squared error of the reconstruction, averaged over images and
    pixels, or on the mean cross-entropy of the labels. Every epoch takes all images, each
    network in a new order of its own; its last batch may be smaller. One intra-op thread is
    used: at these sizes more of them cost time. A network's weights do not depend on those it
    is trained with, to the last bit on the CPU.

    Parameters
    ----------
    networks : sequence of Autoencoder
        All of one layout, float32. They end up on the CPU.
    images : ndarray or Tensor, shape (N, D), float32
        Flattened images, finite.
    specs : sequence of Specification
        One a network; they differ in their seeds only.
    labels : ndarray or Tensor, shape (N,), int64, optional
        Places of the classes, where the task is classification.
    device : str
        "cpu", "cuda" or "cuda:<number>".
    progress : bool
        Show a progress bar, on a terminal only.

    Raises
    ------
    UserError
        If the images are not of this form, the device is not there, the specifications differ
        in more than their seeds, or a training diverges.

    Examples
    --------
    >>> from neuronbasis import datasets
    >>> from neuronbasis.training import _autoencoders
    >>> digits = datasets.load("digits")
    >>> specs = [Specification.of(digits, n=3, m=6, epochs=2, seed=seed) for seed in (0, 1)]
    >>> networks = [_autoencoders.build(spec, inputs=64) for spec in specs]
    >>> courses = fit(networks, digits.scaled("train"), specs, progress=False)
    >>> all(course.loss[1] < course.loss[0] < 1 for course in courses)
    True
    """
    if len({spec.configuration for spec in specs}) != 1 or len(specs) != len(networks):
        raise UserError(
            f"{len(networks)} networks and {len(specs)} specifications; there must be as many, "
            "and they may differ in their seeds only: fit the others apart"
        )
    where = devices.trainable(device)
    with one_thread():
        x = _checked(networks[0], images, labels is None, where)
        targets = None if labels is None else torch.as_tensor(labels).to(where)
        stacked = stack(networks).to(where).train()
        courses = _descend(stacked, networks, x, targets, specs, progress)
        _take(stacked, networks)
    return courses


def loss(network: nn.Module, images: Tensor, labels: Tensor | None = None) -> float:
    """Mean loss of one network: of the reconstruction, or of the labels where there are any.

    Examples
    --------
    >>> loss(nn.Identity(), torch.rand(5, 3))
    0.0
    """
    with torch.no_grad():
        output = network(images)
        if labels is None:
            return float(nn.functional.mse_loss(output, images))
        return float(nn.functional.cross_entropy(output, labels))


def _descend(
    stacked: Autoencoder,
    networks: Sequence[Autoencoder],
    x: Tensor,
    targets: Tensor | None,
    specs: Sequence[Specification],
    progress: bool,
) -> list[Course]:
    spec = specs[0]
    optimiser = _optimiser(stacked, spec)
    # A stream of its own for each, apart from the one that the first weights are drawn from.
    streams = [np.random.default_rng([each.seed, 1]) for each in specs]
    losses: list[Tensor] = []
    snapshots: list[dict[int, State]] = [{} for _ in specs]
    disable = None if progress else True  # None: silent unless it is a terminal
    with tqdm(range(1, spec.epochs + 1), desc="training", unit="epoch", disable=disable) as epochs:
        for epoch in epochs:
            order = np.stack([stream.permutation(len(x)) for stream in streams])
            rows = torch.from_numpy(order).to(x.device).split(spec.batch, dim=1)
            losses.append(_epoch(stacked, x, targets, rows, optimiser))
            _check_finite(stacked, losses[-1], epoch, specs)
            if epoch in (spec.snapshots or ()):
                copies = copy.deepcopy(list(networks))
                _take(stacked, copies)
                for kept, each in zip(snapshots, copies, strict=True):
                    kept[epoch] = each.state_dict()
            epochs.set_postfix(loss=f"{float(losses[-1].mean()):.4f}", refresh=False)
    columns = torch.stack(losses).T.tolist()
    return [Course(tuple(c), kept) for c, kept in zip(columns, snapshots, strict=True)]


def _epoch(
    stacked: Autoencoder,
    x: Tensor,
    targets: Tensor | None,
    batches: Sequence[Tensor],
    optimiser: torch.optim.Optimizer,
) -> Tensor:
    """One pass; each network's mean of the batches' losses, weighted by their sizes."""
    total = torch.zeros(len(batches[0]), dtype=torch.float64, device=x.device)
    for rows in batches:
        batch = x.index_select(0, rows.flatten()).unflatten(0, rows.shape)
        optimiser.zero_grad(set_to_none=True)
        output = stacked(batch)
        with torch.no_grad():
            if targets is None:
                summed, gradient = _squared(output, batch)
            else:
                summed, gradient = _entropy(output, targets[rows])
        output.backward(gradient)
        optimiser.step()
        total += summed
    return (total / len(x)).cpu()


def _squared(output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Each network's squared error a pixel, summed over images, and its mean's gradient."""
    error = output - target
    # The norm is one pass over the errors, where their squares would be a second array.
    summed = torch.linalg.vector_norm(error, dim=(1, 2)).double().square() / error.shape[2]
    return summed, error.mul_(2 / error[0].numel())


def _entropy(output: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Each network's cross-entropy, summed over images, and its mean's gradient."""
    logs = output.log_softmax(2)
    summed = -logs.gather(2, labels[..., None]).double().sum((1, 2))
    gradient = logs.exp()
    gradient.scatter_add_(2, labels[..., None], gradient.new_full((*labels.shape, 1), -1.0))
    return summed, gradient / labels.shape[1]


def _optimiser(network: nn.Module, spec: Specification) -> torch.optim.Optimizer:
    if spec.optimiser == "adam":
        return torch.optim.Adam(network.parameters(), lr=spec.learning_rate, foreach=True)
    return torch.optim.SGD(
        network.parameters(), lr=spec.learning_rate, momentum=spec.momentum, foreach=True
    )


def _take(stacked: Autoencoder, networks: Sequence[Autoencoder]) -> None:
    unstack(copy.deepcopy(stacked).to("cpu"), networks)


def _check_finite(
    stacked: nn.Module, losses: Tensor, epoch: int, specs: Sequence[Specification]
) -> None:
    # The weights too: the last step of an epoch can spoil them after its loss was taken.
    finite = losses.isfinite()
    for p in stacked.parameters():
        finite &= p.detach().flatten(1).isfinite().all(1).cpu()
    if not finite.all():
        seeds = [spec.seed for spec, fine in zip(specs, finite.tolist(), strict=True) if not fine]
        rate = specs[0].learning_rate
        raise UserError(
            f"the loss of seed {', '.join(map(str, seeds))} is no longer finite after epoch "
            f"{epoch} with learning_rate {rate:g}: lower it, for example to {rate / 4:g}"
        )


def _checked(
    network: nn.Module, images: NDArray[np.float32] | Tensor, same: bool, where: torch.device
) -> Tensor:
    """The images on a device, once it is sure that the network can be trained on them."""
    x = torch.tensor(images) if isinstance(images, np.ndarray) else images
    if not isinstance(x, Tensor) or x.dtype != torch.float32 or x.ndim != 2 or 0 in x.shape:
        form = (x.dtype, tuple(x.shape)) if isinstance(x, Tensor) else type(x).__name__
        raise UserError(
            f"images are {form}; they must be float32, (N, D), neither 0: pass dataset.scaled()"
        )
    if not x.isfinite().all():
        raise UserError("images hold NaN or inf; all values must be finite: mend or drop them")
    with torch.no_grad():
        training = network.training
        shape = network.eval()(x[:1]).shape
        network.train(training)
    if same and shape != x[:1].shape:
        raise UserError(
            f"the network turns {x.shape[1]} values into {tuple(shape)[1:]}; it must give back as "
            "many as it takes: pass an autoencoder, or labels"
        )
    return x.to(where)
