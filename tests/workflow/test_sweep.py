"""A sweep: every combination once, what a kill took done again, the records of single runs."""

import csv
import os
import signal
import subprocess
import sys
import time

import pytest
from test_book import small_project  # noqa: F401

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


@pytest.mark.parametrize(
    ("name", "notebook", "given", "message"),
    [
        ("a/b", "tiny", {}, "sweep 'a/b': use letters, digits, - and _ only, as in widths"),
        ("a", "tinny", {}, "no notebook 'tinny': there are tiny"),
        ("a", "tiny", {"cuont": "1,2"}, "notebook tiny has no parameter 'cuont'"),
        ("a", "tiny", {"count": "1,x"}, "count is 'x'"),
    ],
)
def test_a_mistaken_sweep_is_refused(small_project, name, notebook, given, message):  # noqa: F811
    with pytest.raises(UserError, match=message):
        sweep.sweep(name, notebook, given)
    assert not (small_project / "build").exists()
