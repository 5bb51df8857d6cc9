"""The study with a class: built where there is none, analysed, and drawn beside the source's."""

import numpy as np
import pytest
import xarray as xr
from matplotlib import pyplot as plt
from typer.testing import CliRunner

from neuronbasis import study
from neuronbasis.errors import UserError
from neuronbasis.figures import study as pictures
from neuronbasis.study import serving, source
from neuronbasis.workflow import classroom, cli


def rows(layers=("conv1", "fc1")):
    rng = np.random.default_rng(0)
    return [
        study.Row(layer, basis, vector, rng.integers(0, 255, (5, 2, 4, 4)).astype(np.uint8))
        for layer in layers
        for basis in ("pc", "neuron", "random")
        for vector in range(3)
    ]


@pytest.fixture
def folder(tmp_path):
    study.build(rows(), tmp_path / "mine")
    return tmp_path / "mine"


def test_a_study_that_is_there_is_taken(folder):
    before = (folder / "trials.json").read_bytes()
    assert not classroom.prepare(folder)
    assert (folder / "trials.json").read_bytes() == before


def test_a_rehearsal_goes_from_start_to_picture_and_says_simulated(folder, tmp_path):
    rehearsal = tmp_path / "mine_rehearsal"
    folder.rename(rehearsal)
    done = CliRunner().invoke(cli.app, ["study", "class", str(folder), "--rehearse", "12"])
    assert done.exit_code == 0, done.output
    assert "12 simulated participants, NO PEOPLE" in done.output
    assert done.output.splitlines()[-1] == f"the picture: {rehearsal / 'result.png'}"
    assert (rehearsal / "result.png").read_bytes().startswith(b"\x89PNG")
    assert not folder.exists()
    assert sorted(each.name for each in rehearsal.iterdir() if each.name.startswith(".")) == []


def test_without_answers_it_says_so(folder):
    with pytest.raises(UserError, match="answers"):
        classroom.draw(folder)
    assert not (folder / "result.png").exists()


def test_the_class_stands_beside_the_source_on_one_scale(folder):
    study.simulate(folder, {"pc": 1.0, "neuron": 0.6, "random": 0.5}, 10)
    result = study.analyse(folder)
    left, right = pictures.beside_the_source(result).axes
    assert left.get_title() == "SIMULATED answers: no people"
    assert "22 people, AlexNet" in right.get_title()
    assert left.get_ylim() == right.get_ylim()
    ours, theirs = (
        [container.lines[0].get_ydata() for container in axes.containers] for axes in (left, right)
    )
    np.testing.assert_allclose(ours[0], result.table.accuracy.sel(basis="pc"))
    np.testing.assert_allclose(theirs, source.fig_7().accuracy.transpose("basis", "layer"))
    plt.close("all")


def test_the_sources_values_are_those_of_its_figure():
    found = source.fig_7()
    # Heights of the marks of PCA and Neuron in the authors' drawing, and of its ticks 0.65, 0.95.
    drawn = xr.DataArray(
        [
            [278.57536, 276.4458, 240.2435, 210.42983, 212.55937, 240.2435, 257.27989, 216.81847],
            [257.27987, 193.39344, 218.94801, 189.13434, 174.22752, 112.47063, 82.65697, 193.39345],
        ],
        dims=("basis", "layer"),
    )
    read = 0.65 + (drawn - 69.45378) * 0.3 / (294.334 - 69.45378)
    np.testing.assert_allclose(found.accuracy.transpose("basis", "layer"), read, atol=1e-4)
    less = found.accuracy.sel(basis="pc") - found.accuracy.sel(basis="neuron")
    assert (less > 0).all()
    assert set(less.sortby(less).layer.values[-3:]) == {"conv2", "fc1", "fc2"}  # as the text says


def test_the_code_is_a_picture_that_holds_the_address(tmp_path):
    path = serving.kept("http://192.0.2.1:8765/", tmp_path)
    assert path.read_text().startswith("<?xml")
    assert serving.drawn("http://192.0.2.1:8765/").count("█") > 50
    other = serving.kept("http://192.0.2.9:8765/", tmp_path).read_text()
    assert [each.name for each in tmp_path.iterdir()] == ["address.svg"]
    assert other != serving.drawn("http://192.0.2.1:8765/")
    with pytest.raises(UserError, match="cannot write"):
        serving.kept("http://192.0.2.1:8765/", tmp_path / "address.svg")


def test_an_address_that_is_taken_is_told(folder):
    with serving.listening("127.0.0.1", 0) as listener:
        port = str(listener.getsockname()[1])
        done = CliRunner().invoke(
            cli.app, ["study", "class", str(folder), "--host", "127.0.0.1", "--port", port]
        )
    assert isinstance(done.exception, UserError)
    assert f"cannot listen at 127.0.0.1:{port}" in str(done.exception)
