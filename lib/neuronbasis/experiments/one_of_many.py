"""The figure of one network, with the mean curves of the others trained like it.

It is measured from the networks, or drawn again from what a record keeps of it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from neuronbasis import spotlight
from neuronbasis.basis import Basis
from neuronbasis.errors import UserError


def resonances(
    seen: Mapping[str, Sequence[tuple[Any, Basis]]], shown: int, **settings: Any
) -> tuple[dict[str, xr.Dataset], dict[str, xr.DataArray]]:
    """Measure one network's resonance plane by plane, and the others' in the mean.

    Parameters
    ----------
    seen : mapping of str to sequence of (array_like of shape (samples, n), Basis)
        Title -> activations of every network with a basis of its own, such as before training.
    shown : int
        Place of the network whose every plane is given.
    settings
        Of `spotlight.resonance`: epsilon, angles, planes.

    Returns
    -------
    one : dict of str to Dataset
        Title -> what `spotlight.resonance` returns of the network that is shown.
    others : dict of str to DataArray
        Title -> mean over planes of the other networks, over (network, angle).

    Raises
    ------
    UserError
        If there are fewer than two networks, or not the one that is to be shown; or as
        `spotlight.resonance`.

    Examples
    --------
    >>> import numpy as np
    >>> from neuronbasis import basis
    >>> b = basis.standard(3)
    >>> one, others = resonances({"after": [(np.eye(3), b), (np.ones((1, 3)), b)]}, 0, angles=4)
    >>> one["after"].fraction.shape, others["after"].shape
    ((3, 4), (1, 4))
    """
    one, others = {}, {}
    for title, networks in seen.items():
        if len(networks) < 2:
            raise UserError(f"{title}: {len(networks)} network; there must be others: pass 2 seeds")
        if not 0 <= shown < len(networks):
            raise UserError(f"shown is {shown}; there are networks 0 to {len(networks) - 1}")
        one[title] = spotlight.resonance(*networks[shown], **settings)
        means = [
            spotlight.summary(*each, **settings)["mean"]
            for k, each in enumerate(networks)
            if k != shown
        ]
        others[title] = xr.concat(means, "network")
    return one, others


def packed(
    one: Mapping[str, xr.Dataset], others: Mapping[str, xr.DataArray], angles: int = 180
) -> xr.Dataset:
    """Make what `resonances` measured into one small set of curves, for a record.

    Parameters
    ----------
    one, others
        What `resonances` returns; every title of ``one`` has the same planes.
    angles : int, at least 1
        At most so many angles are kept: every second, third, ... of those measured.

    Returns
    -------
    Dataset
        ``count`` (stage, plane, angle), exact numbers of rows, int16 if they fit; ``samples``
        (stage), of how many; ``mean`` (compared, network, angle) of the others, float32.

    Examples
    --------
    >>> import numpy as np
    >>> from neuronbasis import basis
    >>> b = basis.standard(3)
    >>> kept = packed(*resonances({"after": [(np.eye(3), b), (np.ones((1, 3)), b)]}, 0, angles=8))
    >>> kept["count"].dtype, dict(kept.sizes)
    (dtype('int16'), {'stage': 1, 'plane': 3, 'angle': 8, 'compared': 1, 'network': 1})
    """
    first = next(iter(one.values()))
    thin = {"angle": slice(None, None, -(-first.sizes["angle"] // angles))}
    counts = np.stack([each["count"].isel(thin).values for each in one.values()])
    means = np.stack([each.isel(thin).values for each in others.values()])
    return xr.Dataset(
        {
            "count": (
                ("stage", "plane", "angle"),
                counts.astype(np.int16 if np.abs(counts).max() < 2**15 else np.int32),
                {"units": "rows"},
            ),
            "samples": ("stage", [each.attrs["samples"] for each in one.values()]),
            "mean": (("compared", "network", "angle"), means.astype(np.float32), {"units": "1"}),
        },
        {
            "stage": list(one),
            "compared": list(others),
            "alpha": first.alpha,
            "beta": first.beta,
            "angle": first.angle[thin["angle"]],
        },
    )


def unpacked(kept: xr.Dataset) -> tuple[dict[str, xr.Dataset], dict[str, xr.DataArray]]:
    """Make what `packed` kept into what `resonances` measured, at the angles that were kept.

    Parameters
    ----------
    kept
        What `packed` returned, as `records.read_curves` reads it.

    Returns
    -------
    one : dict of str to Dataset
        Title -> ``fraction`` and ``count`` (plane, angle), exactly as they were measured.
    others : dict of str to DataArray
        Title -> mean over planes of the other networks (network, angle), to seven digits.

    Examples
    --------
    >>> import numpy as np
    >>> from neuronbasis import basis
    >>> b = basis.standard(3)
    >>> seen = {"after": [(np.eye(3), b), (np.ones((1, 3)), b)]}
    >>> measured, _ = resonances(seen, 0, angles=8)
    >>> again, _ = unpacked(packed(*resonances(seen, 0, angles=8)))
    >>> bool((again["after"].fraction == measured["after"].fraction).all())
    True
    """
    one = {}
    for title in kept.stage.values:
        stage = kept.sel(stage=title, drop=True)
        count = stage["count"].astype(np.int32)
        one[str(title)] = xr.Dataset({"fraction": count / int(stage.samples), "count": count})
    means = {
        str(title): kept["mean"].sel(compared=title, drop=True) for title in kept.compared.values
    }
    return one, means
