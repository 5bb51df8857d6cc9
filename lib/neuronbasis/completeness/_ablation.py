"""How a network's accuracy falls as directions of one of its layers are replaced by their mean."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from scipy.stats import binomtest
from torch import Tensor, nn
from tqdm import tqdm

from neuronbasis import recording
from neuronbasis.basis import Basis
from neuronbasis.decomposition import OrderedBasis, nested_span
from neuronbasis.errors import UserError
from neuronbasis.networks import check_logits
from neuronbasis.recording import LARGEST, Images, Site, UnitsAxis, forms, joined, on
from neuronbasis.utils.checks import matrix, number, numbers, plain, rounding, whole_number

ORDERS = ("descending", "ascending")
_TRIAL = 2  # images on which a cut is tried


def ablate(x: Any, vectors: Any, mean: Any) -> NDArray[np.float64]:
    """Replace the part of activations that lies in the span of some vectors by that of the mean.

    The rule of `ablation`: x - P (x - mean), with P the orthogonal projection onto the span.

    Parameters
    ----------
    x : array_like or torch.Tensor, shape (samples, n)
        Activations.
    vectors : Basis, array_like or torch.Tensor, shape (k, n)
        What is ablated; of any length and angle, since only their span matters.
    mean : array_like or torch.Tensor, shape (n,)
        Mean activation.

    Returns
    -------
    ndarray, shape (samples, n), float64

    Raises
    ------
    UserError
        If one of them is not finite real numbers, a vector is zero, or the widths differ.

    Notes
    -----
    Dey et al. (2025), arXiv 2011.03043, Fig. 6, for components; oblique vectors are ours.

    Examples
    --------
    >>> ablate([[5.0, 7.0]], vectors=[[0.0, 1.0]], mean=[1.0, 2.0]).tolist()
    [[5.0, 2.0]]
    """
    rows = nested_span(vectors if isinstance(vectors, Basis) else Basis(vectors))
    x, mean = matrix(x, "activations"), numbers(mean, "mean", 1)
    widths = x.shape[1], rows.shape[1], len(mean)
    if len(set(widths)) > 1:
        raise UserError(
            "activations, vectors and mean have widths {}, {} and {}; pass those of one "
            "layer".format(*widths)
        )
    found: NDArray[np.float64] = _replaced(x, x @ rows.T, rows, (rows @ mean) @ rows)
    return found


def _replaced(x: Any, along: Any, rows: Any, shift: Any) -> Any:
    """The rule, for orthonormal rows; `along`: coordinates of x, `shift`: of the mean, its part."""
    # In this order a unit that is masked gets its mean exactly and others stay exact.
    return x - along @ rows + shift


def ablation(
    model: nn.Module,
    layer: str | Mapping[str, Sequence[str]],
    bases: OrderedBasis | Sequence[OrderedBasis],
    images: Any,
    labels: Any,
    counts: Sequence[int],
    orders: Sequence[str] = ORDERS,
    batch: int = 32,
    confidence: float = 0.95,
    largest: float = LARGEST,
    progress: bool = False,
    units_axis: UnitsAxis = None,
    mask: Any = None,
) -> xr.Dataset:
    """Accuracy of a network as more and more vectors of a basis are ablated at one of its layers.

    To ablate vectors is to replace, at every position of the layer's output, the part of the
    activation x that lies in their span by that of the mean: see `ablate`. For an orthonormal
    basis this sets the coordinate along each of them to its mean; for the neurons it is plain
    masking, to the last bit.

    The network before the layer runs once for each batch, where it can be cut (see
    `recording.cut`), and the rest once for each point of the curves.

    Parameters
    ----------
    model : torch.nn.Module
        Classifier of images (N, ...) by scores (N, classes), see `recording.cut`. It runs in eval
        mode and is left as it was.
    layer : str, or mapping of a name to several
        Whose output is changed; that of the layer before the nonlinearity. A name of
        ``model.named_modules()``, see `recording.sites`; or several that are joined along
        their units: ``{"fire2": ["features.3.expand1x1", "features.3.expand3x3"]}``.
    bases : OrderedBasis or sequence of OrderedBasis
        Of `neuronbasis.decomposition`, from activations of this layer, all from the same ones,
        with different names; n is the number of units.
    images : Tensor or ndarray, shape (N, ...), tuple or mapping of these, or dataset
        As the model takes them, see `recording.Images`; brought to its device and
        type batch by batch. Labels of a dataset are ignored.
    labels : Tensor or array_like, shape (N,), integers
        The right classes.
    counts : sequence of int
        How many vectors are ablated: increasing, from 0 to at most m of each basis. Where m is
        less than n, the part of x outside the span of all m vectors always stays.
    orders : sequence of str
        "descending": the first vectors of a basis, of largest variance; "ascending": its last.
    batch : int
        Images a pass; it bounds the memory.
    confidence : float in (0, 1)
        Chance that an interval covers the accuracy on such images.
    largest : float
        Largest absolute value that images may have, a guard against levels of 0 to 255.
    progress : bool
        Show a progress bar.
    units_axis : int or mapping of str to int, optional
        As in `recording.record`, whose activations the bases are of.
    mask : array_like, shape (N, T), optional
        As in `recording.record`; padding counts for nothing in ``variance_removed``.

    Returns
    -------
    xarray.Dataset
        By (basis, order, count): ``accuracy``, the share of images whose largest score is that
        of the right class, with Wilson's binomial interval ``low`` to ``high``;
        ``variance_removed``, the share of the activations' squared distances from the mean, over
        all positions of these images, that lies in the ablated span. By (basis, order, count,
        image): ``predicted``, the class of the largest score. attrs: ``layer``, ``units``,
        ``images``, ``intact_accuracy``, ``confidence``, and ``cut``, 1 where the network before
        the layer ran once a batch, 0 where it ran for each point.

    Raises
    ------
    UserError
        If the layer is unknown or its output cannot be replaced, its width is not that of the
        bases, these are not ordered or of different activations, a count exceeds the vectors of
        a basis, images and labels do not fit the model or one another, or what the model gives an
        image depends on those beside it or on chance.

    Notes
    -----
    Dey et al. (2025), arXiv 2011.03043, Fig. 6: principal components and neurons in both orders.
    The share of variance removed, the intervals and oblique bases are ours. The intervals are
    those of single accuracies; two curves share their images, so their difference is known better
    than these say: compare ``predicted`` image by image.

    Examples
    --------
    The class depends on the first unit alone, which has the smallest variance.

    >>> from neuronbasis import decomposition
    >>> net = nn.Sequential(nn.Identity(), nn.Linear(3, 2, bias=False)).double()
    >>> _ = net[1].weight.data.copy_(torch.tensor([[-1, 0, 0], [1, 0, 0]]))
    >>> rows = np.random.default_rng(0).standard_normal((200, 3)) * [1, 2, 3]
    >>> classes = (rows[:, 0] > 0).astype(int)
    >>> curve = ablation(net, "0", decomposition.neurons(rows), rows, classes, [0, 1, 2, 3])
    >>> curve.accuracy.sel(basis="neurons", order="descending").round(2).values.tolist()
    [1.0, 1.0, 1.0, 0.53]
    >>> curve.variance_removed.sel(basis="neurons", order="ascending").round(2).values.tolist()
    [0.0, 0.08, 0.37, 1.0]
    """
    wanted, stream = recording.sites(model, layer), Images(images, largest)
    if len(wanted) > 1:
        raise UserError(f"layer is {layer!r}; pass one name, or a mapping of one name to several")
    chosen = _checked_bases(bases)
    ends, orders = _checked_counts(counts, chosen), _checked_orders(orders)
    right = _checked_labels(labels, len(stream))
    every = recording.choose("all", len(stream), real=recording.real_tokens(stream, mask))
    size = whole_number(batch, "batch", 1)
    confidence = number(confidence, "confidence", "(0, 1)", "0.95")
    found = _Found(len(chosen), len(orders), len(ends), len(right))
    with recording.inference(model) as like:
        one = on(stream.read(0, 1), like)
        ((name, parts),) = forms(model, wanted, one, "output", units_axis).items()
        recording.check_steady(model, [*wanted[name], Site("", None)], stream, like, size)
        whole = joined(name, parts)
        _check_width(name, whole.units, chosen)
        halves = recording.cut(model, layer, on(stream.read(0, min(_TRIAL, len(stream))), like))
        mean = torch.from_numpy(chosen[0].mean.copy()).to(like)
        plans = [[_steps(b, order, ends, like) for order in orders] for b in chosen]
        with tqdm(total=len(stream), unit="image", disable=not progress) as bar:
            for start, part in stream.batches(size):
                legal = every.part(start, start + size).legal(whole.grid)
                site = _Site(halves, on(part, like), [form.axis for form in parts], mean, legal)
                found.add(site, plans, right[start : start + size], start)
                bar.update(min(size, len(stream) - start))
    attrs = {
        "layer": name,
        "units": chosen[0].n,
        "images": len(right),
        "intact_accuracy": float((found.intact == right).mean()),
        "confidence": confidence,
        "cut": int(halves.once),
    }
    axes = {"basis": [b.name for b in chosen], "order": list(orders), "count": ends}
    return _result(found, right, axes, attrs)


class _Step(NamedTuple):
    """What is ablated at a count beyond what is at the one before."""

    rows: Tensor  # (r, n), orthonormal
    centre: Tensor  # (r,), coordinates of the mean along them
    shift: Tensor  # (n,), the part of the mean in their span


def _steps(basis: OrderedBasis, order: str, counts: Sequence[int], like: Tensor) -> list[_Step]:
    vectors = basis.vectors if order == "descending" else basis.vectors[::-1]
    if not basis.orthonormal:
        vectors = nested_span(Basis(vectors))
    steps = []
    for start, stop in pairwise((0, *counts)):
        rows = vectors[start:stop]
        rows = rows[rows.any(axis=1)]  # a vector in the span of those before adds nothing to it
        centre = rows @ basis.mean
        arrays = (rows, centre, centre @ rows)
        steps.append(_Step(*(torch.from_numpy(a.copy()).to(like) for a in arrays)))
    return steps


class _Site:
    """The activations of one batch at the layer, and what the network makes of them."""

    def __init__(
        self,
        halves: recording.Cut,
        images: Any,
        axes: Sequence[int],
        mean: Tensor,
        legal: NDArray[np.bool_] | None,
    ) -> None:
        self.halves, self.passed, self.axes = halves, halves.before(images), axes
        outputs = self.passed.outputs
        units_last = [x.movedim(axis, -1) for x, axis in zip(outputs, axes, strict=True)]
        self.sizes = [x.shape[-1] for x in units_last]
        self.x = torch.cat(units_last, dim=-1)
        self.intact = halves.after(self.passed, outputs)
        shape = self.x.shape[:-1]
        self.legal = (
            ... if legal is None else torch.tensor(legal, device=mean.device).reshape(shape)
        )
        apart = (self.x - mean)[self.legal]
        self.total = _squares(apart)
        self.rounding = rounding(mean) ** 2 * _squares(mean) * (apart.numel() / len(mean))

    def ablated(self, steps: Sequence[_Step]) -> Iterator[tuple[Tensor, float]]:
        """Scores and the sum of squares removed, step by step."""
        x, scores, removed = self.x, self.intact, 0.0
        for rows, centre, shift in steps:
            if len(rows):
                along = x @ rows.T
                x = _replaced(x, along, rows, shift)
                removed += _squares((along - centre)[self.legal])
                each = zip(x.split(self.sizes, -1), self.axes, strict=True)
                outputs = [part.movedim(-1, axis) for part, axis in each]
                scores = self.halves.after(self.passed, outputs)
            yield scores, removed


class _Found:
    """What has been found so far, by (basis, order, count)."""

    def __init__(self, *sizes: int) -> None:
        self.predicted = np.empty(sizes, np.int32)
        self.intact = np.empty(sizes[-1], np.int32)
        self.removed, self.total, self.rounding = np.zeros(sizes[:-1]), 0.0, 0.0

    def add(
        self, site: _Site, plans: list[list[list[_Step]]], right: NDArray[np.int64], start: int
    ) -> None:
        part = slice(start, start + len(right))
        self.intact[part] = _classes(site.intact, right)
        self.total += site.total
        self.rounding += site.rounding
        for i, j in np.ndindex(self.removed.shape[:2]):
            for k, (scores, removed) in enumerate(site.ablated(plans[i][j])):
                self.predicted[i, j, k, part] = _classes(scores, right)
                self.removed[i, j, k] += removed


def _squares(x: Tensor) -> float:
    return float(torch.linalg.vector_norm(x, dtype=torch.float64)) ** 2


def _classes(scores: Tensor, right: NDArray[np.int64]) -> NDArray[np.int64]:
    """Class of the largest score of each image."""
    check_logits(scores, torch.from_numpy(right))
    return np.asarray(scores.argmax(1).cpu().numpy())


def _result(
    found: _Found, right: NDArray[np.int64], axes: Mapping[str, Any], attrs: dict[str, Any]
) -> xr.Dataset:
    if found.total <= found.rounding:
        raise UserError("the layer gives its mean at every image; pass a layer that varies")
    hits = (found.predicted == right).sum(axis=-1)
    intervals = np.empty((2, *hits.shape))
    for place in np.ndindex(hits.shape):
        test = binomtest(int(hits[place]), len(right))
        intervals[:, *place] = test.proportion_ci(attrs["confidence"], "wilson")
    names = tuple(axes)
    return xr.Dataset(
        {
            "accuracy": (names, hits / len(right)),
            "low": (names, intervals[0]),
            "high": (names, intervals[1]),
            "variance_removed": (names, found.removed / found.total),
            "predicted": ((*names, "image"), found.predicted),
        },
        coords=axes,
        attrs=attrs,
    )


def _checked_bases(bases: Any) -> list[OrderedBasis]:
    chosen: list[Any] = [bases] if isinstance(bases, Basis) else list(bases)
    if not chosen:
        raise UserError("there is no basis; pass one or several of neuronbasis.decomposition")
    for b in chosen:
        if not isinstance(b, OrderedBasis):
            raise UserError(
                f"a basis is a {type(b).__name__}; it must be ordered by variance: pass "
                "decomposition.ordered(basis, activations)"
            )
        if b.n != chosen[0].n or not np.allclose(b.mean, chosen[0].mean, 1e-6, 1e-9):
            raise UserError(
                f"bases {chosen[0].name!r} and {b.name!r} have different means: make both from "
                "the same activations"
            )
    names = [b.name for b in chosen]
    if len(set(names)) < len(names):
        raise UserError(f"the bases are called {', '.join(names)}; give each a name of its own")
    return chosen


def _checked_counts(counts: Any, bases: Sequence[OrderedBasis]) -> list[int]:
    ends = [whole_number(k, "a count", 0) for k in np.ravel(counts).tolist()]
    if not ends or any(a >= b for a, b in pairwise(ends)):
        raise UserError(f"counts are {ends}; they must increase: pass such as [0, 1, 2, 4]")
    fewest = min(bases, key=lambda b: b.m)
    if ends[-1] > fewest.m:
        raise UserError(
            f"a count is {ends[-1]}; basis {fewest.name!r} has {fewest.m} vectors: pass counts up "
            "to that, or the basis in a call of its own"
        )
    return ends


def _checked_orders(orders: Any) -> tuple[str, ...]:
    several = (orders,) if isinstance(orders, str) else tuple(orders)
    if not several or len(set(several)) < len(several) or not set(several) <= set(ORDERS):
        raise UserError(f"orders are {several}; pass one or both of {', '.join(ORDERS)}")
    return several


def _checked_labels(labels: Any, images: int) -> NDArray[np.int64]:
    array = plain(labels, "labels")
    if array.dtype.kind not in "iu" or array.shape != (images,):
        raise UserError(
            f"labels are {array.dtype} {array.shape}; they must be integers, ({images},): pass "
            "one an image"
        )
    if array.min() < 0:
        raise UserError(f"a label is {array.min()}; it must be >= 0: mend or drop the image")
    return array.astype(np.int64)


def _check_width(layer: str, units: int, bases: Sequence[OrderedBasis]) -> None:
    if units != bases[0].n:
        raise UserError(
            f"layer {layer!r} has {units} units, basis {bases[0].name!r} vectors of "
            f"{bases[0].n}: pass bases of activations of this layer"
        )
