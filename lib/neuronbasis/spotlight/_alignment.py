"""Whether activations gather near the vectors of a basis more than near those of a rotated one."""

import math
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from neuronbasis.basis import Basis, check_basis
from neuronbasis.errors import UserError
from neuronbasis.spotlight import _arcs
from neuronbasis.spotlight._copies import Measures, measure, of_copies
from neuronbasis.spotlight._null import isotropic_fraction
from neuronbasis.spotlight._planes import Planes, choose, grid
from neuronbasis.utils.activations import Activations
from neuronbasis.utils.checks import checked_angles, checked_epsilon, flag, number, whole_number
from neuronbasis.utils.seeds import generator

Floats = NDArray[np.float64]

#: A strength nearer to 0 than this is too small for a verdict, however surely it is not 0.
LEAST = 0.05
# Narrower cones at which the sign of the slope is tried.
_NARROWER = 12


def alignment(
    activations: Any,
    basis: Basis,
    epsilon: float = 0.9,
    rotations: int = 199,
    seed: int | np.random.Generator = 0,
    centre: bool = False,
    angles: int = 360,
    max_planes: int | None = None,
    level: float = 0.05,
    least: float = LEAST,
    progress: bool = False,
) -> xr.Dataset:
    """Test whether activations align with a basis, against random rotations of that basis.

    The signal is the mean `resonance` over planes, each turned in both senses since one sense
    alone depends on the order of the vectors. It is regressed on the mean self-resonance, both
    centred over angles. A slope of 1 is what samples that all lie on basis vectors have (on
    one or on all: see ``effective_vectors``), a negative one means that samples are
    anti-aligned; a high correlation at a slope of nearly 0 is no signal. The slope is no
    measure of size across widths: a sample inside the cones of several vectors counts several
    times, so that it can exceed 1. ``strength`` is one: see `strength`. The same statistics for
    `rotations` copies of the basis, all its vectors turned together by a random rotation, say
    what chance gives with these very activations.

    Parameters
    ----------
    activations : array_like, torch.Tensor or file-backed array, shape (samples, n)
        Real numbers, on any device; read in chunks, once for each rotation if there are many
        (once for all where the basis is wide and orthonormal).
    basis : Basis
        m vectors in R^n, n at least 2.
    epsilon : float in (0, 1]
        Cosine of the spotlight's half-angle: see `epsilon_for`.
    rotations : int, at least 1
        Number of rotated copies; the smallest p-value is ``1 / (1 + rotations)``. Those of an
        orthonormal basis of 1,024 vectors or more are turned by signs and cosine transforms,
        from one common point: the p-value is as exact, at a tenth of the cost.
    seed : int or numpy.random.Generator
        Decides the rotations, and the planes if they are drawn.
    centre : bool
        Take off the mean activation first. Activations with one common offset on a basis vector
        are aligned with it raw, and need not be once centred.
    angles : int, at least 1
        Size of the grid of angles.
    max_planes : int, optional
        Draw at most so many pairs of vectors, the same for all rotations.
    level : float in (0, 1)
        p-value up to which the verdict is not "neither".
    least : float in [0, 1]
        Smallest size of the strength, of the slope's sign, at which the verdict is not "neither".
        0: the slope decides alone, as in the source.
    progress : bool
        Show a progress bar.

    Returns
    -------
    xarray.Dataset
        ``mean``, ``self_mean`` (angle): the two mean curves; ``plane_slope`` (plane): the slope of
        each plane's own curve on its own self-resonance, both senses together, with coordinates
        ``alpha`` and ``beta``; ``held`` (vector): share of the samples in the spotlight that rests
        on each vector; ``null_slope``, ``null_nearest_cosine``, ``null_kurtosis`` (rotation).

        attrs: ``slope``, ``correlation`` (0 where the mean is flat), ``p_value`` (share of
        rotations, the basis itself among them, with an absolute slope at least as large),
        ``verdict`` ("aligned", "anti-aligned", "neither" or "ambiguous") and ``level``, at
        most the chance that a randomly rotated basis gets another verdict than "neither";
        ``strength`` and ``least``; ``sign_is_safe``, 0
        where epsilon is so small that samples merely near the vectors can have a negative slope,
        so that a difference from the rotations is "ambiguous" (an orthoplex below cos 45 degrees:
        its cones overlap half-way between neighbours); ``effective_vectors``, how
        many vectors share what is held beyond the isotropic fraction,
        ``(sum e)^2 / sum e^2`` (0 if nothing is); ``mean_share``, the part of the second moment
        of the activations that their mean holds; ``nearest_cosine``, the mean cosine to the
        nearest vector, and ``kurtosis`` of the coordinates about zero, pooled over samples and
        vectors (Elhage et al. 2023), with ``nearest_cosine_p_value`` and ``kurtosis_p_value``,
        two-sided; counts and settings as from `resonance`.

    Raises
    ------
    UserError
        As in `resonance`; if an argument lies outside its range; or if the self-resonance is
        flat, so that nothing can be compared with it.

    Examples
    --------
    >>> from neuronbasis import basis
    >>> b = basis.standard(4)
    >>> a = alignment(b.vectors, b, epsilon=0.8, rotations=19)
    >>> round(a.attrs["slope"], 9), a.attrs["p_value"], a.attrs["verdict"]
    (1.0, 0.05, 'aligned')
    >>> a.attrs["effective_vectors"]
    4.0
    """
    check_basis(basis)
    epsilon, angles = checked_epsilon(epsilon), checked_angles(angles)
    _check(rotations, centre, level)
    least = number(least, "least", "[0, 1]", "a strength such as 0.05")
    rng = generator(seed)
    planes = choose(basis.vectors, "combinations", max_planes, rng)
    mean, second = _moments(Activations(activations, basis.n, basis.m))
    data = Activations(activations, basis.n, basis.m, shift=mean if centre else None)
    itself = measure(Activations(basis.vectors, basis.n), basis, planes, epsilon, angles)
    if np.ptp(itself.curve) < 1e-12:
        raise UserError(
            f"epsilon is {epsilon:g}, at which the self-resonance of this basis at {angles} angles "
            "is flat: pass an epsilon nearer to 1, or more angles"
        )
    found = measure(data, basis, planes, epsilon, angles)
    turns = rng.integers(0, 2**62, rotations).tolist()
    null = of_copies(data, basis, planes, epsilon, angles, turns, progress)
    settings = {
        "level": level,
        "least": least,
        "sign_is_safe": int(_sign_is_safe(basis, planes, epsilon, itself.curve)),
        "mean_share": float(mean @ mean) / second,
        "basis": basis.name,
        "m": basis.m,
        "n": basis.n,
        "epsilon": epsilon,
        "centred": int(centre),
        "rotations": rotations,
        "samples": data.samples,
        "zero_rows": data.zero_rows,
        "parallel_pairs": planes.left_out,
        "planes_available": planes.available,
        "isotropic_fraction": isotropic_fraction(epsilon, basis.n),
    }
    result = _compared(found, itself, null, settings)
    return result.assign(
        plane_slope=("plane", _plane_slopes(data, basis, planes, epsilon, angles))
    ).assign_coords(
        alpha=("plane", planes.corners[:, 0]),
        beta=("plane", planes.corners[:, 1]),
        angle=grid(angles),
    )


