"""What rounding leaves of a constant is refused; a small signal in the same type is measured."""

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

from neuronbasis import basis, completeness, decomposition, spotlight, visualisation
from neuronbasis.errors import UserError
from neuronbasis.utils.checks import rounding

RNG = np.random.default_rng(0)
SAMPLES, WIDTH = 60, 3
UP = RNG.integers(0, 2, (SAMPLES, WIDTH)).astype(bool)
LABELS = np.arange(SAMPLES) % 2


def one_unit_apart(value, kind):
    """Constants of a type, some of them one unit in the last place larger."""
    constant = np.full((SAMPLES, WIDTH), value, kind) * np.array([1, 3, 0.7], kind)
    return np.where(UP, np.nextafter(constant, kind(np.inf)), constant)


CONSTANTS = {
    "float64": one_unit_apart(0.3, np.float64),
    "float32": one_unit_apart(0.3, np.float32),
    "below 0": -one_unit_apart(1.0, np.float32),
    "float16": one_unit_apart(0.3, np.float16),
    "tensor": torch.from_numpy(one_unit_apart(0.3, np.float32)),
    "bfloat16": torch.where(torch.from_numpy(UP), 1.0, 1 + 2.0**-7).to(torch.bfloat16),
    "labelled": xr.DataArray(one_unit_apart(5.0, np.float32)),
    "a large mean": 1e6 + RNG.normal(0, 1e-10, (SAMPLES, WIDTH)),
    "some exactly constant": one_unit_apart(0.3, np.float32) * np.array([1, 0, 1], np.float32),
}
SIGNALS = {
    "a ten-thousandth": (3 + 3e-4 * RNG.standard_normal((SAMPLES, WIDTH))).astype(np.float32),
    "a mean of 1000": (1000 + RNG.standard_normal((SAMPLES, WIDTH))).astype(np.float32),
    "a mean of 1e6": 1e6 + RNG.normal(0, 1e-6, (SAMPLES, WIDTH)),
    "in one unit": np.where([True, False, False], UP * 1e-3, 7.0).astype(np.float32),
    "tiny about 0": 1e-30 * RNG.standard_normal((SAMPLES, WIDTH)),
    "float16": (1000 + 4 * RNG.standard_normal((SAMPLES, WIDTH))).astype(np.float16),
    "whole numbers": 10**9 + UP.astype(np.int64),
}
AXES = basis.standard(WIDTH)
OTHER = decomposition.neurons(RNG.standard_normal((SAMPLES, WIDTH)))


def aligned(x):
    return spotlight.alignment(x, AXES, epsilon=0.8, rotations=19, centre=True)


FOUND = {
    "principal": decomposition.principal,
    "neurons": decomposition.neurons,
    "random": decomposition.random,
    "ordered": lambda x: decomposition.ordered(AXES, x),
    "independent": lambda x: decomposition.independent(x, k=1),
    "sparse": lambda x: decomposition.sparse_autoencoder(x, m=4, steps=2),
    "explained": lambda x: completeness.explained_variance(x, [OTHER]),
    "needed again": lambda x: completeness.needed_again(x, [OTHER], resamples=2),
    "alignment": aligned,
}


@pytest.mark.parametrize("kind", CONSTANTS)
@pytest.mark.parametrize("name", FOUND)
def test_rounding_is_no_direction(name, kind):
    with pytest.raises(UserError, match=r"constant|zeros once their mean is off") as told:
        FOUND[name](CONSTANTS[kind])
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("kind", SIGNALS)
@pytest.mark.parametrize("name", ["principal", "explained", "alignment"])
def test_a_small_signal_is_measured(name, kind):
    FOUND[name](SIGNALS[kind])


@pytest.mark.parametrize("kind", SIGNALS)
def test_the_variance_of_a_small_signal_is_that_of_its_numbers(kind):
    found = decomposition.principal(SIGNALS[kind]).variances.sum()
    exact = SIGNALS[kind].astype(np.longdouble).var(axis=0, ddof=1).sum()
    assert found == pytest.approx(float(exact), rel=1e-6, abs=0)


def about(x):
    """The axes through the mean of activations, told by someone who did not look at them."""
    mean = np.asarray(x, dtype=np.float64).mean(axis=0)
    return decomposition.OrderedBasis(np.eye(WIDTH), np.ones(WIDTH), mean, "axes")


def test_rounding_has_no_points_to_show():
    x = CONSTANTS["float32"]
    with pytest.raises(UserError, match="all activations have the same coordinate"):
        visualisation.nearest(x, about(x), [0], points=3, patches=1)
    y = SIGNALS["a mean of 1000"]
    assert visualisation.nearest(y, about(y), [0], points=3, patches=1).sizes["point"] == 3


def test_features_that_differ_by_rounding_are_the_same():
    x = SIGNALS["a mean of 1000"]
    with pytest.raises(UserError, match="are the same for all images"):
        visualisation.coherence(x, AXES, 2, features={"f": CONSTANTS["float32"]})
    visualisation.coherence(x, AXES, 2, features={"f": SIGNALS["a ten-thousandth"]})


@pytest.mark.parametrize("kind", ["float32", "a ten-thousandth"])
def test_a_layer_that_varies_by_rounding_has_no_variance_to_remove(kind):
    net = nn.Sequential(nn.Identity(), nn.Linear(WIDTH, 2))
    x = (CONSTANTS | SIGNALS)[kind]
    if kind in SIGNALS:
        found = completeness.ablation(net, "0", about(x), x, LABELS, [0, WIDTH])
        removed = found.variance_removed.isel(count=-1).values
        np.testing.assert_allclose(removed, 1.0, rtol=1e-3)
        return
    with pytest.raises(UserError, match="the layer gives its mean at every image"):
        completeness.ablation(net, "0", about(x), x, LABELS, [0, WIDTH])


def test_rounding_is_that_of_the_type():
    for kind in (np.float16, np.float32, np.float64):
        assert rounding(np.ones(2, kind)) == 2 * np.finfo(kind).eps
        assert rounding(torch.ones(2, dtype=getattr(torch, kind.__name__))) == rounding(
            np.ones(2, kind)
        )
    assert rounding(torch.ones(2, dtype=torch.int8)) == rounding(np.ones(2, bool)) == 0
