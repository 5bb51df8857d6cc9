"""How few vectors of a basis hold how much of the variance of a layer's activations."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from neuronbasis import decomposition
from neuronbasis.basis import Basis, check_basis
from neuronbasis.decomposition import nested_span
from neuronbasis.errors import UserError
from neuronbasis.utils.checks import number, plain
from neuronbasis.utils.seeds import generator

#: Shares of the variance at which Dey et al. count vectors.
SHARES = (0.8, 0.99)


def halves(
    activations: Any, seed: int | np.random.Generator = 0, images: ArrayLike | None = None
) -> tuple[Any, Any]:
    """Two random halves of the samples: one to fit bases on, one to measure them on.

    A basis fitted and measured on the same samples explains more of them than of others.

    Parameters
    ----------
    activations : ndarray, torch.Tensor, DataArray or array_like, shape (samples, n)
        One activation vector a row.
    seed : int or numpy.random.Generator
        Decides the halves.
    images : array_like, shape (samples,), optional
        Which image each sample comes from. All samples of an image fall in the same half, since
        positions of one image resemble each other. By default the coordinate ``image`` of a
        DataArray, else each sample is an image of its own.

    Returns
    -------
    fit, held_out
        Rows in their order, of the kind that was given; the halves have as many images, or
        `held_out` one more.

    Raises
    ------
    UserError
        If shape or type of the activations is wrong, `images` does not name one image a sample,
        or a half has fewer than 2 samples.

    Examples
    --------
    >>> fit, held_out = halves(np.arange(8).reshape(8, 1), images=[0, 0, 1, 1, 2, 2, 3, 3])
    >>> fit.ravel().tolist(), held_out.ravel().tolist()
    ([0, 1, 4, 5], [2, 3, 6, 7])
    """
    samples = decomposition.source(activations).rows
    if not hasattr(activations, "shape") or hasattr(activations, "iloc"):  # a list, a table
        activations = np.asarray(activations)
    image = image_numbers(activations, samples, images)
    chosen = generator(seed).permutation(int(image.max()) + 1)
    fit = np.isin(image, chosen[: len(chosen) // 2])
    fewest = min(fit.sum(), (~fit).sum())
    if fewest < 2:
        raise UserError(
            f"a half of these {len(image)} samples of {len(chosen)} image(s) has {fewest}; it "
            "takes at least 2: record more images"
        )
    return activations[np.flatnonzero(fit)], activations[np.flatnonzero(~fit)]


def explained_variance(
    activations: Any, bases: Basis | Sequence[Basis], shares: Sequence[float] = SHARES
) -> xr.Dataset:
    """Share of the activations' variance that the first k vectors of bases explain, for every k.

    What is left of the total variance (the sum over units) when the activations are projected
    orthogonally onto the span of the first k vectors, as a share of it. For an orthonormal basis
    that is the cumulative sum of the variances along its vectors. A vector in the span of those
    before it adds nothing.

    Parameters
    ----------
    activations : array_like, torch.Tensor or file-backed array, shape (samples, n), or Moments
        Those on which the bases are measured: pass the half on which they were not fitted (see
        `halves`). Variance is that about their own mean.
    bases : Basis or sequence of Basis
        In the order of their vectors, with different names; m may be less or more than n.
    shares : sequence of float in (0, 1]
        Shares for which the vectors needed are counted.

    Returns
    -------
    xarray.Dataset
        ``explained`` (basis, count): for counts from 0 to the largest m, float64 in [0, 1]; a
        basis of fewer vectors keeps the share of all of them. ``needed`` (basis, share): the
        smallest count that explains so much, -1 where all vectors together do not.
        ``vectors`` (basis): m. attrs: ``samples``, ``units``, ``total_variance`` (in the unit of
        the activations squared).

    Raises
    ------
    UserError
        As `decomposition.varying`; if the widths differ, two bases have one name, or a share is
        out of
        range.

    Notes
    -----
    Dey et al. (2025), arXiv 2011.03043, Fig. 5. Held-out samples and oblique bases are ours.

    Examples
    --------
    >>> from neuronbasis import decomposition
    >>> rows = np.random.default_rng(0).standard_normal((400, 1)) * [3.0, 4.0]
    >>> fit, held_out = halves(rows)
    >>> both = [decomposition.neurons(fit), decomposition.principal(fit)]
    >>> found = explained_variance(held_out, both)
    >>> np.round(found.explained, 6).values.tolist()
    [[0.0, 0.64, 1.0], [0.0, 1.0, 1.0]]
    >>> found.needed.sel(share=0.8).to_series().to_dict()
    {'neurons': 2, 'principal components': 1}
    """
    chosen, levels = _checked_bases(bases), _checked_shares(shares)
    found = decomposition.varying(activations)
    for b in chosen:
        if b.n != found.n:
            raise UserError(
                f"activations have width {found.n} and basis {b.name!r} has {b.n}; the two must "
                "be equal: pass the layer that the basis belongs to"
            )
    total = float(found.variances.sum())
    explained = np.zeros((len(chosen), max(b.m for b in chosen) + 1))
    for curve, b in zip(explained, chosen, strict=True):
        curve[1 : b.m + 1] = np.cumsum(found.along(nested_span(b))) / total
        curve[b.m + 1 :] = curve[b.m]
    np.minimum(explained, 1.0, out=explained)
    names = [b.name for b in chosen]
    return xr.Dataset(
        {
            "explained": (("basis", "count"), explained, {"units": "1"}),
            "needed": (("basis", "share"), [[count_for(c, x) for x in levels] for c in explained]),
            "vectors": ("basis", [b.m for b in chosen]),
        },
        coords={"basis": names, "count": np.arange(explained.shape[1]), "share": levels},
        attrs={"samples": found.samples, "units": found.n, "total_variance": total},
    )


def count_for(curve: NDArray[np.float64], share: float) -> int:
    """Smallest count at which a cumulative curve reaches a share; -1 where it never does."""
    reached = curve >= share * (1 - 1e-12)  # the sum of all variances is the total up to rounding
    return int(np.argmax(reached)) if reached.any() else -1


def image_numbers(activations: Any, samples: int, images: ArrayLike | None) -> NDArray[np.intp]:
    """Which image each sample is of, in numbers from 0."""
    if images is None and isinstance(activations, xr.DataArray):
        images = activations.coords.get("image")
    if images is None:
        return np.arange(samples)
    given = plain(images, "images")
    if given.shape != (samples,):
        raise UserError(
            f"images have shape {given.shape} for {samples} samples; pass the number of its image "
            "for each sample"
        )
    return np.unique(given, return_inverse=True)[1]


def _checked_bases(bases: Any) -> list[Basis]:
    chosen = list(bases) if isinstance(bases, Sequence) else [bases]
    for b in chosen:
        check_basis(b)
    names = [b.name for b in chosen]
    if not chosen or len(set(names)) < len(names):
        raise UserError(
            f"the bases are called {', '.join(map(repr, names)) or 'nothing'}; pass at least one, "
            "each with a name of its own"
        )
    return chosen


def _checked_shares(shares: Any) -> list[float]:
    return [number(share, "a share", "(0, 1]", "such as 0.8") for share in shares]
