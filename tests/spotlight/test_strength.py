"""The strength of an alignment: planted truths over widths, bounds, and its place in verdicts."""

import numpy as np
import pytest

from neuronbasis import basis, spotlight
from neuronbasis.errors import UserError

WIDTHS = (24, 384, 4096)


def isotropic(rows, n, seed):
    return np.random.default_rng(seed).standard_normal((rows, n))


def nearest(rows, b):
    return spotlight.nearest_cosine(rows, [b])[0]


def chance(n, rows=400, seed=9):
    """What rotated copies get: to a row, a basis rotated at random is any direction."""
    return nearest(isotropic(rows, n, seed), basis.standard(n))


@pytest.mark.parametrize("n", WIDTHS)
@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_a_share_of_rows_on_the_vectors_is_the_strength_at_every_width(n, share):
    rows = isotropic(400, n, seed=1)
    on = int(400 * share)
    rows[:on] = 0
    rows[np.arange(on), np.random.default_rng(2).integers(0, n, on)] = 3.0
    found = spotlight.strength(nearest(rows, basis.standard(n)), chance(n))
    assert found == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize("n", WIDTHS)
def test_rows_without_a_preference_have_none(n):
    rows = isotropic(400, n, seed=3)
    assert abs(spotlight.strength(nearest(rows, basis.standard(n)), chance(n))) < 0.03


@pytest.mark.parametrize("n", WIDTHS)
@pytest.mark.parametrize("share", [0.5, 1.0])
def test_rows_at_the_corners_are_far_at_every_width(n, share):
    rows = isotropic(400, n, seed=4)
    on = int(400 * share)
    rows[:on] = np.sign(rows[:on])
    both = basis.orthoplex(n)
    level = nearest(isotropic(400, n, seed=5), both)
    found = spotlight.strength(nearest(rows, both), level)
    assert found == pytest.approx(share * (1 / np.sqrt(n) / level - 1), abs=0.03)
    assert -0.85 < found / share < -0.5


@pytest.mark.parametrize("parts", [1, 4, 16])
def test_rows_of_equal_parts_have_the_cosine_of_their_number(parts):
    rows = np.zeros((50, 64))
    for row in rows:
        row[np.random.default_rng(parts).permutation(64)[:parts]] = 2.0
    a = spotlight.alignment(rows, basis.standard(64), 0.4, rotations=19)
    assert a.attrs["nearest_cosine"] == pytest.approx(1 / np.sqrt(parts))


def test_dense_rows_push_the_slope_over_one_but_not_the_strength():
    """Eight of 64 coordinates share each row, all inside cones wide enough for a wide layer."""
    rng = np.random.default_rng(0)
    rows = np.zeros((300, 64))
    for row in rows:
        row[rng.permutation(64)[:8]] = 1.0
    epsilon = spotlight.epsilon_for(0.01, 64)
    a = spotlight.alignment(rows, basis.standard(64), epsilon, rotations=19)
    assert a.attrs["slope"] > 3
    assert 0.05 < a.attrs["strength"] < 0.2


def test_a_tiny_signal_is_significant_and_gets_no_verdict():
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((4000, 16))
    rows[:100] = 0
    rows[np.arange(100), rng.integers(0, 16, 100)] = 1.0
    settings = {"epsilon": 0.8, "rotations": 39, "seed": 0}
    floor = spotlight.alignment(rows, basis.standard(16), **settings)
    none = spotlight.alignment(rows, basis.standard(16), least=0, **settings)
    assert floor.attrs["p_value"] == none.attrs["p_value"] <= 0.05
    assert 0 < floor.attrs["strength"] < 0.05
    assert (floor.attrs["verdict"], none.attrs["verdict"]) == ("neither", "aligned")
    assert (floor.attrs["least"], none.attrs["least"]) == (0.05, 0)


def test_the_strength_does_not_depend_on_the_planes_drawn_or_the_cone():
    rows = isotropic(300, 40, seed=6)
    rows[:, 0] *= 30  # one outlying dimension, in few planes
    found = [
        spotlight.alignment(
            rows, basis.standard(40), epsilon, rotations=9, level=0.2, seed=0, max_planes=planes
        )
        for epsilon, planes in [(0.5, None), (0.5, 780), (0.7, 780)]
    ]
    strengths = [each.attrs["strength"] for each in found]
    assert strengths[0] == strengths[1] == strengths[2] > 0.2
    drawn = [
        spotlight.alignment(
            rows, basis.standard(40), 0.5, rotations=19, seed=seed, max_planes=20
        ).attrs["slope"]
        for seed in range(4)
    ]
    assert max(drawn) > 2 * min(drawn)  # as the slope does


def test_a_survey_decides_by_the_slope_alone_unless_told():
    b = basis.standard(8)
    assert spotlight.survey([b.vectors], [b], 0.8, rotations=19).strength.item() == 1.0
    rows = isotropic(500, 8, seed=7)
    seen = spotlight.survey([rows], [b], 0.8, rotations=19, least=1.0)
    assert seen.verdict.item() == "neither"


@pytest.mark.parametrize(
    ("cosine", "rotated", "found"),
    [(1, 0.3, 1), (0.3, 0.3, 0), (0, 0.3, -1), (-1, 0.3, -1), (-0.2, -0.1, -1), (1, 1, 0)],
)
def test_the_ends_of_the_scale(cosine, rotated, found):
    assert spotlight.strength(cosine, rotated) == found


@pytest.mark.parametrize(
    ("cosine", "rotated", "said"),
    [
        (2, 0.1, "a cosine is 2; it must lie"),
        (0.1, [0.1, np.nan], "a cosine is nan"),
        (0.1, [], "no cosine of a rotated copy"),
    ],
)
def test_what_is_no_cosine_is_refused(cosine, rotated, said):
    with pytest.raises(UserError, match=said):
        spotlight.strength(cosine, rotated)


@pytest.mark.parametrize("least", [-0.1, 1.5, "much"])
def test_a_least_strength_outside_its_range_is_refused(least):
    with pytest.raises(UserError, match="least is"):
        spotlight.alignment(isotropic(20, 3, 0), basis.standard(3), 0.8, least=least)


@pytest.mark.parametrize("n", [24, 384])
def test_rows_on_both_ends_of_the_axes_are_on_the_vectors_of_the_orthoplex_alone(n):
    rng = np.random.default_rng(8)
    rows = np.eye(n)[rng.integers(0, n, 400)] * rng.choice([-1, 1], (400, 1))
    both = basis.orthoplex(n)
    chances = nearest(isotropic(400, n, seed=9), both), chance(n)
    found = [
        spotlight.strength(nearest(rows, b), level)
        for b, level in zip((both, basis.standard(n)), chances, strict=True)
    ]
    assert found[0] == pytest.approx(1)
    assert 0.05 < found[1] < 0.5
