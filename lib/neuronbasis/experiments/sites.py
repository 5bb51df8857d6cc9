"""How strongly many sites of one network are aligned with their neurons, in one table."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from torch import nn

from neuronbasis import basis, spotlight
from neuronbasis.errors import UserError
from neuronbasis.utils.checks import matrix, whole_number

Floats = NDArray[np.float64]

FORMS = ("raw", "mean-centred")
#: Places of an inverted residual block of timm's, and their modules within it. Its batch
#: normalisation holds the activation function, so what comes before that leaves its dropout.
INVERTED = {
    "expansion, before ReLU6": "bn1.drop",
    "expansion, behind ReLU6": "bn1.act",
    "depthwise, behind ReLU6": "bn2.act",
    "bottleneck": "",
}


def inverted(model: nn.Module) -> dict[str, dict[str, str]]:
    """Places of the inverted residual blocks of a network, the bottleneck being what they give.

    Parameters
    ----------
    model : nn.Module
        Such as timm's EfficientNet or MobileNetV2.

    Returns
    -------
    dict of str to dict of str to str
        Kind -> name of the block -> name of the module.

    Raises
    ------
    UserError
        If it has no such block.

    Notes
    -----
    Sandler et al. (2018), "MobileNetV2: Inverted residuals and linear bottlenecks".

    Examples
    --------
    >>> inverted(nn.Linear(2, 2))
    Traceback (most recent call last):
        ...
    neuronbasis.errors.UserError: the model is a Linear and has no inverted residual block; pass ...
    """
    blocks = [
        name for name, each in model.named_modules() if type(each).__name__ == "InvertedResidual"
    ]
    if not blocks:
        raise UserError(
            f"the model is a {type(model).__name__} and has no inverted residual block; pass one "
            "that has, such as timm:tf_efficientnet_lite0"
        )
    return {
        kind: {block.removeprefix("blocks."): f"{block}.{part}".rstrip(".") for block in blocks}
        for kind, part in INVERTED.items()
    }


def strengths(
    activations: Mapping[str, xr.DataArray],
    rotations: int = 39,
    resamples: int = 400,
    seed: int = 0,
) -> xr.Dataset:
    """Measure the `spotlight.strength` of the neurons at every site, with intervals over inputs.

    It needs no cone and no planes, so that sites of all widths can be compared. Sites of one
    width are measured against the same rotated copies.

    Parameters
    ----------
    activations : mapping of str to DataArray (sample, unit)
        By site, as `recording.record` gives them, all with a coordinate ``image``: the picture
        or text that a sample is of.
    rotations : int
        Rotated copies of the standard basis; the smallest p-value is ``2 / (1 + rotations)``.
    resamples : int
        Bootstrap resamples of the images.
    seed : int
        Decides rotations and resamples.

    Returns
    -------
    xarray.Dataset
        By (site, form), form being raw or mean-centred: ``strength`` with its 95% interval
        ``low`` to ``high``; ``p_value``, two-sided, of the nearest cosine among those of rotated
        copies; ``nearest_cosine``, ``rotated``; ``kurtosis`` of the coordinates about zero, 3 for
        directions without a preference. By site: ``units``, ``mean_share``.

    Raises
    ------
    UserError
        If there is no site or image, the sites have other images, or a number is out of range.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> image = ("sample", np.arange(300))
    >>> flat = xr.DataArray(rng.normal(size=(300, 8)), dims=("sample", "unit"))
    >>> found = strengths({"flat": flat.assign_coords(image=image)}, rotations=19, resamples=50)
    >>> bool(abs(found.strength.sel(site="flat")).max() < 0.1)
    True
    """
    whole_number(rotations, "rotations", 1), whole_number(resamples, "resamples", 20)
    groups = _groups(activations)
    images = int(groups[next(iter(groups))].max()) + 1
    rng = np.random.default_rng([seed, 1])
    draws = rng.multinomial(images, np.full(images, 1 / images), size=resamples)
    values = {site: rows.values.astype(np.float64) for site, rows in activations.items()}
    copies = _copies(values, rotations, seed)
    tables = [
        xr.concat(
            [
                _measured(_directions(rows - shift), groups[site], copies[site, form], draws)
                for form, shift in _shifts(rows)
            ],
            "form",
        ).assign(units=rows.shape[1], mean_share=_mean_share(rows))
        for site, rows in values.items()
    ]
    found = xr.concat(tables, "site").assign_coords(site=list(activations), form=list(FORMS))
    return found.assign_attrs(rotations=rotations, resamples=resamples, images=images)


def noise(activations: Mapping[str, xr.DataArray], seed: int = 0) -> dict[str, xr.DataArray]:
    """Draw independent Gaussian units with the means and variances of recorded ones: a control.

    What mean-centred noise shows comes from unequal variances alone.

    Parameters
    ----------
    activations : mapping of str to DataArray (sample, unit)
        By site.
    seed : int
        Decides what is drawn.

    Returns
    -------
    dict of str to DataArray (sample, unit)
        In the same order, of the same shapes and coordinates, float64.

    Raises
    ------
    UserError
        If the activations of a site are not finite.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> rows = xr.DataArray(rng.normal([0, 5], [1, 3], (4000, 2)), dims=("sample", "unit"))
    >>> drawn = noise({"a": rows})["a"]
    >>> drawn.mean("sample").values.round(1), drawn.std("sample").values.round(1)
    (array([0. , 5.1]), array([1., 3.]))
    """
    rng = np.random.default_rng([seed, 2])
    return {
        site: rows.copy(data=rng.normal(values.mean(axis=0), values.std(axis=0), values.shape))
        for site, rows in activations.items()
        for values in [matrix(rows.values, f"activations of {site}")]
    }


def by_kind(found: xr.Dataset) -> dict[str, xr.Dataset]:
    """Sites that are called ``kind, block name``, by kind and with the names as ``block``.

    Parameters
    ----------
    found : xarray.Dataset
        Over ``site``, such as `strengths` gives.

    Examples
    --------
    >>> found = xr.Dataset(coords={"site": ["MLP, block 1", "stream, block 1", "MLP, block 2"]})
    >>> {kind: each.block.values.tolist() for kind, each in by_kind(found).items()}
    {'MLP': ['1', '2'], 'stream': ['1']}
    """
    kinds: dict[str, dict[str, str]] = {}
    for site in found.site.values.tolist():
        kind, _, block = site.rpartition(", block ")
        kinds.setdefault(kind, {})[site] = block
    return {
        kind: found.sel(site=list(blocks)).assign_coords(block=("site", list(blocks.values())))
        for kind, blocks in kinds.items()
    }


def claim(found: xr.Dataset, before: xr.Dataset, above: bool) -> dict[str, Any]:
    """What `records.Record.claim` keeps of claim B3, about the site that speaks most against it.

    Parameters
    ----------
    found : xarray.Dataset
        Of `strengths`, of one form, over ``site``.
    before : xarray.Dataset
        The same before training, over ``network`` too: the control, place by place.
    above : bool
        Whether every site is to be stronger than `spotlight.LEAST`, or every site weaker.

    Examples
    --------
    >>> each = {"strength": ("site", [0.4, 0.2]), "low": ("site", [0.3, 0.1])}
    >>> each |= {"high": ("site", [0.5, 0.3])}
    >>> found = xr.Dataset(each, {"site": ["a", "b"]}, {"images": 9})
    >>> before = found.assign(strength=("site", [0.1, 0.3])).expand_dims(network=2)
    >>> upper, lower = (claim(found, before, above=above) for above in (True, False))
    >>> upper["interval"], upper["verdict"], lower["interval"], lower["verdict"]
    ((0.1, 0.3), 'reproduced', (0.3, 0.5), 'not reproduced')
    >>> upper["control"]
    'b: before training 0.300; of 2 places 1 have more than before training'
    """
    values = found.strength.values
    worst = found.isel(site=int(values.argmin() if above else values.argmax()))
    effect, low, high = (float(worst[name]) for name in ("strength", "low", "high"))
    there = float(before.strength.sel(site=worst.site.item()).mean("network"))
    more = int((found.strength > before.strength.max("network")).sum())
    sides = {True: low > spotlight.LEAST, False: high < spotlight.LEAST}
    return {
        "effect": effect,
        "interval": (low, high),
        "n": found.attrs["images"],
        "control": f"{worst.site.item()}: before training {there:.3f}; of {found.sizes['site']} "
        f"places {more} have more than before training",
        "verdict": "reproduced"
        if sides[above]
        else "not reproduced"
        if sides[not above]
        else "mixed",
    }


def _groups(activations: Mapping[str, xr.DataArray]) -> dict[str, NDArray[np.intp]]:
    """Number of the image that each sample is of, from 0."""
    if not activations:
        raise UserError("there are no sites; give the activations of at least one")
    found = {}
    for site, rows in activations.items():
        if "image" not in rows.coords:
            raise UserError(f"{site}: no coordinate 'image'; record with recording.record")
        matrix(rows.values, f"activations of {site}")
        found[site] = np.unique(rows.image.values, return_inverse=True)[1]
    counts = {int(each.max()) + 1 for each in found.values()}
    if len(counts) > 1:
        raise UserError(f"the sites have {min(counts)} to {max(counts)} images; record all at once")
    return found


def _shifts(values: Floats) -> list[tuple[str, Any]]:
    return list(zip(FORMS, (0.0, values.mean(axis=0)), strict=True))


def _directions(rows: Floats) -> Floats:
    """Unit rows; a row of zeros stays, at cosine 0 to everything."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)


