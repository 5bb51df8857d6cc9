"""Top images of neurons and of other directions, and angles between activation vectors."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from neuronbasis import basis, decomposition, networks
from neuronbasis.basis import Basis
from neuronbasis.errors import UserError
from neuronbasis.experiments.interpretable import KINDS, OUTPUT, Search, hidden
from neuronbasis.utils.checks import number, whole_number
from neuronbasis.visualisation import coherence, random_images

MEASURES = ("purity", "pixels", "features")


def places(model: str, layers: str = "") -> dict[str, tuple[list[str], list[str]]]:
    """Modules whose outputs are a layer before its ReLU and after it.

    Parameters
    ----------
    model : str
        "convnet" or "squeezenet1_0".
    layers : str
        Names with commas between them; empty: all of a convnet, the Fire modules of SqueezeNet.

    Returns
    -------
    dict of str to (list of str, list of str)
        By layer. The `OUTPUT` has no ReLU: both are that layer itself.

    Raises
    ------
    UserError
        For another model or layer, or fewer than two layers before the output.

    Examples
    --------
    >>> places("convnet", "conv2, fc1")
    {'conv2': (['conv2'], ['relu2']), 'fc1': (['fc1'], ['relu6'])}
    """
    if model not in ("convnet", "squeezenet1_0"):
        raise UserError(f"model is {model!r}; it must be one of convnet, squeezenet1_0")
    before = networks.layer_names("all", model)
    after = {
        name: [modules[0].rpartition(".")[0] or (f"relu{k}" if name != OUTPUT else name)]
        for k, (name, modules) in enumerate(before.items(), 1)
    }
    named = [each.strip() for each in layers.split(",")] if layers else list(before)
    if not set(named) <= set(before) or len(set(hidden(named))) < 2 or len({*named}) < len(named):
        raise UserError(
            f"layers are {layers!r}; name at least two of {', '.join(hidden(before))}, each once"
        )
    return {name: (before[name], after[name]) for name in named}


def shared(labels: Any, measure: str) -> Any:
    """The labels, or None where no two images share a class, so that labels say nothing.

    Raises
    ------
    UserError
        For another measure than these `MEASURES`, or purity without labels that say something.

    Examples
    --------
    >>> shared([0, 1, 2], "features") is None, shared([0, 1, 1], "purity")
    (True, [0, 1, 1])
    """
    told = labels if len(np.unique(labels)) < len(labels) else None
    if measure not in MEASURES:
        raise UserError(f"measure is {measure!r}; it must be one of {', '.join(MEASURES)}")
    if measure not in measures(told):
        raise UserError("measure is 'purity', but no two images share a class: pass 'features'")
    return told


def measures(labels: Any) -> tuple[str, ...]:
    """The `MEASURES` there are, with the labels of `shared` or None."""
    return MEASURES[1:] if labels is None else MEASURES


def kinds(cloud: Any, directions: int, seed: int = 0, everything: bool = True) -> dict[str, Basis]:
    """The directions of a layer that are compared.

    Parameters
    ----------
    cloud : array_like, shape (images, n)
        Its activations.
    directions : int
        How many random ones.
    seed : int
        Of these.
    everything : bool
        Whether principal components are among them; of each both ends, as its sign is arbitrary.

    Returns
    -------
    dict of str to Basis
        By `KINDS`, the last two only with everything.

    Examples
    --------
    >>> cloud = np.random.default_rng(0).standard_normal((30, 12))
    >>> {kind: each.m for kind, each in kinds(cloud, directions=5).items()}
    {'neurons': 12, 'random directions': 5, 'first 10 PCs': 20, 'all PCs': 24}
    """
    n = np.shape(cloud)[1]
    found = [basis.standard(n), basis.random(directions, n, seed)]
    if everything:
        components = decomposition.principal(cloud)
        vectors = components.vectors[components.variances > 0]
        for few in (vectors[:10], vectors):
            found.append(Basis(np.concatenate([few, -few])))
    return dict(zip(KINDS, found, strict=False))


def examples(cloud: Any, top: int, directions: int) -> dict[str, NDArray[np.int64]]:
    """Top images to look at, nothing picked: of three neurons, random directions and components.

    Parameters
    ----------
    cloud, directions
        As of `kinds`.
    top : int
        How many images of each.

    Returns
    -------
    dict of str to ndarray, shape (top,)
        Places of the images by the direction's name. The neurons are drawn from those that
        enough images excite, the others are the first.

    Examples
    --------
    >>> list(examples(np.random.default_rng(0).random((30, 4)), top=2, directions=5))[3:7]
    ['random 1', 'random 2', 'random 3', 'PC 1']
    """
    found = {kind: coherence(cloud, each, top) for kind, each in kinds(cloud, directions).items()}
    able = np.flatnonzero(found[KINDS[0]].excited >= top)
    drawn = np.sort(np.random.default_rng(0).choice(able, min(3, len(able)), replace=False))
    shown = {f"neuron {k}": found[KINDS[0]].top.values[k] for k in drawn}
    for name, kind in (("random", KINDS[1]), ("PC", KINDS[2])):
        firsts = found[kind].top.values[:3]
        shown |= {f"{name} {k}": each for k, each in enumerate(firsts, 1)}
    return shown


def rulers(clouds: Mapping[str, Any], pixels: Any) -> dict[str, dict[str, Any]]:
    """What the images are compared by, for each layer of a network.

    Parameters
    ----------
    clouds : mapping of str to array_like, shape (images, n)
        Activations by layer, at least two hidden ones.
    pixels : array_like, shape (images, d)

    Returns
    -------
    dict of str to dict
        By layer: "pixels"; "features", the activations in *another* layer, the last hidden one,
        for that one itself the one before.

    Raises
    ------
    UserError
        With fewer than two hidden layers.

    Examples
    --------
    >>> found = rulers({"conv1": "a", "fc1": "b", "fc3": "c"}, "p")
    >>> {layer: each["features"] for layer, each in found.items()}
    {'conv1': 'b', 'fc1': 'a', 'fc3': 'b'}
    """
    inner = hidden(clouds)
    if len(inner) < 2:
        raise UserError(f"layers are {', '.join(clouds)}; pass at least two before {OUTPUT}")
    return {
        layer: {"pixels": pixels, "features": clouds[inner[-1 if layer != inner[-1] else -2]]}
        for layer in clouds
    }


def floors(
    rulers: Sequence[Mapping[str, Mapping[str, Any]]],
    top: int,
    labels: Any = None,
    groups: Mapping[str, Any] | None = None,
) -> list[dict[str, xr.Dataset]]:
    """What random images share, by network and layer; layers of one ruler share it.

    Parameters
    ----------
    rulers : sequence of dict
        One a network, of `rulers`.
    top, labels
        As of `visualisation.random_images`, k and labels.
    groups : mapping of str to array_like, optional
        By layer, as of `visualisation.random_images`.
    """
    found: list[dict[str, xr.Dataset]] = []
    for network, by in enumerate(rulers):
        drawn: dict[tuple[int, ...], xr.Dataset] = {}
        kept = {layer: tuple(map(id, each.values())) for layer, each in by.items()}
        of = dict(groups or {})
        for layer, each in by.items():
            if kept[layer] not in drawn:
                drawn[kept[layer]] = random_images(
                    len(each["pixels"]), top, labels=labels, features=each, seed=network,
                    groups=of.get(layer),
                )  # fmt: skip
        found.append({layer: drawn[kept[layer]] for layer in by})
    return found


def search(
    recorded: Sequence[Mapping[str, Any]],
    rulers: Sequence[Mapping[str, Mapping[str, Any]]],
    floor: Sequence[Mapping[str, xr.Dataset]],
    directions: int,
    labels: Any = None,
    threshold: float = 0.66,
    everything: bool = True,
    groups: Mapping[str, Any] | None = None,
) -> Search:
    """Look for the top images of every direction in every layer of several networks.

    Parameters
    ----------
    recorded : sequence of mapping of str to DataArray (image, unit)
        One a network: activations by layer.
    rulers, floor : sequence of dict
        One a network, of `rulers` and `floors`, with as many top images.
    directions, everything
        As of `kinds`.
    labels : array_like of int, shape (images,), optional
        As of `visualisation.coherence`.
    threshold : float in (0, 1]
        As of `Search`.
    groups : mapping of str to array_like of int, shape (images,), optional
        By layer, as of `visualisation.coherence`.

    Raises
    ------
    UserError
        As `visualisation.coherence`; if networks and rulers are not as many, or too few images
        excite all directions of a kind.
    """
    threshold = number(threshold, "threshold", "(0, 1]", "such as 0.66")
    if not len(recorded) == len(rulers) == len(floor) > 0:
        raise UserError(
            f"there are {len(recorded)} networks, {len(rulers)} rulers and {len(floor)} floors; "
            "pass one of each for a network"
        )
    cells: list[dict[tuple[str, str], xr.Dataset]] = []
    for network, (clouds, by, ground) in enumerate(zip(recorded, rulers, floor, strict=True)):
        cells.append({})
        for layer, activations in clouds.items():
            cloud, top = np.asarray(activations), ground[layer].attrs["k"]
            own = groups[layer] if groups else None
            for kind, each in kinds(cloud, directions, network, everything).items():
                found = coherence(cloud, each, top, labels, by[layer], network, own)
                enough = np.flatnonzero(found.excited >= top)
                if not len(enough):
                    raise UserError(
                        f"none of the {each.m} {kind} of {layer} is excited by {top} images; "
                        "look at fewer top images, or pass more images"
                    )
                cells[-1][layer, kind] = found.isel(direction=enough).assign_attrs(
                    left_out=each.m - len(enough), directions=each.m
                )
    return Search(cells, floor, threshold)


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
