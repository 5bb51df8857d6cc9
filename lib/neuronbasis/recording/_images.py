"""Images in batches from a tensor, an array or a dataset, checked as they pass."""

import math
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neuronbasis.errors import UserError

#: Largest pixel value that passes: normalised ones hardly exceed 3, 8-bit levels reach 255.
LARGEST = 10.0


class Images:
    """Images that are read batch by batch.

    Parameters
    ----------
    images : Tensor or ndarray, shape (N, ...), or dataset
        As the model takes them, floating-point: (N, C, H, W) for most. A dataset has a length and
        items by number (a torch ``Dataset``, a list), each an image (C, H, W) or a tuple of an
        image and other things, such as a label, which are ignored.
    largest : float
        No absolute value may exceed it. A guard against levels of 0 to 255; inf for none.

    Raises
    ------
    UserError
        If there is no image, or they are of another kind; when they are read, if they are of
        different shapes, no floating-point numbers, not finite, or too large.

    Examples
    --------
    >>> images = Images(np.zeros((5, 1, 8, 8), dtype=np.float32))
    >>> [(start, tuple(batch.shape)) for start, batch in images.batches(3)]
    [(0, (3, 1, 8, 8)), (3, (2, 1, 8, 8))]
    """

    def __init__(self, images: Any, largest: float = LARGEST) -> None:
        if not largest > 0:
            raise UserError(f"largest is {largest}; it must be positive: pass inf for no limit")
        self._images, self._largest = images, largest
        self._whole = isinstance(images, Tensor | np.ndarray)
        if self._whole and images.ndim < 2:
            raise UserError(
                f"images have shape {tuple(images.shape)}; pass a batch, such as (N, C, H, W)"
            )
        if not (hasattr(images, "__len__") and hasattr(images, "__getitem__")):
            raise UserError(
                f"images are a {type(images).__name__}; pass a tensor or an array (N, C, H, W), or "
                "a dataset of such images with a length"
            )
        if not len(images):
            raise UserError("there are no images: pass at least one")

    def __len__(self) -> int:
        return len(self._images)

    def batches(self, size: int) -> Iterator[tuple[int, Tensor]]:
        """The number of the first image and `size` images from there on, the rest last."""
        for start in range(0, len(self), size):
            yield start, self.read(start, min(start + size, len(self)))

    def read(self, start: int, stop: int) -> Tensor:
        """Images from `start` up to, without, `stop`; shape (stop - start, ...)."""
        if self._whole:
            batch = _tensor(self._images[start:stop], "images")
        else:
            items = [self._item(i) for i in range(start, stop)]
            for i, item in enumerate(items, start):
                if item.shape != self._first.shape:
                    shape, first = tuple(item.shape), tuple(self._first.shape)
                    raise UserError(
                        f"image {i} has shape {shape}, image 0 {first}; they must be of one shape: "
                        "resize them"
                    )
            batch = torch.stack(items)
        self._check(batch, start)
        return batch

    @cached_property
    def _first(self) -> Tensor:
        return self._item(0)

    def _item(self, i: int) -> Tensor:
        item = self._images[i]
        return _tensor(item[0] if isinstance(item, tuple | list) else item, f"image {i}")

    def _check(self, batch: Tensor, start: int) -> None:
        if 0 in batch.shape:
            raise UserError(f"images have shape {tuple(batch.shape)}; no extent may be 0")
        low, high = (float(end) for end in batch.aminmax())
        if -self._largest <= low and high <= self._largest:
            return
        worst = batch.abs().flatten(1).amax(1)  # NaN wins
        i = int((~(worst <= self._largest)).nonzero()[0])
        value = float(worst[i])
        if not math.isfinite(value):
            raise UserError(f"image {start + i} holds NaN or inf; all values must be finite")
        raise UserError(
            f"image {start + i} reaches {value:g}, beyond {self._largest:g}: normalise images as "
            "the model takes them (model.transforms), or raise `largest`"
        )


def _tensor(values: Any, what: str) -> Tensor:
    """As a tensor of floating-point numbers."""
    if isinstance(values, np.ndarray):
        # A copy of native byte order: the array may be read-only, or a slice of a mapped file.
        native = np.array(values, dtype=values.dtype.newbyteorder("="))
        numeric = native.dtype.kind in "fiub"
        values = torch.from_numpy(native) if numeric else native
    if not isinstance(values, Tensor) or not values.is_floating_point():
        kind = values.dtype if hasattr(values, "dtype") else type(values).__name__
        raise UserError(
            f"{what}: {kind} given, floating-point numbers wanted, normalised as the model takes "
            "them: pass model.transforms(picture), or pixels / 255"
        )
    return values
