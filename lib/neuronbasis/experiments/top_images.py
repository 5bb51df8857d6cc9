"""Angles between vectors of a cloud, and between vectors that know nothing of one another."""

from typing import Any

import numpy as np
import xarray as xr

from neuronbasis.errors import UserError
from neuronbasis.utils.checks import whole_number


def angles(vectors: Any, pairs: int = 20_000, seed: int = 0, labels: Any = None) -> xr.DataArray:
    """Angles of pairs of distinct rows, drawn at random.

    Parameters
    ----------
    vectors : array_like, shape (rows, n)
        Such as activations. Rows of zeros have no direction and are left out.
    pairs : int
        How many pairs are drawn, each with replacement.
    seed : int
        Of the draw.
    labels : array_like, shape (rows,), optional
        Class of each row.

    Returns
    -------
    DataArray (pair), in degrees, in [0, 180]
        With labels, the coordinate ``same`` (pair) says whether both rows are of one class. attrs:
        ``zero_rows``, how many were left out, and ``width``, the n.

    Raises
    ------
    UserError
        If shapes do not match, a number is not finite, or fewer than two rows have a direction.

    Examples
    --------
    >>> angles([[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]], pairs=3).values.tolist()
    [90.0, 90.0, 90.0]
    """
    x = np.asarray(vectors, dtype=np.float64)
    if x.ndim != 2 or not np.isfinite(x).all():
        raise UserError(f"vectors have shape {x.shape}; they must be (rows, n) and all finite")
    given = None if labels is None else np.asarray(labels)
    if given is not None and given.shape != x.shape[:1]:
        raise UserError(f"labels have shape {given.shape}; they must be ({len(x)},): one a row")
    lengths = np.linalg.norm(x, axis=1)
    kept = np.flatnonzero(lengths > 0)
    if len(kept) < 2:
        raise UserError(f"{len(kept)} of {len(x)} vectors have a direction; pass at least two")
    rng = np.random.default_rng(whole_number(seed, "seed", 0))
    count = whole_number(pairs, "pairs", 1)
    first = rng.integers(len(kept), size=count)
    second = kept[(first + rng.integers(1, len(kept), size=count)) % len(kept)]
    first = kept[first]
    units = np.divide(x, lengths[:, None], out=np.zeros_like(x), where=lengths[:, None] > 0)
    cosines = np.einsum("pn,pn->p", units[first], units[second])
    found = xr.DataArray(
        np.degrees(np.arccos(np.clip(cosines, -1, 1))),
        dims="pair",
        attrs={"zero_rows": len(x) - len(kept), "width": x.shape[1], "units": "degrees"},
    )
    if given is None:
        return found
    return found.assign_coords(same=("pair", given[first] == given[second]))
