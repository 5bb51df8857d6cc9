"""The observer of smoothness, and how many participants a study needs."""

from itertools import permutations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from test_study_build import made_rows

from neuronbasis import study
from neuronbasis.errors import UserError
from neuronbasis.study.paired import mean_difference, per_person


def smooth_row(basis="pc", vector=0, points=6, layer="a"):
    """Pictures that brighten from left to right."""
    levels = np.linspace(0, 250, points).astype(np.uint8)
    pictures = levels[:, None, None, None] + np.zeros((1, 2, 3, 3), np.uint8)
    return study.Row(layer, basis, vector, pictures)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(3, 5), st.integers(1, 3))
def test_accuracy_is_that_of_all_shuffles_taken_literally(seed, points, patches):
    rng = np.random.default_rng(seed)
    pictures = rng.integers(0, 4, (points, patches, 1, 2), dtype=np.uint8)
    if len({p.tobytes() for p in pictures}) < points:
        pictures[:, 0, 0, 0] = np.arange(points)
    told = study.tell_apart([study.Row("a", "pc", 0, pictures)], shuffles=4000, seed=1)

    def length(order):
        return sum(
            np.mean([np.linalg.norm((a - b) / 255.0) for a in left for b in right])
            for left, right in zip(
                pictures[list(order[:-1])].astype(float).reshape(points - 1, patches, -1),
                pictures[list(order[1:])].astype(float).reshape(points - 1, patches, -1),
                strict=True,
            )
        )

    ordered = tuple(range(points))
    all_lengths = [length(o) for o in permutations(ordered) if o not in (ordered, ordered[::-1])]
    own = length(ordered)
    wins = [0.5 if np.isclose(each, own) else float(each > own) for each in all_lengths]
    assert float(told["accuracy"][0]) == pytest.approx(np.mean(wins), abs=0.05)
    assert float(told["length"][0]) == pytest.approx(own / np.mean(all_lengths), rel=0.02)


def test_smooth_rows_are_told_and_random_ones_are_not():
    """The control: rows of random pictures are told in half of all cases, within the interval."""
    rows = [smooth_row(vector=v) for v in range(3)]
    rng = np.random.default_rng(0)
    for vector in range(200):
        noise = rng.integers(0, 256, (6, 2, 3, 3), dtype=np.uint8)
        rows.append(study.Row("a", "random", vector, noise))
    told = study.by_basis(study.tell_apart(rows, shuffles=99)).sel(layer="a")
    assert float(told["mean"].sel(basis="pc")) == 1
    noise = told.sel(basis="random")
    assert float(noise["low"]) < 0.5 < float(noise["high"])
    assert float(noise["high"] - noise["low"]) < 0.1
    assert told["vectors"].values.tolist() == [3, 200]


def test_another_feature_space_gives_another_answer():
    """Features in which the pictures are all one: every row is equally long, so it guesses."""
    row = smooth_row()
    told = study.tell_apart([row], features=lambda pictures: np.ones((len(pictures), 4)))
    assert (float(told["accuracy"][0]), float(told["length"][0])) == (0.5, 1.0)
    zigzag = dict(zip((p.tobytes() for p in row.pictures[:, 0]), (2, 5, 0, 4, 1, 3), strict=True))
    told = study.tell_apart([row], lambda ps: [[zigzag[p.tobytes()]] for p in ps])
    assert float(told["accuracy"][0]) < 0.05  # no order of six numbers is longer


