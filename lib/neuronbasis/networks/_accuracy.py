"""How often a classifier is right."""

from typing import Any, NamedTuple

import numpy as np
import torch
from scipy import stats
from torch import Tensor, nn

from neuronbasis.errors import UserError
from neuronbasis.recording import Images, Site, answer, call, check_steady, inference, on
from neuronbasis.utils.checks import plain, whole_number


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
    images: Any,
    labels: Any,
    batch: int = 50,
    confidence: float = 0.95,
) -> Accuracy:
    """Measure how often the largest logit is that of the right class (top-1).

    Parameters
    ----------
    model : nn.Module
        Maps (N, ...) to logits, shape (N, classes): one tensor, be it in a tuple, dictionary or
        dataclass, or one called ``logits`` or ``out``. It is run in eval mode, and left as it was.
    images : Tensor or ndarray, shape (N, ...), tuple or mapping of these, or dataset
        As the model takes them, see `recording.Images`; brought to its device and type batch by
        batch.
    labels : array_like or Tensor, shape (N,), integer
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
        a logit is not finite, or the logits of an image depend on those beside it or on chance.

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
    batch, stream = whole_number(batch, "batch", 1), Images(images, np.inf)
    right, known = 0, _labels(labels, len(stream))
    with inference(model) as like:
        check_steady(model, [Site("", None)], stream, like, batch)
        for start, part in stream.batches(batch):
            y = known[start : start + batch]
            given = call(model, on(part, like))
            found = answer(given)
            logits = check_logits(given if found is None else found, y)
            right += int((logits.argmax(1).cpu() == y).sum())
    low, high = stats.binomtest(right, len(known)).proportion_ci(confidence, "wilson")
    return Accuracy(right / len(known), float(low), float(high), len(known))


def _labels(labels: Any, images: int) -> Tensor:
    """The labels as int64 on the CPU, if they are whole numbers >= 0, one an image."""
    array = plain(labels, "labels")
    if array.dtype.kind not in "iu" or array.shape != (images,):
        raise UserError(
            f"labels are {_form(labels)}; they must be integers, ({images},): pass one an "
            "image, as a tensor or array"
        )
    if array.min() < 0:
        raise UserError(f"a label is {array.min()}; it must be >= 0: mend or drop the image")
    return torch.from_numpy(array.astype(np.int64))


def check_logits(logits: Any, labels: Tensor) -> Tensor:
    """The logits, if they are some, and of as many classes as the labels have."""
    if not isinstance(logits, Tensor) or logits.ndim != 2:
        raise UserError(f"the model gives {_form(logits)}; it must give logits (N, classes)")
    if not logits.isfinite().all():
        raise UserError("a logit is NaN or inf; all must be finite: check images and weights")
    if labels.max() >= logits.shape[1]:
        raise UserError(
            f"a label is {int(labels.max())}; the model has {logits.shape[1]} classes, from 0: "
            "pass labels of its classes"
        )
    return logits


def _form(value: Any) -> str:
    """Type and shape, for a message."""
    if isinstance(value, Tensor | np.ndarray):
        return f"{value.dtype} {tuple(value.shape)}"
    return type(value).__name__
