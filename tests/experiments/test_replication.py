"""Verdicts over configurations, on records made up and on those kept with the book."""

import pytest

from neuronbasis import records
from neuronbasis.errors import UserError
from neuronbasis.experiments.replication import SMALLEST, extremes, standing, turned
from neuronbasis.uncertainty import verdict_of_effect
from neuronbasis.utils import project


def run(low, high, **values):
    verdict = verdict_of_effect(low, high, SMALLEST)
    return {"claims": {"S9": {"interval": [low, high], "verdict": verdict}}, "values": values}


PLANTED = {
    "clear": run(0.1, 0.3, share=0.5),
    "barely": run(0.04, 0.3, share=0.9),
    "absent": run(-0.01, 0.02, share=0.1),
    "reversed": run(-0.4, -0.06, share=0.2),
    "barely reversed": run(-0.4, -0.05, share=0.3),
    "either": run(-0.5, 0.5, share=0.4),
}


def test_a_claim_stands_or_is_turned_only_where_the_whole_interval_says_so():
    assert standing(PLANTED, "S9") == ["clear"]
    assert turned(PLANTED, "S9") == ["reversed"]
    assert turned(PLANTED, "S9", smallest=0) == ["reversed", "barely reversed"]
    assert extremes(PLANTED, "share") == ("absent", "barely")


def test_no_kept_configuration_stands_and_is_turned_at_once():
    folders = sorted((project.root() / "results" / "paper").glob("*/record.json"))
    kept = {each.parent.name: records.read(each.parent) for each in folders}
    runs = {name: each for name, each in kept.items() if "S9.both" in each["claims"]}
    assert len(runs) >= 12
    for claim in ("S9", "S9.image", "S9.both"):
        held = standing(runs, claim)
        assert set(held).isdisjoint(turned(runs, claim))
        assert all(runs[name]["claims"][claim]["interval"][0] > SMALLEST for name in held)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: standing(PLANTED, "S1"), "^clear settles no claim 'S1', only S9: run it again$"),
        (lambda: turned({"a": {"claims": {}}}, "S9"), "^a settles no claim 'S9', only none: run"),
        (
            lambda: extremes(PLANTED, "los"),
            "^no value 'los' in clear, barely, .*: run the notebook",
        ),
        (lambda: extremes({}, "loss"), "^no value 'loss' in any record: run"),
    ],
)
def test_a_mistake_is_told_in_one_line(call, message):
    with pytest.raises(UserError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
