"""Whether a signal is absent from bases that a network knows nothing of."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from neuronbasis import basis
from neuronbasis.errors import UserError
from neuronbasis.spotlight._survey import survey
from neuronbasis.utils.checks import whole_number


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
        drawn = [basis.random(m, np.shape(each)[-1], seed=seed) for seed in seeds]
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
