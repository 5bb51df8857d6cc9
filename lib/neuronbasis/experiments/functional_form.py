"""Choices of functional form, each the only change to one network: what they do to alignment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import xarray as xr

from neuronbasis import basis
from neuronbasis.datasets import Dataset
from neuronbasis.errors import UserError
from neuronbasis.experiments import subjects
from neuronbasis.spotlight import survey
from neuronbasis.training import Specification, Trained
from neuronbasis.uncertainty import mean_interval

BASES = ("turned basis", "axes")
WAYS = ("raw", "mean taken off")


@dataclass(frozen=True)
class Factor:
    """One change to the network that the others are compared with.

    Attributes
    ----------
    name : str
        What figures and tables call it.
    settings : mapping
        The settings of `Specification` that differ.
    axes : bool
        Whether it treats the directions of the latent neurons unlike others. Where it does not,
        a network and its basis turned together are trained to the same result, turned: on
        average over turns there can be nothing to see on the axes.
    """

    name: str
    settings: Mapping[str, Any]
    axes: bool


FACTORS: Mapping[str, Factor] = {
    "base": Factor("base", {}, axes=False),
    "isotropic": Factor("isotropic tanh", {"activation": "isotropic"}, axes=False),
    "elementwise": Factor("elementwise tanh", {"activation": "elementwise"}, axes=True),
    "adam": Factor("Adam", {"optimiser": "adam", "learning_rate": 0.001}, axes=True),
    # A weight of uniform numbers reaches farthest toward the corners of a cube.
    "xavier_uniform": Factor("Xavier uniform", {"initialiser": "xavier_uniform"}, axes=True),
    "orthogonal": Factor("orthogonal weights", {"initialiser": "orthogonal"}, axes=False),
    "dropout": Factor("dropout", {"dropout": 0.2}, axes=True),
    "batch_norm": Factor("batch norm", {"normalisation": "batch"}, axes=True),
    "layer_norm": Factor("layer norm", {"normalisation": "layer"}, axes=True),
    "tanh_output": Factor("tanh of the output", {"output": "tanh"}, axes=False),
    "classification": Factor("classification", {"task": "classification"}, axes=False),
    "no_biases": Factor("no biases", {"bias": False}, axes=False),
}


def chosen(names: str) -> dict[str, Factor]:
    """Read a list of factors; the base network and the two other activation functions are in it.

    Parameters
    ----------
    names : str
        "all", or keys of `FACTORS` separated by commas.

    Returns
    -------
    dict of str to Factor
        In the order of `FACTORS`.

    Raises
    ------
    UserError
        For a name that is none of them.

    Examples
    --------
    >>> list(chosen("dropout, adam"))
    ['base', 'isotropic', 'elementwise', 'adam', 'dropout']
    """
    asked = [name.strip() for name in names.split(",") if name.strip()]
    for name in asked:
        if name not in (*FACTORS, "all"):
            known = ", ".join(FACTORS)
            raise UserError(f"factor {name!r} is not known: use all, or some of {known}")
    always = ("base", "isotropic", "elementwise")
    taken = FACTORS if "all" in asked else (*always, *asked)
    return {name: factor for name, factor in FACTORS.items() if name in taken}


def specifications(
    factor: Factor, dataset: Dataset, n: int, seeds: int, **settings: Any
) -> list[Specification]:
    """Specify the networks of one factor, one a seed; each has a basis of 2n vectors of its own.

    Examples
    --------
    >>> from neuronbasis import datasets
    >>> specs = specifications(FACTORS["dropout"], datasets.load("digits"), n=10, seeds=2)
    >>> [(spec.m, spec.dropout, spec.seed, spec.basis_seed) for spec in specs]
    [(20, 0.2, 0, 0), (20, 0.2, 1, 1)]
    """
    return [
        Specification.of(
            dataset, n=n, m=2 * n, seed=seed, basis_seed=seed, **{**settings, **factor.settings}
        )
        for seed in range(seeds)
    ]


def surveyed(
    networks: Sequence[Trained], dataset: Dataset, epsilon: float, *, rotations: int = 99
) -> xr.Dataset:
    """Survey trained networks on the turned basis and on the axes, raw and centred.

    Parameters
    ----------
    networks : sequence of Trained
        Their bases are those that the generalised tanh acts along, or would have.
    dataset : Dataset
        Its test images are what the networks are shown.
    epsilon : float in (0, 1]
        Cosine of the spotlight's half-angle.
    rotations : int
        Rotated copies of each basis.

    Returns
    -------
    xarray.Dataset
        The variables of `spotlight.survey` over (basis, way, network): basis is "turned basis" or
        "axes" (the 2n vectors +e_i and -e_i), way is "raw" or "mean taken off". attrs:
        ``test_loss``, the mean of the networks.

    Examples
    --------
    >>> import tempfile
    >>> from neuronbasis import datasets
    >>> from neuronbasis import training
    >>> digits = datasets.load("digits")
    >>> specs = specifications(FACTORS["base"], digits, n=3, seeds=2, epochs=1)
    >>> networks = training.trained_all(specs, digits, training.Store(tempfile.mkdtemp()))
    >>> surveyed(networks, digits, 0.8, rotations=19).slope.shape
    (2, 2, 2)
    """
    latent = subjects.latent(networks, dataset)
    axes = basis.orthoplex(networks[0].spec.n)
    found = [
        xr.concat(
            [
                survey(latent, bases, epsilon, rotations=rotations, centre=centre)
                for centre in (False, True)
            ],
            "way",
        )
        for bases in ([each.basis for each in networks], [axes] * len(networks))
    ]
    losses = [each.history.test_loss for each in networks]
    return (
        xr.concat(found, "basis")
        .assign_coords(basis=list(BASES), way=list(WAYS))
        .assign_attrs(test_loss=sum(losses) / len(losses))
    )


def intervals(found: Mapping[str, xr.Dataset], measure: str) -> xr.Dataset:
    """Mean of one measure over the networks of each factor, with its 95% interval.

    Parameters
    ----------
    found : mapping of str to Dataset
        Factor -> what `surveyed` returns.
    measure : str
        A variable of it, such as ``slope``.

    Returns
    -------
    xarray.Dataset
        ``mean``, ``low`` and ``high`` over (factor, basis, way).

    Examples
    --------
    >>> slope = ("basis", "way", "network"), [[[0.1, 0.3], [0.0, 0.2]]] * 2
    >>> one = xr.Dataset({"slope": slope}, {"basis": list(BASES), "way": list(WAYS)})
    >>> intervals({"base": one}, "slope")["mean"].sel(basis="axes").values.round(3).tolist()
    [[0.2, 0.1]]
    """
    rows = [_interval(each[measure]) for each in found.values()]
    return xr.concat(rows, "factor").assign_coords(factor=list(found))


def changes(found: Mapping[str, xr.Dataset], measure: str) -> xr.Dataset:
    """By how much one measure of each factor differs from that of the base network.

    Networks of one seed have the same first weights (where the factor lets them), batches and
    basis, so they are compared in pairs, for as many seeds as there are of both.

    Returns
    -------
    xarray.Dataset
        As of `intervals`, without the base itself.
    """
    base = found["base"][measure]
    rows = []
    for name, each in found.items():
        shared = range(min(each.sizes["network"], base.sizes["network"]))
        if name != "base":
            one, other = (x.isel(network=shared) for x in (each[measure], base))
            rows.append(_interval(one - other, size=float(abs(other).max())))
    return xr.concat(rows, "factor").assign_coords(
        factor=[name for name in found if name != "base"]
    )


def _interval(values: xr.DataArray, size: float = 0.0) -> xr.Dataset:
    three = xr.apply_ufunc(
        mean_interval,
        values,
        input_core_dims=[["network"]],
        output_core_dims=[[], [], []],
        vectorize=True,
        kwargs={"size": size},
    )
    return xr.Dataset(dict(zip(("mean", "low", "high"), three, strict=True)))
