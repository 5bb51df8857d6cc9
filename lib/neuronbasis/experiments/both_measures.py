"""Both measures of one layer: how near its activations lie to a basis, how many vectors they need.

Alignment asks where directions lie, completeness along which directions they vary. Each is set
against rotated copies of the same basis, the same copies for both, so that the two can be
compared over layers, and over copies.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from neuronbasis import completeness, decomposition, spotlight
from neuronbasis.basis import Basis, check_basis, standard
from neuronbasis.decomposition import Moments, nested_span
from neuronbasis.errors import UserError
from neuronbasis.utils.checks import whole_number
from neuronbasis.utils.seeds import generator

Floats = NDArray[np.float64]

FORMS = ("raw", "mean taken off")
COUNTS = ("80%", "99%", "mean")
KINDS = ("basis", "neurons", "principal components", "rotated copies")
# Of the slope, which is reported and decides nothing: fewer copies, drawn planes.
_SLOPE: dict[str, Any] = {"rotations": 19, "angles": 180, "max_planes": 300}


def measured(
    activations: Any,
    basis: Basis,
    null: float = 1e-3,
    rotations: int = 99,
    seed: int = 0,
) -> xr.Dataset:
    """Measure alignment and completeness of one layer, each beyond rotated copies of its basis.

    Alignment is the mean cosine of an activation to its nearest basis vector, and the slope of
    `spotlight.alignment`; both for the raw and for the mean-centred activations.
    Completeness is the number of vectors that explain a share of the variance, the vectors
    ordered on one half of the images and measured on the other. Vectors in the span of those
    before them are not counted, since they explain nothing more: of an opposite pair one counts.

    Parameters
    ----------
    activations : array_like or DataArray, shape (samples, n)
        One activation a row; a coordinate ``image`` says which image each is of.
    basis : Basis
        m vectors that span R^n.
    null : float in (0, 0.5)
        Share of isotropic directions that the spotlight of the slope holds; it decides epsilon.
    rotations : int, at least 2
        Rotated copies of the basis, the same for both measures.
    seed : int
        Decides copies, halves and planes.

    Returns
    -------
    xarray.Dataset
        Over ``form`` ("raw", "mean taken off"): ``cosine``, the mean nearest cosine, ``beyond``,
        by how much it exceeds that of the copies, and ``slope``. Over ``kind`` ("basis",
        "neurons", "principal components", "rotated copies": their mean) and ``count``:
        ``needed``, the number of vectors for 80% and 99% of the variance, and the mean of that
        number over all shares from 0 to 1, in vectors. Over ``count``: ``saved``, the share of
        the vectors that the basis needs fewer than its copies. Over ``rotation`` too:
        ``copy_cosine``, ``copy_needed``. Without axes: ``width`` (n), ``samples``, ``epsilon``,
        ``sign_is_safe`` (of the slope), ``mean_share`` (of the second moment),
        ``effective_dimension``, ``(sum v)^2 / sum v^2`` of the variances v along the principal
        components.

    Raises
    ------
    UserError
        As `spotlight.alignment` and `completeness.halves`; if all units are constant, or the
        basis does not span the space.

    Notes
    -----
    Bird (2025), arXiv 2505.13471 (alignment); Dey et al. (2025), arXiv 2011.03043, Fig. 5
    (completeness). Copies, held-out halves and the mean over shares are ours.

    Examples
    --------
    >>> from neuronbasis.basis import orthoplex
    >>> rows = np.random.default_rng(0).standard_normal((400, 3)) * [9.0, 1.0, 1.0]
    >>> found = measured(rows, orthoplex(3), null=0.05)
    >>> found.needed.sel(kind="basis", count=["80%", "99%"]).values.tolist()
    [1.0, 3.0]
    >>> bool((found.beyond > 0.1).all()), bool(found.saved.sel(count="mean") > 0.1)
    (True, True)
    """
    check_basis(basis)
    whole_number(rotations, "rotations", 2)
    every = decomposition.varying(activations)
    rows = np.asarray(activations, dtype=np.float64)
    halves = completeness.halves(activations, seed)
    fit, held_out = (decomposition.varying(np.asarray(half, dtype=np.float64)) for half in halves)
    rng = generator(seed)
    copies = [basis.rotated(rng) for _ in range(rotations)]
    lines = _lines(basis)
    needed = np.array([_needed(b, fit, held_out) for b in (lines(basis), standard(every.n))])
    components = _needed(decomposition.principal(fit), fit, held_out)
    copy_needed = np.array([_needed(lines(b), fit, held_out) for b in copies]).T
    typical = copy_needed.mean(axis=1)
    cosine, copy_cosine = _nearest(rows, every, [basis, *copies])
    data = {
        "needed": (("kind", "count"), np.array([*needed, components, typical])),
        "copy_needed": (("count", "rotation"), copy_needed),
        "saved": ("count", 1 - needed[0] / typical),
        "cosine": ("form", cosine),
        "copy_cosine": (("form", "rotation"), copy_cosine),
        "beyond": ("form", cosine - copy_cosine.mean(axis=1)),
        "width": every.n,
        "samples": every.samples,
        "effective_dimension": _participation(every),
    }
    coords = {"form": list(FORMS), "count": list(COUNTS), "kind": list(KINDS)}
    return xr.Dataset(data, coords).assign(_slopes(rows, basis, null, seed))


def configurations(text: str) -> list[tuple[str, int, int]]:
    """Read which autoencoders are meant: size, n and m of each.

    Raises
    ------
    UserError
        If one of them is not a word and two whole numbers.

    Examples
    --------
    >>> configurations("small 24 48, large 10 20")
    [('small', 24, 48), ('large', 10, 20)]
    """
    found = []
    for each in filter(None, map(str.strip, text.split(","))):
        words = each.split()
        if len(words) != 3 or not all(word.isdecimal() for word in words[1:]):
            raise UserError(
                f"autoencoders {each!r}; each must be size, n and m: pass such as 'small 24 48'"
            )
        found.append((words[0], int(words[1]), int(words[2])))
    return found


def examples(samples: int = 400, n: int = 24, seed: int = 0) -> dict[str, Floats]:
    """Simulated layers on which the two measures agree, and on which they do not.

    Parameters
    ----------
    samples, n : int
        Rows and width of each, at least 1 and 4.
    seed : int
        Decides all of them.

    Returns
    -------
    dict of str to ndarray, shape (samples, n), float64
        "round", isotropic; "stretched", of unequal variance along the axes; "spikes", one axis
        at a time and all axes alike; "corners", a third of the axes always on, each at its
        plus or its minus, and the others weak.

    Examples
    --------
    >>> {name: rows.shape for name, rows in examples(5, n=6).items()}["spikes"]
    (5, 6)
    """
    whole_number(samples, "samples", 1), whole_number(n, "n", 4)
    rng = np.random.default_rng(seed)
    strong = np.where(np.arange(n) < n // 3, 1.0, 0.2)
    noise = rng.standard_normal((4, samples, n))
    spikes = 0.2 * noise[2]
    which = rng.integers(n, size=samples)
    spikes[np.arange(samples), which] += 2 * rng.choice([-1, 1], samples)
    return {
        "round": noise[0],
        "stretched": noise[1] * np.geomspace(1, 0.1, n),
        "spikes": spikes,
        "corners": (rng.choice([-1, 1], (samples, n)) + 0.1 * noise[3]) * strong,
    }


def _lines(basis: Basis) -> Callable[[Basis], Basis]:
    """Leaves out, of this basis and its copies, the second vector of each opposite pair."""
    gram = basis.vectors @ basis.vectors.T
    keep = ~np.triu(gram < -1 + 1e-12).any(axis=0)
    return lambda b: Basis(b.vectors[keep], b.name)


def _needed(basis: Basis, fit: Moments, held_out: Moments) -> list[float]:
    """Vectors, ordered on one half, that 80%, 99% and on average all shares of the other take."""
    chosen = decomposition.ordered(basis, fit)
    span = nested_span(chosen)
    span = span[span.any(axis=1)]
    if len(span) < basis.n:
        raise UserError(
            f"basis {basis.name!r} spans {len(span)} of {basis.n} dimensions, and so never "
            "explains the whole variance: pass one that spans the space"
        )
    counted = chosen if chosen.orthonormal else Basis(span, basis.name)
    found = completeness.explained_variance(held_out, counted)
    # The integral over all shares of a number that steps up at each share explained.
    mean = float((1 - found.explained).sum())
    return [*found.needed.values[0].astype(float).tolist(), mean]


def _nearest(rows: Floats, every: Moments, bases: list[Basis]) -> tuple[Floats, Floats]:
    """Mean cosine to the nearest vector of the first basis, by form, and of the others."""
    found = np.empty((len(FORMS), len(bases)))
    for of_form, cloud in zip(found, (rows, rows - every.mean), strict=True):
        length = np.linalg.norm(cloud, axis=1, keepdims=True)
        units = (cloud / np.where(length > 0, length, 1))[length[:, 0] > 0]
        of_form[:] = [(units @ b.vectors.T).max(axis=1).mean() for b in bases]
    return found[:, 0], found[:, 1:]


def _participation(found: Moments) -> float:
    return float(found.variances.sum() ** 2 / np.square(found.covariance).sum())


def _slopes(rows: Floats, basis: Basis, null: float, seed: int) -> dict[str, Any]:
    epsilon = spotlight.epsilon_for(null, basis.n)
    raw, centred = (
        spotlight.alignment(rows, basis, epsilon, seed=seed, centre=centre, **_SLOPE).attrs
        for centre in (False, True)
    )
    return {
        "slope": ("form", [raw["slope"], centred["slope"]]),
        "epsilon": epsilon,
        "sign_is_safe": raw["sign_is_safe"],
        "mean_share": raw["mean_share"],
    }
