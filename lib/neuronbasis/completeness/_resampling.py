"""How sure a number is where there is one network: its images drawn again; and over networks."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from neuronbasis import decomposition
from neuronbasis.basis import Basis
from neuronbasis.completeness._variance import SHARES, count_for, image_numbers
from neuronbasis.decomposition import nested_span
from neuronbasis.errors import UserError
from neuronbasis.uncertainty import mean_interval
from neuronbasis.utils.checks import matrix, whole_number
from neuronbasis.utils.seeds import Seed, generator

Floats = NDArray[np.float64]


def needed_again(
    activations: Any,
    bases: Sequence[Basis],
    resamples: int,
    shares: Sequence[float] = SHARES,
    seed: Seed = 0,
) -> NDArray[np.int64]:
    """Count the vectors that shares of the variance need, on images drawn with replacement.

    Parameters
    ----------
    activations : array_like or DataArray, shape (samples, n)
        As of `completeness.explained_variance`; samples of one image, told by the coordinate
        ``image``, are drawn together.
    bases : sequence of Basis
        They stay as they are: the interval is for these vectors on other images.
    resamples : int
        How often.
    shares : sequence of float
        As of `completeness.explained_variance`.
    seed : int or numpy.random.Generator
        Decides the draws.

    Returns
    -------
    ndarray, shape (resamples, bases, shares), int64
        -1 where all vectors together do not reach the share.

    Raises
    ------
    UserError
        If the activations are not finite numbers of one width, or do not vary; or the seed or the
        number of resamples is none.

    Notes
    -----
    The bootstrap of Efron (1979), Ann. Stat. 7, 1, over images.

    Examples
    --------
    >>> from neuronbasis import basis
    >>> rows = np.random.default_rng(0).standard_normal((400, 2)) * [9.0, 1.0]
    >>> needed_again(rows, [basis.standard(2)], resamples=3)[:, 0].tolist()
    [[1, 2], [1, 2], [1, 2]]
    """
    found, rng = decomposition.varying(activations), generator(seed)
    image = image_numbers(activations, found.samples, None)
    images = int(image.max()) + 1
    draws = rng.multinomial(
        images, np.full(images, 1 / images), whole_number(resamples, "resamples", 1)
    )
    weights = draws[:, image] / draws[:, image].sum(axis=1, keepdims=True)  # (resample, sample)
    rows = matrix(activations, "activations") - found.mean
    total = _variances(rows, weights).sum(axis=1, keepdims=True)
    again = np.empty((resamples, len(bases), len(shares)), dtype=np.int64)
    for i, basis in enumerate(bases):
        if basis.n != rows.shape[1]:
            raise UserError(
                f"activations have width {rows.shape[1]} and basis {i} {basis.n}; the two must be "
                "equal: pass the layer that the basis belongs to"
            )
        along = _variances(rows @ nested_span(basis).T, weights)
        curves = np.pad(np.cumsum(along, axis=1) / total, ((0, 0), (1, 0)))
        again[:, i] = [[count_for(curve, share) for share in shares] for curve in curves]
    return again


def _variances(rows: Floats, weights: Floats) -> Floats:
    """Variance of each column of rows under each of several weightings of the rows."""
    return np.maximum(weights @ rows**2 - (weights @ rows) ** 2, 0)


def estimate(
    values: xr.DataArray,
    resampled: xr.DataArray | None = None,
    step: xr.DataArray | float = 0.0,
) -> xr.Dataset:
    """Mean over networks with its 95% interval: over the networks, or over images of one.

    Parameters
    ----------
    values : DataArray over ``network`` and other axes
        Measured numbers.
    resampled : DataArray over ``network``, ``resample`` and the same others, optional
        The same on resampled images, where the networks are one and the same. Then the interval
        holds the middle 95% of all of them. Default: a Student t interval over networks.
    step : DataArray over some of the others, or float
        By how much a value changes at least, see `uncertainty.mean_interval`; such as `finest`.

    Returns
    -------
    xarray.Dataset
        ``effect``, ``low``, ``high`` over the other axes.

    Raises
    ------
    UserError
        As `uncertainty.mean_interval`.

    Examples
    --------
    >>> found = estimate(xr.DataArray([[1.0], [2.0], [3.0]], dims=("network", "layer")))
    >>> round(float(found.effect[0]), 2), round(float(found.low[0]), 2)
    (2.0, -0.48)
    """
    effect = values.mean("network")
    if resampled is None:
        columns = values.transpose("network", *effect.dims).values
        columns = columns.reshape(len(columns), -1).T
        steps = xr.broadcast(effect, xr.DataArray(step))[1].transpose(*effect.dims).values.ravel()
        ends = np.array(
            [
                mean_interval(column.tolist(), step=each)[1:]
                for column, each in zip(columns, steps.tolist(), strict=True)
            ]
        )
        low, high = (effect.copy(data=end.reshape(effect.shape)) for end in ends.T)
    else:
        both = resampled.quantile([0.025, 0.975], ["network", "resample"])
        low, high = (both.isel(quantile=k, drop=True) for k in (0, 1))
    return xr.Dataset({"effect": effect, "low": low, "high": high})


def fewer(needed: xr.DataArray, than: str, basis: str = "principal components") -> xr.DataArray:
    """How many times as many vectors one basis needs as another.

    Parameters
    ----------
    needed : DataArray over ``basis`` and other axes
        Counts, all of them reached.
    than, basis : str
        The basis whose count is divided, and the one by whose.

    Returns
    -------
    DataArray over the other axes
        The logarithm of the ratio to base 2: 0 for equally many, 1 for twice as many.

    Examples
    --------
    >>> counts = xr.DataArray([40, 10], {"basis": ["neurons", "principal components"]})
    >>> float(fewer(counts, than="neurons"))
    2.0
    """
    if (needed.sel(basis=[than, basis]) < 1).any():
        raise UserError(f"{than} or {basis} do not reach the share; pass bases that span the layer")
    ratio = needed.sel(basis=than, drop=True) / needed.sel(basis=basis, drop=True)
    return ratio.copy(data=np.log2(ratio.values))


def finest(needed: xr.DataArray, than: str, basis: str = "principal components") -> xr.DataArray:
    """By how much `fewer` changes where the smaller of the two counts is one larger.

    Parameters are those of `fewer`, with an axis ``network`` of which the mean is taken.

    Examples
    --------
    >>> counts = xr.DataArray(
    ...     [[3], [1]], {"basis": ["neurons", "principal components"]}, ("basis", "network")
    ... )
    >>> float(finest(counts, than="neurons"))
    1.0
    """
    smaller = needed.sel(basis=[than, basis]).min("basis").mean("network")
    return smaller.copy(data=np.log2(1 + 1 / smaller.values))


def areas(
    found: xr.Dataset, against: str = "count", resamples: int = 0, seed: Seed = 0
) -> xr.DataArray:
    """Mean height of ablation curves: the area below, over the whole range of the horizontal axis.

    Parameters
    ----------
    found : Dataset
        Of `experiments.layerwise.ablated`, perhaps of several networks.
    against : str
        "count": vectors ablated as a share of the units; "variance": share of the variance removed.
        A curve that ends before 1, since its vectors do not span the layer, goes on level.
    resamples : int
        Bootstrap resamples of the images, the same for all curves; 0: none.
    seed : int or numpy.random.Generator
        Decides the draws.

    Returns
    -------
    DataArray over the axes of ``accuracy`` but step, and ``resample`` if there are some
        In [0, 1]: 1 where accuracy stays whole until all is ablated.

    Raises
    ------
    UserError
        If `against` is another word, or the seed or the number of resamples is none.

    Examples
    --------
    >>> steps = {"accuracy": ("step", [1.0, 0.5, 0.0]), "count": ("step", [0, 1, 4]), "units": 4}
    >>> float(areas(xr.Dataset(steps)))
    0.375
    """
    if against not in ("count", "variance"):
        raise UserError(f"against is {against!r}; it must be 'count' or 'variance'")
    x = found["count"] / found.units if against == "count" else found.variance_removed
    weights = _trapezoids(x)
    if not whole_number(resamples, "resamples", 0):
        return (found.accuracy * weights).sum("step")
    images = found.sizes["image"]
    draws = generator(seed).multinomial(images, np.full(images, 1 / images), resamples)
    each = (found.right * weights).sum("step")
    return each.dot(xr.DataArray(draws / images, dims=("resample", "image")), "image")


def _trapezoids(x: xr.DataArray) -> xr.DataArray:
    """Weights of the trapezoidal rule: half the width of the intervals on both sides."""
    half = x.diff("step", label="lower") / 2
    rest = (1 - x.isel(step=[-1])).clip(min=0)
    ends = half.pad(step=(0, 1), constant_values=0) + half.pad(step=(1, 0), constant_values=0)
    return ends + rest.pad(step=(x.sizes["step"] - 1, 0), constant_values=0)
