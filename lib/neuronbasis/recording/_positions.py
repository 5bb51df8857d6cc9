"""Where in a layer's output its vectors are read: one place of a feature map, all of them, ..."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neuronbasis.errors import UserError
from neuronbasis.utils.checks import whole_number

Places = NDArray[np.int64]

NAMES = ("random", "all", "centre", "mean", "cls", "last")
# Names of a grid's axes, by their number.
_AXES = {0: (), 1: ("token",), 2: ("row", "col")}


class Form(NamedTuple):
    """What a layer gives for one image: so many units at each place of a grid.

    The grid is () for vectors (N, units), (T,) for tokens (N, T, units) and for signals
    (N, units, T), and (H, W) for feature maps, (N, units, H, W) or (N, H, W, units).

    Attributes
    ----------
    units : int
        Their number.
    grid : tuple of int
        Lengths of the other axes, without that of the images.
    axis : int
        That of the units, counted with that of the images, which is 0.
    """

    units: int
    grid: tuple[int, ...]
    axis: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the output for one image."""
        return (*self.grid[: self.axis - 1], self.units, *self.grid[self.axis - 1 :])


def readable(shape: tuple[int, ...]) -> bool:
    """Whether an output for one image has a form: its first axis the image, and one to three more.

    Examples
    --------
    >>> readable((1, 64, 55, 55)), readable((8, 16, 4))
    (True, False)
    """
    return shape[:1] == (1,) and 0 not in shape and len(shape) in (2, 3, 4)


def form(shape: tuple[int, ...], axis: int) -> Form:
    """The form of a readable output for one image, with its units along this axis.

    Examples
    --------
    >>> form((1, 64, 55, 55), 1), form((1, 197, 768), 2)
    (Form(units=64, grid=(55, 55), axis=1), Form(units=768, grid=(197,), axis=2))
    """
    return Form(shape[axis], (*shape[1:axis], *shape[axis + 1 :]), axis)


