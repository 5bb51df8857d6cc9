"""Keeping trained networks with the project: what is missing is trained, once, and copied whole."""

from collections.abc import Callable
from pathlib import Path

import pytest

from neuronbasis import datasets, training
from neuronbasis.errors import UserError
from neuronbasis.training import Specification, Store, _store
from neuronbasis.workflow import networks


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where two tiny networks are to be kept."""
    mnist = datasets.load("mnist")
    tiny = {"n": 2, "m": 4, "epochs": 1, "batch": 2000, "snapshots": ()}
    specs = [Specification.of(mnist, **tiny, seed=seed) for seed in (0, 1)]
    kept = tmp_path / "kept"
    monkeypatch.setattr(networks, "configurations", lambda _: {"tiny": specs})
    monkeypatch.setattr(networks, "folder", lambda: kept)
    monkeypatch.setattr(_store, "kept_store", lambda: Store(kept))
    monkeypatch.setattr(training._trained, "kept_store", lambda: Store(kept))
    monkeypatch.setenv("NEURONBASIS_STORE", str(tmp_path / "store"))
    return kept


def _entries(place: Path) -> dict[str, bytes]:
    return {str(file.relative_to(place)): file.read_bytes() for file in place.rglob("*.*")}


@pytest.mark.data
def test_what_is_missing_is_trained_and_kept(place: Path, data_file: Callable[[str], Path]) -> None:
    data = str(data_file("mnist.npz").parent)
    (before,) = networks.kept()
    assert (before.name, before.seeds, before.size) == ("tiny", (), 0)
    assert list(networks.keep(data)) == ["tiny"]
    (after,) = networks.kept()
    assert after.seeds == (0, 1)
    assert after.size == sum(map(len, _entries(place).values()))
    assert list(networks.keep(data)) == []
    assert networks.retrained(data)

    found = [each.spec.seed for each in training.kept(n=2)]
    assert found == [0, 1]
    tensors, about = Store(place).get(after.specs[0].entry) or ({}, {})
    tensors["after.encoder.0.weight"][0, 0] += 1e-6
    Store(place).put(after.specs[0].entry, tensors, about)
    assert not networks.retrained(data)


@pytest.mark.data
def test_more_than_the_project_may_hold_is_not_kept(
    place: Path, data_file: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(networks, "LARGEST", 20_000)
    message = r"the kept networks take \d\d,\d{3} bytes, at most 20,000 are to be kept"
    with pytest.raises(UserError, match=message):
        list(networks.keep(str(data_file("mnist.npz").parent)))
    assert len(list(place.glob("[!.]*"))) == 1


def test_a_check_without_a_kept_network_is_told(place: Path) -> None:
    with pytest.raises(UserError, match="no kept network; train them with `neuronbasis keep`"):
        networks.retrained()
