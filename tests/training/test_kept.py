"""Networks kept with the project: found by their key, read only, damaged ones told."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from neuronbasis import datasets, training
from neuronbasis.errors import UserError
from neuronbasis.training import Specification, Store, _store, _trained, kept_store
from neuronbasis.utils import project

DIGITS = datasets.load("digits")
SPEC = Specification.of(DIGITS, n=3, m=6, epochs=1)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A project that keeps one network."""
    store = Store(tmp_path / "kept")
    training.trained(SPEC, DIGITS, store, progress=False)
    monkeypatch.setattr(_trained, "kept_store", lambda: store)
    return store


def _no_training(*_: Any) -> None:
    raise AssertionError("trained")


def test_a_kept_network_is_found_by_its_key_and_nothing_is_written(
    kept: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training._autoencoders, "fit", _no_training)
    mine = tmp_path / "mine"
    found = training.trained(SPEC, DIGITS, Store(mine), progress=False)
    again = training.trained(SPEC, DIGITS, kept, progress=False)
    assert torch.equal(found.after.encoder[0].weight, again.after.encoder[0].weight)
    assert not mine.exists()


@pytest.mark.parametrize("fault", ["cut", "flipped", "other metadata", "half missing"])
def test_a_damaged_kept_network_is_told_and_trained_anew(
    kept: Store, tmp_path: Path, fault: str
) -> None:
    first = training.trained(SPEC, DIGITS, kept, progress=False)
    entry = kept.folder / SPEC.entry
    weights = entry / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    if fault == "cut":
        weights.write_bytes(content[:-9])
    elif fault == "flipped":
        content[-1] ^= 1
        weights.write_bytes(content)
    elif fault == "other metadata":
        about = entry / "specification.json"
        about.write_text(about.read_text().replace('"test_loss": 0', '"test_loss": 1'))
    else:
        weights.unlink()
    with pytest.warns(UserWarning, match="a damaged entry is not used"):
        again = training.trained(SPEC, DIGITS, Store(tmp_path / "mine"), progress=False)
    assert torch.equal(first.after.encoder[0].weight, again.after.encoder[0].weight)
    assert (tmp_path / "mine" / SPEC.entry).is_dir()


def test_a_network_that_nobody_kept_and_data_that_cannot_be_had_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision.datasets import MNIST

    monkeypatch.setattr(MNIST, "mirrors", ["http://127.0.0.1:9/"])
    mnist = datasets.load("mnist", folder=tmp_path)
    spec = Specification.of(mnist, n=3, m=6)
    with pytest.raises(UserError, match=r"^mnist: there is no .*mnist\.npz, and its download fail"):
        training.trained(spec, mnist, Store(tmp_path / "store"), progress=False)
    assert not list((tmp_path / "store").glob("[!.]*"))


def test_an_entry_of_an_older_form_in_the_users_store_hides_no_kept_one(
    kept: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tensors, about = kept.get(SPEC.entry) or ({}, {})
    mine = Store(tmp_path / "mine")
    mine.put(SPEC.entry, tensors, {name: about[name] for name in about if name != "before"})
    monkeypatch.setattr(training._autoencoders, "fit", _no_training)
    training.trained(SPEC, DIGITS, mine, progress=False)


def test_kept_networks_come_by_configuration_then_by_seed(kept: Store) -> None:
    for seed, n in ((10, 3), (2, 3), (1, 2)):
        training.trained(
            Specification.of(DIGITS, n=n, m=6, epochs=1, seed=seed), DIGITS, kept, progress=False
        )
    found = [(each.spec.n, each.spec.seed) for each in training.kept()]
    assert found == [(2, 1), (3, 0), (3, 2), (3, 10)]


def test_a_kept_entry_of_another_version_is_told_and_left_out(kept: Store) -> None:
    tensors, about = kept.get(SPEC.entry) or ({}, {})
    kept.put("other", tensors, about | {"specification": about["specification"] | {"version": 9}})
    with pytest.warns(UserWarning, match="other: a kept network of another version"):
        assert len(training.kept()) == 1


def test_the_environment_names_the_kept_networks_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEURONBASIS_KEPT", str(tmp_path))
    assert kept_store().folder == tmp_path  # type: ignore[union-attr]
    monkeypatch.setenv("NEURONBASIS_KEPT", "")
    assert kept_store() is None
    with pytest.raises(UserError, match=r"^no kept network lies with the project, none with"):
        training.kept(n=3)
    assert _store.KEPT_VARIABLE == "NEURONBASIS_KEPT"


def test_a_foreign_book_in_the_working_folder_hides_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = kept_store()
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "_config.yml").touch()
    monkeypatch.chdir(tmp_path)
    assert kept_store().folder == before.folder  # type: ignore[union-attr]


# ---- those of the project


def test_the_projects_networks_are_those_of_the_papers_first_figure() -> None:
    found = training.kept(size="small", n=24, m=48, centre=False)
    assert [each.spec.seed for each in found] == list(range(10))
    losses = [each.history.test_loss for each in found]
    x = training.inputs(found[0].spec, datasets.load("mnist"), "test")
    with torch.no_grad():
        error = float((found[3].after(x) - x).square().mean())
    assert error == pytest.approx(losses[3], rel=1e-4)
    # An untrained network is at 1, the mean image at about 0.27.
    assert max(losses) < 0.1


def test_settings_that_no_kept_network_has_are_told() -> None:
    with pytest.raises(UserError, match=r"^no kept network of .* has n=7: `neuronbasis netw"):
        training.kept(n=7)


def test_every_kept_entry_is_whole_and_of_its_name() -> None:
    store = kept_store()
    assert store is not None
    for key in store.entries():
        tensors, about = store.get(key) or pytest.fail(f"{key} is damaged")
        assert Specification(**about["specification"]).entry == key
        assert all(t.dtype in (torch.float32, torch.float64, torch.int64) for t in tensors.values())


def test_the_command_lists_what_is_kept_and_its_size() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "neuronbasis", "networks"],
        capture_output=True,
        text=True,
        cwd=project.root(),
    )
    assert done.returncode == 0
    assert "Fig. 1: small-n24-m48, 10 of 10 seeds, 1.8 MB" in done.stdout
    folder = project.root() / "results" / "networks"
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    assert size < 40_000_000
    assert f"{size / 1e6:.1f} MB in {folder}" in done.stderr