def test_differences_come_with_an_interval_that_holds_welchs():
    told = study.tell_apart(made_rows(6, layers=("a",)), shuffles=99)
    a, b = (told["accuracy"].values[told["basis"].values == basis] for basis in ("pc", "neuron"))
    welch = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    found = study.difference(told).sel(layer="a")
    assert float(found["difference"]) == pytest.approx(a.mean() - b.mean())
    reach = stats.t.ppf(0.975, 5) * np.sqrt(a.var(ddof=1) / 6 + b.var(ddof=1) / 6)
    assert float(found["high"] - found["difference"]) == pytest.approx(reach)
    assert float(found["low"]) <= welch.low < welch.high <= float(found["high"])
    reverse = study.difference(told, "neuron", "pc").sel(layer="a")
    assert float(reverse["low"]) == pytest.approx(-float(found["high"]))
    lengths = study.difference(told, value="length").sel(layer="a")
    assert float(lengths["difference"]) != float(found["difference"])


def told_of(first, second):
    """As of `tell_apart`, from accuracies along two kinds of vectors."""
    basis = ["pc"] * len(first) + ["neuron"] * len(second)
    layer = ["a"] * len(basis)
    return xr.Dataset(
        {"accuracy": ("row", np.concatenate([first, second]))},
        coords={"layer": ("row", layer), "basis": ("row", basis)},
    )


@pytest.mark.parametrize("counts", [(2, 2), (2, 10), (2, 50), (3, 50), (5, 50), (10, 10)])
@pytest.mark.parametrize("ceiling", [False, True])
def test_few_vectors_show_no_difference_that_is_not_there(counts, ceiling):
    """400 draws; more than 35 in 400 at 5% are a chance of 1 in 1,000. Nearly all right, or not."""
    rng = np.random.default_rng([*counts, ceiling])
    found = 0
    for _ in range(400):
        drawn = [0.7 + 0.1 * rng.normal(size=count) for count in counts]
        if ceiling:
            drawn = [np.minimum(np.round(each + 0.3, 1), 1) for each in drawn]
        gap = study.difference(told_of(*drawn))
        found += not float(gap["low"][0]) <= 0 <= float(gap["high"][0])
    assert found <= 35


def test_vectors_that_agree_to_the_last_bit_or_nearly_tell_nothing_of_others():
    for first, second in (([1.0, 1.0], [0.9, 0.9]), ([0.3, 0.3], [0.1 + 0.2, 0.1 + 0.2])):
        gap = study.difference(told_of(first, second)).sel(layer="a")
        assert (float(gap["low"]), float(gap["high"])) == (-np.inf, np.inf)
        assert float(gap["difference"]) == pytest.approx(first[0] - second[0])
    assert float(gap["difference"]) == 0


def test_layers_without_both_bases_have_no_difference():
    rows = [*made_rows(2, layers=("a",)), *made_rows(2, layers=("b",), bases=("pc",))]
    told = study.tell_apart(rows, shuffles=20)
    assert study.difference(told)["layer"].values.tolist() == ["a"]
    table = study.by_basis(told)
    assert table["vectors"].values.tolist() == [[2, 2], [2, 0]]
    assert np.isnan(table["mean"].values).tolist() == [[False, False], [False, True]]
    with pytest.raises(UserError, match="no layer has both pc and random; there are neuron, pc"):
        study.difference(told, "pc", "random")


def test_same_seed_same_numbers():
    first, again, other = (study.tell_apart(made_rows(2), shuffles=50, seed=s) for s in (1, 1, 2))
    assert first.identical(again)
    assert not first["accuracy"].equals(other["accuracy"])


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (lambda p: np.ones(len(p)), r"have shape \(12,\); it must be \(12, d\)"),
        (lambda p: np.ones((3, 2)), r"have shape \(3, 2\)"),
        (lambda p: np.ones((12, 0)), r"have shape \(12, 0\)"),
        (lambda p: np.full((12, 2), np.nan), "hold NaN or inf"),
        (lambda p: [["a"]] * 12, "features of row a pc 0: could not convert"),
    ],
)
def test_bad_features_are_refused(features, message):
    with pytest.raises(UserError, match=message):
        study.tell_apart([smooth_row()], features)


