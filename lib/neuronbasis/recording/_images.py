"""Images, or other inputs, in batches from tensors, arrays or a dataset, checked as they pass."""

import math
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neuronbasis.errors import UserError
from neuronbasis.utils.checks import check_dense, number, plain

#: Largest pixel value that passes: normalised ones hardly exceed 3, 8-bit levels reach 255.
LARGEST = 10.0


class Images:
    """Images, or whatever a model takes, that are read batch by batch.

    Parameters
    ----------
    images : Tensor or ndarray, shape (N, ...), tuple or mapping of these, or dataset
        As the model takes them: (N, C, H, W), floating-point, for most; whole numbers, such as
        token ids (N, T), stay as they are. A tuple holds several inputs, a mapping inputs by name
        (``{"input_ids": ..., "attention_mask": ...}``), all of N; what is no tensor or array in
        it, such as a flag, goes with every batch. A dataset has a length and items by number (a
        torch ``Dataset``, a list), each an image (C, H, W), a tuple of an image and other things,
        such as a label, which are ignored, or a mapping of inputs by name.
    largest : float
        No absolute value may exceed it. A guard against levels of 0 to 255; inf for none.

    Raises
    ------
    UserError
        If there is no image, or they are of another kind; when they are read, if they are of
        different shapes, no numbers, not finite, or too large.

    Examples
    --------
    >>> images = Images(np.zeros((5, 1, 8, 8), dtype=np.float32))
    >>> [(start, tuple(batch.shape)) for start, batch in images.batches(3)]
    [(0, (3, 1, 8, 8)), (3, (2, 1, 8, 8))]
    >>> Images({"input_ids": np.array([[5, 6], [7, 8]])}).read(1, 2)
    {'input_ids': tensor([[7, 8]])}
    """

    def __init__(self, images: Any, largest: float = LARGEST) -> None:
        largest = number(largest, "largest", "(0, inf]", "inf for no limit")
        table = hasattr(images, "to_numpy") and not hasattr(images, "dtype")
        if table or hasattr(images, "toarray"):  # or a sparse matrix of scipy
            images = plain(images, "images")
        self._images, self._largest = images, largest
        self._named = _several(images)
        alone = self._named.get(None)
        if alone is not None and alone.ndim < 2:
            raise UserError(
                f"images have shape {tuple(alone.shape)}; pass a batch, such as (N, C, H, W)"
            )
        if self._named:
            self._count = self._counted()
        elif not (hasattr(images, "__len__") and hasattr(images, "__getitem__")):
            raise UserError(
                f"images are a {type(images).__name__}; pass a tensor or an array (N, C, H, W), or "
                "a dataset of such images with a length"
            )
        elif isinstance(images, Mapping):
            raise UserError("images are a mapping without a tensor or array: pass inputs by name")
        else:
            self._count = len(images)
        if not self._count:
            raise UserError("there are no images: pass at least one")

    def __len__(self) -> int:
        return self._count

    def batches(self, size: int) -> Iterator[tuple[int, Any]]:
        """The number of the first image and `size` images from there on, the rest last."""
        for start in range(0, len(self), size):
            yield start, self.read(start, min(start + size, len(self)))

    def read(self, start: int, stop: int) -> Any:
        """Images from `start` up to, without, `stop`; shape (stop - start, ...)."""
        if not self._named:
            return self._stacked([self._item(i) for i in range(start, stop)], start)
        parts = {
            name: self._checked(_tensor(values[start:stop], _called(name)), start)
            for name, values in self._named.items()
        }
        if isinstance(self._images, Mapping):
            return {name: parts.get(name, value) for name, value in self._images.items()}
        if isinstance(self._images, tuple):
            return tuple(parts.get(i, value) for i, value in enumerate(self._images))
        return parts[None]

    def _counted(self) -> int:
        lengths = {name: len(values) if values.ndim else 0 for name, values in self._named.items()}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{name!r}: {length}" for name, length in lengths.items())
            raise UserError(f"inputs are of different numbers ({told}): pass one for each image")
        return next(iter(lengths.values()))

    def _stacked(self, items: list[Any], start: int) -> Any:
        for i, item in enumerate(items, start):
            if _shapes(item) != _shapes(self._first):
                raise UserError(
                    f"image {i} has shape {_shapes(item)}, image 0 {_shapes(self._first)}; they "
                    "must be of one shape: resize them"
                )
        if isinstance(items[0], Mapping):
            return {
                name: self._checked(torch.stack([item[name] for item in items]), start)
                if isinstance(value, Tensor)
                else value
                for name, value in items[0].items()
            }
        return self._checked(torch.stack(items), start)

    @cached_property
    def _first(self) -> Any:
        return self._item(0)

    def _item(self, i: int) -> Any:
        item = self._images[i]
        if isinstance(item, Mapping):
            return {
                name: _tensor(each, f"image {i}") if _numbers(each) else each
                for name, each in item.items()
            }
        return _tensor(item[0] if isinstance(item, tuple | list) else item, f"image {i}")

    def _checked(self, batch: Tensor, start: int) -> Tensor:
        if 0 in batch.shape:
            raise UserError(f"images have shape {tuple(batch.shape)}; no extent may be 0")
        if not batch.is_floating_point():
            return batch
        low, high = (float(end) for end in batch.aminmax())
        if -self._largest <= low and high <= self._largest:
            return batch
        worst = batch.abs().flatten(1).amax(1) if batch.ndim > 1 else batch.abs()  # NaN wins
        i = int((~(worst <= self._largest)).nonzero()[0])
        value = float(worst[i])
        if not math.isfinite(value):
            raise UserError(f"image {start + i} holds NaN or inf; all values must be finite")
        whole = bool((batch[i] == batch[i].round()).all())  # levels of pixels, or token ids
        raise UserError(
            f"image {start + i} reaches {value:g}, beyond {self._largest:g}: normalise images as "
            f"the model takes them (model.transforms),{' pass token ids as integers,' * whole} or "
            "raise `largest`"
        )


