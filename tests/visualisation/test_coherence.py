"""What top images share: a literal twin, planted detectors, laws, ties, bad input."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neuronbasis import basis
from neuronbasis.errors import UserError
from neuronbasis.experiments.top_images import angles
from neuronbasis.visualisation import coherence, difference, random_images, rate


def cloud(seed=0, images=60, n=5, classes=4):
    rng = np.random.default_rng(seed)
    return (
        rng.normal(size=(images, n)),
        rng.integers(0, classes, images),
        {"pixels": rng.normal(size=(images, 7)) + 3, "layer": rng.uniform(size=(images, 3))},
    )


def test_literal_twin_agrees():
    x, y, features = cloud()
    b = basis.random(9, 5, seed=1)
    found = coherence(x, b, k=6, labels=y, features=features)
    for i, v in enumerate(b.vectors):
        read = [float(row @ v) for row in x]
        top = sorted(range(60), key=lambda image: -read[image])[:6]
        assert found.top.values[i].tolist() == top
        classes = [int(y[image]) for image in top]
        commonest = max(classes.count(c) for c in classes)
        assert found.purity.values[i] == commonest / 6
        for name, z in features.items():
            z = z - z.mean(axis=0)
            cosines = [
                z[p] @ z[q] / np.sqrt((z[p] @ z[p]) * (z[q] @ z[q]))
                for p, q in itertools.combinations(top, 2)
            ]
            assert found[name].values[i] == pytest.approx(np.mean(cosines), abs=1e-12)
    assert (found.excited == 59).all()  # all but the lowest


def test_a_planted_detector_is_pure_and_a_direction_without_meaning_is_at_the_floor():
    x, y, _ = cloud(images=800)
    x[y == 2, 3] += 20
    features = {"class": np.eye(4)[y]}
    found = coherence(x, basis.standard(5), 8, y, features)
    floor = random_images(800, 8, sets=2000, labels=y, features=features)
    assert found.purity.values[3] == 1
    assert found["class"].values[3] == pytest.approx(1)
    others = coherence(x[:, :3], basis.random(400, 3), 8, y)
    # Means of hundreds of sets of spread about 0.1; the directions of one R^3 share images.
    assert others.purity.mean() == pytest.approx(float(floor.purity.mean()), abs=0.06)
    assert abs(float(floor["class"].mean())) < 0.01


def test_the_floor_is_what_counting_gives():
    """Two of four images, two classes of two: one class in 2 of 6 draws, so 2/6 + 4/6 * 1/2."""
    floor = random_images(4, 2, sets=4000, labels=[0, 0, 1, 1])
    assert float(floor.purity.mean()) == pytest.approx(2 / 3, abs=0.02)
    assert all(len(set(each)) == 2 for each in floor.top.values.tolist())


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), k=st.integers(2, 20))
def test_laws(seed, k):
    x, y, features = cloud(seed, images=20)
    b = basis.random(4, 5, seed=seed)
    found = coherence(x, b, k, y, features)
    rng = np.random.default_rng(seed)
    # A common offset and a scale change no ranking; new names of classes no purity.
    moved = coherence(3 * x + rng.normal(size=5), b, k, 7 - y, features)
    assert moved.identical(found)
    order = rng.permutation(20)
    shuffled = coherence(x[order], b, k, y[order], {n: z[order] for n, z in features.items()})
    assert (order[shuffled.top.values] == found.top.values).all()
    for name in ("purity", "pixels", "layer"):
        np.testing.assert_allclose(shuffled[name], found[name], atol=1e-12)
    assert (found.purity >= 1 / k).all()
    assert (found.purity <= 1).all()
    # Turned together with its space, a direction reads the same.
    turn = basis.standard(5).rotated(seed).vectors
    both = coherence(x @ turn, basis.Basis(b.vectors @ turn), k, y, features)
    assert (both.top.values == found.top.values).all()


def test_the_other_end_is_the_opposite_vector():
    x, y, _ = cloud(images=10)
    b = basis.standard(5)
    up = coherence(x, b, 10, y)
    down = coherence(x, basis.Basis(-b.vectors), 10, y)
    assert (up.top.values[:, ::-1] == down.top.values).all()


def test_ties_are_ranked_at_random_and_counted():
    x = np.zeros((300, 2))
    x[7, 0] = 1.0
    y = np.repeat([0, 1, 2], 100)  # sorted by class: the first of them would look pure
    seeds = [coherence(x, basis.standard(2), 9, y, seed=seed) for seed in range(30)]
    assert seeds[0].excited.values.tolist() == [1, 0]
    assert all(each.top.values[0, 0] == 7 for each in seeds)
    assert np.mean([each.purity.values[1] for each in seeds]) < 0.7
    assert coherence(x, basis.standard(2), 9, y, seed=3).identical(seeds[3])


def test_a_tensor_and_labels_of_the_basis():
    x, y, _ = cloud()
    b = basis.Basis(np.eye(5), "neurons", [f"neuron {i}" for i in range(5)])
    found = coherence(torch.tensor(x), b, 4, y)
    assert found.sel(direction="neuron 3").purity == coherence(x, b, 4, y).purity[3]
    assert found.attrs == {"k": 4, "images": 60, "basis": "neurons", "seed": 0}


def test_many_directions_are_done_in_parts(monkeypatch):
    x, _, features = cloud()
    b = basis.random(50, 5)
    whole = coherence(x, b, 4, features=features)
    monkeypatch.setattr("neuronbasis.visualisation._coherence._LARGEST", 100)
    np.testing.assert_allclose(coherence(x, b, 4, features=features).pixels, whole.pixels)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k": 1}, "k is 1; it must be an integer >= 2"),
        ({"k": 61}, "k is 61; there are 60 images: pass at most so many"),
        ({"basis": basis.standard(4)}, r"activations are 5 wide, the basis is of R\^4"),
        ({"activations": np.full((60, 5), np.nan)}, "activations hold NaN or inf"),
        ({"activations": np.zeros((0, 5))}, r"activations are of type float64 and shape \(0, 5\)"),
        ({"activations": np.full((60, 5), "a")}, "activations are of type <U1"),
        ({"labels": np.zeros(59, int)}, r"labels are of type int64 and shape \(59,\)"),
        ({"labels": np.zeros(60)}, r"labels are of type float64 .* whole numbers of shape \(60,\)"),
        ({"labels": np.arange(60)}, "all 60 labels differ, so that they say nothing: leave"),
        ({"features": {"top": np.eye(60)}}, "features are named 'top'; that name is taken"),
        ({"features": {"rank": np.eye(60)}}, "features are named 'rank'; that name is taken"),
        ({"features": {"a": np.eye(3)}}, "features 'a' have 3 rows for 60 images; pass one each"),
        ({"features": {"a": np.ones((60, 2))}}, "features 'a' are the same for all images"),
        ({"seed": -1}, "seed is -1; it must be an integer >= 0"),
    ],
)
def test_a_mistake_is_told_in_one_line(change, message):
    x, y, features = cloud()
    right = {"activations": x, "basis": basis.standard(5), "k": 4, "labels": y}
    with pytest.raises(UserError, match=message):
        coherence(**right | {"features": features} | change)


def test_rate_counts_from_the_threshold_on():
    found = rate([6 / 9, 5 / 9, 1.0], [5 / 9, 6 / 9, 7 / 9])
    assert found.values.tolist() == [1, 2 / 3, 1 / 3]
    assert found.threshold.values.tolist() == [5 / 9, 6 / 9, 7 / 9]
    for bad in ([], [np.nan], [[1.0]]):
        with pytest.raises(UserError, match="one number a direction"):
            rate(bad, [0.5])


def test_the_interval_of_a_difference_covers_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        first = [rng.normal(level + 0.3, 1, 40) for level in (0, 5)]
        second = [rng.normal(level, 2, 60) for level in (0, 5)]
        _, low, high = difference(first, second)
        covered += low < 0.3 < high
    assert 0.91 < covered / 400 < 0.98
    with pytest.raises(UserError, match="fewer than 2 directions of a kind"):
        difference([[1.0]], [[1.0, 2.0]])


def test_angles_are_those_of_the_definition():
    x = np.array([[1.0, 0, 0], [1, 1, 0], [0, 0, 0], [-2, 0, 0]])
    found = angles(x, pairs=500, labels=[0, 0, 1, 1])
    assert set(found.values.round(9)) == {45, 135, 180}
    assert (found.same == (found.round(9) == 45)).all()
    assert found.attrs == {"zero_rows": 1, "width": 3, "units": "degrees"}
    shares = [float((found.round(9) == angle).mean()) for angle in (45, 135, 180)]
    assert min(shares) > 0.25  # a third each


def test_angles_of_random_vectors_gather_at_the_right_angle():
    rng = np.random.default_rng(1)
    for n in (4, 64):
        found = np.radians(angles(rng.normal(size=(2000, n))).values)
        assert np.cos(found).std() == pytest.approx(n**-0.5, rel=0.05)
        assert np.cos(found).mean() == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize(
    ("vectors", "labels", "message"),
    [
        ([[1.0, np.inf]], None, "must be .rows, n. and all finite"),
        ([1.0, 2.0], None, "vectors have shape .2,.; they must be"),
        ([[1.0, 0], [0, 0]], None, "1 of 2 vectors have a direction; pass at least two"),
        ([[1.0, 0], [0, 1]], [1], r"labels have shape \(1,\); they must be \(2,\)"),
    ],
)
def test_angles_of_what_has_none_are_refused(vectors, labels, message):
    with pytest.raises(UserError, match=message):
        angles(vectors, labels=labels)
