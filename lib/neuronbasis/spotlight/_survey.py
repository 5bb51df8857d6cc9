"""Alignment over several networks: one row of numbers for each, against its own control."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from neuronbasis import basis as directions
from neuronbasis.basis import Basis, check_basis
from neuronbasis.errors import UserError
from neuronbasis.spotlight import _arcs
from neuronbasis.spotlight._alignment import alignment
from neuronbasis.utils.activations import Activations
from neuronbasis.utils.checks import whole_number

_TAKEN = (
    "slope",
    "correlation",
    "p_value",
    "verdict",
    "nearest_cosine",
    "nearest_cosine_p_value",
    "strength",
    "mean_share",
    "effective_vectors",
    "sign_is_safe",
)


def survey(
    activations: Sequence[Any],
    bases: Sequence[Basis],
    epsilon: float,
    *,
    rotations: int = 99,
    seeds: Sequence[int] | None = None,
    **settings: Any,
) -> xr.Dataset:
    """Test the alignment of several networks, each with a basis of its own.

    Parameters
    ----------
    activations : sequence of array_like, each of shape (samples, n)
        One a network.
    bases : sequence of Basis
        One a network.
    epsilon : float in (0, 1]
        Cosine of the spotlight's half-angle.
    rotations : int
        Rotated copies of each basis.
    seeds : sequence of int, optional
        Of the rotations, one a network; default: 0, 1, ...
    settings
        Others of `spotlight.alignment`, such as ``centre``. Here ``least`` is 0 unless given,
        because sizes are compared over networks, so that a verdict follows the slope alone, where
        `spotlight.alignment` asks for a strength of at least `LEAST` with the slope's sign as well.

    Returns
    -------
    xarray.Dataset
        Over ``network``, as in `spotlight.alignment`: ``slope``, ``correlation``, ``p_value``,
        ``verdict``, ``nearest_cosine``, ``nearest_cosine_p_value``, ``strength``,
        ``mean_share``, ``effective_vectors``, ``sign_is_safe``; ``highest``, the largest value of
        the mean curve; ``rotated``, the nearest cosine of the rotated copies, and ``beyond``, by
        how much that of the basis is larger; ``mean_cosine``, the cosine of the mean activation
        to its nearest vector (0 where the mean is 0). Over (network, rotation): ``null_slope``.

    Raises
    ------
    UserError
        As `spotlight.alignment`; or if there are not as many bases (and seeds) as activations,
        or none.

    Examples
    --------
    >>> from neuronbasis import basis
    >>> b = basis.standard(4)
    >>> found = survey([b.vectors, b.vectors], [b, b], epsilon=0.8, rotations=19)
    >>> found.slope.round(6).values.tolist()
    [1.0, 1.0]
    """
    seeds = range(len(activations)) if seeds is None else seeds
    if not len(activations) == len(bases) == len(seeds) or not len(bases):
        raise UserError(
            f"{len(activations)} activations, {len(bases)} bases and {len(seeds)} seeds; give one "
            "of each for every network, of at least one"
        )
    rows, settings = [], {"least": 0.0} | settings
    for each, basis, seed in zip(activations, bases, seeds, strict=True):
        found = alignment(each, basis, epsilon, rotations=rotations, seed=seed, **settings)
        rotated = float(found.null_nearest_cosine.mean())
        rows.append(
            xr.Dataset({name: found.attrs[name] for name in _TAKEN}).assign(
                highest=float(found["mean"].max()),
                rotated=rotated,
                beyond=found.attrs["nearest_cosine"] - rotated,
                mean_cosine=_mean_cosine(each, basis),
                null_slope=found.null_slope,
            )
        )
    return xr.concat(rows, "network").assign_attrs(epsilon=epsilon, rotations=rotations)


def counts(found: xr.Dataset) -> dict[str, int]:
    """How many networks got each verdict, as `survey` gives it: by the slope alone unless told.

    Examples
    --------
    >>> counts(xr.Dataset({"verdict": ("network", ["aligned", "neither", "aligned"])}))
    {'aligned': 2, 'anti-aligned': 0, 'neither': 1, 'ambiguous': 0}
    """
    verdicts = found.verdict.values.tolist()
    names = ("aligned", "anti-aligned", "neither", "ambiguous")
    return {name: verdicts.count(name) for name in names}


def nearer(found: xr.Dataset, level: float = 0.05, *, sign: int = 1) -> int:
    """How many networks are significantly nearer to their basis than rotated copies (or farther).

    Parameters
    ----------
    found : Dataset
        Of `survey`.
    level : float
        Largest two-sided p-value of the nearest cosine that counts.
    sign : int
        1 for nearer, -1 for farther.

    Examples
    --------
    >>> data = {"beyond": [0.2, -0.2, 0.2], "nearest_cosine_p_value": [0.01, 0.01, 0.5]}
    >>> nearer(xr.Dataset({name: ("network", values) for name, values in data.items()}))
    1
    """
    sure = found.nearest_cosine_p_value.values <= level
    return int((sure & (sign * found.beyond.values > 0)).sum())


def on_random_bases(
    activations: Sequence[Any],
    m: int,
    epsilon: float,
    *,
    draws: int = 20,
    rotations: int = 19,
    **settings: Any,
) -> xr.Dataset:
    """Survey every network on several random bases, each of m independent directions.

    Parameters
    ----------
    activations : sequence of array_like, each of shape (samples, n)
        One a network.
    m : int
        Vectors of each basis.
    epsilon : float in (0, 1]
        Cosine of the spotlight's half-angle.
    draws : int, at least 1
        Random bases for each network; no two networks share one.
    rotations : int
        Rotated copies of each of these bases.
    settings
        Others of `spotlight.alignment`, such as ``centre``.

    Returns
    -------
    xarray.Dataset
        The variables of `spotlight.survey` over (network, draw).

    Raises
    ------
    UserError
        As `spotlight.survey`; or if there are no activations, or ``draws`` is not such a number.

    Notes
    -----
    Bird (2025), arXiv 2505.13471, Fig. 2 (left), which shows one random basis of one network.

    Examples
    --------
    >>> cloud = np.random.default_rng(0).normal(size=(50, 3))
    >>> found = on_random_bases([cloud, cloud], m=6, epsilon=0.8, draws=2, angles=60)
    >>> found.slope.dims, found.slope.shape
    (('network', 'draw'), (2, 2))
    """
    draws = whole_number(draws, "draws", 1)
    if not len(activations):
        raise UserError("there are no activations; give those of at least one network")
    rows = []
    for network, each in enumerate(activations):
        seeds = range(network * draws, (network + 1) * draws)
        width = Activations(each).width
        drawn = [directions.random(m, width, seed=seed) for seed in seeds]
        found = survey([each] * draws, drawn, epsilon, rotations=rotations, seeds=seeds, **settings)
        rows.append(found.rename(network="draw"))
    return xr.concat(rows, "network")


def as_strong(random: xr.Dataset, privileged: xr.Dataset, measure: str) -> xr.DataArray:
    """How often a random basis shows as strong a signal as the privileged one, either sign.

    Parameters
    ----------
    random : Dataset
        Of `on_random_bases`.
    privileged : Dataset
        Of `spotlight.survey`, the same networks in the same order.
    measure : str
        The variable compared, such as ``beyond``.

    Returns
    -------
    xarray.DataArray, over network
        In (0, 1]: the privileged basis is counted as one more random one, so that the share is
        a p-value, at smallest ``1 / (1 + draws)``.

    Examples
    --------
    >>> random = xr.Dataset({"beyond": (("network", "draw"), [[0.1, -0.3, 0.0], [0.1, 0.2, 0.1]])})
    >>> privileged = xr.Dataset({"beyond": ("network", [0.2, 0.4])})
    >>> as_strong(random, privileged, "beyond").values.tolist()
    [0.5, 0.25]
    """
    if random.sizes["network"] != privileged.sizes["network"]:
        raise UserError(
            f"random bases were surveyed on {random.sizes['network']} networks, the privileged on "
            f"{privileged.sizes['network']}; pass surveys of the same networks"
        )
    stronger = abs(random[measure]) >= abs(privileged[measure])
    return (1 + stronger.sum("draw")) / (1 + random.sizes["draw"])


def nearest_cosine(activations: Any, bases: Sequence[Basis]) -> NDArray[np.float64]:
    """Mean over samples of the cosine to the nearest vector, for each of several bases.

    Parameters
    ----------
    activations : array_like, torch.Tensor or file-backed array, shape (samples, n)
        Read in chunks; rows of zeros are left out.
    bases : sequence of Basis

    Returns
    -------
    ndarray, shape (bases,), in [-1, 1]

    Raises
    ------
    UserError
        As `alignment`.

    Examples
    --------
    >>> from neuronbasis import basis
    >>> nearest_cosine([[3.0, 4.0]], [basis.standard(2)]).round(9).tolist()
    [0.8]
    """
    found = []
    for each in bases:
        check_basis(each)
        data = Activations(activations, each.n, each.m)
        total = sum(float(_arcs.project(each.vectors, rows).max(axis=0).sum()) for rows, _ in data)
        found.append(total / data.samples)
    return np.array(found)


def _mean_cosine(activations: Any, basis: Basis) -> float:
    data, total = Activations(activations, basis.n), np.zeros((0, basis.n))
    for rows in data.raw():  # which are added one by one, as if all were summed at once
        total = np.concatenate([total, rows]).sum(axis=0, keepdims=True)
    mean = total[0] / data.rows
    length = float(np.linalg.norm(mean))
    return float((basis.vectors @ mean).max() / length) if length else 0.0
