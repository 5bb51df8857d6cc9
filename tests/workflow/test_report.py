"""The report on activations that somebody brings along."""

from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from neuronbasis import records
from neuronbasis.errors import UserError
from neuronbasis.workflow import cli, report

QUICK = {"rotations": 19, "epsilon": 0.8}


def planted(folder, vectors, offset=0.0):
    """Simulated activations near randomly chosen vectors, all moved along the first."""
    rng = np.random.default_rng(0)
    chosen = vectors[rng.integers(0, len(vectors), 400)]
    acts = chosen + 0.15 * rng.normal(size=chosen.shape) + offset * vectors[0]
    np.save(folder / "acts.npy", acts)
    return folder / "acts.npy"


def test_planted_alignment_is_found_and_told_on_one_page(tmp_path):
    page = report.report(planted(tmp_path, np.eye(6)), out=tmp_path / "out", parameters=QUICK)
    values = records.read(page.parent)["values"]
    assert (values["raw.verdict"], values["samples"], values["width"]) == ("aligned", 400, 6)
    assert values["raw.effective_vectors"] > 5
    text = page.read_text()
    assert "400 activations in 6 dimensions" in text  # a caption
    assert "import numpy" not in text
    assert 'src="http' not in text


def test_one_common_offset_is_told_apart(tmp_path):
    rng = np.random.default_rng(0)
    acts = 0.3 * rng.normal(size=(400, 6)) + 3 * np.eye(6)[2]
    np.save(tmp_path / "acts.npy", acts)
    page = report.report(tmp_path / "acts.npy", out=tmp_path / "out", parameters=QUICK)
    values = records.read(page.parent)["values"]
    assert (values["raw.verdict"], values["centred.verdict"]) == ("aligned", "neither")
    assert values["mean_share"] > 0.9
    assert "only one common offset is related to the basis" in page.read_text()