@dataclass(frozen=True)
class Positions:
    """A way to choose places for each of some images; see `choose`.

    Attributes
    ----------
    name : str
        One of `NAMES`.
    chances : ndarray, shape (N, draws, 2), float64, in [0, 1)
        What "random" goes by: for each image and draw a fraction of the height and of the width.
    real : ndarray, shape (N, T), bool, or None
        Which tokens of each text are no padding, see `real_tokens`; None where all are real.
    """

    name: str
    chances: NDArray[np.float64]
    real: NDArray[np.bool_] | None = None

    def part(self, start: int, stop: int) -> "Positions":
        """The same for some of the images."""
        real = None if self.real is None else self.real[start:stop]
        return Positions(self.name, self.chances[start:stop], real)

    def legal(self, grid: tuple[int, ...]) -> NDArray[np.bool_] | None:
        """Which places of a grid hold no padding, shape (N, places); None: all of them.

        Raises
        ------
        UserError
            If it is not clear along which axis of the grid the tokens are.

        Examples
        --------
        >>> real = np.array([[True, True, False]])
        >>> choose("all", images=1, real=real).legal((3,)).tolist()
        [[True, True, False]]
        """
        if self.real is None or not grid:
            return None
        tokens = self.real.shape[1]
        along = [i for i, extent in enumerate(grid) if extent == tokens]
        if len(along) != 1:
            raise UserError(
                f"places of a layer are {grid}, those of the mask ({tokens},), so it is not clear "
                "which are padding: name another layer, or pass texts of one length without a mask"
            )
        shape = [len(self.real), *(tokens if i == along[0] else 1 for i in range(len(grid)))]
        every = np.broadcast_to(self.real.reshape(shape), (len(self.real), *grid))
        return every.reshape(len(self.real), -1)

    def places(self, grid: tuple[int, ...]) -> Places | None:
        """Numbers, in row-major order of the grid, of the places that are read for each image.

        Parameters
        ----------
        grid : tuple of int
            Of the layer's `Form`.

        Returns
        -------
        ndarray, shape (N, places read), int64, or None
            None for "mean", which reads no place but all together; -1 is padding, not read.

        Raises
        ------
        UserError
            If the positions make no sense for this grid.

        Examples
        --------
        >>> choose("all", images=1).places((2, 2)).tolist()
        [[0, 1, 2, 3]]
        >>> choose("centre", images=2).places((3, 3)).tolist()
        [[4], [4]]
        >>> real = np.array([[True, True], [True, False]])
        >>> choose("all", images=2, real=real).places((2,)).tolist()
        [[0, 1], [0, -1]]
        """
        count, legal = len(self.chances), self.legal(grid)
        if self.name == "mean":
            return None
        if self.name == "all":
            every = np.broadcast_to(np.arange(math.prod(grid)), (count, math.prod(grid)))
            return every if legal is None else np.where(legal, every, -1)
        if not grid:  # one place only, whichever is asked for
            return np.zeros((count, 1), dtype=np.int64)
        if self.name == "random":
            return _drawn(self.chances, grid, legal)
        kind, names = (
            ("feature maps", ["centre"]) if len(grid) == 2 else ("tokens", ["cls", "last"])
        )
        if self.name not in names:
            raise UserError(
                f"positions are {self.name!r}, which {kind} do not have: pass 'random', 'all', "
                f"'mean' or {' or '.join(map(repr, names))}"
            )
        if self.name == "centre":
            return np.full((count, 1), (grid[0] // 2) * grid[1] + grid[1] // 2)
        legal = np.ones((count, *grid), dtype=bool) if legal is None else legal
        first, last = legal.argmax(1), grid[0] - 1 - legal[:, ::-1].argmax(1)
        return (first if self.name == "cls" else last)[:, None]

    def kept(self, grid: tuple[int, ...]) -> NDArray[np.bool_]:
        """Which of the places that are read, shape (N, places read), are no padding."""
        places = self.places(grid)
        return np.ones((len(self.chances), 1), dtype=bool) if places is None else places >= 0


def _drawn(
    chances: NDArray[np.float64], grid: tuple[int, ...], legal: NDArray[np.bool_] | None
) -> Places:
    """Random places: the same fraction of each axis in every layer, or of the legal ones."""
    if legal is None:
        corners = np.floor(chances[..., : len(grid)] * grid).astype(np.int64)
        return np.ravel_multi_index(tuple(np.moveaxis(corners, -1, 0)), grid)
    ranks = np.floor(chances[..., 0] * legal.sum(1, keepdims=True)).astype(np.int64)
    legal_first = np.argsort(~legal, axis=1, kind="stable")
    return np.take_along_axis(legal_first, ranks, axis=1)


def choose(
    positions: str,
    images: int,
    seed: int = 0,
    draws: int = 1,
    real: NDArray[np.bool_] | None = None,
) -> Positions:
    """Choose places by name.

    Parameters
    ----------
    positions : str
        "random": `draws` places an image, independently, at the same fraction of height and width
        in every layer; "all"; "centre": row H // 2, column W // 2 of a feature map; "cls": the
        first token; "mean": all of them, averaged. Vectors (N, units) have one place only.
    images : int
        Their number N. What is drawn for the first of them depends on no later ones.
    seed, draws : int
        For "random".
    real : ndarray, shape (N, T), bool, optional
        Which tokens are no padding.

    Raises
    ------
    UserError
        If the name is another one, or a number is no such number.

    Examples
    --------
    >>> chosen = choose("random", images=3, seed=1, draws=2)
    >>> chosen.places((5, 5)).shape
    (3, 2)
    """
    if positions not in NAMES:
        legal = ", ".join(map(repr, NAMES))
        raise UserError(f"positions are {positions!r}; legal are {legal}: pass one of them")
    draws = whole_number(draws, "draws", 1)
    rng = np.random.default_rng(whole_number(seed, "seed", 0))
    return Positions(positions, rng.random((images, draws, 2)), real)


def read(
    output: Tensor, axis: int, chosen: Places | None, legal: NDArray[np.bool_] | None = None
) -> Tensor:
    """Copy of the vectors at the chosen places, or of their mean.

    Parameters
    ----------
    output : Tensor, shape (N, ...)
        What a layer gave.
    axis : int
        That of the units.
    chosen : ndarray, shape (N, K), int64, or None
        From `Positions.places`; what is read for -1 means nothing.
    legal : ndarray, shape (N, places), bool, optional
        From `Positions.legal`: over which places the mean goes.

    Returns
    -------
    Tensor, shape (N, K, units) or, for None, (N, 1, units)
        On the device of the output, shares no memory with it.

    Examples
    --------
    >>> maps = torch.arange(8.0).reshape(1, 2, 2, 2)
    >>> read(maps, 1, np.array([[0, 3]])).tolist()
    [[[0.0, 4.0], [3.0, 7.0]]]
    >>> read(maps, 1, None).tolist()
    [[[1.5, 5.5]]]
    """
    if axis < output.ndim - 1:
        vectors = output.movedim(axis, 1).flatten(2).movedim(1, 2)
    else:
        vectors = output.reshape(len(output), -1, output.shape[-1])
    if chosen is None and legal is None:
        return vectors.mean(1, keepdim=True)
    if chosen is None:
        real = torch.tensor(legal, device=output.device)[..., None]
        # In float32 at least: the sum of many tokens is beyond float16.
        wide = torch.promote_types(vectors.dtype, torch.float32)
        total = vectors.where(real, 0).sum(1, keepdim=True, dtype=wide)
        return total / real.sum(1, keepdim=True)
    images = torch.arange(len(output), device=output.device)[:, None]
    return vectors[images, torch.tensor(chosen, device=output.device)]


def coordinates(grid: tuple[int, ...], chosen: Places | None) -> dict[str, NDArray[np.int32]]:
    """Where each vector was read, image after image: "row" and "col", "token", or nothing.

    Examples
    --------
    >>> found = coordinates((4, 5), np.array([[4], [12]]))
    >>> found["row"].tolist(), found["col"].tolist()
    ([0, 2], [4, 2])
    """
    if chosen is None or not grid:
        return {}
    indices = np.unravel_index(chosen[chosen >= 0], grid)
    named = zip(_AXES[len(grid)], indices, strict=True)
    return {name: index.astype(np.int32) for name, index in named}