def _mean_share(values: Floats) -> float:
    second = float((values**2).sum(axis=1).mean())
    return float((values.mean(axis=0) ** 2).sum() / second) if second else 0.0


def _copies(
    values: Mapping[str, Floats], rotations: int, seed: int
) -> dict[tuple[str, str], Floats]:
    """Cosines to the nearest vector of each rotated copy, (rotation, sample), by site and form."""
    found: dict[tuple[str, str], list[Floats]] = {}
    turns = np.random.default_rng([seed, 0]).integers(0, 2**62, rotations).tolist()
    lengths = {
        (site, form): np.linalg.norm(rows - shift, axis=1)
        for site, rows in values.items()
        for form, shift in _shifts(rows)
    }
    for width in sorted({rows.shape[1] for rows in values.values()}):
        for turn in turns:
            turned = basis.standard(width).rotated(turn).vectors.T
            for site in [name for name, rows in values.items() if rows.shape[1] == width]:
                along = values[site] @ turned  # once for both forms
                for form, shift in _shifts(along):
                    nearest, length = (along - shift).max(axis=1), lengths[site, form]
                    cosine = np.divide(nearest, length, out=np.zeros_like(length), where=length > 0)
                    found.setdefault((site, form), []).append(cosine)
    return {key: np.stack(rows) for key, rows in found.items()}


def _measured(
    units: Floats, groups: NDArray[np.intp], copies: Floats, draws: NDArray[np.int64]
) -> xr.Dataset:
    own, chance = units.max(axis=1), copies.mean(axis=0)
    per_copy = copies.mean(axis=1)
    mean = float(own.mean())
    # A resample of images has the samples of each as often as it was drawn.
    sizes, sums = np.bincount(groups), np.bincount(groups, own)
    level = np.bincount(groups, chance)
    size = draws @ sizes
    again = [
        spotlight.strength(a, b)
        for a, b in zip(draws @ sums / size, draws @ level / size, strict=True)
    ]
    low, high = np.quantile(again, [0.025, 0.975])
    beyond = min((per_copy >= mean).sum(), (per_copy <= mean).sum())
    squares = units**2
    fourth, second = (squares**2).mean(), squares.mean()
    return xr.Dataset(
        {
            "strength": spotlight.strength(mean, per_copy),
            "low": low,
            "high": high,
            "p_value": min(1.0, 2 * (1 + int(beyond)) / (1 + len(per_copy))),
            "nearest_cosine": mean,
            "rotated": float(per_copy.mean()),
            "kurtosis": float(fourth / second**2) if second else 1.0,
        }
    )
