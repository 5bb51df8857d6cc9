"""The rule that turns the records of a claim's settings into one verdict."""

import math

import numpy as np
import pytest

from neuronbasis import basis
from neuronbasis.errors import UserError
from neuronbasis.experiments import verdict
from neuronbasis.experiments.verdict import Outcome, Setting, settle, together
from neuronbasis.workflow import claims

SURE = [0.2, 0.3, 0.25, 0.2, 0.3, 0.22, 0.28, 0.31, 0.19, 0.24]


def record(values=None, **said):
    found = {
        name: {"effect": (low + high) / 2, "interval": [low, high], "n": 10}
        for name, (low, high) in said.items()
    }
    return {"values": values or {}, "claims": found, "parameters": {"seeds": 10}}


def setting(effect="claims.S", floor=0.05, **more):
    return Setting("run", "it is so", effect, floor, **more)


@pytest.mark.parametrize(
    ("agree", "scale", "expected"),
    [
        (10, 1, verdict.SUPPORTED),
        (9, 1, verdict.SUPPORTED),
        (8, 1, verdict.MIXED),
        (2, 1, verdict.MIXED),
        (2, 0.01, verdict.NOT),
        (10, -1, verdict.NOT),
        (1, 1, verdict.NOT),
        (0, 1, verdict.NOT),
        (10, 0.1, verdict.DIRECTION),
    ],
)
def test_networks_decide_the_direction_and_their_mean_the_size(agree, scale, expected):
    values = {"cosines": [scale * x for x in SURE], "sure": agree}
    found = settle(setting("values.cosines", agree="sure"), record(values))
    assert found.verdict == expected
    assert found.why == f"{agree} of 10 networks"


def test_two_groups_of_networks_are_no_support_however_large_their_mean():
    values = {"slopes": [0.8] * 7 + [-0.1] * 3, "sure": 7}
    assert settle(setting("values.slopes", agree="sure"), record(values)).verdict == verdict.MIXED


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        ((0.06, 0.2), verdict.SUPPORTED),
        ((0.01, 0.2), verdict.DIRECTION),
        ((0.001, 0.013), verdict.DIRECTION),
        ((-0.02, 0.2), verdict.UNSEEN),
        ((-0.02, 0.04), verdict.NOT),
        ((-0.9, -0.4), verdict.NOT),
    ],
)
def test_without_networks_of_their_own_the_interval_decides(interval, expected):
    assert settle(setting(), record(S=interval)).verdict == expected


@pytest.mark.parametrize(
    ("interval", "agree", "expected"),
    [
        ((-0.02, 0.03), 0, verdict.SUPPORTED),
        ((-0.02, 0.03), 3, verdict.MIXED),
        ((0.01, 0.07), 0, verdict.MIXED),
        ((0.06, 0.2), 0, verdict.NOT),
        ((-0.2, -0.06), 0, verdict.NOT),
        ((-0.3, 0.3), 0, verdict.UNSEEN),
    ],
)
def test_an_absence_needs_an_interval_within_the_floor_and_few_networks(interval, agree, expected):
    asked = setting(absent=True, agree="sure")
    assert settle(asked, record({"sure": agree}, S=interval)).verdict == expected


@pytest.mark.parametrize(
    ("agree", "expected"), [(5, verdict.SUPPORTED), (4, verdict.MIXED), (3, verdict.NOT)]
)
def test_layers_are_counted_and_not_sampled(agree, expected):
    asked = setting(agree="sure", of=8, unit="layers")
    assert settle(asked, record({"sure": agree}, S=(0.06, 0.2))).verdict == expected


def test_a_verdict_tells_when_only_other_networks_ran():
    own, other = setting(lacks="weights"), setting(network="SqueezeNet")
    lacking = Outcome(own, verdict.NOT_RUN, "weights")
    found = Outcome(other, verdict.SUPPORTED, "")
    assert verdict.elsewhere([lacking, found])
    assert not verdict.elsewhere([Outcome(own, verdict.NOT, ""), found])
    assert not verdict.elsewhere([lacking])


def test_a_claim_of_a_negative_effect_is_turned_round():
    values = {"cosines": [-x for x in SURE], "sure": 10}
    asked = setting("values.cosines", agree="sure")
    assert settle(asked, record(values)).verdict == verdict.NOT
    asked = setting("values.cosines", agree="sure", sign=-1)
    found = settle(asked, record(values))
    assert found.verdict == verdict.SUPPORTED
    assert 0 < found.low < found.effect < found.high


