"""Autoencoders of a specification: built, shown their images, trained side by side."""

import logging
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from neuronbasis import basis as bases
from neuronbasis import networks, nonlinearity
from neuronbasis.basis import Basis
from neuronbasis.datasets import Dataset
from neuronbasis.errors import UserError
from neuronbasis.training._descent import Course, History, State, Trained, fit, loss
from neuronbasis.training._specification import Specification
from neuronbasis.utils.threads import one_thread

#: Networks trained as one: more of them share no more of the cost, and no longer fit the cache.
TOGETHER = 10

_log = logging.getLogger(__name__)


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


def images(spec: Specification, dataset: Dataset, split: str) -> Tensor:
    """Images of a split, flattened, less the mean training image where the specification says."""
    found = torch.from_numpy(dataset.scaled(split))
    return found - torch.tensor(dataset.mean_image) if spec.centre else found


def built(spec: Specification, dataset: Dataset, basis: Basis | None) -> networks.Autoencoder:
    """The untrained network for a dataset."""
    return build(spec, math.prod(dataset.image_shape), basis, len(dataset.classes))


def train(
    specs: Sequence[Specification], dataset: Dataset, device: str, progress: bool
) -> list[Trained]:
    """Train networks that differ in their seeds only, as one stack."""
    spec = specs[0]
    for each in specs:
        _log.info("training %s on %s", each.entry, dataset.name)
    x, test = images(spec, dataset, "train"), images(spec, dataset, "test")
    labels = test_labels = None
    if spec.task == "classification":
        labels, test_labels = torch.tensor(dataset.y_train), torch.tensor(dataset.y_test)
    with one_thread():
        found = [privileged_basis(each) for each in specs]
        before, after = (
            [built(each, dataset, basis) for each, basis in zip(specs, found, strict=True)]
            for _ in range(2)
        )
        courses = fit(after, x, specs, labels, device, progress)
        return [
            Trained(
                first,
                last.eval(),
                _history(last, course, test, test_labels),
                each,
                basis,
                {epoch: _copy(each, dataset, basis, s) for epoch, s in course.snapshots.items()},
            )
            for each, basis, first, last, course in zip(
                specs, found, before, after, courses, strict=True
            )
        ]


def _copy(
    spec: Specification, dataset: Dataset, basis: Basis, state: State
) -> networks.Autoencoder:
    network = built(spec, dataset, basis)
    network.load_state_dict(state)
    return network.eval()


def _history(
    network: networks.Autoencoder, course: Course, test: Tensor, labels: Tensor | None
) -> History:
    accuracy = None
    if labels is not None:
        with torch.no_grad():
            accuracy = float((network(test).argmax(1) == labels).double().mean())
    return History(course.loss, loss(network, test, labels), accuracy)