def pixels_wanted(kind: Any, what: str = "images") -> UserError:
    """What is said of numbers that are no floating-point ones where these are wanted."""
    return UserError(
        f"{what}: {kind} given, floating-point numbers wanted, normalised as the model takes "
        "them: pass model.transforms(picture), or pixels / 255"
    )


def _numbers(values: Any) -> bool:
    """Whether it is a tensor, an array, or one in a file or with labels."""
    arrays = ("dtype", "ndim", "__array__", "__getitem__")
    return isinstance(values, Tensor) or all(hasattr(values, name) for name in arrays)


def _called(name: Any) -> str:
    return "images" if name is None else f"input {name!r}"


def _several(images: Any) -> dict[Any, Any]:
    """Tensors and arrays by the model's names of them; of one alone None, of a dataset nothing."""
    if _numbers(images):
        return {None: _dense(images)}
    if isinstance(images, Mapping):
        named = {name: _listed(each, name) for name, each in images.items()}
    elif isinstance(images, tuple) and any(map(_numbers, images)):
        named = {i: _listed(each, i) for i, each in enumerate(images)}
    else:
        return {}
    return {name: _dense(each) for name, each in named.items() if _numbers(each)}


def _listed(values: Any, name: Any) -> Any:
    """An array of a list, such as a tokeniser gives."""
    if not isinstance(values, list):
        return values
    return plain(values, _called(name), f"{_called(name)} has rows of different lengths: pad them")


def _dense(values: Any) -> Any:
    """Detached, and with all numbers there, so that it can be sliced."""
    if isinstance(values, np.ma.MaskedArray):
        raise UserError(
            "images are a masked array, whose mask would be ignored: pass a plain one, such as "
            "images.filled(0)"
        )
    if isinstance(values, Tensor):
        values = values.detach()
        if not values.is_nested and values.layout is not torch.strided:
            values = values.to_dense()
        check_dense(values, "images")
    return values


def _tensor(values: Any, what: str) -> Tensor:
    """As a tensor of numbers."""
    values = _dense(values)
    if _numbers(values) and not isinstance(values, Tensor):
        # A copy of native byte order: the array may be read-only, or a slice of a mapped file.
        native = np.array(values)
        native = native.astype(native.dtype.newbyteorder("="), copy=False)
        if native.dtype == np.longdouble:  # which torch lacks
            native = native.astype(np.float64)
        numeric = native.dtype.kind in "fiub"
        values = torch.from_numpy(native) if numeric else native
    if not isinstance(values, Tensor) or values.is_complex():
        kind = values.dtype if hasattr(values, "dtype") else type(values).__name__
        raise pixels_wanted(kind, what)
    # Types of one byte can do nothing but be converted.
    small = values.is_floating_point() and values.element_size() == 1
    return values.float() if small else values


def _shapes(item: Any) -> Any:
    if isinstance(item, Mapping):
        return {name: tuple(x.shape) for name, x in item.items() if isinstance(x, Tensor)}
    return tuple(item.shape)
