"""The paper's figure of one network, with the mean curves of its other networks."""

from collections.abc import Mapping, Sequence
from typing import Any

import xarray as xr

from neuronbasis import spotlight
from neuronbasis.basis import Basis
from neuronbasis.errors import UserError


def resonances(
    clouds: Mapping[str, Sequence[Any]], bases: Sequence[Basis], shown: int, **settings: Any
) -> tuple[dict[str, xr.Dataset], dict[str, xr.DataArray]]:
    """Measure one network's resonance plane by plane, and the others' in the mean.

    Parameters
    ----------
    clouds : mapping of str to sequence of array_like, shape (samples, n)
        Title -> activations of every network, such as before and after training.
    bases : sequence of Basis
        One a network.
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
        If there are not as many bases as activations; or as `spotlight.resonance`.

    Examples
    --------
    >>> import numpy as np
    >>> from neuronbasis import basis
    >>> bases = [basis.standard(3), basis.standard(3)]
    >>> on, off = np.eye(3), np.ones((1, 3))
    >>> one, others = resonances({"after": [on, off]}, bases, 0, epsilon=0.9, angles=4)
    >>> one["after"].fraction.shape, others["after"].shape
    ((3, 4), (1, 4))
    """
    for title, several in clouds.items():
        if len(several) != len(bases):
            raise UserError(
                f"{title}: {len(several)} networks and {len(bases)} bases: pass one basis a network"
            )
    one = {
        title: spotlight.resonance(several[shown], bases[shown], **settings)
        for title, several in clouds.items()
    }
    others = {
        title: xr.concat(
            [
                spotlight.summary(cloud, basis, **settings)["mean"]
                for k, (cloud, basis) in enumerate(zip(several, bases, strict=True))
                if k != shown
            ],
            "network",
        )
        for title, several in clouds.items()
    }
    return one, others
