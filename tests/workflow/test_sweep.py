"""A sweep: every combination once, what a kill took done again, the records of single runs."""

import csv
import io
import itertools
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_book import small_project  # noqa: F401
from test_run import TEXT

from neuronbasis.errors import UserError
from neuronbasis.workflow import run, sweep


def test_a_sweep_is_its_single_runs_and_a_killed_one_goes_on(small_project):  # noqa: F811
    words = [sys.executable, "-m", "neuronbasis", "sweep", "widths", "tiny"]
    slow = subprocess.Popen(
        [*words, "-p", "count=3,4", "-p", "mode=sleep,good", "--jobs", "1"],
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    )
    folder = small_project / "build" / "sweeps" / "widths"
    while not list(folder.glob(".count-*.partial-*/started")):
        assert slow.poll() is None
        time.sleep(0.05)
    done = {path.parent.name: path.stat().st_mtime_ns for path in folder.glob("*/record.json")}
    os.killpg(slow.pid, signal.SIGKILL)
    assert slow.wait() != 0

    table = sweep.sweep("widths", "tiny", {"count": "3,4", "mode": "good"}, jobs=2)
    rows = {row["run"]: row for row in csv.DictReader(table.read_text().splitlines())}
    assert {name: float(row["twice"]) for name, row in rows.items()} == {"count-3": 6, "count-4": 8}
    assert {name: row["mode"] for name, row in rows.items()} == {
        "count-3": "good",
        "count-4": "good",
    }
    for name in done.keys() & rows.keys():
        assert (folder / name / "record.json").stat().st_mtime_ns == done[name]
    alone = run.run("tiny", {"count": 4}, small_project / "alone")
    assert (folder / "count-4" / "record.json").read_bytes() == (alone / "record.json").read_bytes()

    made = {path: path.stat().st_mtime_ns for path in folder.glob("*/record.json")}
    (folder / "count-3" / "record.json").unlink()
    sweep.sweep("widths", "tiny", {"count": "3,4", "mode": "good"}, jobs=2)
    again = {path: path.stat().st_mtime_ns for path in folder.glob("*/record.json")}
    assert [path.parent.name for path in made if made[path] != again[path]] == ["count-3"]


@pytest.fixture
def slow_sweep(small_project):  # noqa: F811
    """A sweep under way, each of whose runs waits until its file `started` is gone."""
    words = [sys.executable, "-m", "neuronbasis", "sweep", "widths", "tiny"]
    words += ["-p", "mode=sleep", "-p", "count=3,4", "--jobs", "1"]
    under_way = subprocess.Popen(words, start_new_session=True)
    yield under_way
    with suppress(ProcessLookupError):
        os.killpg(under_way.pid, signal.SIGKILL)
    under_way.wait()


def test_of_two_sweeps_at_once_the_second_leaves_the_first_alone(small_project, slow_sweep):  # noqa: F811
    sweeps = small_project / "build" / "sweeps"
    while not list(sweeps.glob("widths/.*.partial-*/started")):
        assert slow_sweep.poll() is None
        time.sleep(0.05)
    asked = (sweeps / "widths.asks" / "runs.yaml").read_bytes()
    with pytest.raises(UserError, match="another build is under way; wait until it ends"):
        sweep.sweep("widths", "tiny", {"count": "7,8"})
    assert (sweeps / "widths.asks" / "runs.yaml").read_bytes() == asked
    while slow_sweep.poll() is None:
        for started in sweeps.glob("widths/.*.partial-*/started"):
            started.unlink(missing_ok=True)
        time.sleep(0.05)
    assert slow_sweep.returncode == 0
    rows = list(csv.DictReader((sweeps / "widths" / sweep.TABLE).read_text().splitlines()))
    assert [row["count"] for row in rows] == ["3", "4"]
    assert not list((sweeps / "widths").glob(f".{sweep.TABLE}*"))


READER = (
    TEXT.replace(
        "count: int = 3  # how many, in [1, 10]",
        'count: int = 3  # how many, in [1, 10]\nfile: str = ""  # what to read',
    )
    .replace('record.value("twice", 2 * count)', 'record.value("said", Path(file).read_text())')
    .replace("# A tiny notebook", "# It reads a file")
)


def told(table):
    return {row["file"]: row["said"] for row in csv.DictReader(table.read_text().splitlines())}


def test_a_sweep_reads_the_files_that_a_run_reads(small_project, monkeypatch):  # noqa: F811
    (small_project / "notebooks" / "reader.md").write_text(READER)
    names = ["a,b.txt", "{c} 'd'.txt", "same-.txt", "same+.txt", "same .txt", "SAME .txt"]
    names += ["x" * 250 + ".txt"]
    mine = small_project / "mine"
    mine.mkdir()
    for name in names:
        (small_project / name).write_text("of the project")
        (mine / name).write_text(f"mine: {name[:9]}")
    monkeypatch.chdir(mine)
    axis = {"file": ",".join(f'"{name}"' for name in names)}
    table = sweep.sweep("files", "reader", axis, jobs=2)
    assert told(table) == {name: f"mine: {name[:9]}" for name in names}
    folders = {path.parent for path in table.parent.glob("*/record.json")}
    assert len(folders) == len(names)
    (mine / "same-.txt").write_text("changed")
    (mine / "other").mkdir()
    made = {path: path.stat().st_mtime_ns for path in table.parent.glob("*/record.json")}
    assert told(sweep.sweep("files", "reader", axis, jobs=2))["same-.txt"] == "changed"
    again = {path: path.stat().st_mtime_ns for path in table.parent.glob("*/record.json")}
    assert sum(made[path] != again[path] for path in made) == 1
    alone = run.run("reader", {"file": "a,b.txt"}, small_project / "alone")
    assert (alone / "record.json").read_bytes() in {
        (folder / "record.json").read_bytes() for folder in folders
    }
    monkeypatch.chdir(mine / "other")  # the same word means another file there
    (mine / "other" / "same+.txt").write_text("another")
    assert told(sweep.sweep("files", "reader", {"file": "same+.txt"}))["same+.txt"] == "another"


