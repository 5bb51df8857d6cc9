import json

import numpy as np
import pytest
import xarray as xr

from neuronbasis import records
from neuronbasis.errors import UserError
from neuronbasis.records import Record


def example():
    made = Record("example", {"epochs": 3, "rate": 0.1}, data={"digits": "abc"})
    made.value("slope.after", np.float64(0.5))
    made.value("losses", np.array([0.5, 0.25]))
    made.claim(
        "S2", effect=0.5, interval=(0.4, 0.6), n=10, control="none", verdict="not reproduced"
    )
    angle = np.linspace(0, 1, 5)
    made.curves(
        "after",
        xr.Dataset({"mean": ("angle", angle**2)}, coords={"angle": angle}, attrs={"signed": True}),
    )
    return made


def test_what_is_written_is_read_back(tmp_path):
    example().write(tmp_path / "record")
    read = records.read(tmp_path / "record")
    assert read["values"] == {"losses": [0.5, 0.25], "slope.after": 0.5}
    assert read["claims"]["S2"]["interval"] == [0.4, 0.6]
    assert read["parameters"] == {"epochs": 3, "rate": 0.1}
    curves = records.read_curves(tmp_path / "record", "after")
    np.testing.assert_array_equal(curves["mean"], curves.angle**2)
    assert curves.attrs["signed"] == 1


