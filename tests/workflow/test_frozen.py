"""Two computations side by side, and freezing one of them."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

from neuronbasis import records
from neuronbasis.errors import UserError
from neuronbasis.records import Record
from neuronbasis.workflow import frozen


def write(folder, *, slope=0.5, verdict="mixed", curve=(0.0, 1.0, 4.0), claim="S2", **parameters):
    made = Record("example", parameters, data={"digits": "abc"})
    made.value("slope", slope)
    made.value("slopes", [slope, 2 * slope])
    made.value("label", "one")
    if claim:
        made.claim(claim, effect=slope, interval=(0, 1), n=3, control="none", verdict=verdict)
    made.curves("after", xr.Dataset({"mean": ("angle", np.array(curve))}))
    made.curves("planes", xr.Dataset({"count": ("plane", np.arange(9))}), compressed=True)
    made.write(folder)
    (folder / "provenance.json").write_text(json.dumps({"finished": str(folder)}))
    (folder / "example.ipynb").write_text("a notebook")
    return folder


def said(old, new):
    return [str(each) for each in frozen.compare(old, new).differences]


def test_the_same_record_is_the_same(tmp_path):
    old, new = (write(tmp_path / name / "run") for name in ("old", "new"))
    found = frozen.compare(old.parent, new.parent)
    assert (found.same, found.differences, found.missing, found.new) == (("run",), (), (), ())


def test_values_claims_and_curves_differ_by_so_much(tmp_path):
    old, new = write(tmp_path / "a"), write(tmp_path / "b", slope=0.75, curve=(0.0, 1.0, 3.0))
    assert said(old, new) == [
        "a: slope: 0.5 -> 0.75 (by 0.25, 0.5 of it)",
        "a: slopes: 2 of 2 differ (by 0.5, 0.5 of it)",
        "a: effect of S2: 0.5 -> 0.75 (by 0.25, 0.5 of it)",
        "a: curves after.mean: 1 of 3 differ (by 1, 0.25 of it)",
    ]
    assert frozen.compare(old, new).verdicts == ()


def test_other_weights_are_said_where_the_old_record_names_them(tmp_path):
    old, new = write(tmp_path / "a"), write(tmp_path / "b")
    content = json.loads((new / "record.json").read_text())
    (new / "record.json").write_text(json.dumps(content | {"weights": {"alexnet": "abc"}}))
    assert said(old, new) == []
    assert said(new, old) == ["b: weights alexnet: only in the old one"]


def test_what_cannot_be_subtracted_is_said(tmp_path):
    old = write(tmp_path / "a", epochs=3)
    new = write(tmp_path / "b", epochs=4, slope="text", curve=(0.0, 1.0), claim="")
    assert said(old, new) == [
        "a: parameters epochs: 3 -> 4 (by 1, 0.33 of it)",
        "a: slope: 0.5 -> text",
        "a: slopes: differs",
        "a: claim S2: only in the old one",
        "a: curves after.mean: has shape (2,) instead of (3,)",
    ]


def test_from_zero_the_relative_difference_is_infinite(tmp_path):
    old, new = write(tmp_path / "a", slope=0.0), write(tmp_path / "b", slope=1e-3)
    (first, *_) = frozen.compare(old, new).differences
    assert (first.absolute, first.relative) == (1e-3, np.inf)


def test_a_changed_or_lost_verdict_is_told_apart(tmp_path):
    old, new = write(tmp_path / "a"), write(tmp_path / "b", verdict="reproduced")
    assert list(map(str, frozen.compare(old, new).verdicts)) == [
        "a: verdict of S2: mixed -> reproduced"
    ]
    lost, gained = write(tmp_path / "c", claim=""), write(tmp_path / "d", claim="S3")
    assert [each.name for each in frozen.compare(old, lost).verdicts] == ["claim S2"]
    assert frozen.compare(lost, gained).verdicts == ()


def test_missing_and_new_runs_are_said(tmp_path):
    for name in ("old/one", "old/two", "new/two", "new/three", "new/.three.partial-x"):
        write(tmp_path / name)
    found = frozen.compare(tmp_path / "old", tmp_path / "new")
    assert (found.same, found.missing, found.new) == (("two",), ("one",), ("three",))


def test_folders_that_cannot_be_compared(tmp_path):
    write(tmp_path / "old/one")
    write(tmp_path / "new/two")
    write(tmp_path / "new/three")
    with pytest.raises(UserError, match="nothing: no records there; give a folder such as"):
        frozen.compare(tmp_path / "nothing", tmp_path / "new")
    with pytest.raises(UserError, match="hold no run of one name: compare two profiles' results"):
        frozen.compare(tmp_path / "old", tmp_path / "new")
    (tmp_path / "new/two/record.json").write_text("{")
    with pytest.raises(UserError, match=r"record\.json: not a readable record"):
        frozen.compare(tmp_path / "old/one", tmp_path / "new/two")


@pytest.mark.parametrize(("verdict", "status"), [("mixed", 0), ("reproduced", 1)])
def test_the_command_fails_where_a_verdict_changes(tmp_path, verdict, status):
    write(tmp_path / "old/run")
    write(tmp_path / "old/gone")
    write(tmp_path / "new/run", slope=0.75, verdict=verdict)
    done = subprocess.run(
        [sys.executable, "-m", "neuronbasis", "compare", tmp_path / "old", tmp_path / "new"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == status
    assert "run: slope: 0.5 -> 0.75 (by 0.25, 0.5 of it)\n" in done.stdout
    assert f"gone: missing in {tmp_path / 'new'}\n" in done.stdout
    assert done.stderr == "run: verdict of S2: mixed -> reproduced\n" * status


def test_freezing_keeps_record_curves_and_provenance_and_nothing_else(tmp_path):
    for name in ("one", "two"):
        write(tmp_path / "build" / name)
    assert frozen.freeze(tmp_path / "build", tmp_path / "results") == ["one", "two"]
    kept = tmp_path / "results" / "one"
    assert sorted(file.name for file in kept.iterdir()) == [
        "after.nc",
        "planes.nc.gz",
        "provenance.json",
        "record.json",
    ]
    assert frozen.compare(tmp_path / "build", tmp_path / "results").same == ("one", "two")


def test_freezing_again_touches_only_what_changed(tmp_path):
    for name in ("one", "two", "three"):
        write(tmp_path / "build" / name)
    frozen.freeze(tmp_path / "build", tmp_path / "results")
    write(tmp_path / "build" / "two", slope=0.75)
    write(tmp_path / "build" / "three", curve=(0.0, 1.0, 4.5))
    about = tmp_path / "results" / "one" / "provenance.json"
    (tmp_path / "build" / "one" / "provenance.json").write_text('{"finished": "later"}')
    assert frozen.freeze(tmp_path / "build", tmp_path / "results", ["one", "two"]) == ["two"]
    assert "later" not in about.read_text()
    assert records.read(tmp_path / "results" / "two")["values"]["slope"] == 0.75
    assert frozen.freeze(tmp_path / "build", tmp_path / "results") == ["three"]


def test_freezing_is_all_or_nothing(tmp_path):
    build, results = tmp_path / "build", tmp_path / "results"
    for name in ("one", "two"):
        write(build / name)
    size = sum(file.stat().st_size for file in build.glob("*/*") if file.suffix != ".ipynb")
    with pytest.raises(UserError, match=r"all records would take .* MB; at most .* MB are kept"):
        frozen.freeze(build, results, largest=size - 1)
    assert not results.exists()

    (build / "two" / "after.nc").unlink()
    with pytest.raises(UserError, match=r"after\.nc: no such curves"):
        frozen.freeze(build, results)
    assert not results.exists()
    with pytest.raises(UserError, match=r"no result 'tow': did you mean two\? There are one, two"):
        frozen.freeze(build, results, ["tow"])

    assert frozen.freeze(build, results, ["one"], largest=size) == ["one"]
    write(build / "two")
    with pytest.raises(UserError, match="all records would take"):  # what stays counts too
        frozen.freeze(build, results, ["two"], largest=size - 1)
    assert frozen.freeze(build, results, largest=size) == ["two"]


def test_a_folder_of_other_things_is_not_replaced(tmp_path):
    write(tmp_path / "build" / "one")
    other = tmp_path / "results" / "one"
    other.mkdir(parents=True)
    (other / "thesis.tex").touch()
    with pytest.raises(UserError, match="exists and holds no earlier result"):
        frozen.freeze(tmp_path / "build", tmp_path / "results")
    assert (other / "thesis.tex").exists()
    shutil.rmtree(other)
    (tmp_path / "build" / "one" / "provenance.json").unlink()
    with pytest.raises(UserError, match=r"has no provenance\.json; make it by neuronbasis run"):
        frozen.freeze(tmp_path / "build", tmp_path / "results")


@pytest.mark.parametrize("infinite", [np.nan, np.inf])
def test_a_curve_that_became_no_number_differs(tmp_path, infinite):
    old = write(tmp_path / "old/one", curve=(0.0, 1.0, infinite))
    new = write(tmp_path / "new/one", curve=(0.0, np.nan, infinite))
    assert said(old, new) == ["one: curves after.mean: 1 of 3 differ (by inf, inf of it)"]
    assert said(old, write(tmp_path / "same/one", curve=(0.0, 1.0, infinite))) == []
