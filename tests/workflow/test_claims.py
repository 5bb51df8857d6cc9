"""The table of claims, and how the records of runs are gathered into it."""

import re

import pytest
import yaml

from neuronbasis.errors import UserError
from neuronbasis.experiments import verdict
from neuronbasis.utils import project
from neuronbasis.workflow import claims

ROOT = project.root()


def content(verdicts, notebook="example", **parameters):
    said = {
        claim: {
            "effect": 0.5,
            "interval": [0.4, 0.6],
            "n": 10,
            "control": "rotated copies",
            "verdict": verdict,
        }
        for claim, verdict in verdicts.items()
    }
    return {"notebook": notebook, "parameters": parameters, "values": {}, "claims": said}


def test_every_claim_to_settle_has_one_row():
    expected = (
        [f"S{k}" for k in range(1, 10)]
        + ["P1", "P2", "P3", "P4", "P5", "P6"]
        + ["B1", "B2", "B3", "M1"]
    )
    assert [row.id for row in claims.CLAIMS] == expected


@pytest.mark.parametrize("row", claims.CLAIMS, ids=lambda row: row.id)
def test_a_row_is_whole_and_its_sources_are_in_the_bibliography(row):
    known = re.findall(r"^@\w+\{(\w+),", (ROOT / "book" / "references.bib").read_text(), re.M)
    assert row.sources
    assert set(row.sources) <= set(known)
    for text in (row.statement, row.refuted_by):
        assert re.fullmatch(r"[A-Z].+\.", text)
    assert row.where


@pytest.mark.parametrize("chapter", ["natural_experiment", "transformer"])
def test_chapters_that_share_a_claim_state_it_in_its_own_words(chapter):
    text = (ROOT / "notebooks" / f"{chapter}.md").read_text(encoding="utf-8")
    row = claims.row_of("B3")
    assert " ".join(row.statement.split()) in text
    assert " ".join(row.refuted_by.split()) in text


def test_parts_of_a_claim_belong_to_its_row():
    found = claims.findings({"a": content({"S5.small": "mixed", "S5": "reproduced"})}, {})
    assert [(each.part, each.verdict) for each in found["S5"]] == [
        ("small", "mixed"),
        ("", "reproduced"),
    ]
    assert [row for row, several in found.items() if several] == ["S5"]


@pytest.mark.parametrize("name", ["S10", "S", "s2", "S2x", "", "S2."])
def test_an_unknown_claim_is_refused(name):
    with pytest.raises(UserError, match=rf"claim '{re.escape(name)}': there are S1, S2, .*, M1; "):
        claims.findings({}, {"a": content({name: "mixed"})})


def test_several_runs_settle_one_claim_frozen_ones_first():
    frozen = {"big": content({"S2": "mixed"}, n=24), "other": content({"S2": "reproduced"}, n=10)}
    fresh = {"tiny": content({"S2": "not reproduced"}, n=3), "silent": content({})}
    found = claims.findings(frozen, fresh)["S2"]
    assert [(each.run, each.scale, each.verdict) for each in found] == [
        ("big", "paper", "mixed"),
        ("other", "paper", "reproduced"),
        ("tiny", "live", "not reproduced"),
    ]
    assert found[1].parameters == {"n": 10}
    assert (found[0].effect, found[0].interval, found[0].n) == (0.5, (0.4, 0.6), 10)


def test_a_repeated_run_shows_only_where_it_says_something_else():
    frozen = {"run": content({"S2": "mixed"}, n=24)}
    assert len(claims.findings(frozen, frozen)["S2"]) == 1
    again = {"run": content({"S2": "reproduced"}, n=24)}
    assert [each.scale for each in claims.findings(frozen, again)["S2"]] == ["paper", "repeated"]
    smaller = {"run": content({"S2": "mixed"}, n=3)}  # the same verdict from another experiment
    assert [each.scale for each in claims.findings(frozen, smaller)["S2"]] == ["paper", "live"]


def test_records_without_claims_are_no_mistake():
    bare = {"notebook": "example", "parameters": {}, "values": {}}
    assert not any(claims.findings({"a": bare}, {"b": bare}).values())


SETTING = {"run": "small", "says": "n = 24", "effect": "claims.A1", "floor": 0.05}
GOOD = {
    "id": "A1",
    "statement": "It is.",
    "sources": ["a"],
    "where": "p. 1",
    "refuted_by": "No.",
    "kind": "source",
    "question": "align",
    "short": "It is",
    "settings": [SETTING],
}


def table(folder, *rows):
    file = folder / "claims.yml"
    file.write_text(yaml.safe_dump(list(rows)))
    return file


def test_a_table_is_read_in_its_order(tmp_path):
    rows = claims.read(table(tmp_path, GOOD | {"id": "B2", "kind": "book"}, GOOD))
    assert [(row.id, row.sources, row.kind) for row in rows] == [
        ("B2", ("a",), "book"),
        ("A1", ("a",), "source"),
    ]
    assert rows[0].settings == (verdict.Setting("small", "n = 24", "claims.A1", 0.05),)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({k: v for k, v in GOOD.items() if k != "where"}, "claim A1 lacks where; write it"),
        ({k: v for k, v in GOOD.items() if k != "id"}, "claim number 1 lacks id; write it"),
        (GOOD | {"wher": "p. 2"}, "claim A1 has 'wher'; it may have id, statement, sources, "),
        (GOOD | {"id": "a1"}, "the id 'a1' is not a letter and a number, such as S1"),
        (GOOD | {"id": 3}, "the id 3 is not a letter and a number"),
        (GOOD | {"sources": "a"}, "sources of claim A1 is 'a'; it must be a list of keys"),
        (GOOD | {"where": 3}, "where of claim A1 is 3; it must be text"),
        (GOOD | {"kind": "ours"}, "kind of claim A1 is 'ours'; it is one of source, book, math"),
        (GOOD | {"question": "why"}, "question of claim A1 is 'why'; it is one of align, cause"),
        (GOOD | {"settings": {}}, "settings of claim A1 is {}; begin each by '- {run: ...'"),
        (GOOD | {"settings": [SETTING | {"flor": 1}]}, "claim A1 has the setting {'"),
        (GOOD | {"settings": ["small"]}, "claim A1 has the setting 'small'; run, says, effect and"),
        ("A1", "claim number 1 is 'A1'; write id, statement"),
    ],
)
def test_a_faulty_row_is_said_in_one_line(tmp_path, row, said):
    with pytest.raises(UserError, match=rf"^claims.yml: {re.escape(said)}") as caught:
        claims.read(table(tmp_path, row))
    assert "\n" not in str(caught.value)


def test_a_faulty_table_is_said_in_one_line(tmp_path):
    with pytest.raises(UserError, match="two claims are A1; give one of them another id"):
        claims.read(table(tmp_path, GOOD, GOOD))
    with pytest.raises(UserError, match="holds no list of claims; begin each by '- id: S1'"):
        claims.read(table(tmp_path))
    with pytest.raises(UserError, match=r"claims.yml: cannot be read"):
        claims.read(tmp_path / "none" / "claims.yml")
    (tmp_path / "claims.yml").write_text("- id: [\n- x: {")
    with pytest.raises(
        UserError, match=r"\Aclaims.yml: cannot be read \(.*\); see that it is YAML\Z"
    ):
        claims.read(tmp_path / "claims.yml")
