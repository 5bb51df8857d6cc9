"""How much more a network needs its principal components than other directions: claim P2."""

import numpy as np
import xarray as xr

from neuronbasis import completeness

PCS = "principal components"
#: Horizontal axis, order, and whether PCs are claimed to hurt more (1) or less (-1).
MEASURES = {
    "first": ("count", "descending", 1),
    "last": ("count", "ascending", -1),
    "equal_variance": ("variance", "descending", 1),
}


def effects(found: xr.Dataset, resamples: int = 0) -> dict[str, xr.DataArray]:
    """Differences of mean accuracy between ablating PCs and ablating another basis.

    Parameters
    ----------
    found : Dataset
        Of `layerwise.ablated` in both orders, over ``network``.
    resamples : int
        As of `completeness.areas`.

    Returns
    -------
    dict of str to DataArray
        For each of `MEASURES` over the axes of the networks and layers, from neurons and, under
        the name with ``_random``, from random vectors; above 0 where they speak for the claim.

    Examples
    --------
    >>> left = [[[1, 0], [0, 1]], [[1, 0.5], [1, 1]], [[1, 1], [1, 1]]]
    >>> coordinates = {"basis": [PCS, "neurons", "random"], "order": ["descending", "ascending"]}
    >>> curves = xr.DataArray(left, coordinates, ("basis", "order", "step"))
    >>> steps = {"accuracy": curves, "count": ("step", [0, 1]), "units": 1}
    >>> steps["variance_removed"] = ("step", [0.0, 1.0])
    >>> {key: float(each) for key, each in effects(xr.Dataset(steps)).items() if "_" not in key}
    {'first': 0.25, 'last': -0.5}
    """
    differences = {}
    for key, (against, order, sign) in MEASURES.items():
        heights = completeness.areas(found, against, resamples).sel(order=order, drop=True)
        above = sign * (heights - heights.sel(basis=PCS, drop=True))
        differences[key] = above.sel(basis="neurons", drop=True)
        differences[f"{key}_random"] = above.sel(basis="random", drop=True)
    return differences


def points(measured: xr.DataArray, again: xr.DataArray | None = None) -> xr.Dataset:
    """An effect in percentage points, with its interval where there is one.

    Parameters
    ----------
    measured, again : DataArray
        Of `effects`, and the same on resampled images. One network that was measured once has no
        interval: its ends are NaN.

    Examples
    --------
    >>> alone = points(xr.DataArray([[0.25]], dims=("network", "layer")))
    >>> alone.effect.values.tolist(), alone.low.values.tolist()
    ([25.0], [nan])
    """
    if again is not None or measured.sizes["network"] > 1:
        return 100 * completeness.estimate(measured, again)
    effect = 100 * measured.mean("network")
    return xr.Dataset({"effect": effect, "low": np.nan * effect, "high": np.nan * effect})
