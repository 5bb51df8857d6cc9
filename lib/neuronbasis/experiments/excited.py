"""The images that excite single vectors most and least, as small as a record can keep them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from neuronbasis.basis import Basis
from neuronbasis.datasets import Dataset
from neuronbasis.errors import UserError
from neuronbasis.utils.checks import matrix, whole_number

ENDS = ("most", "least")


def excited(
    activations: Any, basis: Basis, vectors: Sequence[int], dataset: Dataset, images: int = 10
) -> xr.Dataset:
    """Test images with the largest and with the smallest coordinates along some vectors.

    Parameters
    ----------
    activations : array_like, shape (samples, n)
        Of the test images, in their order.
    basis : Basis
    vectors : sequence of int
        Which of its vectors.
    dataset : Dataset
    images : int
        How many for each end of a vector.

    Returns
    -------
    Dataset
        ``image`` (vector, end, rank, y, x[, channel]), uint8, the levels of the data set;
        ``label`` (vector, end, rank). The ends are "most" and "least", the first of each the most
        extreme. attrs: the ``darkest`` and ``brightest`` level.

    Raises
    ------
    UserError
        If there is not one activation a test image, one is not finite, or there is no such vector
        or number of images.

    Examples
    --------
    >>> from neuronbasis import basis, datasets
    >>> digits = datasets.load("digits")
    >>> brightness = digits.x_test.sum((1, 2))[:, None] * [1.0, 0.0]
    >>> found = excited(brightness, basis.standard(2), [0], digits, images=3)
    >>> found.image.shape, found.image.sum(("y", "x")).values.tolist()
    ((1, 2, 3, 8, 8), [[[407, 406, 395], [185, 230, 251]]])
    """
    along = matrix(activations, "activations") @ basis.vectors.T
    if len(along) != len(dataset.x_test):
        raise UserError(
            f"{len(along)} activations of {len(dataset.x_test)} test images: pass one an image"
        )
    if unknown := [each for each in vectors if not 0 <= each < basis.m]:
        raise UserError(f"vectors holds {unknown[0]}; there are 0 to {basis.m - 1}: pass such")
    if whole_number(images, "images", 1) > len(along):
        raise UserError(f"images is {images}; there are {len(along)}: pass at most as many")
    along = along[:, list(vectors)]
    order = np.argsort(along, axis=0, kind="stable").T
    places = np.stack([order[:, ::-1][:, :images], order[:, :images]], axis=1)
    darkest, brightest = dataset.pixel_range
    place = ("vector", "end", "rank")
    pixel = ("y", "x", "channel")[: dataset.x_test.ndim - 1]
    return xr.Dataset(
        {
            "image": ((*place, *pixel), dataset.x_test[places]),
            "label": (place, dataset.y_test[places]),
        },
        {"vector": list(vectors), "end": list(ENDS)},
        {"darkest": darkest, "brightest": brightest},
    )


def rows(found: xr.Dataset) -> dict[str, NDArray[np.float64]]:
    """Rows of images as `figures.images.rows` draws them.

    Parameters
    ----------
    found
        What `excited` returns, or a record kept of it.

    Returns
    -------
    dict of str to ndarray, shape (rank, pixels), in [-1, 1]
        By vector and end, such as "b7: most".

    Examples
    --------
    >>> from neuronbasis import basis, datasets
    >>> digits = datasets.load("digits")
    >>> found = excited(np.ones((360, 2)), basis.standard(2), [1], digits, images=3)
    >>> drawn = rows(found)
    >>> list(drawn), drawn["b1: least"].shape, float(drawn["b1: least"].min())
    (['b1: most', 'b1: least'], (3, 64), -1.0)
    """
    low, high = found.attrs["darkest"], found.attrs["brightest"]
    scaled = (2 * found.image.astype(float) - (low + high)) / (high - low)
    return {
        f"b{int(vector)}: {end}": scaled.sel(vector=vector, end=end).values.reshape(
            found.sizes["rank"], -1
        )
        for vector in found.vector.values
        for end in found.end.values
    }
