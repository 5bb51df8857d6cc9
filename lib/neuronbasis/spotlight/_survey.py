"""Alignment over several networks: one row of numbers for each, against its own control."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from neuronbasis.basis import Basis
from neuronbasis.errors import UserError
from neuronbasis.spotlight import _resonance

_TAKEN = (
    "slope",
    "correlation",
    "p_value",
    "verdict",
    "nearest_cosine",
    "nearest_cosine_p_value",
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
        Others of `spotlight.alignment`, such as ``centre``.

    Returns
    -------
    xarray.Dataset
        Over ``network``, as in `spotlight.alignment`: ``slope``, ``correlation``, ``p_value``,
        ``verdict``, ``nearest_cosine``, ``nearest_cosine_p_value``, ``mean_share``,
        ``effective_vectors``, ``sign_is_safe``; ``highest``, the largest value of the mean curve;
        ``rotated``, the nearest cosine of the rotated copies, and ``beyond``, by how much that
        of the basis is larger; ``mean_cosine``, the cosine of the mean activation to its nearest
        vector (0 where the mean is 0). Over (network, rotation): ``null_slope``.

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
    rows = []
    for each, basis, seed in zip(activations, bases, seeds, strict=True):
        found = _resonance.alignment(
            each, basis, epsilon, rotations=rotations, seed=seed, **settings
        )
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
    """How many networks got each verdict.

    Examples
    --------
    >>> counts(xr.Dataset({"verdict": ("network", ["aligned", "neither", "aligned"])}))
    {'aligned': 2, 'anti-aligned': 0, 'neither': 1, 'ambiguous': 0}
    """
    verdicts = found.verdict.values.tolist()
    names = ("aligned", "anti-aligned", "neither", "ambiguous")
    return {name: verdicts.count(name) for name in names}


def nearer(found: xr.Dataset, level: float = 0.05, *, sign: int = 1) -> int:
    """How many networks are surely nearer to their basis than rotated copies are (or farther).

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


def _mean_cosine(activations: Any, basis: Basis) -> float:
    mean = np.asarray(activations, dtype=np.float64).mean(axis=0)
    length = float(np.linalg.norm(mean))
    return float((basis.vectors @ mean).max() / length) if length else 0.0
