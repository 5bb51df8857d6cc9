"""Labelled images in a train and a test split, with a checksum of what they hold."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neuronbasis.datasets._files import KEYS
from neuronbasis.errors import UserError


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Labelled images in a train and a test split. The arrays are read-only.

    Attributes
    ----------
    name : str
        The name it was loaded by, or the stem of the path.
    x_train, x_test : ndarray, shape (N, H, W) or (N, H, W, C), uint8
        Images, in grey levels or channels of `pixel_range`.
    y_train, y_test : ndarray, shape (N,), int64
        Labels: places in `classes`.
    classes : tuple of str
        Names of the classes.
    pixel_range : (int, int)
        The darkest and the brightest level the pixels can have: (0, 16) for digits, else (0, 255),
        or what the file says.

    Raises
    ------
    UserError
        If a pixel is no whole level of 0 to 255, or a label no whole number.

    Examples
    --------
    >>> from neuronbasis import datasets
    >>> datasets.load("digits")
    Dataset('digits', 1437 train and 360 test images of 8x8, 10 classes)
    """

    name: str
    x_train: NDArray[np.uint8]
    y_train: NDArray[np.int64]
    x_test: NDArray[np.uint8]
    y_test: NDArray[np.int64]
    classes: tuple[str, ...]
    pixel_range: tuple[int, int] = (0, 255)

    def __post_init__(self) -> None:
        for key in KEYS:
            # One type and layout whatever the file had, so that equal data have equal checksums.
            kind = np.uint8 if key.startswith("x") else np.dtype("<i8")
            array = self._converted(key, kind)
            array.flags.writeable = False
            object.__setattr__(self, key, array)

    def _converted(self, key: str, kind: Any) -> NDArray[Any]:
        """An array in its own type, if that loses nothing."""
        given = np.asarray(getattr(self, key))
        pixels = key.startswith("x")
        odd = [] if given.dtype.kind in "iu" else given[given != np.floor(given)]
        ends = [given.min(), given.max()] if pixels and given.size else []
        for bad in [*odd[:1], *(end for end in ends if not 0 <= end <= 255)]:
            legal = "whole levels 0 to 255" if pixels else "whole numbers"
            raise UserError(f"{key} holds {bad}; it must hold {legal}: scale or mend it")
        return np.ascontiguousarray(given, dtype=kind).view()

    def __repr__(self) -> str:
        size = "x".join(map(str, self.image_shape))
        counts = f"{self.sizes['train']} train and {self.sizes['test']} test images of {size}"
        return f"Dataset({self.name!r}, {counts}, {len(self.classes)} classes)"

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of one image: (H, W) or (H, W, C)."""
        return self.x_test.shape[1:]

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Number of images of each split."""
        return {"train": len(self.x_train), "test": len(self.x_test)}

    @cached_property
    def mean_image(self) -> NDArray[np.float32]:
        """Mean of the scaled training images, shape (H * W * C,), summed in float64."""
        found = torch.from_numpy(self.scaled("train")).double().mean(0).float().numpy()
        found.flags.writeable = False
        return found

    @cached_property
    def checksum(self) -> str:
        """SHA-256, in hexadecimal, of the four arrays and of the pixel range.

        It covers names, shapes, types and bytes, and neither the dataset's name nor its file.
        """
        digest = hashlib.sha256(json.dumps(self.pixel_range).encode())
        for key in KEYS:
            array = getattr(self, key)
            digest.update(json.dumps([key, array.shape, array.dtype.str]).encode())
            digest.update(array.data)
        return digest.hexdigest()

    def scaled(self, split: str) -> NDArray[np.float32]:
        """Flatten the images of a split and rescale them linearly to [-1, 1].

        Parameters
        ----------
        split : str
            "train" or "test".

        Returns
        -------
        ndarray, shape (N, H * W * C), float32
            -1 is the darkest, 1 the brightest level that a pixel can have (Bird 2025, arXiv
            2505.13471, Sec. 3: pixels rescaled to [-1, 1]).

        Raises
        ------
        UserError
            If the split is another one.

        Examples
        --------
        >>> from neuronbasis import datasets
        >>> x = datasets.load("digits").scaled("test")
        >>> x.shape, float(x.min()), float(x.max())
        ((360, 64), -1.0, 1.0)
        """
        if split not in ("train", "test"):
            raise UserError(f"split is {split!r}; there are 'train' and 'test': pass one of them")
        images = self.x_train if split == "train" else self.x_test
        low, high = self.pixel_range
        flat = images.reshape(len(images), -1).astype(np.float32)
        # Whole numbers until the one division, so that both ends are hit exactly. In place, since
        # each copy of CIFAR-10 takes 600 MB.
        flat *= 2
        flat -= low + high
        flat /= high - low
        return flat