def _compared(
    found: Measures, itself: Measures, null: list[Measures], settings: dict[str, Any]
) -> xr.Dataset:
    """Set the basis against its rotated copies."""
    slope = _slope(found.curve, itself.curve)
    null_slope = np.array([_slope(copy.curve, itself.curve) for copy in null])
    p_value = _share_beyond(np.abs(null_slope), abs(slope))
    cosine = np.array([copy.cosine for copy in null])
    strong = strength(found.cosine, cosine)
    kurtosis = np.array([copy.kurtosis for copy in null])
    attrs = {
        "slope": slope,
        "correlation": _correlation(found.curve, itself.curve),
        "p_value": p_value,
        "verdict": _verdict(slope, strong, p_value, settings),
        "strength": strong,
        "effective_vectors": _effective(found.held - settings["isotropic_fraction"]),
        "nearest_cosine": found.cosine,
        "nearest_cosine_p_value": _two_sided(cosine, found.cosine),
        "kurtosis": found.kurtosis,
        "kurtosis_p_value": _two_sided(kurtosis, found.kurtosis),
    }
    data = {
        "mean": ("angle", found.curve, {"units": "1"}),
        "self_mean": ("angle", itself.curve, {"units": "1"}),
        "held": ("vector", found.held, {"units": "1"}),
        "null_slope": ("rotation", null_slope),
        "null_nearest_cosine": ("rotation", cosine),
        "null_kurtosis": ("rotation", kurtosis),
    }
    return xr.Dataset(data, attrs=attrs | settings)


def _verdict(slope: float, strong: float, p_value: float, settings: dict[str, Any]) -> str:
    least = settings["least"]
    if p_value > settings["level"] or abs(strong) < least:
        return "neither"
    if not settings["sign_is_safe"]:
        return "ambiguous"
    if least and slope * strong < 0:  # the cone and the nearest vector disagree
        return "neither"
    return "aligned" if slope > 0 else "anti-aligned"


def _sign_is_safe(basis: Basis, planes: Planes, epsilon: float, reference: Floats) -> bool:
    """Whether alignment that is less than perfect still has a positive slope.

    A sample at cosine r to its vector adds arcs as narrow as that vector would with a cone of
    cosine ``epsilon / r``, so narrower self-resonances stand for it.
    """
    vectors = Activations(basis.vectors, basis.n)
    return all(
        _slope(measure(vectors, basis, planes, cone, len(reference)).curve, reference) > -1e-9
        for cone in np.linspace(epsilon, 1, _NARROWER + 1)[1:-1].tolist()
    )


def _slope(curve: Floats, reference: Floats) -> float:
    centred = reference - reference.mean()
    return float(curve @ centred / (centred @ centred))


