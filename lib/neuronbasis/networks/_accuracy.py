"""How often a classifier is right."""

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor, nn

from neuronbasis.errors import UserError
from neuronbasis.recording import inference
from neuronbasis.utils.checks import whole_number


class Accuracy(NamedTuple):
    """Share of images whose class is right, with the ends of its interval.

    Attributes
    ----------
    value, low, high : float
        In [0, 1].
    images : int
        How many there were.
    """

    value: float
    low: float
    high: float
    images: int


def accuracy(
    model: nn.Module,
    images: Tensor,
    labels: Tensor | NDArray[np.int64],
    batch: int = 50,
    confidence: float = 0.95,
) -> Accuracy:
    """Measure how often the largest logit is that of the right class (top-1).

    Parameters
    ----------
    model : nn.Module
        Maps (N, ...) to logits, shape (N, classes). It is run in eval mode, and left as it was.
    images : Tensor, shape (N, ...)
        As the model takes them; brought to its device batch by batch.
    labels : Tensor or ndarray, shape (N,), integer
        Classes as places among the logits.
    batch : int
        Images a pass; it bounds the memory.
    confidence : float
        Chance that the interval covers the accuracy on such images, in (0, 1).

    Returns
    -------
    Accuracy
        With Wilson's binomial interval: the images are a sample, the network is as it is.

    Raises
    ------
    UserError
        If there is no image, labels and images differ in number, a label is none of the classes,
        or a logit is not finite.

    Notes
    -----
    Wilson (1927), J. Am. Stat. Assoc. 22, 209; `scipy.stats` computes it.

    Examples
    --------
    >>> logits = torch.eye(4)[[0, 1, 2, 3, 3]]
    >>> result = accuracy(nn.Identity(), logits, torch.tensor([0, 1, 2, 3, 0]))
    >>> result.value, round(result.low, 3), round(result.high, 3), result.images
    (0.8, 0.376, 0.964, 5)
    """
    if not isinstance(confidence, float) or not 0 < confidence < 1:
        raise UserError(f"confidence is {confidence!r}; it must lie in (0, 1): pass 0.95")
    batch, labels = whole_number(batch, "batch", 1), _labels(labels, images)
    right = 0
    with inference(model) as like:
        for x, y in zip(images.split(batch), labels.split(batch), strict=True):
            logits = model(x.to(like.device))
            check_logits(logits, y)
            right += int((logits.argmax(1).cpu() == y).sum())
    low, high = stats.binomtest(right, len(labels)).proportion_ci(confidence, "wilson")
    return Accuracy(right / len(labels), float(low), float(high), len(labels))


def _labels(labels: Any, images: Any) -> Tensor:
    """The labels as int64 on the CPU, if they are whole numbers >= 0, one an image."""
    if not isinstance(images, Tensor) or images.ndim < 2 or not images.numel():
        raise UserError(f"images are {_form(images)}; they must be a tensor (N, ...), none 0")
    array = labels.cpu().numpy() if isinstance(labels, Tensor) else labels
    fits = isinstance(array, np.ndarray) and array.dtype.kind in "iu"
    if not fits or array.shape != (len(images),):
        raise UserError(
            f"labels are {_form(labels)}; they must be integers, ({len(images)},): pass one an "
            "image, as a tensor or array"
        )
    if array.min() < 0:
        raise UserError(f"a label is {array.min()}; it must be >= 0: mend or drop the image")
    return torch.from_numpy(array.astype(np.int64))


def check_logits(logits: Any, labels: Tensor) -> None:
    """Refuse what is no logits, or not of as many classes as the labels have."""
    if not isinstance(logits, Tensor) or logits.ndim != 2:
        raise UserError(f"the model gives {_form(logits)}; it must give logits (N, classes)")
    if not logits.isfinite().all():
        raise UserError("a logit is NaN or inf; all must be finite: check images and weights")
    if labels.max() >= logits.shape[1]:
        raise UserError(
            f"a label is {int(labels.max())}; the model has {logits.shape[1]} classes, from 0: "
            "pass labels of its classes"
        )


def _form(value: Any) -> str:
    """Type and shape, for a message."""
    if isinstance(value, Tensor | np.ndarray):
        return f"{value.dtype} {tuple(value.shape)}"
    return type(value).__name__
