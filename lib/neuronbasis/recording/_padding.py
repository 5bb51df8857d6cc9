"""Which tokens of texts are real, and which only fill the texts up to one length."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from neuronbasis.errors import UserError
from neuronbasis.recording._images import Images
from neuronbasis.utils.checks import plain

_NAME = "attention_mask"


def real_tokens(images: Images, mask: Any = None) -> NDArray[np.bool_] | None:
    """Read the mask of texts.

    Parameters
    ----------
    images : Images
        Texts, whose mask is the input called ``attention_mask``, if there is one.
    mask : array_like, shape (N, T), optional
        1 (True) for a token, 0 (False) for padding, instead of that input.

    Returns
    -------
    ndarray, shape (N, T), bool, or None
        None where nothing is said of padding.

    Raises
    ------
    UserError
        If the mask has another shape or other values, or a text has no token.

    Examples
    --------
    >>> ids, mask = np.array([[5, 6], [7, 0]]), np.array([[1, 1], [1, 0]])
    >>> real_tokens(Images({"input_ids": ids, "attention_mask": mask})).tolist()
    [[True, True], [True, False]]
    """
    found = _of(images) if mask is None else plain(mask, "mask")
    if found is None:
        return None
    if found.ndim != 2 or len(found) != len(images) or not np.isin(found, (0, 1)).all():
        raise UserError(
            f"the mask of the tokens is {found.dtype} {found.shape}; it must be (N, T) with 1 for "
            f"a token and 0 for padding, N being {len(images)}: pass such a one as mask"
        )
    real = found.astype(bool)
    if not real.any(1).all():
        raise UserError(f"text {int(np.argmin(real.any(1)))} has no token: leave it out")
    return real


def _of(images: Images) -> NDArray[Any] | None:
    """The mask among the inputs."""
    first = images.read(0, 1)
    if not isinstance(first, Mapping) or not isinstance(first.get(_NAME), Tensor):
        return None
    return np.concatenate([batch[_NAME].numpy(force=True) for _, batch in images.batches(64)])