def test_other_mistakes_are_refused():
    with pytest.raises(UserError, match="shuffles is 0"):
        study.tell_apart([smooth_row()], shuffles=0)
    with pytest.raises(UserError, match="a pc has 1 vector; an interval needs 2 or more"):
        study.by_basis(study.tell_apart([smooth_row()], shuffles=5))
    with pytest.raises(UserError, match="value is 'size'; it must be 'accuracy' or 'length'"):
        study.by_basis(study.tell_apart([smooth_row()], shuffles=5), "size")


# ---- how many are needed -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("participants", "trials", "difference", "spread"),
    [(22, 20, 0.1, 0.1), (8, 30, 0.2, 0.3), (12, 6, 0.05, 0.0), (40, 5, 0.1, 0.0)],
)
def test_power_is_how_often_the_analysis_finds_the_difference(
    participants, trials, difference, spread
):
    """In 600 simulated studies; five standard errors are 0.1, which is also what is promised."""
    rng = np.random.default_rng(4)
    chance = [0.6 + difference, 0.6]
    people = np.repeat(np.arange(participants), 2 * trials)
    is_first = np.tile([True] * trials + [False] * trials, participants)
    found = 0
    for _ in range(600):
        own = chance + spread / 2**0.5 * rng.normal(size=(participants, 2))
        each = np.repeat(np.clip(own, 0, 1), trials, axis=1).ravel()
        right = (rng.random(len(each)) < each).astype(float)
        _, *found_out = per_person(right, is_first, people, np.zeros(len(right)))
        found += mean_difference(*found_out)[3] <= 0.05
    expected = study.power(participants, trials, difference, second=0.6, spread=spread)
    assert found / 600 == pytest.approx(expected, abs=0.1)


def test_five_people_find_nothing():
    assert study.power(5, 1000, 0.3) == 0
    assert study.participants_needed(1000, 0.3) == 6


def test_power_at_no_spread_and_many_people_is_the_normal_one():
    sd = np.sqrt((0.7 * 0.3 + 0.6 * 0.4) / 10)
    shift = 0.1 / sd * np.sqrt(500)
    assert study.power(500, 10, 0.1, second=0.6, spread=0) == pytest.approx(
        stats.norm.sf(1.96 - shift), abs=0.003
    )
    assert study.power(20, 10, -0.1, second=0.7) == pytest.approx(
        study.power(20, 10, 0.1, second=0.6), abs=1e-9
    )


@settings(max_examples=15, deadline=None)
@given(st.integers(5, 60), st.floats(0.03, 0.25), st.floats(0, 0.3), st.floats(0.5, 0.95))
def test_the_number_needed_is_the_smallest(trials, difference, spread, wanted):
    needed = study.participants_needed(trials, difference, wanted=wanted, spread=spread)
    assert study.power(needed, trials, difference, spread=spread) >= wanted
    assert needed == 2 or study.power(needed - 1, trials, difference, spread=spread) < wanted


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"participants": 1}, "participants is 1"),
        ({"trials": 0}, "trials is 0"),
        ({"difference": 0}, "difference is 0; it must not be 0"),
        ({"difference": 0.4}, "difference is 0.4"),
        ({"difference": float("nan")}, "difference is nan; it must be a finite number"),
        ({"second": 1}, "second is 1; it must lie in"),
        ({"spread": 1.5}, "spread is 1.5"),
        ({"level": 0}, "level is 0"),
    ],
)
def test_bad_plans_are_refused(fields, message):
    with pytest.raises(UserError, match=message):
        study.power(**{"participants": 20, "trials": 20, "difference": 0.1, **fields})


def test_a_difference_too_small_for_any_study_is_told():
    with pytest.raises(UserError, match=r"a difference of 0\.0001 needs over 100000 participants"):
        study.participants_needed(5, 0.0001)


def test_as_many_as_the_limit_are_still_told():
    needed = study.participants_needed(1, 0.005, wanted=0.5)
    assert 65_536 < needed <= 100_000
    assert study.power(needed, 1, 0.005) >= 0.5 > study.power(needed - 1, 1, 0.005)
