"""The mean curve over all planes of orthogonal vectors on a GPU, or wherever torch computes.

The search is that of `_search`, for many rows at once: coordinates by descending square, so that
the partners of each are the first ones. An end of an arc that lies too near to a grid angle, or a
row too near to the rim, is taken by the functions of `_ends` on the processor. So the integers are
the same for the same dot products, whatever the device's functions round to.
"""

import importlib.util
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuronbasis.spotlight._ends import MARGIN, RIM
from neuronbasis.spotlight._search import add_pairs

# Pairs of coordinates looked at together: some 3 GB on the device.
_PAIRS = 2**23


def found() -> Any:
    """The GPU that torch finds, or None without one."""
    if importlib.util.find_spec("torch") is None:
        return None
    import torch

    return torch.device("cuda") if torch.cuda.is_available() else None


class Transform:
    """The rotations of `_copies` as products of matrices, which a GPU is faster at."""

    def __init__(self, n: int, device: Any) -> None:
        import torch
        from scipy.fft import dct

        self._torch, self._device = torch, device
        self._matrix = self.send(dct(np.eye(n), type=4, norm="ortho"))

    def send(self, array: NDArray[np.float64]) -> Any:
        """Copy an array to the device."""
        return self._torch.as_tensor(array, device=self._device)

    def __call__(self, rows: Any, signs: NDArray[np.float64]) -> Any:
        """Rotate rows that lie on the device."""
        last, middle, first = self.send(signs)
        return (((rows * first) @ self._matrix) * middle) @ self._matrix * last


def total(rows: Any, cosines: NDArray[np.float64], epsilon: float, angles: int) -> NDArray[Any]:
    """Steps at the ends of the arcs, summed over all pairs of vectors and both senses.

    Parameters
    ----------
    rows : torch.Tensor, shape (samples, m), float64
        Dot products of unit directions with orthogonal vectors, on any device.
    cosines : ndarray, shape (m (m - 1) / 2,), float64
        Of the pairs of vectors in their order: (0, 1), (0, 2), and so on.
    epsilon : float in (0, 1]
        Cosine of the spotlight's half-angle.
    angles : int, at least 1
        Size of the grid.

    Returns
    -------
    ndarray, shape (2 * angles + 3,), int64
        Cell k stands for the grid angle ``k - angles``.
    """
    import torch

    least = max(epsilon * epsilon, 1e-300)
    squares, order = (rows * rows).sort(dim=1, descending=True, stable=True)
    values = rows.gather(1, order)
    place = torch.arange(rows.shape[1], device=rows.device)
    # The squares ascend from behind.
    stops = torch.searchsorted(-squares, squares - least * (1 - RIM), right=True)
    partners = (stops - place - 1).clamp(min=0)
    steps = np.zeros(2 * angles + 3, np.int64)
    there = torch.zeros(len(steps), dtype=torch.int64, device=rows.device)
    start, ends = 0, partners.sum(dim=1).cumsum(0).cpu().numpy()
    while start < len(rows):
        before = ends[start - 1] if start else 0
        stop = max(int(np.searchsorted(ends, before + _PAIRS, side="right")), start + 1)
        some = slice(start, stop)
        pairs = _pairs(values[some], partners[some])
        sure, starts, stops_after = _cells(values[some], pairs, epsilon, least, angles)
        there += torch.bincount(starts, minlength=len(steps))
        there -= torch.bincount(stops_after, minlength=len(steps))
        if not sure.all():
            row, first, second = (each[~sure] for each in pairs)
            own, corners = rows[some][row], order[some]
            corners = torch.stack([corners[row, first], corners[row, second]], dim=1)
            near, both = own.gather(1, corners).cpu().numpy(), corners.cpu().numpy()
            add_pairs(near, both, rows.shape[1], cosines, epsilon, steps)
        start = stop
    return steps + there.cpu().numpy()


def _pairs(values: Any, partners: Any) -> tuple[Any, Any, Any]:
    """Row, place of the larger coordinate, and place of the smaller, of all that may reach."""
    import torch

    row, first = partners.nonzero(as_tuple=True)
    sizes = partners[row, first]
    start = sizes.cumsum(0) - sizes
    row, first = row.repeat_interleave(sizes), first.repeat_interleave(sizes)
    run = torch.arange(len(row), device=values.device) - start.repeat_interleave(sizes)
    return row, first, first + 1 + run


def _cells(
    values: Any, pairs: tuple[Any, Any, Any], epsilon: float, least: float, angles: int
) -> tuple[Any, Any, Any]:
    """Which pairs are sure, and the cells in which their arcs start and in which they end.

    Of pairs that are not sure, or not reached, the cell is one of no angle.
    """
    import torch

    row, first, second = pairs
    p, q = values[row, first], values[row, second]
    beyond, per_radian = p * p + q * q - least, angles / (2 * math.pi)
    centre = torch.atan2(q, p)
    half = torch.acos((epsilon / (beyond + least).sqrt()).clamp(max=1.0))
    other = 0.5 * math.pi - centre  # seen from the second vector, the turn runs the other way
    other = torch.where(other > math.pi, other - 2 * math.pi, other)
    both = torch.stack([centre, other])
    starts, stops = (both - half) * per_radian, (both + half) * per_radian
    sure = beyond.abs() >= RIM * least
    for end in (*starts, *stops):
        sure &= (end - end.round()).abs() >= MARGIN * per_radian
    taken = sure & (beyond >= 0)
    nowhere = 2 * angles + 2
    opens = torch.where(taken, (starts.ceil() + angles).long(), nowhere)
    closes = torch.where(taken, (stops.floor() + (angles + 1)).long(), nowhere)
    return sure, opens.flatten(), closes.flatten()
