"""Which planes of a basis the spotlight turns in."""

import operator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuronbasis.errors import UserError
from neuronbasis.utils.checks import plain
from neuronbasis.utils.seeds import generator

#: Two vectors whose cosine is nearer to +1 or -1 than this span no plane.
PARALLEL = 1e-6
#: Cosines nearer than this count as equal when neighbours are sought.
_TIE = 1e-6
FORMS = ("combinations", "permutations", "neighbours", "triples")


@dataclass(frozen=True)
class Planes:
    """Planes as pairs or triples of basis vectors.

    Attributes
    ----------
    corners : ndarray, shape (planes, 2) or (planes, 3), int64
        Rows of the basis. A pair's turn starts at the first and goes toward the second; a
        triple's passes through all three in their order.
    cosines : ndarray, shape (planes, 1) or (planes, 3), float64
        Dot products of corners 0 and 1 and, for triples, of 0 and 2 and of 1 and 2.
    form : str
        The name they were asked by, or "explicit".
    left_out : int
        Pairs or triples of that form that span no plane.
    available : int
        Planes of that form, before any were sampled.
    """

    corners: NDArray[np.int64]
    cosines: NDArray[np.float64]
    form: str
    left_out: int
    available: int

    def __len__(self) -> int:
        return len(self.corners)

    def __getitem__(self, part: slice | NDArray[np.int64]) -> "Planes":
        return replace(self, corners=self.corners[part], cosines=self.cosines[part])

    @cached_property
    def lines(self) -> NDArray[np.int64]:
        """Vectors of the pairs, one for each line where those left out tell which are parallel."""
        used = np.unique(self.corners)
        spans = np.zeros((used[-1] + 1, used[-1] + 1), bool)
        spans[self.corners[:, 0], self.corners[:, 1]] = True
        spans |= spans.T
        if self.form != "combinations" or np.count_nonzero(spans) != 2 * self.available:
            return used  # of some pairs it is not known
        kept: list[int] = []
        for k in used.tolist():
            if spans[kept, k].all():
                kept.append(k)
        return np.array(kept)

    def both_senses(self) -> "Planes":
        """The pairs as they are, followed by the same pairs turned from beta toward alpha."""
        corners = np.concatenate([self.corners, self.corners[:, ::-1]])
        return replace(self, corners=corners, cosines=np.tile(self.cosines, (2, 1)))


def choose(
    vectors: NDArray[np.float64],
    planes: Any = "combinations",
    max_planes: int | None = None,
    seed: int | np.random.Generator = 0,
) -> Planes:
    """Choose planes of a basis.

    Parameters
    ----------
    vectors : ndarray, shape (m, n), float64
        Unit rows.
    planes : str or array_like of int, shape (P, 2) or (P, 3)
        "combinations": each unordered pair once, alpha < beta. "permutations": each ordered
        pair. "neighbours": the combinations in which beta is a nearest vector of alpha or alpha
        one of beta; the nearest vectors of one are those with the largest cosine to it, equal
        ones (within 1e-6) all counted, parallel ones never. "triples": each three vectors once,
        alpha < beta < gamma (Bird 2025, footnote 1). An array gives the rows themselves.
    max_planes : int, optional
        At most so many planes, drawn without replacement and kept in order.
    seed : int or numpy.random.Generator
        Decides which are drawn.

    Returns
    -------
    Planes
        Without the pairs that span no plane, ``|cosine| > 1 - 1e-6``, and the triples two of
        which coincide, ``cosine > 1 - 1e-6``.

    Raises
    ------
    UserError
        If `planes` or `max_planes` is none of these, or no plane is left.

    Examples
    --------
    >>> chosen = choose(np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]))
    >>> chosen.corners.tolist(), chosen.left_out
    ([[0, 1], [1, 2]], 1)
    """
    gram = vectors @ vectors.T
    corners, form = _corners(gram, planes)
    sides = [(0, 1)] if corners.shape[1] == 2 else [(0, 1), (0, 2), (1, 2)]
    cosines = np.stack([gram[corners[:, i], corners[:, j]] for i, j in sides], axis=1)
    nearness = np.abs(cosines) if corners.shape[1] == 2 else cosines
    kept = np.flatnonzero((nearness <= 1 - PARALLEL).all(axis=1))
    if not len(kept):
        raise UserError(
            f"planes is {form!r}, but none of these {len(vectors)} vectors span a plane of that "
            "form: pass a basis with vectors that are not parallel"
        )
    drawn = kept[_sample(len(kept), max_planes, seed)]
    corners_drawn = np.ascontiguousarray(corners[drawn])
    return Planes(corners_drawn, cosines[drawn], form, len(corners) - len(kept), len(kept))


def grid(angles: int) -> tuple[str, NDArray[np.float64], dict[str, str]]:
    """The angles of a turn, as a coordinate."""
    return "angle", 2 * np.pi * np.arange(angles) / angles, {"units": "rad"}