def test_a_basis_of_ones_own(tmp_path):
    turned = np.linalg.qr(np.random.default_rng(1).normal(size=(6, 6)))[0]
    acts = planted(tmp_path, turned)
    np.save(tmp_path / "mine.npy", turned)
    verdicts = {}
    for basis in ("standard", str(tmp_path / "mine.npy")):
        page = report.report(acts, basis, tmp_path / "out", QUICK)
        verdicts[basis] = records.read(page.parent)["values"]["raw.slope"]
    assert verdicts["standard"] < 0.1 < 0.5 < verdicts[str(tmp_path / "mine.npy")]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing.npy"], "nothing.npy: no such file"),
        (["acts.csv"], "acts.csv: files of .npy, .npz, .safetensors can be read"),
        (["acts.npy", "--basis", "narrow.npy"], "width 6 and the basis 5"),
        (["acts.npy", "--basis", "neurons"], "basis is 'neurons'; it must be standard, orthoplex,"),
        (["acts.npy", "-p", "epsilon=2"], "epsilon is '2'; it must be a number in [0, 1]"),
        (["acts.npy", "-p", "basis=mine.npy"], "parameter 'basis' is given twice"),
        (["acts.npy", "-p", "angle=2"], "has no parameter 'angle'"),
    ],
)
def test_a_mistake_is_told_in_one_line(tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    planted(tmp_path, np.eye(6))
    np.save("narrow.npy", np.eye(5))
    done = CliRunner().invoke(cli.app, ["report", *words])
    assert isinstance(done.exception, UserError)
    assert message in str(done.exception)
    assert "\n" not in str(done.exception)
    assert not (tmp_path / "acts.report").exists()


def test_an_empty_spotlight_is_not_called_no_alignment(tmp_path):
    acts = planted(tmp_path, np.eye(6))
    page = report.report(acts, out=tmp_path / "out", parameters={"rotations": 19, "epsilon": 1})
    assert "no activation is inside the cone at any angle" in page.read_text()


def test_both_signs_of_the_neurons_get_a_cone_in_which_the_sign_can_be_told(tmp_path):
    page = report.report(
        planted(tmp_path, np.eye(24)), "orthoplex", tmp_path / "out", {"rotations": 19}
    )
    values = records.read(page.parent)["values"]
    assert (values["raw.verdict"], values["epsilon"]) == ("aligned", 0.75)


def test_a_report_on_another_file_is_not_replaced(tmp_path):
    out = tmp_path / "acts.report"
    report.report(planted(tmp_path, np.eye(6)), out=out, parameters=QUICK)
    before = (out / "record.json").read_bytes()
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(UserError, match=r"holds the report on .*acts.npy; name another folder wit"):
        report.report(planted(other, np.eye(6)), out=out, parameters=QUICK)
    assert (out / "record.json").read_bytes() == before
    roundabout = other / ".." / "acts.npy"  # the same file by another path
    report.report(roundabout, out=out, parameters=QUICK)


def test_the_command_prints_what_this_run_computed(tmp_path, monkeypatch):
    from neuronbasis.workflow import run

    true = run.partial_folder

    @contextmanager
    def robbed(target):
        """Another run takes the folder as soon as this one has left it."""
        with true(target) as partial:
            yield partial
        record = Path(target) / records.FILE
        record.write_text(record.read_text().replace('"aligned"', '"neither"'))

    monkeypatch.setattr(run, "partial_folder", robbed)
    acts = planted(tmp_path, np.eye(6))
    words = ["report", str(acts), "--out", str(tmp_path / "out"), "-p", "rotations=19"]
    done = CliRunner().invoke(cli.app, [*words, "-p", "epsilon=0.8"])
    assert done.exit_code == 0
    assert "raw: aligned; mean-centred: aligned" in done.output


# --- how long it takes ----------------------------------------------------------------------------


def test_a_short_report_says_how_long_in_one_line(tmp_path):
    said = report.forecast(planted(tmp_path, np.eye(6)), parameters=QUICK)
    assert said == [
        "less than a minute for 400 activations of 6 units, 19 rotated copies and at most 3,000 "
        "planes"
    ]


@pytest.mark.parametrize("planes_matter", [True, False])
def test_a_long_report_offers_what_shortens_it_and_tells_what_is_lost(
    tmp_path, monkeypatch, planes_matter
):
    def seconds(matrix, basis, epsilon, *, rotations, max_planes):  # of a wider layer
        return rotations * (10 + max_planes / 300 * planes_matter)

    monkeypatch.setattr(report.spotlight, "expected_seconds", seconds)
    said = report.forecast(planted(tmp_path, np.eye(6)))
    whole = "about 2.2 hours" if planes_matter else "about 66 minutes"
    assert said[0].startswith(f"{whole} for 400 activations of 6 units, 199 rotated copies")
    assert said[1].startswith("-p rotations=39: about")
    assert "no p-value is then below 0.025 (now 0.005)" in said[1]
    assert len(said) == 2 + planes_matter
    if planes_matter:
        assert said[2].startswith("-p max_planes=300: about 73 minutes; ")
        assert "a weak alignment is missed more often" in said[2]


def test_a_forecast_tells_a_mistake_in_one_line(tmp_path):
    np.save(tmp_path / "narrow.npy", np.eye(5))
    with pytest.raises(UserError, match="width 6 and the basis 5"):
        report.forecast(planted(tmp_path, np.eye(6)), tmp_path / "narrow.npy")


def test_the_command_says_beforehand_how_long_it_takes(tmp_path):
    acts = planted(tmp_path, np.eye(6))
    words = ["report", str(acts), "--out", str(tmp_path / "out"), "-p", "rotations=19"]
    done = CliRunner().invoke(cli.app, [*words, "-p", "epsilon=0.8"])
    assert "less than a minute for 400 activations of 6 units" in done.output
    assert done.output.index("less than a minute") < done.output.index("raw: aligned")
