"""The Spotlight Resonance Method: how many activations a turning spotlight holds.

Bird 2025 (arXiv 2505.13471). A cone of cosine `epsilon` turns from one basis vector toward
another and all the way round; the share of activations inside it, drawn against the angle, shows
whether they gather near the vectors of the basis.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from tqdm import tqdm

from neuronbasis.basis import Basis, check_basis
from neuronbasis.errors import UserError
from neuronbasis.spotlight import _arcs
from neuronbasis.spotlight._histogram import Histogram
from neuronbasis.spotlight._null import isotropic_fraction
from neuronbasis.spotlight._planes import Planes, choose, frame, grid
from neuronbasis.utils.activations import Activations
from neuronbasis.utils.checks import checked_angles, checked_epsilon, flag, plain


def resonance(
    activations: Any,
    basis: Basis,
    epsilon: float = 0.9,
    angles: int = 360,
    planes: Any = "combinations",
    signed: bool = False,
    max_planes: int | None = None,
    seed: int | np.random.Generator = 0,
    labels: Any = None,
) -> xr.Dataset:
    """Fraction of the activations in the spotlight, for each plane and angle (Bird 2025, Eq. 2).

    The spotlight's axis is ``cos(angle) b_alpha + sin(angle) b'``, with b' the unit part of b_beta
    orthogonal to b_alpha: it starts at +b_alpha and turns toward +b_beta. A row d, made unit
    length, is inside where ``d . axis >= epsilon`` (edge included, up to 1e-12 of epsilon).
    Counts are exact, in float64 whatever the input.

    Parameters
    ----------
    activations : array_like, torch.Tensor or file-backed array, shape (samples, n)
        Real numbers of any float or integer type, on any device; read in chunks. Only directions
        matter; rows of zeros have none and are left out.
    basis : Basis
        m unit vectors in R^n.
    epsilon : float in (0, 1]
        Cosine of the spotlight's half-angle.
    angles : int, at least 1
        Size of the grid: ``2 pi k / angles`` radians for k = 0 .. angles - 1.
    planes : str or array_like of int, shape (P, 2) or (P, 3)
        "combinations" (each pair once), "permutations" (each ordered pair), "neighbours" (pairs
        of which one is a nearest vector of the other), "triples" (the axis runs on the circle
        through three vectors, footnote 1), or rows (alpha, beta) or (alpha, beta, gamma).
    signed : bool
        Subtract the fraction in the opposite cone, ``d . axis <= -epsilon`` (Eq. 4).
    max_planes : int, optional
        Draw at most so many of the planes, without replacement.
    seed : int or numpy.random.Generator
        Decides which are drawn.
    labels : array_like of int or str, shape (samples,), optional
        The class of each row: one result for each class, as a fraction of its own rows.

    Returns
    -------
    xarray.Dataset
        ``fraction`` (plane, angle), float64: share of the rows that are not zero; ``count``, the
        same as an exact number of rows. Coordinates: ``alpha`` and ``beta`` (and ``gamma``) over
        planes, rows of the basis; ``angle`` in radians. With labels a first axis ``class`` in
        ascending order, and ``class_samples`` over it. attrs: ``samples`` (rows counted, the
        denominator), ``zero_rows`` and ``parallel_pairs`` (pairs, or triples, that span no plane)
        left out, ``isotropic_fraction`` (what evenly spread directions give on average) and the
        settings.

    Raises
    ------
    UserError
        If the activations are empty, not two-dimensional, not real numbers, not finite, all zero
        or not as wide as the basis, or an argument lies outside its range.

    Examples
    --------
    >>> from neuronbasis import basis
    >>> r = resonance([[2.0, 0.0], [0.0, 1.0], [0.0, 3.0]], basis.standard(2), angles=4)
    >>> r.fraction.values.round(3).tolist()
    [[0.333, 0.667, 0.0, 0.0]]
    >>> int(r.alpha[0]), int(r.beta[0]), r.attrs["samples"]
    (0, 1, 3)
    """
    epsilon, angles = _checked(basis, epsilon, angles, signed)
    chosen = choose(basis.vectors, planes, max_planes, seed)
    directions = Activations(activations, basis.n, basis.m)
    names, members = _classes(labels, directions.rows)
    counts = np.zeros((len(names), len(chosen), angles), np.int32)
    samples = _count(directions, basis, chosen, epsilon, signed, members, counts)
    if not samples.all():
        raise UserError(
            f"class {str(names[samples.argmin()])!r} of labels has rows of zeros alone, which have "
            "no direction: leave the class out"
        )
    data = {
        "fraction": (("class", "plane", "angle"), counts / samples[:, None, None], {"units": "1"}),
        "count": (("class", "plane", "angle"), counts, {"units": "rows"}),
    }
    corners = dict(zip(("alpha", "beta", "gamma"), chosen.corners.T, strict=False))
    coords = {name: ("plane", rows) for name, rows in corners.items()} | {"angle": grid(angles)}
    attrs = _attrs(basis, epsilon, chosen, signed, directions)
    if max_planes is not None:
        attrs["seed"] = str(seed) if isinstance(seed, np.random.Generator) else int(seed)
    result = xr.Dataset(data, coords, attrs)
    if labels is None:
        return result.isel({"class": 0})
    return result.assign_coords({"class": names, "class_samples": ("class", samples)})


def self_resonance(
    basis: Basis,
    epsilon: float = 0.9,
    angles: int = 360,
    planes: Any = "combinations",
    signed: bool = False,
    max_planes: int | None = None,
    seed: int | np.random.Generator = 0,
) -> xr.Dataset:
    """The reference signal: `resonance` with the basis vectors themselves as activations.

    Parameters
    ----------
    basis, epsilon, angles, planes, signed, max_planes, seed
        As in `resonance`.

    Returns
    -------
    xarray.Dataset
        As from `resonance`, with ``samples`` = m.

    Raises
    ------
    UserError
        As in `resonance`.

    Examples
    --------
    >>> from neuronbasis import basis
    >>> self_resonance(basis.orthoplex(2), angles=8).fraction.values[0].tolist()
    [0.25, 0.0, 0.25, 0.0, 0.25, 0.0, 0.25, 0.0]
    """
    vectors = basis.vectors if isinstance(basis, Basis) else ()
    return resonance(vectors, basis, epsilon, angles, planes, signed, max_planes, seed)


def summary(
    activations: Any,
    basis: Basis,
    epsilon: float = 0.9,
    angles: int = 360,
    planes: Any = "combinations",
    signed: bool = False,
    max_planes: int | None = None,
    seed: int | np.random.Generator = 0,
    quantiles: Sequence[float] = (0.05, 0.5, 0.95),
    progress: bool = False,
) -> xr.Dataset:
    """Mean and quantiles of `resonance` across planes, in bounded memory.

    Memory grows neither with the samples nor with planes times angles: the planes are taken in
    blocks, and the activations are read once a block.

    Parameters
    ----------
    activations, basis, epsilon, angles, planes, signed, max_planes, seed
        As in `resonance`.
    quantiles : sequence of float in [0, 1]
        Which curves to give beside the mean.
    progress : bool
        Show a progress bar.

    Returns
    -------
    xarray.Dataset
        ``mean`` (angle), exact; ``quantile`` (q, angle): the fraction that a share q of the
        planes does not exceed (nearest rank), exact up to 255 rows and beyond that within 0.4% of
        itself. attrs as from `resonance`, and ``planes_counted``.

    Raises
    ------
    UserError
        As in `resonance`, or if a quantile lies outside [0, 1].

    Examples
    --------
    >>> from neuronbasis import basis
    >>> s = summary([[1.0, 0.0, 0.0]], basis.standard(3), angles=4, quantiles=[0.5])
    >>> s["mean"].values.round(3).tolist(), s["quantile"].values.tolist()
    ([0.667, 0.0, 0.0, 0.0], [[1.0, 0.0, 0.0, 0.0]])
    """
    epsilon, angles = _checked(basis, epsilon, angles, signed)
    wanted = _checked_quantiles(quantiles)
    chosen = choose(basis.vectors, planes, max_planes, seed)
    directions = Activations(activations, basis.n, basis.m)
    histogram = Histogram(directions.rows, angles)
    block = max(_arcs.BLOCK // angles, 1)
    pairs = directions.rows * len(chosen)
    with tqdm(None, "pairs", pairs, unit_scale=True, disable=not progress) as bar:
        for start in range(0, len(chosen), block):
            part = chosen[start : start + block]
            counts = np.zeros((1, len(part), angles), np.int32)
            _count(directions, basis, part, epsilon, signed, None, counts, bar)
            histogram.add(counts[0])
    samples = directions.samples
    return xr.Dataset(
        {
            "mean": ("angle", histogram.sums / (len(chosen) * samples), {"units": "1"}),
            "quantile": (("q", "angle"), histogram.quantiles(wanted) / samples, {"units": "1"}),
        },
        coords={"q": wanted, "angle": grid(angles)},
        attrs=_attrs(basis, epsilon, chosen, signed, directions) | {"planes_counted": len(chosen)},
    )


def curve(
    activations: Any,
    basis: Basis,
    plane: Sequence[int],
    epsilon: float = 0.9,
    signed: bool = False,
) -> xr.Dataset:
    """One plane's `resonance` at every angle: a step function, told by its breakpoints.

    Parameters
    ----------
    activations, basis, epsilon, signed
        As in `resonance`.
    plane : (int, int) or (int, int, int)
        Rows of the basis: alpha, beta and perhaps gamma.

    Returns
    -------
    xarray.Dataset
        ``fraction`` (angle) and ``count`` (angle): the values from each breakpoint up to the
        next, the last one up to 2 pi. The first breakpoint is 0. Where an arc ends, the single
        point itself belongs to the arc, which a step function cannot show. attrs as from
        `resonance`.

    Raises
    ------
    UserError
        As in `resonance`.

    Examples
    --------
    >>> from neuronbasis import basis
    >>> c = curve([[1.0, 0.0]], basis.standard(2), (0, 1), epsilon=0.5)
    >>> np.degrees(c.angle.values).round(6).tolist(), c["count"].values.tolist()
    ([0.0, 60.0, 300.0], [1, 0, 1])
    """
    epsilon, _ = _checked(basis, epsilon, 1, signed)
    chosen = choose(basis.vectors, [tuple(plane)])
    directions = Activations(activations, basis.n, basis.m)
    axes, centre = frame(basis.vectors, chosen)
    events: list[NDArray[np.float64]] = []
    at_zero = 0
    for rows, _ in directions:
        for sign in (1, -1) if signed else (1,):
            starts, ends = _arcs.ends(sign * (rows @ axes.T), sign * (rows @ centre), epsilon)
            at_zero += sign * int(np.sum(starts > ends))
            events += [np.stack([starts, np.full_like(starts, sign)])]
            events += [np.stack([ends, np.full_like(ends, -sign)])]
    angle, step = np.concatenate([[[0.0], [at_zero]], *events], axis=1)
    step, angle = step[angle < 2 * np.pi], angle[angle < 2 * np.pi]
    breakpoints, which = np.unique(angle, return_inverse=True)
    counts = np.cumsum(np.bincount(which, step)).round().astype(np.int64)
    return xr.Dataset(
        {
            "fraction": ("angle", counts / directions.samples, {"units": "1"}),
            "count": ("angle", counts, {"units": "rows"}),
        },
        coords={"angle": ("angle", breakpoints, {"units": "rad"})},
        attrs=_attrs(basis, epsilon, chosen, signed, directions),
    )


def _count(
    directions: Activations,
    basis: Basis,
    planes: Planes,
    epsilon: float,
    signed: bool,
    members: NDArray[np.int64] | None,
    counts: NDArray[np.int32],
    bar: tqdm | None = None,
) -> NDArray[np.int64]:
    """Add to `counts` (class, plane, angle); the number of samples of each class."""
    samples, start = np.zeros(len(counts), np.int64), 0
    for rows, kept in directions:
        if members is not None:
            which = members[start : start + len(kept)][kept]
        start += len(kept)
        for c in range(len(counts)):
            own = rows if members is None else rows[which == c]
            samples[c] += len(own)
            projections = _arcs.project(basis.vectors, own)
            _arcs.count(projections, planes, epsilon, counts[c])
            if signed:
                _arcs.count(-projections, planes, epsilon, counts[c], weight=-1)
        if bar is not None:
            bar.update(len(kept) * len(planes))
    return samples


def _attrs(
    basis: Basis, epsilon: float, planes: Planes, signed: bool, directions: Activations
) -> dict[str, Any]:
    return {
        "basis": basis.name,
        "m": basis.m,
        "n": basis.n,
        "epsilon": epsilon,
        "planes": planes.form,
        "planes_available": planes.available,
        "parallel_pairs": planes.left_out,
        "signed": int(signed),  # netCDF knows no truth values
        "samples": directions.samples,
        "zero_rows": directions.zero_rows,
        "isotropic_fraction": 0.0 if signed else isotropic_fraction(epsilon, basis.n),
    }


def _checked(basis: Basis, epsilon: float, angles: int, signed: bool) -> tuple[float, int]:
    check_basis(basis)
    flag(signed, "signed")
    return checked_epsilon(epsilon), checked_angles(angles)


def _checked_quantiles(quantiles: Sequence[float]) -> NDArray[np.float64]:
    try:
        wanted = np.asarray(quantiles, np.float64)
        legal = wanted.ndim == 1 and len(wanted) > 0 and bool(((wanted >= 0) & (wanted <= 1)).all())
    except (TypeError, ValueError):
        legal = False
    if not legal:
        raise UserError(
            f"quantiles is {quantiles!r}; it must be numbers in [0, 1]: pass such as (0.05, 0.95)"
        )
    return wanted


def _classes(labels: Any, rows: int) -> tuple[NDArray[Any], NDArray[np.int64] | None]:
    """Names of the classes in ascending order, and the class of each row."""
    if labels is None:
        return np.zeros(1), None
    array = plain(labels, "labels")
    if array.dtype.kind not in "iubU":
        raise UserError(
            f"labels are of type {array.dtype}; they must be integers or strings: convert them"
        )
    if array.shape != (rows,):
        raise UserError(
            f"labels have shape {array.shape}; there are {rows} activations: pass one label a row"
        )
    names, members = np.unique(array, return_inverse=True)
    return names, members