def circles(planes: Planes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where the axis runs that turns through three vectors (Bird 2025, footnote 1).

    The plane through the ends of three unit vectors cuts the unit sphere in a circle; the axis
    runs along it from alpha through beta and gamma. With u its centre, the axis at angle theta is
    ``u + radius (cos(theta) e1 + sin(theta) e2)``.

    Parameters
    ----------
    planes : Planes
        Triples.

    Returns
    -------
    frames : ndarray, shape (planes, 2, 3), float64
        e1 and e2 as combinations of the three vectors.
    radius : ndarray, shape (planes,), float64
        In (0, 1].

    Examples
    --------
    >>> frames, radius = circles(choose(np.eye(3), "triples"))
    >>> radius.round(4).tolist()
    [0.8165]
    """
    c01, c02, c12 = planes.cosines.T
    one = np.ones_like(c01)
    gram = np.moveaxis(np.array([[one, c01, c02], [c01, one, c12], [c02, c12, one]]), 2, 0)

    def dot(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.einsum("pi,pij,pj->p", x, gram, y)[:, None]

    def unit(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return x / np.sqrt(dot(x, x))

    alpha, beta, gamma = (np.tile(row, (len(planes), 1)) for row in np.eye(3))
    along = unit(beta - alpha)
    across = unit(gamma - alpha - dot(gamma - alpha, along) * along)
    # In this frame alpha, beta, gamma lie counter-clockwise, and so they do on their circle.
    x, y = dot(alpha, along), dot(alpha, across)
    radius = np.hypot(x, y)
    frames = np.stack([x * along + y * across, x * across - y * along], axis=1) / radius[:, None]
    return frames, radius[:, 0]


def frame(
    vectors: NDArray[np.float64], planes: Planes
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where the axis of one plane runs: at ``centre + cos(theta) axes[0] + sin(theta) axes[1]``.

    Parameters
    ----------
    vectors : ndarray, shape (m, n), float64
        The basis.
    planes : Planes
        One pair or triple.

    Returns
    -------
    axes : ndarray, shape (2, n), float64
        Orthogonal, both as long as the circle's radius (1 for a pair).
    centre : ndarray, shape (n,), float64
        Zero for a pair.

    Examples
    --------
    >>> axes, centre = frame(np.eye(2), choose(np.eye(2)))
    >>> axes.tolist(), centre.tolist()
    ([[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0])
    """
    alpha, beta = vectors[planes.corners[0, :2]]
    if planes.corners.shape[1] == 3:
        frames, radius = circles(planes)
        axes = radius[0] * frames[0] @ vectors[planes.corners[0]]
        return axes, alpha - axes[0]
    cosine = planes.cosines[0, 0]
    across = (beta - cosine * alpha) / np.sqrt((1 - cosine) * (1 + cosine))
    return np.stack([alpha, across]), np.zeros_like(alpha)


def _corners(gram: NDArray[np.float64], planes: Any) -> tuple[NDArray[np.int64], str]:
    """Rows of the wanted form, those that span no plane still among them."""
    m = len(gram)
    if not isinstance(planes, str):
        return _explicit(planes, m), "explicit"
    if planes == "combinations":
        chosen = np.triu(np.ones((m, m), bool), 1)
    elif planes == "permutations":
        chosen = ~np.eye(m, dtype=bool)
    elif planes == "neighbours":
        chosen = np.triu(_near(gram), 1)
    elif planes == "triples":
        upper = np.triu(np.ones((m, m), bool), 1)
        chosen = upper[:, :, None] & upper[None, :, :]
    else:
        raise UserError(
            f"planes is {planes!r}; legal are {', '.join(FORMS)} or an integer array of shape "
            "(P, 2) or (P, 3): pass one of these"
        )
    return np.argwhere(chosen), planes


def _near(gram: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Where a pair is parallel, or one of it is among the nearest vectors of the other."""
    parallel = np.abs(gram) > 1 - PARALLEL
    spanning = np.where(parallel, -np.inf, gram)
    nearest = spanning >= spanning.max(axis=1, keepdims=True) - _TIE
    return nearest | nearest.T | parallel


def _explicit(planes: Any, m: int) -> NDArray[np.int64]:
    rows = plain(planes, "planes")
    if (
        rows.ndim != 2
        or rows.shape[1] not in (2, 3)
        or not len(rows)
        or rows.dtype.kind not in "iu"
    ):
        raise UserError(
            f"planes is of shape {rows.shape} and type {rows.dtype}; legal are {', '.join(FORMS)} "
            "or integers of shape (P, 2) or (P, 3): pass one row a plane"
        )
    in_order = np.sort(rows, axis=1)
    bad = (rows < 0).any(1) | (rows >= m).any(1) | (in_order[:, 1:] == in_order[:, :-1]).any(1)
    if bad.any():
        raise UserError(
            f"planes holds the row {tuple(rows[bad.argmax()].tolist())}; its numbers must differ "
            f"and lie in 0..{m - 1}: pass rows of the basis"
        )
    return rows.astype(np.int64)


def _sample(
    available: int, max_planes: int | None, seed: int | np.random.Generator
) -> NDArray[np.int64] | slice:
    if max_planes is None:
        return slice(None)
    try:
        wanted = 0 if isinstance(max_planes, bool) else operator.index(max_planes)
    except TypeError:
        wanted = 0
    if wanted < 1:
        raise UserError(
            f"max_planes is {max_planes!r}; it must be a positive integer or None: pass how many "
            "planes to draw"
        )
    if wanted >= available:
        return slice(None)
    return np.sort(generator(seed).choice(available, wanted, replace=False))