def test_the_same_record_is_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        example().write(tmp_path / name)
    for file in ("record.json", "after.nc"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_compressed_curves_read_like_others_and_are_the_same_bytes(tmp_path):
    levels = xr.Dataset({"level": ("pixel", np.arange(256).repeat(99).astype(np.uint8))})
    for name in ("one", "two"):
        made = example()
        made.curves("levels", levels, compressed=True)
        made.write(tmp_path / name)
    one, two = (tmp_path / name / "levels.nc.gz" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    assert one.read_bytes()[4:8] == bytes(4)  # where gzip puts the time
    assert one.stat().st_size < levels.nbytes / 9
    assert records.read(tmp_path / "one")["curves"] == ["after", "levels"]
    xr.testing.assert_identical(records.read_curves(tmp_path / "one", "levels"), levels)
    with xr.open_dataset(one) as opened:  # no tool of ours is needed
        xr.testing.assert_identical(opened.load(), levels)


def test_it_goes_where_the_runner_wants_it(tmp_path, monkeypatch):
    monkeypatch.setenv(records.FOLDER_VARIABLE, str(tmp_path / "wanted"))
    assert example().write() == tmp_path / "wanted"
    monkeypatch.delenv(records.FOLDER_VARIABLE)
    monkeypatch.chdir(tmp_path)
    assert example().write().name == "example.record"


@pytest.mark.parametrize("value", [float("nan"), np.inf, [1.0, float("nan")]])
def test_only_finite_numbers(value):
    with pytest.raises(UserError, match="a record holds finite numbers only"):
        example().value("bad", value)


@pytest.mark.parametrize("value", [None, object(), {"a": 1}, 1j])
def test_only_plain_values(value):
    with pytest.raises(UserError, match="a record holds numbers, text and lists"):
        example().value("bad", value)


@pytest.mark.parametrize("name", ["", "Slope", "a b", "a..b", "a.", "ä"])
def test_only_well_formed_names(name):
    with pytest.raises(UserError, match="use small letters, digits"):
        example().value(name, 1)


def test_a_cell_can_be_run_again(tmp_path):
    made = example()
    assert made.value("slope.after", 1) == 1
    made.claim("S2", effect=1, interval=(0, 2), n=3, control="", verdict="mixed")
    made.curves("after", xr.Dataset({"mean": ("angle", [1.0])}))
    made.write(tmp_path / "record")
    read = records.read(tmp_path / "record")
    assert read["values"] == {"losses": [0.5, 0.25], "slope.after": 1}
    assert list(read["claims"]) == ["S2"]
    assert read["claims"]["S2"]["verdict"] == "mixed"
    assert read["curves"] == ["after"]
    assert records.read_curves(tmp_path / "record", "after")["mean"].values.tolist() == [1.0]


def cells(*sources):
    """The namespace after these cells, as IPython runs them one by one."""
    namespace = {"__name__": "__main__"}
    for source in sources:
        exec(source, namespace)
    return namespace


CELLS = 'count: int = 3  # how many\nmode: str = "good"', "import math\nother = {}\ncount = 4"


def test_the_declared_parameters_are_taken_from_a_namespace():
    assert Record("tiny", cells(*CELLS)).parameters == {"count": 4, "mode": "good"}
    further = "table: dict = {}\ndef f(x: int): return x"
    assert Record("tiny", cells(*CELLS, further)).parameters == {"count": 4, "mode": "good"}


def test_they_are_taken_from_the_cells_where_python_leaves_no_annotations():
    namespace = {"__name__": "__main__", "In": ["", *CELLS, "1 +"], "count": 4, "mode": "good"}
    assert Record("tiny", namespace).parameters == {"count": 4, "mode": "good"}


def test_a_parameter_that_is_declared_but_missing_is_named():
    with pytest.raises(UserError, match=r"tiny declares mode but it has no value"):
        Record("tiny", cells(*CELLS, "del mode"))
    with pytest.raises(UserError, match=r"tiny declares no parameters: .* name: type = default"):
        Record("tiny", cells("count = 3"))


def test_a_frozen_record_is_opened_by_the_name_of_its_run(tmp_path, monkeypatch):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "neuronbasis"\n')
    monkeypatch.chdir(tmp_path)
    assert records.frozen("run") is None
    made = example()
    made.write(tmp_path / "results" / "paper" / "run")
    kept = records.frozen("run")
    assert kept.parameters == made.parameters
    assert kept.values == made.values
    assert kept.claims == made.claims
    assert kept.data == {"digits": "abc"}
    assert kept.weights == {}
    assert kept.curve_names == ("after",)
    xr.testing.assert_identical(kept.curves("after"), records.read_curves(kept.folder, "after"))
    with pytest.raises(UserError, match=r"before\.nc: no such curves"):
        kept.curves("before")


def test_weights_are_named_where_there_are_any(tmp_path):
    made = Record("example", {}, data={"pictures": "abc"}, weights={"alexnet": "def"})
    assert records.read(made.write(tmp_path / "record"))["weights"] == {"alexnet": "def"}
    assert "weights" not in example().as_dict()


def test_a_verdict_is_one_of_four():
    with pytest.raises(UserError, match="verdict 'great' of claim S1: use one of reproduced, not"):
        example().claim("S1", effect=1, interval=(0, 2), n=3, control="", verdict="great")
    with pytest.raises(UserError, match=r"give \(low, high\)"):
        example().claim("S1", effect=1, interval=(2, 0), n=3, control="", verdict="mixed")


@pytest.mark.parametrize("content", ["", "{", "[]", json.dumps({"notebook": "x"})])
def test_a_damaged_record_is_named(tmp_path, content):
    (tmp_path / "record.json").write_text(content)
    with pytest.raises(UserError, match=r"record\.json: not a"):
        records.read(tmp_path)


def test_a_missing_record_or_curve_is_named(tmp_path):
    with pytest.raises(UserError, match=r"record\.json: no record there"):
        records.read(tmp_path)
    with pytest.raises(UserError, match=r"after\.nc: no such curves"):
        records.read_curves(tmp_path, "after")


def test_damaged_compressed_curves_are_told(tmp_path):
    made = example()
    made.curves("after", xr.Dataset({"mean": ("angle", np.zeros(99))}), compressed=True)
    path = made.write(tmp_path / "run") / "after.nc.gz"
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(UserError, match=r"after.nc.gz: not readable curves \(.*\); run its"):
        records.read_curves(tmp_path / "run", "after")


@pytest.mark.parametrize("content", [b"", b"text", b"CDF\x01", b"\x89HDF\r\n\x1a\n", "cut"])
def test_curves_of_another_kind_are_told(tmp_path, content):
    folder = example().write(tmp_path / "run")
    whole = (folder / "after.nc").read_bytes()
    (folder / "after.nc").write_bytes(whole[: len(whole) // 2] if content == "cut" else content)
    with pytest.raises(UserError, match=r"after.nc: not readable curves \(.*\); run its") as told:
        records.read_curves(folder, "after")
    assert "\n" not in str(told.value)