def test_a_notebook_may_be_a_path(small_project, monkeypatch):  # noqa: F811
    (small_project / "mine").mkdir()
    (small_project / "mine" / "own one.md").write_text(TEXT)
    monkeypatch.chdir(small_project / "mine")
    table = sweep.sweep("own", "own one.md", {"count": "1,2"}, jobs=2)
    rows = csv.DictReader(table.read_text().splitlines())
    assert [float(row["twice"]) for row in rows] == [2, 4]


def test_a_parameter_and_a_number_of_one_name_are_both_in_the_table(small_project):  # noqa: F811
    text = TEXT.replace(
        'record.value("twice"', 'record.value("count", -count)\nrecord.value("twice"'
    )
    (small_project / "notebooks" / "tiny.md").write_text(text)
    table = sweep.sweep("both", "tiny", {"count": "1"})
    (row,) = csv.DictReader(table.read_text().splitlines())
    assert (row["count"], row["recorded.count"], row["twice"]) == ("1", "-1", "2")


def runs(**axes):
    return sweep.combinations("own_activations", axes)


def test_every_value_has_a_run_of_its_own_and_equal_ones_have_one():
    assert list(runs(rotations="1e3,1000.0, 1000,99")) == ["rotations-1000", "rotations-99"]
    assert len(runs(activations="a b,a-b,a/b,A-B,a_b,a.b,a+b,,ä-b")) == 9
    # words that would read alike side by side
    assert len(runs(activations="1_basis-2,1", basis="3,2_basis-3")) == 4
    long = ",".join("x" * 300 + end for end in ("1", "2"))
    for name in runs(activations=long, basis=long, activations_key=long, basis_key=long):
        assert len(name.encode()) <= 200


WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(WORDS, min_size=1, max_size=4, unique=True), min_size=1, max_size=3))
def test_runs_and_combinations_are_one_to_one(axes):
    names = ("activations", "activations_key", "basis")
    texts = [io.StringIO(newline="") for _ in axes]
    for text, values in zip(texts, axes, strict=True):
        csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="").writerow(values)
    found = runs(**dict(zip(names, (text.getvalue() for text in texts), strict=False)))
    wanted = list(itertools.product(*axes))
    assert [tuple(each.values()) for each in found.values()] == wanted
    assert all(re.fullmatch(r"[A-Za-z0-9_.+-]{1,200}", name) for name in found)
    assert len({name.lower() for name in found}) == len(wanted)


def test_a_path_with_a_comma_is_no_list(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a,b.npy").touch()
    (tmp_path / "c,d").mkdir()
    assert [each["activations"] for each in runs(activations="a,b.npy").values()] == ["a,b.npy"]
    assert len(runs(activations="c,d")) == 1
    assert len(runs(activations="e,f")) == 2


@pytest.mark.parametrize("text", ['"a', '"a"b', "a\nb"])
def test_a_quote_that_is_not_closed_is_told(text):
    with pytest.raises(UserError, match=r"values of basis: .* as in 'basis=\"a,b\",c'$"):
        runs(basis=text)


@pytest.mark.parametrize(
    ("name", "notebook", "given", "message"),
    [
        ("a/b", "tiny", {}, "sweep 'a/b': use letters, digits, - and _ only, as in widths"),
        ("a", "tinny", {}, "no notebook 'tinny': did you mean tiny"),
        ("a", "tiny", {"cuont": "1,2"}, "notebook tiny has no parameter 'cuont'"),
        ("a", "tiny", {"count": "1,x"}, "count is 'x'"),
    ],
)
def test_a_mistaken_sweep_is_refused(small_project, name, notebook, given, message):  # noqa: F811
    with pytest.raises(UserError, match=message):
        sweep.sweep(name, notebook, given)
    assert not (small_project / "build").exists()


def test_a_table_never_has_one_runs_parameters_beside_anothers_numbers(small_project, monkeypatch):  # noqa: F811
    sweep.sweep("both", "tiny", {"count": "4"})
    (kept,) = (small_project / "build" / "sweeps" / "both").glob("*/record.json")
    kept.write_text(kept.read_text().replace('"count": 4', '"count": 3'))
    monkeypatch.setattr(sweep.build, "make", lambda *_: None)  # that nothing is made anew
    with pytest.raises(UserError, match=r"record has count=3, not 4; .* remove the folder"):
        sweep.sweep("both", "tiny", {"count": "4"})