def _correlation(curve: Floats, reference: Floats) -> float:
    if np.ptp(curve) < 1e-15:
        return 0.0
    return float(np.corrcoef(curve, reference)[0, 1])


def _plane_slopes(
    data: Activations, basis: Basis, planes: Planes, epsilon: float, angles: int
) -> Floats:
    """Slope of each plane's curve on its self-resonance, both senses; 0 where that is flat."""
    itself = Activations(basis.vectors, basis.n)
    block = max(_arcs.BLOCK // (4 * angles), 1)
    slopes = np.zeros(len(planes))
    for start in range(0, len(planes), block):
        part = planes[start : start + block].both_senses()
        reference = _counts(itself, basis, part, epsilon, angles) / basis.m
        reference -= reference.mean(axis=1, keepdims=True)
        curves = _counts(data, basis, part, epsilon, angles)
        shared = np.einsum("pa,pa->p", curves, reference).reshape(2, -1).sum(axis=0)
        power = np.einsum("pa,pa->p", reference, reference).reshape(2, -1).sum(axis=0)
        slopes[start : start + block] = np.divide(
            shared / data.samples, power, out=np.zeros_like(power), where=power > 1e-12
        )
    return slopes


def _counts(
    data: Activations, basis: Basis, planes: Planes, epsilon: float, angles: int
) -> NDArray[np.int32]:
    counts = np.zeros((len(planes), angles), np.int32)
    for rows, _ in data:
        _arcs.count(_arcs.project(basis.vectors, rows), planes, epsilon, counts)
    return counts


def _effective(excess: Floats) -> float:
    """Participation ratio of what each vector holds beyond chance."""
    excess = np.maximum(excess, 0)
    return float(excess.sum() ** 2 / (excess @ excess)) if excess.any() else 0.0


def _share_beyond(null: Floats, value: float) -> float:
    return (1 + int(np.sum(null >= value))) / (1 + len(null))


def _two_sided(null: Floats, value: float) -> float:
    return min(1.0, 2 * min(_share_beyond(null, value), _share_beyond(-null, -value)))


def _moments(data: Activations) -> tuple[Floats, float]:
    """Mean activation, and mean of the squared length."""
    total, square, some = np.zeros(1), 0.0, False
    with np.errstate(over="ignore"):
        for rows in data.raw():
            total = total + rows.sum(axis=0)
            square += float(np.vdot(rows, rows))
            some = some or bool(rows.any())
    mean, second = total / data.rows, square / data.rows
    if some and not (np.isfinite(mean).all() and 1e-290 < second < math.inf):
        raise UserError(
            f"activations have a mean square of {second:g}, too far from 1 for float64: divide "
            "them by their largest value"
        )
    return mean, second


def _check(rotations: int, centre: bool, level: float) -> None:
    number(level, "level", "(0, 1)", "such as 0.05")
    whole_number(rotations, "rotations", 1, "such as 199")
    if 1 / (1 + rotations) > level:
        raise UserError(
            f"rotations is {rotations}; no p-value below {1 / (1 + rotations):.3g} can come of it: "
            f"pass at least {math.ceil(1 / level - 1 - 1e-9)} for level {level:g}"
        )
    flag(centre, "centre")


def strength(cosine: float, rotated: ArrayLike) -> float:
    """How near to the vectors of a basis activations lie, between chance and on a vector.

    The cosine of a sample to its nearest vector, averaged over samples, is set between two marks:
    what rotated copies of the basis get at this width, and the end of the scale. No cone is
    needed. If a share s of the samples lies on basis vectors and the others prefer no direction,
    the strength is s, at any width. If each sample consists of k equal parts along orthogonal
    vectors, its cosine is ``1 / sqrt(k)``. The opposite of a vector is none: where both ends of
    axes count, take `basis.orthoplex`.

    Parameters
    ----------
    cosine : float in [-1, 1]
        Mean over samples of the cosine to the nearest vector: see `nearest_cosine`.
    rotated : float or array_like of float in [-1, 1]
        The same for rotated copies of the basis, whose mean is taken.

    Returns
    -------
    float
        In [-1, 1]. 1: each sample lies on a vector. 0: as near as to rotated copies.
        -1: each sample is orthogonal to its nearest vector, or beyond.

    Raises
    ------
    UserError
        If a cosine is not in [-1, 1], or there is none of a rotated copy.

    Examples
    --------
    >>> strength(0.625, [0.25, 0.25])
    0.5
    >>> strength(0.1, 0.2)
    -0.5
    """
    copies = np.atleast_1d(np.asarray(rotated, np.float64))
    for value in (cosine, *copies.ravel()):
        if not abs(value) <= 1 + 1e-9:
            raise UserError(f"a cosine is {value}; it must lie in [-1, 1]")
    if not copies.size:
        raise UserError("there is no cosine of a rotated copy; give that of at least one")
    chance = float(copies.mean())
    if cosine >= chance:
        return min((cosine - chance) / (1 - chance), 1.0) if chance < 1 else 0.0
    return max((cosine - chance) / chance, -1.0) if chance > 0 else -1.0
