"""Where activations lie in the privileged planes, against directions without any preference.

The companion of the Spotlight Resonance Method (the privileged-plane projective method of its
author, Bird): unit activations are projected onto the planes of a basis, and all planes are laid
over one another as one unit disc. Here they are counted in bins of the disc rather than drawn as
points, since the isotropic density is then known exactly and can be divided out.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from neuronbasis.basis import Basis, check_basis
from neuronbasis.errors import UserError
from neuronbasis.spotlight import _arcs
from neuronbasis.spotlight._planes import PARALLEL, Planes, choose, grid
from neuronbasis.utils import threads
from neuronbasis.utils.activations import Activations
from neuronbasis.utils.checks import checked_angles, whole_number
from neuronbasis.utils.threads import compiled

#: A row nearer to the disc's centre has no angle: what would be binned is rounding.
CENTRE = 1e-9
# Ratios to a smaller expectation would overflow.
_SMALLEST = 1e-280


def density(
    activations: Any,
    basis: Basis,
    radii: int | Sequence[float] = 20,
    angles: int = 72,
    planes: Any = "combinations",
    max_planes: int | None = None,
    seed: int | np.random.Generator = 0,
    least: int = 10,
) -> xr.Dataset:
    """Density of unit activations over the planes of a basis, and its ratio to the isotropic one.

    A row d, made unit length, has the coordinates ``(d . b_alpha, d . b')`` in a plane, with b' the
    unit part of b_beta orthogonal to b_alpha: a point of the unit disc, at radius 1 if the row lies
    in the plane. Each plane is laid over the others with b_alpha at angle 0 and keeps its own angle
    of b_beta, ``arccos(b_alpha . b_beta)``; none is stretched to fit. If these angles differ, only
    what gathers at b_alpha adds up: take "permutations" to see each plane from both its vectors,
    or pass the pairs of one angle alone.

    For isotropic rows in R^n the angle is uniform and ``P(r >= t) = (1 - t^2)^((n - 2) / 2)``
    (squared radius distributed as Beta(1, (n - 2) / 2); on the rim for n = 2).

    Parameters
    ----------
    activations : array_like, torch.Tensor or file-backed array, shape (samples, n)
        As in `spotlight.resonance`; read in chunks. Rows of zeros have no direction and are left
        out.
    basis : Basis
        m unit vectors in R^n.
    radii : int or sequence of float
        Number of rings of equal width, or their edges, ascending in [0, 1]. Rows within the first
        edge are too far from the plane to be counted: ``[0.9, 1]`` is one ring of the rows near
        it. An inner edge belongs to its ring (up to 1e-12), and so does the rim.
    angles : int, at least 1
        Number of sectors. They are centred on ``2 pi k / angles``, so that b_alpha lies in the
        middle of the first.
    planes : str or array_like of int, shape (P, 2)
        "combinations", "permutations", "neighbours" or rows (alpha, beta): see `spotlight.choose`.
    max_planes : int, optional
        Draw at most so many of the planes, without replacement.
    seed : int or numpy.random.Generator
        Decides which are drawn.
    least : int, at least 1
        How many rows a ratio must rest on; see ``measured``.

    Returns
    -------
    xarray.Dataset
        Over (radius, angle), summed over planes: ``count``, entries (a row in a plane);
        ``rows``, different rows among them; ``density``, share of all entries per unit of area;
        ``expected``, the count on average under isotropy; ``ratio``, count / expected (a lower
        bound where less than 1e-280 is expected), with ``standard_error`` from the spread between
        rows, since one row's entries in several planes hang together (0 in an empty bin);
        ``measured``, whether the bin holds at least ``least`` rows or should: a row beside b_alpha
        enters all planes of b_alpha, so ``expected`` must reach ``least`` times the most planes
        that share a vector. **Where it is false there is no ratio and no error: both are NaN.**
        Over angle: ``vectors``, basis vectors that lie in the planes, those of the pair and any
        others, by sector.
        Coordinates: ``radius`` (middle of the ring), ``inner`` and ``outer``; ``angle`` in radians.
        attrs: ``samples``, ``zero_rows``, ``planes_counted``, ``parallel_pairs`` (left out),
        ``centre_entries`` (rows orthogonal to a plane, without an angle there, in no bin),
        ``beta_angle_smallest`` and ``beta_angle_largest`` (radians) and the settings.

    Raises
    ------
    UserError
        If the activations or the planes are refused by `spotlight.resonance`, the planes are
        triples, or `radii`, `angles` or `least` lies outside its range.

    Examples
    --------
    >>> from neuronbasis import basis
    >>> rows = [[2.0, 0.0, 0.0], [0.0, 1.0, 2.0]]
    >>> d = density(rows, basis.standard(3), [0.8, 1], angles=4, planes=[(0, 1), (1, 2)], least=1)
    >>> d["count"].values.tolist()  # the second row lies at 63 degrees
    [[1, 1, 0, 0]]
    >>> d.expected.values.round(3).tolist()
    [[0.6, 0.6, 0.6, 0.6]]
    >>> d.ratio.values.round(3).tolist(), d.measured.values.tolist()
    ([[1.667, 1.667, nan, nan]], [[True, True, False, False]])
    """
    check_basis(basis)
    edges, angles = _checked_radii(radii), checked_angles(angles)
    least = whole_number(least, "least", 1, "how many rows a ratio must rest on, such as 10")
    chosen = choose(basis.vectors, planes, max_planes, seed)
    if chosen.corners.shape[1] != 2:
        raise UserError(
            "planes are triples, whose spotlight leaves the plane through 0: pass pairs, such as "
            "'combinations'"
        )
    directions = Activations(activations, basis.n, basis.m)
    tallies = _Tallies(chosen, edges, angles)
    for rows, _ in directions:
        tallies.add(_arcs.project(rows, basis.vectors))
    own = _Tallies(chosen, np.array([1 - PARALLEL, 1.0]), angles)
    own.add(basis.vectors @ basis.vectors.T)
    result = _against_isotropy(tallies, directions.samples, basis.n, least)
    result["vectors"] = ("angle", own.count[0], {"units": "vectors"})
    result.attrs = _attrs(basis, chosen, directions, tallies, least)
    if max_planes is not None:
        result.attrs["seed"] = str(seed) if isinstance(seed, np.random.Generator) else int(seed)
    return result


class _Tallies:
    """Entries, different rows, and sum over rows of squared entries, by bin of the disc."""

    def __init__(self, planes: Planes, edges: NDArray[np.float64], angles: int) -> None:
        cosine = planes.cosines[:, 0]
        self.planes, self.edges, self.centre = planes, edges, 0
        self._first, self._second = planes.corners.T.astype(np.int32, order="C")
        self._cosine, self._scale = cosine.copy(), 1 / np.sqrt((1 - cosine) * (1 + cosine))
        self._squares = (edges * (1 - _arcs.EDGE)) ** 2
        if edges[-1] == 1:
            self._squares[-1] = np.inf  # rounding puts no row beyond the rim
        self._cells = np.zeros((3, len(edges) - 1, angles), np.int64)
        self.count, self.rows, self.squares = self._cells

    def add(self, projections: NDArray[np.float64]) -> None:
        """Take in dot products of rows with basis vectors, shape (rows, m)."""
        parts: list[tuple[NDArray[np.int64], int]] = []

        def tally(part: slice) -> None:
            cells = np.zeros_like(self._cells)
            planes = self._first, self._second, self._cosine, self._scale
            centre = _tally(projections[part], *planes, self._squares, CENTRE**2, cells)
            parts.append((cells, centre))

        threads.share(tally, len(projections))
        for cells, centre in parts:
            self._cells += cells
            self.centre += centre


@compiled()
def _tally(projections, first, second, cosine, scale, squares, centre, cells):  # type: ignore[no-untyped-def]
    """Add the entries of some rows to `cells`; how many lay at the centre."""
    rings, angles = cells.shape[1:]
    per_radian, at_centre = angles / (2 * math.pi), 0
    seen, entries = np.full((rings, angles), -1), np.zeros((rings, angles), np.int64)
    for i in range(len(projections)):
        row = projections[i]
        for k in range(first.size):
            p = row[first[k]]
            q = (row[second[k]] - cosine[k] * p) * scale[k]
            length = p * p + q * q
            if length < centre:
                at_centre += 1
                continue
            if length < squares[0] or length >= squares[-1]:
                continue
            ring = np.searchsorted(squares, length, side="right") - 1
            sector = math.floor(math.atan2(q, p) * per_radian + 0.5) % angles
            if seen[ring, sector] != i:
                seen[ring, sector], entries[ring, sector] = i, 0
                cells[1, ring, sector] += 1
            cells[0, ring, sector] += 1
            cells[2, ring, sector] += 2 * entries[ring, sector] + 1  # (e + 1)^2 - e^2
            entries[ring, sector] += 1
    return at_centre


def _against_isotropy(tallies: _Tallies, samples: int, n: int, least: int) -> xr.Dataset:
    edges, count, angles = tallies.edges, tallies.count, tallies.count.shape[1]
    total = samples * len(tallies.planes)
    area = np.diff(edges**2)[:, None] * np.pi / angles
    expected = np.repeat(_ring_shares(edges, n)[:, None] * total / angles, angles, axis=1)
    sharing = np.bincount(tallies.planes.corners.ravel()).max()
    measured = (tallies.rows >= least) | (expected >= least * sharing)
    spread = np.sqrt(np.maximum(tallies.squares - count**2 / samples, 0))
    divisor = np.maximum(expected, _SMALLEST)
    missing = {"units": "1", "missing": "NaN where `measured` is false"}
    bins = ("radius", "angle")
    return xr.Dataset(
        {
            "count": (bins, count, {"units": "entries"}),
            "rows": (bins, tallies.rows, {"units": "rows"}),
            "density": (bins, count / (total * area), {"units": "1 / area of the plane"}),
            "expected": (bins, expected, {"units": "entries"}),
            "measured": (bins, measured),
            "ratio": (bins, np.where(measured, count / divisor, np.nan), missing),
            "standard_error": (bins, np.where(measured, spread / divisor, np.nan), missing),
        },
        coords={
            "radius": ("radius", (edges[:-1] + edges[1:]) / 2, {"units": "1"}),
            "inner": ("radius", edges[:-1], {"units": "1"}),
            "outer": ("radius", edges[1:], {"units": "1"}),
            "angle": grid(angles),
        },
    )


def _ring_shares(edges: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Chance that an isotropic direction of R^n falls in each ring."""
    beyond = np.zeros_like(edges)  # nothing lies beyond the rim, which is the last ring's own
    inside = edges < 1
    beyond[inside] = np.exp((n - 2) / 2 * np.log1p(-(edges[inside] ** 2)))
    return -np.diff(beyond)


def _attrs(
    basis: Basis, planes: Planes, directions: Activations, tallies: _Tallies, least: int
) -> dict[str, Any]:
    turn = np.arccos(planes.cosines[:, 0])
    return {
        "basis": basis.name,
        "m": basis.m,
        "n": basis.n,
        "planes": planes.form,
        "planes_available": planes.available,
        "planes_counted": len(planes),
        "parallel_pairs": planes.left_out,
        "samples": directions.samples,
        "zero_rows": directions.zero_rows,
        "centre_entries": tallies.centre,
        "least": least,
        "beta_angle_smallest": float(turn.min()),
        "beta_angle_largest": float(turn.max()),
    }


def _checked_radii(radii: int | Sequence[float]) -> NDArray[np.float64]:
    try:
        if isinstance(radii, int | np.integer) and not isinstance(radii, bool):
            edges = np.linspace(0, 1, max(int(radii), 0) + 1)
        else:
            edges = np.array(radii, np.float64)
        legal = edges.ndim == 1 and len(edges) > 1 and edges[0] >= 0 and edges[-1] <= 1
        legal = legal and bool((np.diff(edges) > 0).all())
    except (TypeError, ValueError):
        legal = False
    if not legal:
        raise UserError(
            f"radii is {radii!r}; it must be a number of rings or their edges, ascending in "
            "[0, 1]: pass such as 20 or [0.5, 0.9, 1]"
        )
    return edges
