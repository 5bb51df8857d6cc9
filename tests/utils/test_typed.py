"""Numbers and names as people type them: understood, or refused in one line."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from neuronbasis import datasets, networks, recording
from neuronbasis.errors import UserError
from neuronbasis.utils import project, typed
from neuronbasis.utils.files import fitting
from neuronbasis.utils.folders import data_folder, found_path
from neuronbasis.workflow import build, cli, report, run

LONG, NOBODYS = "x" * 300, "~nobody-of-this-name/x.npy"


@pytest.mark.parametrize("name", [LONG, f"{LONG}.npz", f"{LONG}.md", NOBODYS, "a\0b", "\udcff"])
@pytest.mark.parametrize(
    "asked",
    [
        datasets.load,
        datasets.samples,
        datasets.read_matrix,
        data_folder,
        found_path,
        project.notebook,
        project.profile,
        lambda name: networks.pretrained("alexnet", name),
        lambda name: run.run(name),
        lambda name: report.report(name),
        lambda name: recording.record(nn.Sequential(nn.Linear(2, 2)), [name], torch.ones(1, 2)),
    ],
)
def test_a_name_of_nothing_is_refused_in_one_line(asked, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as refused:
        asked(name)
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_the_home_of_the_user_is_understood(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    np.save(tmp_path / "acts.npy", np.ones((3, 2)))
    assert datasets.read_matrix("~/acts.npy").shape == (3, 2)


@pytest.mark.parametrize("name", ["a" * 300, "ä" * 100, "a/b", "%2F"])
def test_a_layer_of_any_name_is_recorded_into_a_folder(tmp_path, name):
    names = [name, name + "b"]
    model = nn.Sequential()
    for each in names:
        model._modules[each] = nn.Linear(2, 2)
    x = torch.ones(3, 2)
    held = recording.record(model, names, x)
    written = recording.record(model, names, x, to=tmp_path / "kept")
    for each in names:
        np.testing.assert_array_equal(written[each], held[each])
    assert (
        len(list((tmp_path / "kept").glob("*.npy")) + list((tmp_path / "kept").glob(".*.npy"))) == 2
    )


def test_folders_of_the_environment_start_where_the_command_is_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, value in {"DATA": "mine", "STORE": "~/kept", "KEPT": ""}.items():
        monkeypatch.setenv(f"NEURONBASIS_{name}", value)
    assert build._folders() == {
        "NEURONBASIS_DATA": str(tmp_path / "mine"),
        "NEURONBASIS_STORE": str(Path.home() / "kept"),
    }


def test_long_names_of_one_beginning_stay_apart():
    names = {fitting("ä" * 150 + end) for end in "abc"}
    assert len(names) == 3
    assert all(len(name.encode()) <= 200 for name in names)


@pytest.mark.parametrize(
    ("text", "meant"),
    [("0e99", 0), ("1_000", 1000), ("1__0", None), ("1e-999999999", None), ("1e999999999", None)],
)
def test_a_whole_number_is_read_exactly_or_not_at_all(text, meant):
    assert typed.whole(text) == meant


@pytest.mark.parametrize("text", ["1e1", "10.0", "10"])
@pytest.mark.parametrize(
    "words", [("run", "--threads"), ("sweep", "a", "--grouped"), ("book", "--jobs")]
)
def test_options_take_whole_numbers_as_parameters_do(words, text):
    done = CliRunner().invoke(cli.app, [*words, text, "--nothing"])
    assert text not in done.output
    refused = CliRunner().invoke(cli.app, [*words, "2.5"])
    assert "'2.5' is no whole number of at least 1" in refused.output
