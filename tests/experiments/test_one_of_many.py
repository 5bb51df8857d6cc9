"""The figure of one network: which one is shown, and what stands behind it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuronbasis import basis, records, spotlight
from neuronbasis.errors import UserError
from neuronbasis.experiments.one_of_many import packed, resonances, unpacked
from neuronbasis.figures import spotlight as pictures
from neuronbasis.records import Record
from neuronbasis.uncertainty import typical


@pytest.fixture
def seen():
    rng = np.random.default_rng(0)
    pairs = [(rng.normal(size=(30, 3)), basis.thompson(6, 3, seed=seed)) for seed in range(4)]
    return {"after": pairs}


def test_the_one_is_shown_plane_by_plane_and_the_others_by_their_mean(seen):
    one, others = resonances(seen, 2, epsilon=0.7, angles=12)
    literal = [
        spotlight.resonance(*each, epsilon=0.7, angles=12).fraction for each in seen["after"]
    ]
    np.testing.assert_array_equal(one["after"].fraction, literal[2])
    means = np.stack([literal[k].mean("plane") for k in (0, 1, 3)])
    np.testing.assert_allclose(others["after"], means, atol=1e-12)


@pytest.mark.parametrize("shown", [-1, 4])
def test_a_network_that_is_not_there_is_refused(seen, shown):
    with pytest.raises(UserError, match=rf"^shown is {shown}; there are networks 0 to 3$"):
        resonances(seen, shown)


def test_a_single_network_has_no_others(seen):
    with pytest.raises(UserError, match=r"^after: 1 network; there must be others: pass"):
        resonances({"after": seen["after"][:1]}, 0)


@given(st.lists(st.floats(-9, 9), min_size=1, max_size=9))
def test_half_of_the_repetitions_lie_on_either_side_of_the_typical_one(values):
    chosen = values[typical(values)]
    assert sum(each < chosen for each in values) <= (len(values) - 1) // 2
    assert sum(each > chosen for each in values) <= len(values) // 2


@pytest.fixture
def measured(seen):
    basis_itself = [(each.vectors, each) for _, each in seen["after"]]
    one, others = resonances(
        seen | {"itself": basis_itself}, 1, epsilon=0.6, angles=36, planes="permutations"
    )
    del others["itself"]
    return one, others


def recorded(packed_figure, folder):
    made = Record("example", {})
    made.curves("figure", packed_figure, compressed=True)
    return records.read_curves(made.write(folder), "figure")


def test_a_record_gives_the_curves_that_were_measured(measured, tmp_path):
    one, others = measured
    again, means = unpacked(recorded(packed(one, others), tmp_path / "run"))
    assert list(again) == ["after", "itself"]
    assert list(means) == ["after"]
    for title, each in one.items():
        np.testing.assert_array_equal(again[title].fraction, each.fraction)
        np.testing.assert_array_equal(again[title].angle, each.angle)
        np.testing.assert_array_equal(again[title].beta, each.beta)
    np.testing.assert_allclose(means["after"], others["after"], rtol=1e-6)


def test_the_picture_from_a_record_is_that_of_the_measurement(measured, tmp_path):
    settings = {"null": 0.1, "shared": ["after"]}
    again = unpacked(recorded(packed(*measured), tmp_path / "run"))
    live, kept = (
        pictures.panels(one, others=others, **settings) for one, others in (measured, again)
    )
    for a, b in zip(live.axes, kept.axes, strict=True):
        assert (a.get_title(), a.get_ylim()) == (b.get_title(), b.get_ylim())
        for drawn, repeated in zip(
            a.collections[0].get_segments(), b.collections[0].get_segments(), strict=True
        ):
            np.testing.assert_array_equal(drawn, repeated)
        for line, twin in zip(a.get_lines(), b.get_lines(), strict=True):
            np.testing.assert_allclose(line.get_xydata(), twin.get_xydata(), rtol=1e-6)


@pytest.mark.parametrize(("angles", "every"), [(36, 1), (18, 2), (20, 2), (5, 8)])
def test_fewer_angles_are_some_of_those_measured(measured, angles, every):
    one, others = measured
    again, means = unpacked(packed(one, others, angles))
    assert again["after"].sizes["angle"] <= angles
    np.testing.assert_array_equal(again["after"].fraction, one["after"].fraction[:, ::every])
    np.testing.assert_allclose(means["after"], others["after"][:, ::every], rtol=1e-6)


@pytest.mark.parametrize("rows", [40, 40_000, 70_000])
def test_counts_take_no_more_room_than_they_need(rows):
    b = basis.standard(2)
    kept = packed(*resonances({"after": [(np.ones((rows, 2)), b)] * 2}, 0, epsilon=0.7, angles=8))
    assert kept["count"].max() == rows
    assert kept["count"].dtype.itemsize == (2 if rows < 2**15 else 4)
    one, _ = unpacked(kept)
    assert one["after"].fraction.max() == 1
