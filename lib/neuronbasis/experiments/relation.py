"""Whether layers that lie nearer to their basis need fewer of its vectors: rank correlations."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy import stats

from neuronbasis.errors import UserError
from neuronbasis.experiments.both_measures import COUNTS, FORMS
from neuronbasis.uncertainty import mean_interval

#: Fewest layers, or seeds, of which the order is compared.
FEWEST = 4


@dataclass(frozen=True)
class Relation:
    """Rank correlation of alignment and completeness over layers, or over seeds.

    Attributes
    ----------
    rho, low, high : float
        Spearman's correlation with its 95% interval; with several seeds of several layers the
        mean over seeds.
    layers, seeds : int
        What it was taken over: the layers of each seed, or, of one layer, the seeds.
    copies : (float, float)
        Range that holds 95% of the correlations that rotated copies give, one copy of each
        layer's basis in the place of the basis.
    """

    rho: float
    low: float
    high: float
    layers: int
    seeds: int
    copies: tuple[float, float]


def relation(found: xr.Dataset, form: str = FORMS[1], count: str = COUNTS[2]) -> Relation:
    """Say whether the layers that lie nearer to their basis need fewer of its vectors.

    Parameters
    ----------
    found : Dataset
        Of `experiments.both_measures.measured`, over (seed, layer), one of them perhaps of
        length 1.
    form, count : str
        Which alignment (its ``beyond``) and which number of vectors (its ``saved``).

    Returns
    -------
    Relation
        Over layers where there are at least four, with an interval over seeds if there are
        several; otherwise over seeds. Without repetitions the interval is that of Bonett and
        Wright (2000), which takes the points as independent: layers of one network are not.

    Raises
    ------
    UserError
        If there are fewer than four layers and fewer than four seeds.

    Examples
    --------
    >>> from neuronbasis.basis import orthoplex
    >>> from neuronbasis.experiments.both_measures import measured
    >>> rows = np.random.default_rng(0).standard_normal((4, 200, 3))
    >>> scales = [[1, 1, 1], [2, 1, 1], [4, 1, 1], [9, 1, 1]]
    >>> layers = [measured(x * s, orthoplex(3), null=0.05) for x, s in zip(rows, scales)]
    >>> found = relation(xr.concat(layers, "layer").expand_dims("seed"))
    >>> round(found.rho, 6), found.layers, found.seeds
    (1.0, 4, 1)
    """
    layers, seeds = found.sizes["layer"], found.sizes["seed"]
    if max(layers, seeds) < FEWEST:
        raise UserError(
            f"{layers} layer(s) of {seeds} seed(s) have no order to compare: pass at least "
            f"{FEWEST} of either"
        )
    axis = "layer" if layers >= FEWEST else "seed"
    cosine = found.copy_cosine.sel(form=form)
    needed = found.copy_needed.sel(count=count)
    rho = _spearman(found.beyond.sel(form=form), found.saved.sel(count=count), axis)
    null = _spearman(cosine - cosine.mean("rotation"), 1 - needed / needed.mean("rotation"), axis)
    repeats = [dim for dim in ("seed", "layer") if dim != axis]
    low, high = np.quantile(null.mean(repeats), (0.025, 0.975)).tolist()
    if rho.size > 1:
        ranked = found.sizes[axis]
        swap = 12 / (ranked * (ranked**2 - 1))  # what two neighbours change that swap their ranks
        middle, first, last = mean_interval(rho.values.ravel().tolist(), step=swap)
        interval = middle, max(first, -1.0), min(last, 1.0)
    else:
        interval = _closed_interval(float(rho.squeeze()), found.sizes[axis])
    return Relation(*interval, layers, seeds, (low, high))


def among_copies(found: xr.Dataset, form: str = FORMS[1], count: str = COUNTS[2]) -> xr.DataArray:
    """Rank correlation of the two measures over the rotated copies of each layer's basis.

    Whether, of bases that a layer knows nothing of, those that happen to lie nearer to its
    activations need fewer vectors.

    Parameters
    ----------
    found, form, count
        As of `relation`; any axes.

    Returns
    -------
    DataArray
        Over the axes of `found`; positive where the nearer copies need fewer vectors.

    Examples
    --------
    >>> from neuronbasis.basis import orthoplex
    >>> from neuronbasis.experiments.both_measures import measured
    >>> rows = np.random.default_rng(0).standard_normal((400, 3)) * [9.0, 1.0, 1.0]
    >>> bool(among_copies(measured(rows, orthoplex(3), null=0.05)) > 0.5)
    True
    """
    cosine, needed = found.copy_cosine.sel(form=form), found.copy_needed.sel(count=count)
    return _spearman(cosine, -needed, "rotation")


def pooled(groups: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """All layers of several groups, each averaged over its seeds, as of one network.

    Parameters
    ----------
    groups : mapping of str to Dataset
        As of `relation`, by title.
    """
    means = [found.mean("seed") for found in groups.values()]
    return xr.concat(means, "layer").expand_dims("seed")


def related(
    groups: Mapping[str, xr.Dataset], count: str = COUNTS[2]
) -> dict[str, dict[str, Relation]]:
    """Relations of all groups that have an order to compare, and of all layers together.

    Parameters
    ----------
    groups : mapping of str to Dataset
        As of `relation`, by title.
    count : str
        As of `relation`.

    Returns
    -------
    dict of str to dict of str to Relation
        By title and form. "all layers", where there are several groups: `pooled`. Groups of too
        few layers and seeds are left out.

    Raises
    ------
    UserError
        If there is no group.
    """
    if not groups:
        raise UserError("there is no group of layers to compare: measure at least one network")
    together = {"all layers": pooled(groups)} if len(groups) > 1 else {}
    return {
        title: {form: relation(found, form, count) for form in FORMS}
        for title, found in {**groups, **together}.items()
        if max(found.sizes["layer"], found.sizes["seed"]) >= FEWEST
    }


def judged(each: Relation) -> str:
    """What a relation says of better aligned layers: they need fewer vectors, more, or neither.

    Returns
    -------
    str
        "fewer" or "more" where the interval leaves out zero, followed by ", beyond copies" where
        the correlation leaves the range of the copies too, else by ", as copies do"; or "not
        significant".

    Examples
    --------
    >>> judged(Relation(0.6, 0.3, 0.8, layers=9, seeds=1, copies=(-0.2, 0.5)))
    'fewer, beyond copies'
    >>> judged(Relation(0.6, -0.1, 0.9, layers=4, seeds=1, copies=(-0.2, 0.5)))
    'not significant'
    """
    if each.low > 0:
        return "fewer, " + ("beyond copies" if each.rho > each.copies[1] else "as copies do")
    if each.high < 0:
        return "more, " + ("beyond copies" if each.rho < each.copies[0] else "as copies do")
    return "not significant"


def tally(groups: Mapping[str, xr.Dataset]) -> dict[str, int]:
    """How many of the `related` groups say what, on mean-centred activations.

    Returns
    -------
    dict of str to int
        "comparisons"; of these "fewer", "fewer_beyond" and "more", as `judged` says.
    """
    said = [judged(forms[FORMS[1]]) for forms in related(groups).values()]
    return {
        "comparisons": len(said),
        "fewer": sum(each.startswith("fewer") for each in said),
        "fewer_beyond": said.count("fewer, beyond copies"),
        "more": sum(each.startswith("more") for each in said),
    }


def mechanical(groups: Mapping[str, xr.Dataset]) -> tuple[float, float, float]:
    """The relation that needs no privileged basis: `among_copies` over all layers and seeds.

    Returns
    -------
    mean, low, high : float
        The last two hold the middle eight tenths.
    """
    values = np.concatenate([among_copies(each).values.ravel() for each in groups.values()])
    low, high = np.quantile(values, (0.1, 0.9)).tolist()
    return float(np.mean(values)), low, high


def _spearman(x: xr.DataArray, y: xr.DataArray, axis: str) -> xr.DataArray:
    """Spearman's correlation along an axis; 0 where one of the two is the same everywhere."""
    x, y = xr.broadcast(x, y)
    number = x.get_axis_num(axis)
    ranks = [stats.rankdata(each.values, axis=number) for each in (x, y)]
    a, b = (each - each.mean(axis=number, keepdims=True) for each in ranks)
    size = np.sqrt((a * a).sum(axis=number) * (b * b).sum(axis=number))
    shared = (a * b).sum(axis=number)
    rho = np.divide(shared, size, out=np.zeros_like(shared), where=size > 0)
    return x.isel({axis: 0}, drop=True).copy(data=rho)


def _closed_interval(rho: float, points: int) -> tuple[float, float, float]:
    """Bonett and Wright (2000): Fisher's z with the variance of a rank correlation."""
    reach = stats.norm.ppf(0.975) * np.sqrt((1 + rho**2 / 2) / (points - 3))
    middle = np.arctanh(np.clip(rho, -1 + 1e-12, 1 - 1e-12))
    return rho, float(np.tanh(middle - reach)), float(np.tanh(middle + reach))
