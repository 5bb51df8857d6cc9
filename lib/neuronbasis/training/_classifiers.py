"""Convolutional classifiers of a specification: built, shown their images, trained."""

import copy
import logging
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from neuronbasis.datasets import Dataset
from neuronbasis.errors import UserError
from neuronbasis.networks import ConvNet, accuracy, convnet
from neuronbasis.training._descent import History, Trained, loss
from neuronbasis.training._specification import ClassifierSpecification
from neuronbasis.utils import devices
from neuronbasis.utils.threads import one_thread

#: Networks trained as one.
TOGETHER = 1

_BATCH = 500  # images whose feature maps are in memory together
_log = logging.getLogger(__name__)


def images(spec: ClassifierSpecification, dataset: Dataset, split: str) -> Tensor:
    """Images of a split, (N, C, H, W).

    In memory the channels stay last, which saves a copy and is what convolutions on a CPU are
    fastest with.
    """
    height, width, *channels = dataset.image_shape
    flat = torch.from_numpy(dataset.scaled(split))
    return flat.view(-1, height, width, *(channels or [1])).permute(0, 3, 1, 2)


def built(spec: ClassifierSpecification, dataset: Dataset, basis: None = None) -> ConvNet:
    """The untrained network for a dataset."""
    height, width, *channels = dataset.image_shape
    shape = (channels[0] if channels else 1, height, width)
    return convnet(shape, len(dataset.classes), spec.width, spec.dropout, spec.seed)


def train(
    specs: Sequence[ClassifierSpecification], dataset: Dataset, device: str, progress: bool
) -> list[Trained]:
    """Train one network: stochastic gradient descent on the cross-entropy."""
    (spec,) = specs
    if devices.trainable(device).type != "cpu":
        raise UserError(f"device is {device!r}; convolutional networks train on 'cpu': pass it")
    _log.info("training %s on %s", spec.entry, dataset.name)
    before = built(spec, dataset)
    after = copy.deepcopy(before)
    with one_thread(), torch.random.fork_rng(devices=[]):
        history = _descend(after, dataset, spec, progress)
    return [Trained(before.eval(), after.eval(), history, spec)]


def _descend(
    network: nn.Module, dataset: Dataset, spec: ClassifierSpecification, progress: bool
) -> History:
    """Momentum SGD on the cross-entropy; every epoch takes all images in a new order."""
    x, y = images(spec, dataset, "train"), torch.from_numpy(dataset.y_train.copy())
    test = images(spec, dataset, "test"), torch.from_numpy(dataset.y_test.copy())
    optimiser = torch.optim.SGD(
        network.parameters(), spec.learning_rate, spec.momentum, weight_decay=spec.weight_decay
    )
    steps = spec.epochs * math.ceil(len(x) / spec.batch)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 1 - step / steps)
    # Streams of their own, apart from the one that the first weights are drawn from.
    rng = np.random.default_rng([spec.seed, 1])
    torch.manual_seed(int(np.random.default_rng([spec.seed, 2]).integers(2**63)))  # for dropout
    losses, accuracies = [], []
    disable = None if progress else True  # None: silent unless it is a terminal
    with tqdm(total=steps, desc="training", unit="step", disable=disable) as bar:
        for _ in range(spec.epochs):
            rows = torch.from_numpy(rng.permutation(len(x))).split(spec.batch)
            losses.append(_epoch(network.train(), x, y, rows, optimiser, schedule, bar))
            if not _finite(network, losses[-1]):
                raise UserError(
                    f"the loss is no longer finite after epoch {len(losses)} with learning_rate "
                    f"{spec.learning_rate:g}: lower it, for example to {spec.learning_rate / 4:g}"
                )
            accuracies.append(accuracy(network, *test).value)
    return History(tuple(losses), _test_loss(network, *test), accuracies[-1], tuple(accuracies))


def _test_loss(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    parts = zip(images.split(_BATCH), labels.split(_BATCH), strict=True)
    return sum(loss(network.eval(), x, y) * len(x) for x, y in parts) / len(images)


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
