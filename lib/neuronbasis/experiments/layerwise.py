"""Completeness of several bases in every layer of a network, in one table."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from neuronbasis import completeness, decomposition, recording
from neuronbasis.completeness import ORDERS, SHARES, ablation, needed_again
from neuronbasis.decomposition import OrderedBasis, three
from neuronbasis.errors import UserError
from neuronbasis.experiments.subjects import Case
from neuronbasis.utils.checks import whole_number

PARTS = ("fit", "held_out")
#: Of the search for independent components: the tightest that is reached.
TOLERANCES = (1e-4, 1e-3, 1e-2, 1e-1)
#: Makes bases of a layer's activations, (samples, units), and of a generator.
Maker = Callable[[xr.DataArray, np.random.Generator], Sequence[OrderedBasis]]
#: Bases by layer.
Bases = Mapping[str, list[OrderedBasis]]


def five(
    activations: Any,
    rng: np.random.Generator,
    share: float = 0.9,
    times: int = 2,
    steps: int = 1000,
) -> list[OrderedBasis]:
    """Neurons, principal components, a random basis, independent components, a sparse autoencoder.

    Parameters
    ----------
    activations : array_like or DataArray, shape (samples, n)
        On which all are found.
    rng : numpy.random.Generator
        Decides the random basis, and the starts of the searches.
    share : float in (0, 1)
        Independent components are sought among as many principal components as hold so much of
        the variance. With more, the last ones are noise made as large as the first.
    times : int
        Units of the sparse autoencoder, in multiples of n.
    steps : int
        Of its training.

    Returns
    -------
    list of OrderedBasis
        Each of at most n vectors: of the sparse autoencoder those of largest variance.
        Independent components are followed by the principal components outside their span.

    Raises
    ------
    UserError
        As `decomposition.independent` and `decomposition.sparse_autoencoder`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> [b.m for b in five(rng.laplace(size=(300, 4)), rng, times=2, steps=50)]
    [4, 4, 4, 4, 4]
    """
    found = three(activations, rng)
    n, components = found[0].n, found[1]
    k = _holding(components, share)
    ics = decomposition.independent(activations, k, rng, 300, TOLERANCES)
    features = decomposition.sparse_autoencoder(activations, times * n, rng, steps=steps).basis
    return [*found, _continued(ics, components), _first(features, n)]


def bases_of(case: Case, maker: Maker = three, positions: int = 4) -> Bases:
    """Make the bases of every layer, on the images to fit.

    Parameters
    ----------
    case : Case
    maker : callable
        Makes those of one layer.
    positions : int
        Random positions of each image that are read from feature maps.

    Returns
    -------
    dict of str to list of OrderedBasis
        By layer.

    Raises
    ------
    UserError
        As `recording.record` and the maker.
    """
    rng, fitted = np.random.default_rng([case.seed, 1]), recorded(case, "fit", positions)
    return {name: list(maker(fitted[name], rng)) for name in case.layers}


def explained(
    case: Case,
    bases: Bases,
    positions: int = 4,
    shares: Sequence[float] = SHARES,
    resamples: int = 0,
    part: str = "held_out",
) -> xr.Dataset:
    """Explained variance of bases in every layer, by default on the images held out.

    Parameters
    ----------
    case : Case
    bases : mapping of str to list of OrderedBasis
        Of `bases_of`.
    positions : int
        As of `bases_of`.
    shares : sequence of float
        Shares of the variance for which vectors are counted.
    resamples : int
        Bootstrap resamples of the images, the same for all layers; 0 where
        no interval over images is wanted.
    part : str
        "held_out", or "fit" for the images on which the bases were found.

    Returns
    -------
    xarray.Dataset
        By ``layer``: those of `completeness.explained_variance`, narrower layers filled up with
        the last value of ``explained``; ``units``; ``rank``, of the activations that the bases
        were found on, as the principal components have it; ``needed_again`` (resample, ...), where
        there are resamples.

    Raises
    ------
    UserError
        As `recording.record` and `completeness.explained_variance`; or for another part.

    Examples
    --------
    >>> import tempfile
    >>> from neuronbasis.experiments.subjects import cases
    >>> from neuronbasis.training import Store
    >>> temporary = Store(tempfile.mkdtemp())
    >>> case, = cases(layers="conv2, fc1", images=100, seeds=1, width=2, store=temporary)
    >>> found = explained(case, bases_of(case))
    >>> few = found.needed.sel(share=0.8)
    >>> bool((few.sel(basis="principal components") < few.sel(basis="neurons")).all())
    True
    """
    return explained_of(recorded(case, part, positions), bases, shares, resamples, seed=case.seed)


def explained_of(
    activations: Mapping[str, Any],
    bases: Bases,
    shares: Sequence[float] = SHARES,
    resamples: int = 0,
    seed: int = 0,
) -> xr.Dataset:
    """Explained variance of bases in activations that are at hand, by layer.

    Parameters
    ----------
    activations : mapping of str to DataArray, shape (samples, n)
        By layer.
    bases, shares, resamples
        As of `explained`.
    seed : int
        Decides the resamples.

    Returns
    -------
    xarray.Dataset
        As of `explained`.

    Raises
    ------
    UserError
        As `completeness.explained_variance`.

    Examples
    --------
    >>> rows = np.random.default_rng(0).normal(size=(50, 4))
    >>> found = explained_of({"one": rows}, {"one": three(rows, 0)})
    >>> found.needed.sel(share=0.99).values.tolist()
    [[4, 4, 4]]
    """
    tables = []
    for name, rows in activations.items():
        table = completeness.explained_variance(rows, bases[name], shares)
        table["units"] = table.attrs["units"]
        table["rank"] = min(int((basis.variances > 0).sum()) for basis in bases[name])
        if resamples:
            rng = np.random.default_rng([seed, 2])  # anew, for the same images in each layer
            again = needed_again(rows, bases[name], resamples, shares, rng)
            table["needed_again"] = (("resample", "basis", "share"), again)
        tables.append(table.drop_attrs())
    widest = max(table.sizes["count"] for table in tables)
    counts = {"count": np.arange(widest)}
    filled = [table.reindex(counts, method="ffill") for table in tables]
    return xr.concat(filled, "layer").assign_coords(layer=list(activations))


def ablated(case: Case, bases: Bases, steps: int = 8, orders: Sequence[str] = ORDERS) -> xr.Dataset:
    """Ablation curves of bases in every layer; accuracy on the images held out.

    Parameters
    ----------
    case, bases
        As of `explained`.
    steps : int
        As of `points`. A curve of fewer points than 2 `steps` + 1 repeats its last one.
    orders : sequence of str
        As of `completeness.ablation`.

    Returns
    -------
    xarray.Dataset
        By (layer, basis, order, step): ``accuracy``, ``low``, ``high``, ``variance_removed`` of
        `completeness.ablation`, and ``count``, the number of vectors ablated. By (layer, basis,
        order, step, image): ``right``, whether the prediction is right. By layer: ``units``,
        ``intact``, the accuracy with nothing ablated.

    Raises
    ------
    UserError
        As `completeness.ablation`.
    """
    tables = []
    for name, modules in case.layers.items():
        curves = [
            [_curve(case, {name: modules}, basis, steps, order) for order in orders]
            for basis in bases[name]
        ]
        table = xr.concat([xr.concat(each, "order") for each in curves], "basis").drop_attrs()
        intact = curves[0][0].attrs["intact_accuracy"]
        tables.append(table.assign(units=bases[name][0].n, intact=intact))
    return xr.concat(tables, "layer").assign_coords(layer=list(case.layers))


def recorded(case: Case, part: str, positions: int) -> dict[str, xr.DataArray]:
    """Activations of the images to "fit", or of those "held_out", by layer.

    Raises
    ------
    UserError
        As `recording.record`.
    """
    if part not in PARTS:
        raise UserError(f"part is {part!r}; it must be one of {', '.join(PARTS)}")
    seed = 2 * case.seed + PARTS.index(part)
    images = getattr(case, part)
    return recording.record(
        case.model, case.layers, images, draws=positions, seed=seed, progress=False
    )


def spaced(m: int, steps: int) -> list[int]:
    """Counts from 0 to m, close together at the beginning and far apart at the end.

    Examples
    --------
    >>> spaced(64, 6), spaced(3, 6)
    ([0, 1, 3, 8, 19, 38, 64], [0, 1, 2, 3])
    """
    m, steps = whole_number(m, "m", 1), whole_number(steps, "steps", 1)
    places = np.ceil(m * (np.arange(steps + 1) / steps) ** 3 - 1e-9)
    return np.unique(places).astype(int).tolist()


def points(basis: OrderedBasis, steps: int, order: str = "descending") -> list[int]:
    """Counts at which an ablation curve is measured, for both of its horizontal axes.

    Some are close together where the vectors of largest variance go, see `spaced`; the others are
    those at which the variance along the vectors passes equal steps.

    Parameters
    ----------
    basis : OrderedBasis
    steps : int
        Of either kind.
    order : str
        As of `completeness.ablation`.

    Returns
    -------
    list of int
        Increasing, from 0 to m, at most 2 `steps` + 1 of them.

    Examples
    --------
    >>> rows = np.random.default_rng(0).standard_normal((500, 40))
    >>> from neuronbasis import decomposition
    >>> points(decomposition.neurons(rows), 4)
    [0, 1, 5, 10, 17, 20, 30, 40]
    """
    counts, variances = spaced(basis.m, steps), basis.variances
    if order == "ascending":
        counts, variances = [basis.m - k for k in counts], variances[::-1]
    cumulated = np.cumsum(variances)
    levels = cumulated[-1] * np.arange(1, steps) / steps
    passed = (np.searchsorted(cumulated, levels) + 1).tolist()
    return sorted({*counts, *passed})


def _curve(
    case: Case, layer: dict[str, list[str]], basis: OrderedBasis, steps: int, order: str
) -> xr.Dataset:
    counts = points(basis, steps, order)
    found = ablation(case.model, layer, basis, case.held_out, case.labels, counts, [order])
    places = np.minimum(np.arange(2 * steps + 1), len(counts) - 1)
    table = found.isel(count=places).rename(count="step")
    table["right"] = table.predicted == xr.DataArray(case.labels, dims="image")
    table["count"] = (("basis", "order", "step"), np.array(counts)[places][None, None])
    return table.drop_vars(["step", "predicted"])


def _continued(ics: OrderedBasis, components: OrderedBasis) -> OrderedBasis:
    """A basis of the whole space: ICs vary no less than PC k, and so more than those after it."""
    rest = slice(ics.m, None)
    vectors = np.concatenate([ics.vectors, components.vectors[rest]])
    variances = np.concatenate([ics.variances, components.variances[rest]])
    return OrderedBasis(vectors, np.minimum.accumulate(variances), ics.mean, ics.name)


def _first(basis: OrderedBasis, k: int) -> OrderedBasis:
    return OrderedBasis(basis.vectors[:k], basis.variances[:k], basis.mean, basis.name)


def _holding(components: OrderedBasis, share: float) -> int:
    """How many components hold so much of the variance."""
    if not 0 < share < 1:
        raise UserError(f"share is {share!r}; it must lie in (0, 1): pass such as 0.9")
    cumulated = np.cumsum(components.variances)
    return int(np.searchsorted(cumulated, share * cumulated[-1])) + 1