def test_a_measure_that_could_not_have_seen_it_settles_nothing():
    values = {"sure": 0, "held": 0.0009}
    asked = {"agree": "sure", "held": "held"}
    assert settle(setting(**asked), record(values, S=(0, 0))).verdict == verdict.UNSEEN
    assert (
        settle(setting(**asked), record(values | {"held": 0.02}, S=(0, 0))).verdict == verdict.NOT
    )
    assert settle(setting(overlap=True), record(S=(0.3, 0.4))).verdict == verdict.UNSEEN
    lacking = settle(setting(lacks="weights"), None)
    assert (lacking.verdict, lacking.why) == (verdict.NOT_RUN, "weights")
    assert math.isnan(lacking.effect)


def test_three_recorded_values_are_an_effect_with_its_interval():
    values = {"share.mean": 0.3, "share.low": 0.1, "share.high": 0.5}
    found = settle(setting("values.share"), record(values))
    assert (found.effect, found.low, found.high) == (0.3, 0.1, 0.5)


@pytest.mark.parametrize(
    "lacking", [{"effect": "claims.T"}, {"effect": "values.x"}, {"agree": "x"}]
)
def test_a_record_that_lacks_what_is_asked_is_named(lacking):
    with pytest.raises(UserError, match=r"\Arun records no '.*': run it again, or"):
        settle(setting(**{"effect": "claims.S"} | lacking), record(S=(0, 1)))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([verdict.SUPPORTED] * 2, verdict.SUPPORTED),
        ([verdict.SUPPORTED, verdict.NOT_RUN], verdict.SUPPORTED),
        ([verdict.SUPPORTED, verdict.DIRECTION], verdict.DIRECTION),
        ([verdict.SUPPORTED, verdict.UNSEEN], verdict.PARTLY),
        ([verdict.DIRECTION, verdict.NOT], verdict.PARTLY),
        ([verdict.NOT, verdict.UNSEEN], verdict.NOT),
        ([verdict.MIXED] * 2, verdict.PARTLY),
        ([verdict.UNSEEN], verdict.UNSEEN),
        ([verdict.NOT_RUN], verdict.NOT_RUN),
        ([], verdict.NOT_RUN),
    ],
)
def test_all_settings_must_hold_for_a_claim_to_be_supported(found, expected):
    assert together([Outcome(setting(), each, "") for each in found]) == expected


def test_one_step_of_the_picture_is_the_smallest_effect_that_counts():
    asked = setting(floor=1.0, zero=1.0)
    assert Outcome(asked, verdict.SUPPORTED, "", 4.0, 3.0, 5.0).steps == (3.0, 2.0, 4.0)
    found = Outcome(setting(), verdict.SUPPORTED, "", 0.1, 0.05, 0.15).steps
    np.testing.assert_allclose(found, (2, 1, 3))


FROZEN = claims.frozen_records()
SPOTLIGHTS = [
    (claim.id, each)
    for claim in claims.CLAIMS
    for each in claim.settings
    if each.held or each.overlap
]


@pytest.mark.parametrize(("name", "each"), SPOTLIGHTS, ids=lambda x: getattr(x, "run", x))
def test_cones_overlap_where_the_table_says_so(name, each):
    used = FROZEN[each.run]["parameters"]
    vectors = basis.thompson(used["m"], used["n"], seed=0).vectors
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -1)
    half_angle = np.arccos(cosines.max()) / 2
    assert each.overlap == (used["epsilon"] < np.cos(half_angle)), name


@pytest.mark.parametrize("claim", claims.CLAIMS, ids=lambda claim: claim.id)
def test_every_setting_that_has_run_is_in_the_records(claim):
    said, found = claims.outcomes(claim, FROZEN)
    assert said in verdict.VERDICTS
    for each in found:
        assert bool(each.setting.lacks) == (each.setting.run not in FROZEN)
        assert (each.verdict == verdict.NOT_RUN) == bool(each.setting.lacks)


def test_the_records_give_the_verdicts_that_the_prose_was_written_for():
    # Findings and the front page put these into sentences: read them again when one changes.
    found = {claim.id: claims.outcomes(claim, FROZEN)[0] for claim in claims.CLAIMS}
    assert found == {
        "S1": "supported",
        "S2": "partly supported",
        "S3": "partly supported",
        "S4": "partly supported",
        "S5": "partly supported",
        "S6": "partly supported",
        "S7": "supported",
        "S8": "partly supported",
        "S9": "partly supported",
        "P1": "supported in sign only",
        "P2": "partly supported",
        "P3": "not run",
        "P4": "partly supported",
        "P5": "partly supported",
        "P6": "partly supported",
        "B1": "supported",
        "B2": "not supported",
        "B3": "partly supported",
        "M1": "supported",
    }
