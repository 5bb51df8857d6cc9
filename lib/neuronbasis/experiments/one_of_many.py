"""The figure of one network, with the mean curves of the others trained like it."""

from collections.abc import Mapping, Sequence
from typing import Any

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
