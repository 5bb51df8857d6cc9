"""What the images that most excite a direction have in common."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import stats

from neuronbasis.basis import Basis
from neuronbasis.errors import UserError
from neuronbasis.uncertainty import ROUNDING, equal_reach
from neuronbasis.utils.checks import labels as checked_labels
from neuronbasis.utils.checks import matrix, plain, rounding, whole_number

Floats = NDArray[np.float64]
Places = NDArray[np.int64]

_OURS = ("top", "excited", "purity")
_LARGEST = 50_000_000  # numbers held at once while likenesses are computed


def coherence(
    activations: Any,
    basis: Basis,
    k: int,
    labels: Any = None,
    features: Mapping[str, Any] | None = None,
    seed: int = 0,
    groups: Any = None,
) -> xr.Dataset:
    """How alike the k images are that excite each direction most.

    A direction v reads an image x as the dot product ``activation(x) . v``; its top images are
    those with the largest. A direction has two ends, and this is about the one that v points to:
    for the other, pass ``Basis(-basis.vectors)``. What all activations have in common (their mean)
    adds the same to each image and changes nothing.

    Parameters
    ----------
    activations : array_like or torch.Tensor, shape (images, n)
        One activation vector an image.
    basis : Basis
        m directions in R^n.
    k : int
        How many top images, from 2 up to the number of images.
    labels : array_like of int, shape (images,), optional
        Class of each image. At least two images must share one: otherwise labels say nothing.
    features : mapping of str to array_like, shape (images, d), optional
        Other descriptions of the images by name, such as their pixels or another layer.
    seed : int
        Images with equal read-outs are ranked at random, and this decides how.
    groups : array_like of int, shape (images,), optional
        At most one image of each group is among the top, such as one patch of each photograph.

    Returns
    -------
    Dataset over direction (its label, where the basis has labels)
        ``top`` (direction, rank), int64: places of the top images, the most exciting first;
        ``excited``: how many images have a read-out above the lowest, fewer than k where the
        last of the top images are no more than ties (a ReLU that is silent on most images);
        ``purity``, with labels: the share of the top images that are of their commonest class,
        in [1/k, 1]; and under each name of the features the mean cosine over all pairs of top
        images, of features centred by their mean over all images, in [-1, 1].

    Raises
    ------
    UserError
        If shapes do not match, a number is not finite, k is out of range or beyond the number of
        groups, all labels differ, a name of the features is taken, or a set of features is the
        same for all images.

    Notes
    -----
    Szegedy et al. (2014), arXiv 1312.6199, Sec. 3, look at such images; the measures are ours.

    Examples
    --------
    >>> from neuronbasis import basis
    >>> x = np.array([[3.0, 0], [2, 1], [1, 5], [0, 4]])
    >>> found = coherence(x, basis.standard(2), k=2, labels=[0, 0, 1, 0])
    >>> found.top.values.tolist(), found.purity.values.tolist()
    ([[0, 1], [2, 3]], [1.0, 0.5])
    """
    readouts = _readouts(activations, basis)
    k = _checked_k(k, len(readouts))
    top = _top(readouts, k, seed, _grouped(groups, len(readouts), k))
    found = _measured(top, len(readouts), labels, features)
    found["excited"] = ("direction", (readouts > readouts.min(axis=0)).sum(axis=0))
    names = list(basis.labels) if basis.labels else np.arange(basis.m)
    return found.assign_coords(direction=names).assign_attrs(basis=basis.name, seed=seed)


def random_images(
    images: int,
    k: int,
    sets: int = 1000,
    labels: Any = None,
    features: Mapping[str, Any] | None = None,
    seed: int = 0,
    groups: Any = None,
) -> xr.Dataset:
    """The floor of `coherence`: the same of sets of k images drawn at random.

    Parameters
    ----------
    images : int
        How many there are to draw from.
    k, labels, features, groups
        As in `coherence`.
    sets : int
        How many are drawn, each without replacement.
    seed : int
        Of the draw.

    Returns
    -------
    Dataset over direction (here the number of the set)
        As of `coherence`, without ``excited``. attrs: with groups their number.

    Examples
    --------
    >>> found = random_images(100, k=4, sets=200, labels=np.arange(100) % 2)
    >>> found.top.shape, bool(0.6 < found.purity.mean() < 0.75)
    ((200, 4), True)
    """
    k, sets = _checked_k(k, whole_number(images, "images", 2)), whole_number(sets, "sets", 1)
    rng = np.random.default_rng(whole_number(seed, "seed", 0))
    members = _grouped(groups, images, k)
    if members is None:
        drawn = np.stack([rng.choice(images, k, replace=False) for _ in range(sets)])
    else:
        chosen = np.stack([rng.choice(len(members), k, replace=False) for _ in range(sets)])
        drawn = np.array([[rng.choice(members[group]) for group in each] for each in chosen])
    found = _measured(drawn, images, labels, features)
    return found if members is None else found.assign_attrs(groups=len(members))


def rate(values: Any, thresholds: Sequence[float]) -> xr.DataArray:
    """Share of the directions whose coherence is at least so much, for each threshold.

    Parameters
    ----------
    values : array_like, shape (m,)
        One number a direction, m at least 1, such as ``coherence(...).purity``.
    thresholds : sequence of float

    Returns
    -------
    DataArray (threshold), in [0, 1]

    Examples
    --------
    >>> rate([0.2, 0.5, 0.9], [0.0, 0.5, 1.0]).values.round(2).tolist()
    [1.0, 0.67, 0.0]
    """
    numbers = plain(values, "values")
    real = numbers.dtype.kind in "iuf" and np.isfinite(numbers).all()
    if not real or numbers.ndim != 1 or not numbers.size:
        raise UserError(
            f"values have shape {numbers.shape}; they must be (m,), finite and at least one: "
            "pass one number a direction"
        )
    levels = plain(thresholds, "thresholds").astype(np.float64)
    shares = (numbers[:, None] >= levels).mean(axis=0)
    return xr.DataArray(shares, dims="threshold", coords={"threshold": levels})


def difference(
    first: Sequence[Any], second: Sequence[Any], confidence: float = 0.95
) -> tuple[float, float, float]:
    """Mean over layers of the difference of two means over directions, with its interval.

    For one network, whose directions are what the interval is over: in each layer the directions
    of either kind count as independent draws (Welch), and the sum of many is taken as normal.

    Parameters
    ----------
    first, second : sequences of array_like
        For each layer the numbers of the directions of either kind, at least two of each.
    confidence : float
        Chance that the interval covers the true difference.

    Returns
    -------
    mean, low, high

    Examples
    --------
    >>> mean, low, high = difference([[1.0, 0.0, 1.0, 1.0]], [[0.0, 0.0, 1.0, 0.0]])
    >>> round(mean, 2), round(low, 2), round(high, 2)
    (0.5, -0.19, 1.19)
    """
    pairs = [
        (plain(a, "first").astype(np.float64), plain(b, "second").astype(np.float64))
        for a, b in zip(first, second, strict=True)
    ]
    if not pairs or min(each.size for pair in pairs for each in pair) < 2:
        raise UserError("a layer has fewer than 2 directions of a kind; pass at least 2 of each")
    mean = float(np.mean([a.mean() - b.mean() for a, b in pairs]))
    least = ROUNDING * max(float(np.abs(each).max()) for pair in pairs for each in pair)
    if max(float(np.ptp(each)) for pair in pairs for each in pair) > least:
        squared = sum(float(each.var(ddof=1)) / each.size for pair in pairs for each in pair)
        reach = float(stats.norm.ppf((1 + confidence) / 2) * np.sqrt(squared) / len(pairs))
    else:
        mean = mean if abs(mean) > least else 0.0
        reach = equal_reach(mean, sum(min(a.size, b.size) for a, b in pairs), confidence)
    return mean, mean - reach, mean + reach


def _readouts(activations: Any, basis: Basis) -> Floats:
    """Read-out of every image along every direction, shape (images, m)."""
    x = matrix(activations, "activations", "image")
    if x.shape[1] != basis.n:
        raise UserError(
            f"activations are {x.shape[1]} wide, the basis is of R^{basis.n}; pass a basis of the "
            "layer's width"
        )
    return x @ basis.vectors.T


def _top(readouts: Floats, k: int, seed: int, members: list[Places] | None = None) -> Places:
    """Places of the k largest of each column, shape (m, k), equal ones in random order."""
    rng = np.random.default_rng(whole_number(seed, "seed", 0))
    if members is None:
        order = rng.permutation(len(readouts))
        ranked: Places = order[np.argsort(-readouts[order], axis=0, kind="stable")[:k]].T
        return ranked
    shuffled = [rng.permutation(members[group]) for group in rng.permutation(len(members))]
    best = np.stack([rows[np.argmax(readouts[rows], axis=0)] for rows in shuffled])
    values = np.take_along_axis(readouts, best, axis=0)
    among = np.argsort(-values, axis=0, kind="stable")[:k]
    return np.take_along_axis(best, among, axis=0).T


def _grouped(groups: Any, images: int, k: int) -> list[Places] | None:
    """Places of the members of each group."""
    if groups is None:
        return None
    array = plain(groups, "groups")
    if array.shape != (images,):
        raise UserError(f"groups have shape {array.shape} for {images} images; pass one an image")
    members = [np.flatnonzero(array == each) for each in np.unique(array)]
    if k > len(members):
        raise UserError(
            f"k is {k}, each of another group, and there are {len(members)}: pass at most so many, "
            "or more groups, such as photographs"
        )
    return members


def _measured(
    top: Places, images: int, labels: Any, features: Mapping[str, Any] | None
) -> xr.Dataset:
    """What the images of each set have in common."""
    attrs = {"k": top.shape[1], "images": images}
    found = xr.Dataset({"top": (("direction", "rank"), top)}, attrs=attrs)
    if labels is not None:
        found["purity"] = ("direction", _purity(_labels(labels, images)[top]))
    for each, vectors in (features or {}).items():
        if each in _OURS or each in found.dims:
            raise UserError(f"features are named {each!r}; that name is taken: pass another")
        found[each] = ("direction", _likeness(_centred(vectors, each, images), top))
    return found


def _purity(classes: Places) -> Floats:
    """Share of the commonest class in each row."""
    same = classes[:, :, None] == classes[:, None, :]
    return same.sum(axis=2).max(axis=1) / classes.shape[1]


def _likeness(units: Floats, top: Places) -> Floats:
    """Mean cosine over the pairs of each set: from the length of the sum of its unit vectors."""
    k = top.shape[1]
    rows = max(1, _LARGEST // (k * units.shape[1]))
    sums = [units[top[i : i + rows]].sum(axis=1) for i in range(0, len(top), rows)]
    # |sum|^2 = sum of |u_i|^2 + the ordered pairs; a row of zeros has no direction and counts 0.
    own = (units**2).sum(axis=1)[top].sum(axis=1)
    return ((np.concatenate(sums) ** 2).sum(axis=1) - own) / (k * (k - 1))


def _centred(vectors: Any, name: str, images: int) -> Floats:
    """Unit rows of the features less their mean; zero where a row is the mean itself."""
    x = matrix(vectors, f"features {name!r}", "image")
    if len(x) != images:
        raise UserError(f"features {name!r} have {len(x)} rows for {images} images; pass one each")
    largest = np.abs(x).max(axis=0)
    x = x - x.mean(axis=0)
    lengths = np.linalg.norm(x, axis=1, keepdims=True)
    relative = max(1e-12, rounding(vectors))  # of the mean, or of the features themselves
    if (np.abs(x).max(axis=0) <= relative * largest).all():
        raise UserError(f"features {name!r} are the same for all images; leave them out")
    return np.divide(x, lengths, out=np.zeros_like(x), where=lengths > 1e-12 * lengths.max())


def _labels(labels: Any, images: int) -> Places:
    array = checked_labels(labels, images, "an image")
    if len(np.unique(array)) == len(array):
        raise UserError(f"all {images} labels differ, so that they say nothing: leave labels out")
    return array


def _checked_k(k: Any, images: int) -> int:
    k = whole_number(k, "k", 2)
    if k > images:
        raise UserError(f"k is {k}; there are {images} images: pass at most so many")
    return k
