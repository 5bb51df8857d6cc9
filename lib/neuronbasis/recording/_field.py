"""Windows of an image that the positions of a layer look at."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuronbasis.errors import UserError
from neuronbasis.utils.checks import plain, whole_number

Pair = tuple[int, int]


@dataclass(frozen=True)
class Field:
    """The pixels that each position of a layer can depend on; all pairs are (vertical, horizontal).

    Position (row, col) depends on no pixel outside the window of `size` pixels whose first one is
    ``start + (row, col) * stride``. At the rim of the image it may hang over, where the network
    pads.

    Attributes
    ----------
    size : (int, int)
        Height and width of the window, in pixels.
    stride : (int, int)
        How far the windows of neighbouring positions are apart, in pixels; (0, 0) if every
        position may see the whole image.
    start : (int, int)
        First pixel of the window of position (0, 0); negative with padding.
    image : (int, int)
        Height and width of the image, in pixels.

    Examples
    --------
    >>> seen = Field(size=(3, 3), stride=(2, 2), start=(-1, -1), image=(8, 8))
    >>> seen.patch(0, 2)
    (slice(0, 2, None), slice(3, 6, None))
    """

    size: Pair
    stride: Pair
    start: Pair
    image: Pair

    @property
    def whole(self) -> bool:
        """Whether every position is stated to see the whole image."""
        return self.stride == (0, 0) and self.size == self.image

    def patch(self, row: int, col: int) -> tuple[slice, slice]:
        """Rows and columns of the image that position (row, col) sees, clipped to the image.

        Raises
        ------
        UserError
            If a coordinate is negative, or the whole window lies outside the image.
        """
        return self._axis(0, row, "row"), self._axis(1, col, "col")

    def _axis(self, axis: int, position: int, name: str) -> slice:
        start = self.start[axis] + whole_number(position, name, 0) * self.stride[axis]
        extent = self.image[axis]
        if not -self.size[axis] < start < extent:
            raise UserError(
                f"{name} is {position}, whose window begins at pixel {start} of {extent}: "
                "pass a position that sees some"
            )
        return slice(max(start, 0), min(start + self.size[axis], extent))

    def cut(self, image: Any, row: int, col: int, fill: float | NDArray[Any] = 0) -> NDArray[Any]:
        """The pixels that position (row, col) sees, as a picture of the same size at each position.

        Parameters
        ----------
        image : ndarray or Tensor, shape (H, W) or (H, W, C)
            Pixels of any type.
        row, col : int
            A position of the layer.
        fill : number or ndarray, shape (C,)
            What stands where the window hangs over the image's rim, or where the image reaches
            beyond a window larger than itself.

        Returns
        -------
        ndarray, shape (h, w) or (h, w, C), dtype of the image
            h and w are the window's, but at most the image's.

        Raises
        ------
        UserError
            If the image has another size than the field was computed for, or there is no such
            position.

        Examples
        --------
        >>> seen = Field(size=(2, 2), stride=(2, 2), start=(-1, -1), image=(3, 3))
        >>> seen.cut(np.arange(9).reshape(3, 3), 0, 1, fill=-1).tolist()
        [[-1, -1], [1, 2]]
        """
        image = plain(image, "image")
        if image.shape[:2] != self.image:
            raise UserError(
                f"image has shape {image.shape}; the field is that of {self.image} pixels: pass "
                "images (H, W) or (H, W, C) of the size that the model saw"
            )
        window = self.patch(row, col)
        picture = np.empty((*map(min, self.size, self.image), *image.shape[2:]), image.dtype)
        picture[...] = fill
        picture[self._placed(0, row, window[0]), self._placed(1, col, window[1])] = image[window]
        return picture

    def _placed(self, axis: int, position: int, window: slice) -> slice:
        """Where the clipped window stands in the picture."""
        larger = self.size[axis] > self.image[axis]
        origin = 0 if larger else self.start[axis] + position * self.stride[axis]
        return slice(window.start - origin, window.stop - origin)

    def union(self, other: "Field") -> "Field":
        """The smallest field that holds both: of joined layers, or of a sum of branches.

        Branches of different strides are stated to see the whole image.

        Examples
        --------
        >>> one = Field((1, 1), (2, 2), (0, 0), image=(8, 8))
        >>> three = Field((3, 3), (2, 2), (-1, -1), image=(8, 8))
        >>> one.union(three) == three
        True
        """
        if self.image != other.image:
            raise UserError(f"fields of images {self.image} and {other.image}; pass the same image")
        if self.stride != other.stride:
            return whole(self.image)
        start = _pair(min, self.start, other.start)
        ends = (_pair(int.__add__, field.start, field.size) for field in (self, other))
        return Field(_pair(int.__sub__, _pair(max, *ends), start), self.stride, start, self.image)

    def through(self, kernel: Any, stride: Any, padding: Any, dilation: Any) -> "Field":
        """The field after a window slides over a map that has this one."""
        kernel, padding, dilation = _two(kernel), _two(padding), _two(dilation)
        stride = _two(stride or kernel)  # pooling's default
        reach = (dilation[axis] * (kernel[axis] - 1) for axis in (0, 1))
        grown = _pair(int.__mul__, tuple(reach), self.stride)
        shift = _pair(int.__mul__, padding, self.stride)
        return Field(
            _pair(int.__add__, self.size, grown),
            _pair(int.__mul__, self.stride, stride),
            _pair(int.__sub__, self.start, shift),
            self.image,
        )


def whole(image: Pair) -> Field:
    """The field of positions that may see the whole image."""
    return Field(image, (0, 0), (0, 0), image)


def _two(value: Any) -> Pair:
    """A setting for both axes, given once or for each."""
    values = (value,) if isinstance(value, int) else tuple(value)
    return values[0], values[-1]


def _pair(operation: Callable[[int, int], int], a: Any, b: Any) -> Pair:
    return operation(a[0], b[0]), operation(a[1], b[1])
