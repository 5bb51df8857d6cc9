"""The store of trained networks: an entry is whole or does not count."""

import json
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

import pytest
import torch

from neuronbasis.errors import UserError
from neuronbasis.training import Store

TENSORS = {
    "weight": torch.arange(600, dtype=torch.float32).reshape(20, 30) / 7,
    "vectors": torch.tensor([[0.1, 0.2]], dtype=torch.float64),
    "count": torch.tensor(3),
}
ABOUT = {"specification": {"n": 24, "learning_rate": 0.08}, "history": [0.3, 0.1]}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "deep" / "networks")


def _same(store: Store) -> bool:
    entry = store.get("k")
    if entry is None:
        return False
    equal = [torch.equal(entry[0][name], t) for name, t in TENSORS.items()]
    kinds = [entry[0][name].dtype == t.dtype for name, t in TENSORS.items()]
    return all(equal + kinds) and entry[0].keys() == TENSORS.keys() and entry[1] == ABOUT


def test_what_was_put_comes_back(store: Store) -> None:
    assert store.get("k") is None
    store.put("k", TENSORS, ABOUT)
    assert _same(store)
    assert store.get("other") is None
    files = sorted(path.name for path in (store.folder / "k").iterdir())
    assert files == ["specification.json", "weights.safetensors"]


def test_put_replaces_and_equal_content_has_equal_bytes(store: Store, tmp_path: Path) -> None:
    store.put("k", {"weight": torch.zeros(2)}, {})
    store.put("k", TENSORS, ABOUT)
    twin = Store(tmp_path / "twin")
    twin.put("k", dict(reversed(TENSORS.items())), dict(reversed(ABOUT.items())))
    assert _same(store)
    for name in ("specification.json", "weights.safetensors"):
        assert (store.folder / "k" / name).read_bytes() == (twin.folder / "k" / name).read_bytes()


def test_tensors_may_share_memory_or_be_transposed(store: Store) -> None:
    w = torch.rand(3, 4)
    store.put("k", {"a": w, "b": w, "c": w.T, "d": w[:, 1]}, {})
    found, _ = store.get("k") or ({}, {})
    assert torch.equal(found["a"], w)
    assert torch.equal(found["c"], w.T)
    assert torch.equal(found["d"], w[:, 1])


def _cut(path: Path, share: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _edit(path: Path) -> None:
    path.write_text(path.read_text().replace("0.08", "0.09"))


def _other(path: Path) -> None:
    path.write_text(json.dumps([1]))


DAMAGES = {
    "weights cut": lambda e: _cut(e / "weights.safetensors", 0.5),
    "weights empty": lambda e: _cut(e / "weights.safetensors", 0),
    "weights flipped": lambda e: _flip(e / "weights.safetensors"),
    "weights gone": lambda e: (e / "weights.safetensors").unlink(),
    "text cut": lambda e: _cut(e / "specification.json", 0.5),
    "text binary": lambda e: (e / "specification.json").write_bytes(b"\xff\x00"),
    "text edited": lambda e: _edit(e / "specification.json"),
    "text of another kind": lambda e: _other(e / "specification.json"),
    "text gone": lambda e: (e / "specification.json").unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_entry_is_not_used_and_can_be_replaced(store: Store, damage: str) -> None:
    store.put("k", TENSORS, ABOUT)
    DAMAGES[damage](store.folder / "k")
    with pytest.warns(UserWarning, match=r"networks/k: a damaged entry is not used \(.+\)$"):
        assert store.get("k") is None
    store.put("k", TENSORS, ABOUT)
    assert _same(store)


@contextmanager
def _largest_file(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_full_disk_leaves_the_old_entry(store: Store) -> None:
    store.put("k", TENSORS, ABOUT)
    with (
        pytest.raises(UserError, match=r"networks/k: cannot write there \(File too large\); free"),
        _largest_file(1000),
    ):
        store.put("k", {"weight": torch.zeros(5000)}, {})
    assert _same(store)
    assert [path.name for path in store.folder.iterdir()] == ["k"]


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = Store(tmp_path / "file" / "networks")
    assert store.get("k") is None
    with pytest.raises(UserError, match=r"file/networks: cannot write there \(Not a dir.*\); free"):
        store.lock("k").__enter__()
    with pytest.raises(UserError, match=r"cannot write there \(Not a directory\); free space or"):
        store.put("k", TENSORS, ABOUT)


def test_folder_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURONBASIS_STORE", str(tmp_path / "named"))
    assert Store().folder == tmp_path / "named"
    assert Store(tmp_path / "given").folder == tmp_path / "given"
    monkeypatch.delenv("NEURONBASIS_STORE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert Store().folder == tmp_path / "cache" / "neuronbasis" / "networks"


@pytest.mark.parametrize("key", ["", "..", "a/b", ".k", "a b", "-k"])
def test_key_cannot_leave_the_folder(store: Store, key: str) -> None:
    with pytest.raises(UserError, match=r"use letters, digits, - and _ only, as in digits-3f2a"):
        store.get(key)


def _hold(folder: Path, path: Path) -> None:
    store = Store(folder)
    for _ in range(20):
        with store.lock("k"):
            count = int(path.read_text())
            time.sleep(0.002)  # so that without the lock two processes would read the same count
            path.write_text(str(count + 1))


def test_lock_lets_one_process_in_at_a_time(store: Store, tmp_path: Path) -> None:
    counter = tmp_path / "count"
    counter.write_text("0")
    context = get_context("forkserver")
    jobs = [context.Process(target=_hold, args=(store.folder, counter)) for _ in range(2)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert [job.exitcode for job in jobs] == [0, 0]
    assert counter.read_text() == "40"


def test_lock_is_freed_when_its_block_raises(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.lock("k"):
        raise ZeroDivisionError
    with store.lock("k"), store.lock("other"):
        pass
