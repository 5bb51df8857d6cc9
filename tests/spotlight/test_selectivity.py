"""Class by class in the spotlight: a literal twin, planted detectors, labels without meaning."""

import numpy as np
import pytest

from neuronbasis import basis, spotlight
from neuronbasis.errors import UserError


def _cloud(seed=0, samples=400, n=6):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(samples, n)), rng.integers(0, 4, samples)


def test_literal_twin_agrees():
    x, y = _cloud()
    b = basis.thompson(9, 6, seed=1)
    found = spotlight.by_class(x, y, b, 0.6)
    for c in range(4):
        for k in range(9):
            cosines = [row @ b.vectors[k] / np.sqrt(row @ row) for row in x[y == c]]
            signed = sum(z >= 0.6 for z in cosines) - sum(z <= -0.6 for z in cosines)
            assert found.sel({"class": c, "vector": k}) == pytest.approx(signed / len(cosines))


def test_it_is_the_signed_resonance_at_the_vector():
    x, y = _cloud()
    b = basis.standard(6)
    one = x[y == 2]
    turned = spotlight.resonance(one, b, epsilon=0.5, signed=True, planes="combinations")
    at_start = turned.fraction.sel(angle=0)
    found = spotlight.by_class(x, y, b, 0.5).sel({"class": 2})
    np.testing.assert_allclose(at_start, found[turned.alpha.values], atol=1e-12)


def test_a_planted_detector_is_found_and_no_other():
    x, y = _cloud(samples=1000)
    x[y == 3] += 4 * np.eye(6)[2]
    found = spotlight.selectivity(x, y, basis.standard(6), 0.75, shuffles=199)
    assert found.selectivity.values.argmax() == 2
    assert found.p_value.values[2] == 1 / 200
    assert (np.delete(found.p_value.values, 2) > 0.05).sum() >= 4


def test_labels_without_meaning_are_rarely_called_selective():
    b = basis.standard(6)
    sure = [
        bool((spotlight.selectivity(*_cloud(seed), b, 0.6, shuffles=19).p_value <= 0.05).any())
        for seed in range(60)
    ]
    assert sum(sure) <= 9  # expected 3 of 60; 10 or more by chance in 1 of 1000


def test_rows_of_zeros_are_in_no_cone():
    x, y = np.zeros((4, 3)), np.array([0, 0, 1, 1])
    x[0, 0] = 2
    assert spotlight.by_class(x, y, basis.standard(3), 0.9).values.tolist() == [
        [0.5, 0, 0],
        [0, 0, 0],
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": np.zeros(5, int)}, r"labels \(5,\); they must be \(samples, 6\) and"),
        ({"labels": np.zeros(400, int)}, "at least two classes"),
        ({"labels": np.linspace(0, 1, 400)}, "labels must be whole numbers"),
        ({"activations": np.full((400, 6), np.nan)}, "activations hold NaN or inf"),
        ({"epsilon": 1.5}, "epsilon is 1.5"),
        ({"shuffles": 0}, "shuffles is 0"),
    ],
)
def test_faults_are_one_line(change, message):
    x, y = _cloud()
    given = {"activations": x, "labels": y, "basis": basis.standard(6), "epsilon": 0.8} | change
    with pytest.raises(UserError, match=message):
        spotlight.selectivity(**given)
