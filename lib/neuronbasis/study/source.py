"""What the source's own study found: Fig. 7 of Dey et al. (2025)."""

import xarray as xr

PEOPLE = 22
LAYERS = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc1", "fc2", "fc3")

# Right answers of 352 for each layer, along the vectors that the figure calls PCA and Neuron.
_OF = 352
_RIGHT = {
    "pc": (327, 326, 309, 295, 296, 309, 317, 298),
    "neuron": (317, 287, 299, 285, 278, 249, 235, 287),
}
_ERROR = {
    "pc": (0.016, 0.021, 0.010, 0.024, 0.026, 0.015, 0.021, 0.018),
    "neuron": (0.025, 0.026, 0.019, 0.026, 0.028, 0.044, 0.037, 0.019),
}


def fig_7() -> xr.Dataset:
    """Accuracy of people along principal components and neurons of AlexNet, by layer.

    The paper prints no numbers. These are read off the vector drawing of the figure on its
    authors' page, where each accuracy lies at a whole number of answers out of 352 (22 people, so
    16 each, which is our inference); the drawn bands give the standard errors, to three digits.

    Returns
    -------
    xarray.Dataset, dims (layer, basis)
        `accuracy` and its `standard_error` over 22 people, as of `analyse`.

    Examples
    --------
    >>> found = fig_7().accuracy.sel(layer="fc2")
    >>> float(found.sel(basis="pc").round(2)), float(found.sel(basis="neuron").round(2))
    (0.9, 0.67)
    """
    dims = ("layer", "basis")
    right = xr.DataArray(list(_RIGHT.values()), dims=dims[::-1]).transpose(*dims)
    error = xr.DataArray(list(_ERROR.values()), dims=dims[::-1]).transpose(*dims)
    found = {"accuracy": right / _OF, "standard_error": error}
    return xr.Dataset(found, {"layer": list(LAYERS), "basis": list(_RIGHT)})
