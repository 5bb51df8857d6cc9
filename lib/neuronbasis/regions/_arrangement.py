"""The regions into which the signs of a linear layer's neurons cut its input space.

A neuron of a linear layer with the input x puts out ``w . x + b``. With one input the place where
it changes sign is a point, with two a line; all of a layer's together leave cells in which no sign
changes. They are built by exact arithmetic (`regions._subdivision`), not by sampling.
"""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from neuronbasis.errors import UserError
from neuronbasis.regions import _signs
from neuronbasis.regions._signs import layer
from neuronbasis.regions._subdivision import (
    Box,
    boundaries,
    box_sides,
    centres,
    crossings,
    subdivide,
)
from neuronbasis.utils.checks import number, numbers, plain, whole_number

Floats = NDArray[np.float64]

_WINDOW = "it must be one pair (low, high), or one for each input, low < high: pass (-1, 1)"


def arrangement(weight: Any, bias: Any, window: Any = ((-1, 1), (-1, 1))) -> xr.Dataset:
    """Cells of the input space on which no neuron of a linear layer changes its sign.

    Parameters
    ----------
    weight : array_like or torch.Tensor, shape (m, n), n of 1 or 2
        One neuron a row.
    bias : array_like or torch.Tensor, shape (m,)
    window : (low, high), or such a pair for each input
        The part of the input space that is cut up. With one input only the first pair counts.

    Returns
    -------
    Dataset
        - ``signs`` (cell, neuron), int8: 1 or -1 inside the cell; 0 only for a neuron that puts
          out 0 everywhere;
        - ``area`` (cell), float64: in square units of the input (length, for one input);
        - ``vertices`` (cell, corner, axis), float64: corners, anticlockwise, the last one repeated
          to fill up; ``sides`` (cell): how many there are; ``centre`` (cell, axis): their mean;
        - ``pairs`` (edge, side): the two cells on the two sides of an edge, ``flips`` (edge,
          neuron), bool: the neurons whose boundary it lies on, whose signs differ between the two,
          ``ends`` (edge, end, axis): the ends of the edge (one point, for one input);
        - ``weight`` (neuron, axis), ``bias`` (neuron), ``window`` (axis, bound): as passed.

        Cells are in the order of their centres, left to right, then upward. ``attrs``: ``lines``,
        the distinct boundaries in the window, and ``crossings``, how many lines beyond the first
        meet in its inner points; ``1 + lines + crossings`` cells there must be (see `count`).

    Raises
    ------
    UserError
        If weight, bias or window are of another shape or hold numbers that are not finite.

    Notes
    -----
    The question is that of Park (2023), "Multi-neuron Analysis". Neurons with one boundary flip
    together; a neuron of zero weight has none. Which cells there are, their signs and neighbours is
    exact for the floats passed; corners are rounded correctly, areas to about 1e-6 of each. Signs
    take cells x neurons bytes, flips twice that: 3 and 6 MB for 200 neurons of two inputs.

    Examples
    --------
    >>> cells = arrangement([[1, 0], [0, 1], [1, 1]], [0, 0, -0.5])
    >>> cells.sizes["cell"], float(cells.area.sum())
    (7, 4.0)
    >>> cells.signs.sel(cell=0).values.tolist()
    [-1, -1, -1]
    """
    weight, bias = layer(weight, bias)
    n = weight.shape[1]
    box = _window(window, n)
    lines = boundaries(_plane(weight), bias, box)
    cut = subdivide(lines.lines, box)
    own = lines.line >= 0
    sign = np.where(own, 1, lines.side).astype(np.int8)[None].repeat(len(cut.area), axis=0)
    sign[:, own] = lines.side[own] * cut.signs[:, lines.line[own]]
    vertices, sides = cut.corners, cut.sides
    if n == 1:  # of the ribbon, from left to right
        x = vertices[:, :, :1]
        vertices, sides = np.stack([x.min(1), x.max(1)], axis=1), np.full(len(x), 2)
    return xr.Dataset(
        {
            "signs": (("cell", "neuron"), sign),
            "area": ("cell", cut.area),
            "vertices": (("cell", "corner", "axis"), vertices),
            "sides": ("cell", sides),
            "centre": (("cell", "axis"), centres(vertices, sides)),
            "pairs": (("edge", "side"), cut.pairs),
            "flips": (("edge", "neuron"), lines.line == cut.line[:, None]),
            "ends": (("edge", "end", "axis"), cut.ends[:, :n, :n]),
            "weight": (("neuron", "axis"), weight),
            "bias": ("neuron", bias),
            "window": (("axis", "bound"), np.array(box, dtype=float)[:n]),
        },
        coords={"axis": ["x", "y"][:n]},
        attrs={"lines": len(lines.lines), "crossings": sum(by - 1 for by in cut.inner)},
    )


