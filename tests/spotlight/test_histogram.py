"""Quantiles over more planes than are held."""

import numpy as np

from neuronbasis import basis, spotlight


def test_no_quantile_lies_beyond_all_samples():
    """A bin of large counts is wider than one, and its middle beyond the largest count."""
    b = basis.standard(2)
    rows = np.repeat(b.vectors[:1], 1001, axis=0)
    found = spotlight.summary(rows, b, 0.5, quantiles=[0, 1])
    assert found["quantile"].max() == 1