def locate(cells: xr.Dataset, points: Any) -> NDArray[np.intp]:
    """Number of the cell in which each input lies; -1 outside the window or on a boundary.

    Parameters
    ----------
    cells : Dataset
        From `arrangement`.
    points : array_like or torch.Tensor, shape (N, n)

    Examples
    --------
    >>> cells = arrangement([[1.0]], [-0.5], window=(0, 1))
    >>> locate(cells, [[0.2], [0.7], [0.5], [1.5]]).tolist()
    [0, 1, -1, -1]
    """
    weight, bias = cells.weight.values, cells.bias.values
    points = numbers(points, "points", 2)
    if points.shape[1] != weight.shape[1]:
        raise UserError(
            f"points have {points.shape[1]} columns; the layer has {weight.shape[1]} inputs: pass "
            "one row of inputs a point"
        )
    key = {row.tobytes(): cell for cell, row in enumerate(np.packbits(cells.signs > 0, axis=1))}
    low, high = cells.window.values.T
    inside = ((points > low) & (points < high)).all(axis=1)
    found = np.full(len(points), -1)
    constant = (cells.signs.values == 0).all(axis=0)  # 0 everywhere, so no boundary
    chunk = max(2**22 // len(bias), 1)
    for start in range(0, len(points), chunk):
        rows = start + np.flatnonzero(inside[start : start + chunk])
        if not rows.size:
            continue
        here = _signs.signs_at(weight, bias, points[rows])
        off = ((here != 0) | constant).all(axis=1)
        codes = np.packbits(here[off] > 0, axis=1)
        found[rows[off]] = [key[code.tobytes()] for code in codes]
    return found


def obeyed(cells: xr.Dataset) -> NDArray[np.bool_]:
    """Whether exactly the neurons of its boundary change sign across each edge: shape (edge,).

    The signs are taken anew, from the layer itself, at the centres of the two cells; they must be
    those of the cells, too.

    Examples
    --------
    >>> obeyed(arrangement([[1, 0], [0, 1], [2, 0]], [0, 0, 0])).tolist()
    [True, True, True, True]
    """
    here = _signs.signs_at(cells.weight.values, cells.bias.values, cells.centre.values)
    first, second = cells.pairs.values.T
    right = (here == cells.signs.values).all(axis=1)
    flipped = ((here[first] != here[second]) == cells.flips.values).all(axis=1)
    return np.asarray(flipped & right[first] & right[second])


def vote(cells: Any, labels: Any, others: Any) -> NDArray[np.int64]:
    """What a table of cells says of other inputs: the commonest label of the inputs in their cell.

    Parameters
    ----------
    cells : array_like, shape (N,), int
        Cell of each labelled input, from `locate`.
    labels : array_like, shape (N,), int, none negative
    others : array_like, shape (M,), int
        Cells of the inputs to be labelled.

    Returns
    -------
    ndarray, shape (M,), int64
        The smallest of the commonest labels; -1 for a cell without a labelled input, or for none.

    Examples
    --------
    >>> vote([0, 0, 0, 2], [7, 7, 1, 5], [0, 1, 2, -1]).tolist()
    [7, -1, 5, -1]
    """
    named = (("cells", cells), ("labels", labels), ("others", others))
    cells, labels, others = (plain(each, name) for name, each in named)
    if not cells.shape == labels.shape == (len(cells),) or len(cells) == 0:
        raise UserError(
            f"cells and labels have shapes {cells.shape} and {labels.shape}; they must be (N,) both"
            ": pass one of each an input"
        )
    known = np.zeros((max(cells.max(), others.max(initial=0)) + 1, labels.max() + 1), dtype=int)
    np.add.at(known, (cells[cells >= 0], labels[cells >= 0]), 1)
    table = np.append(np.where(known.any(axis=1), known.argmax(axis=1), -1), -1)
    return np.asarray(table[others])


def count(weight: Any, bias: Any, window: Any = None) -> int:
    """How many regions there are, by counting boundaries and crossings alone.

    One, and one more for each boundary, and one more for each boundary after the first in every
    point where boundaries cross: inside the window, or in all the plane if there is none.

    Examples
    --------
    >>> count([[1, 0], [0, 1], [1, 1]], [0, 0, -0.5]), count([[1, 0], [0, 1], [1, 1]], [0, 0, 0])
    (7, 6)
    """
    weight, bias = layer(weight, bias)
    box = None if window is None else _window(window, weight.shape[1])
    lines = boundaries(_plane(weight), bias, box).lines
    points = crossings(lines)
    if box is not None:
        sides = box_sides(box)
        points = {p: by for p, by in points.items() if all(side @ p > 0 for side in sides)}
    return 1 + len(lines) + sum(len(by) - 1 for by in points.values())


def most(m: int, n: int) -> int:
    """Regions of m boundaries in general position in R^n: the sum of C(m, k) over k = 0 to n.

    For one input 1 + m, for two 1 + m + m (m - 1) / 2. No layer of m neurons has more
    (Schlaefli; Zaslavsky 1975).

    Examples
    --------
    >>> most(8, 1), most(8, 2), most(3, 10)
    (9, 37, 8)
    """
    m, n = whole_number(m, "m", 0), whole_number(n, "n", 0)
    return sum(math.comb(m, k) for k in range(min(m, n) + 1))


def thresholds(weight: Any, bias: Any, quantile: float = 0.95, window: Any = (-1, 1)) -> Floats:
    """Output that each neuron stays below on the given share of the window, in closed form.

    With the bias lowered by it, ``arrangement(weight, bias - thresholds(weight, bias), window)``
    are the regions in which neurons *fire strongly*: a neuron is positive on the highest
    ``1 - quantile`` of the window's area. (For the quantile over data, take that of their outputs.)

    Parameters
    ----------
    weight, bias, window
        As in `arrangement`.
    quantile : float
        In (0, 1).

    Returns
    -------
    ndarray, shape (m,), float64

    Notes
    -----
    Over a rectangle a linear output is the sum of two independent uniform variables: its density
    is a trapezoid. The threshold of a neuron of zero weight is its constant output.

    Examples
    --------
    >>> thresholds([[1, 0], [1, 1]], [0, 0], quantile=0.875, window=(0, 1)).tolist()
    [0.875, 1.5]
    """
    weight, bias = layer(weight, bias)
    quantile = number(quantile, "quantile", "(0, 1)", "such as 0.95")
    low, high = np.array(_window(window, weight.shape[1]), dtype=float)[: weight.shape[1]].T
    spans = np.abs(_plane(weight * (high - low)))
    short, long = spans.min(axis=1), spans.max(axis=1)
    lowest = bias + np.minimum(weight * low, weight * high).sum(axis=1)
    # Of the upper half of a symmetric distribution: the share beyond it, measured from the top.
    share = min(quantile, 1 - quantile)
    rising = np.sqrt(2 * share * short * long)
    reach = np.where(2 * share * long <= short, rising, share * long + short / 2)
    return lowest + (reach if quantile <= 0.5 else short + long - reach)


def _window(window: Any, n: int) -> Box:
    """The window as exact bounds; a layer of one input lives on the ribbon 0 <= y <= 1."""
    try:
        array = np.asarray(window, dtype=np.float64)
    except (TypeError, ValueError):
        raise UserError(f"window is {window!r}; {_WINDOW}") from None
    pairs = np.tile(array, (n, 1)) if array.ndim == 1 else array[:n]
    if pairs.shape != (n, 2) or not np.isfinite(pairs).all() or (pairs[:, 0] >= pairs[:, 1]).any():
        raise UserError(f"window is {window!r}; {_WINDOW}")
    exact = [(Fraction(low), Fraction(high)) for low, high in pairs.tolist()]
    return exact[0], exact[1] if n == 2 else (Fraction(0), Fraction(1))


def _plane(weight: Floats) -> Floats:
    """Weights of two inputs; a missing second one does nothing."""
    return np.pad(weight, ((0, 0), (0, 2 - weight.shape[1])))
