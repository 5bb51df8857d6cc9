"""Training: the literal twin, equal bytes, one training for all who want it, no half results."""

import dataclasses
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from neuronbasis import basis, datasets, training
from neuronbasis.datasets import Dataset
from neuronbasis.errors import UserError
from neuronbasis.store import Store
from neuronbasis.training import Specification

DIGITS = datasets.load("digits")


def _spec(**settings: Any) -> Specification:
    return Specification.of(DIGITS, **({"n": 4, "m": 8, "epochs": 2} | settings))


def _trained(spec: Specification, folder: Path) -> training.Trained:
    return training.trained(spec, DIGITS, Store(folder), progress=False)


def _bytes(result: training.Trained) -> bytes:
    networks = [result.before, result.after]
    tensors = [t for network in networks for t in network.state_dict().values()]
    return b"".join(t.numpy().tobytes() for t in tensors) + result.basis.vectors.tobytes()


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


# ---- the specification


def test_defaults_are_the_papers() -> None:
    spec = Specification.of(DIGITS)
    assert (spec.epochs, spec.batch, spec.learning_rate, spec.momentum) == (100, 24, 0.08, 0.9)
    # Stored networks are found by it: a change must be meant, and then raises VERSION.
    assert spec.key[:32] == "a00bf73d3d7f4d0321927e870194a312"
    assert spec.entry == f"small-n24-m48-{spec.key[:16]}"


OTHERS = {
    "dataset": "mine",
    "data_checksum": "0" * 64,
    "size": "large",
    "n": 5,
    "m": 9,
    "basis": "standard",
    "basis_seed": 1,
    "activation": "isotropic",
    "bias": False,
    "epochs": 3,
    "batch": 23,
    "learning_rate": 0.081,
    "momentum": 0.0,
    "seed": 1,
}


@pytest.mark.parametrize("name", OTHERS)
def test_every_setting_changes_the_key(name: str) -> None:
    spec = _spec(m=4)
    assert dataclasses.replace(spec, **{name: OTHERS[name]}).key != spec.key


def test_settings_untested_have_one_legal_value_only() -> None:
    names = {field.name for field in dataclasses.fields(Specification)}
    assert names - OTHERS.keys() == {"dtype", "version"}


def test_key_does_not_depend_on_how_a_number_is_written() -> None:
    plain = _spec(learning_rate=1.0, momentum=0.0)
    other = _spec(n=np.int64(4), seed=np.uint8(0), learning_rate=1, momentum=np.float64(0))
    assert plain.key == other.key


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("n", 0, r"n is 0; it must be an integer >= 1: pass such a one"),
        ("m", 8.0, r"m is 8\.0; it must be an integer >= 1"),
        ("epochs", True, r"epochs is True; it must be an integer >= 1"),
        ("batch", "24", r"batch is '24'; it must be an integer >= 1"),
        ("seed", -1, r"seed is -1; it must be an integer >= 0"),
        ("basis_seed", None, r"basis_seed is None; it must be an integer >= 0"),
        ("learning_rate", 0, r"learning_rate is 0; it must be > 0: pass 0\.08"),
        ("learning_rate", float("nan"), r"learning_rate is nan; it must be > 0"),
        ("learning_rate", float("inf"), r"learning_rate is inf; it must be > 0"),
        ("learning_rate", "fast", r"learning_rate is 'fast'; it must be > 0"),
        ("momentum", 1.0, r"momentum is 1\.0; it must lie in \[0, 1\): pass 0\.9"),
        ("momentum", -0.1, r"momentum is -0\.1; it must lie in \[0, 1\)"),
        ("size", "huge", r"size is 'huge'; it must be 'small' or 'large'"),
        ("basis", "random", r"basis is 'random'; it must be 'thompson' or 'standard'"),
        ("basis", "standard", r"m is 8; a standard basis has m = n: pass m=4"),
        ("activation", "relu", r"activation is 'relu'; it must be 'generalised' or 'isotropic' or"),
        ("bias", 1, r"bias is 1; it must be True or False"),
        ("dtype", "float16", r"dtype is 'float16'; it must be 'float32'"),
        ("version", 0, r"version is 0; it must be 1"),
        ("dataset", 3, r"dataset is 3; it must be a string"),
    ],
)
def test_specification_refuses(name: str, value: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        dataclasses.replace(_spec(), **{name: value})


# ---- the fit


def _literal(network: nn.Module, x: np.ndarray, spec: Specification) -> list[float]:
    """Momentum SGD on D -> n -> tanh -> D, derivatives by hand, float64; changes the network."""
    (a, b), (c, d) = ([p.detach().double().numpy() for p in m.parameters()] for m in _maps(network))
    w = [a, b, c, d]
    velocity = [np.zeros_like(p) for p in w]
    rng = np.random.default_rng([spec.seed, 1])
    losses = []
    for _ in range(spec.epochs):
        order, total = rng.permutation(len(x)), 0.0
        for start in range(0, len(x), spec.batch):
            rows = x[order[start : start + spec.batch]]
            hidden = np.tanh(rows @ w[0].T + w[1])
            error = hidden @ w[2].T + w[3] - rows
            total += (error**2).mean() * len(rows)
            out = 2 * error / error.size
            back = (out @ w[2]) * (1 - hidden**2)
            gradient = [back.T @ rows, back.sum(0), out.T @ hidden, out.sum(0)]
            for k in range(4):
                velocity[k] = spec.momentum * velocity[k] + gradient[k]
                w[k] = w[k] - spec.learning_rate * velocity[k]
        losses.append(total / len(x))
    with torch.no_grad():
        for p, value in zip(network.parameters(), w, strict=True):
            p.copy_(torch.tensor(value))
    return losses


def _maps(network: nn.Module) -> list[nn.Module]:
    return [m for m in network.modules() if isinstance(m, nn.Linear)]


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_literal_twin_agrees(momentum: float) -> None:
    spec = _spec(activation="elementwise", epochs=3, momentum=momentum, seed=5)
    x = DIGITS.scaled("train")[:50]  # two batches of 24 and one of 2
    fast, slow = training.build(spec, 64), training.build(spec, 64)
    history = training.fit(fast, x, spec, progress=False)
    losses = _literal(slow, x.astype(np.float64), spec)
    # float32 against float64 over nine steps
    np.testing.assert_allclose(history.loss, losses, rtol=1e-5)
    for p, q in zip(fast.parameters(), slow.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("activation", ["generalised", "isotropic", "elementwise"])
def test_loss_falls_and_test_loss_is_that_of_the_trained_network(activation: str) -> None:
    spec = _spec(activation=activation, epochs=5)
    network = training.build(spec, 64)
    x, test = DIGITS.scaled("train"), DIGITS.scaled("test")
    history = training.fit(network, x, spec, test, progress=False)
    assert len(history.loss) == 5
    assert history.loss[4] < 0.7 * history.loss[0]
    with torch.no_grad():
        error = network(torch.tensor(test)).double().numpy() - test
    assert history.test_loss == pytest.approx((error**2).mean(), rel=1e-5)
    assert training.fit(network, x, spec, progress=False).test_loss is None


def test_one_thread_while_it_runs_and_the_callers_afterwards(two_threads: None) -> None:
    network, seen = training.build(_spec(), 64), set()
    handle = network.sigma.register_forward_hook(lambda *_: seen.add(torch.get_num_threads()))
    images = DIGITS.scaled("train")[:48]
    network(torch.tensor(images))
    assert seen == {2}
    seen.clear()
    training.fit(network, images, _spec(), images, progress=False)
    assert seen == {1}
    assert torch.get_num_threads() == 2
    handle.remove()
    with pytest.raises(UserError, match="no longer finite"):
        training.fit(network, images, _spec(learning_rate=1e6, epochs=9), progress=False)
    assert torch.get_num_threads() == 2


def test_divergence_is_told_in_one_line() -> None:
    spec = _spec(learning_rate=400.0, epochs=50)
    message = (
        r"the loss is no longer finite after epoch \d+ with learning_rate 400: lower it, for "
        r"example to 100$"
    )
    with pytest.raises(UserError, match=message):
        training.fit(training.build(spec, 64), DIGITS.scaled("train"), spec, progress=False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x[:0], r"images are \(torch.float32, \(0, 64\)\); they must be float32, \(N, D"),
        (lambda x: x.astype(np.float64), r"images are \(torch.float64, \(20, 64\)\); they must be"),
        (lambda x: x.reshape(20, 8, 8), r"\(20, 8, 8\)\); they must be float32, \(N, D\), neither"),
        (lambda x: x.tolist(), r"images are list; they must be float32"),
        (lambda x: np.where(x == x[3, 30], np.nan, x), r"images hold NaN or inf; all values must"),
        (lambda x: x[:, :63], r"input has shape \(1, 63\); it must be \(N, 64\)"),
    ],
)
def test_images_refused(change: Callable[[np.ndarray], Any], message: str) -> None:
    network, images = training.build(_spec(), 64), change(DIGITS.scaled("train")[:20])
    with pytest.raises(UserError, match=message):
        training.fit(network, images, _spec(), progress=False)


def test_network_that_is_no_autoencoder_is_refused() -> None:
    images = DIGITS.scaled("train")[:20]
    with pytest.raises(UserError, match=r"the network turns 64 values into \(10,\); it must give"):
        training.fit(nn.Linear(64, 10), images, _spec(), progress=False)


@pytest.mark.parametrize("device", ["gpu", "meta", "cuda:99", 3.5])
def test_unknown_device(device: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"device is .*; it must be 'cpu', or 'cuda' where there"):
        training.trained(_spec(), DIGITS, Store(tmp_path), device=device)


# ---- building


@pytest.mark.parametrize(("kind", "m"), [("thompson", 8), ("standard", 4)])
def test_sigma_stands_on_the_basis_of_the_specification(kind: str, m: int) -> None:
    spec = _spec(basis=kind, m=m, basis_seed=3)
    expected = basis.standard(4) if kind == "standard" else basis.thompson(8, 4, seed=3)
    np.testing.assert_array_equal(training.privileged_basis(spec).vectors, expected.vectors)
    sigma: Any = training.build(spec, 64).sigma
    np.testing.assert_array_equal(sigma.basis.vectors, expected.vectors)


def test_build_leaves_the_global_generator_alone() -> None:
    state = torch.get_rng_state()
    first = training.build(_spec(seed=1), 64).state_dict()
    assert torch.equal(torch.get_rng_state(), state)
    again, other = (training.build(_spec(seed=s), 64).state_dict() for s in (1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["encoder.0.weight"], other["encoder.0.weight"])


# ---- trained networks and their store


@pytest.mark.parametrize("settings", [{}, {"m": 11, "size": "large"}, {"activation": "isotropic"}])
def test_equal_specifications_give_equal_bytes(
    tmp_path: Path, two_threads: None, settings: dict[str, Any]
) -> None:
    spec = _spec(**settings)
    first = _trained(spec, tmp_path / "a")
    torch.set_num_threads(1)
    second = _trained(spec, tmp_path / "b")
    stored = _trained(spec, tmp_path / "a")
    assert _bytes(first) == _bytes(second) == _bytes(stored)
    assert first.history == second.history == stored.history
    assert first.basis.name == stored.basis.name == training.privileged_basis(spec).name
    for name in ("weights.safetensors", "specification.json"):
        a, b = (tmp_path / folder / spec.entry / name for folder in "ab")
        assert a.read_bytes() == b.read_bytes()
    assert _bytes(_trained(_spec(**settings, seed=1), tmp_path / "a")) != _bytes(first)


def test_before_is_untrained_and_after_is_trained(tmp_path: Path) -> None:
    spec = _spec()
    result = _trained(spec, tmp_path)
    untrained, network = training.build(spec, 64), training.build(spec, 64)
    training.fit(network, DIGITS.scaled("train"), spec, progress=False)
    x = torch.tensor(DIGITS.scaled("test"))
    assert torch.equal(result.before.encode(x), untrained.encode(x))
    assert torch.equal(result.after.encode(x), network.encode(x))
    assert not torch.equal(result.after.encode(x), result.before.encode(x))
    assert result.spec == spec


def test_network_is_trained_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "neuronbasis.training"):
        _trained(_spec(), tmp_path)
        _trained(_spec(), tmp_path)
        assert [r.message for r in caplog.records] == [f"training {_spec().entry} on digits"]
        _trained(_spec(epochs=1), tmp_path)
        assert len(caplog.records) == 2


def test_training_is_silent_where_there_is_no_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    training.trained(_spec(), DIGITS, Store(tmp_path), progress=True)
    assert capfd.readouterr() == ("", "")


def test_damaged_entry_is_trained_anew(tmp_path: Path) -> None:
    spec = _spec()
    first = _trained(spec, tmp_path)
    weights = tmp_path / spec.entry / "weights.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1])
    with pytest.warns(UserWarning, match=f"{spec.entry}: a damaged entry is not used"):
        again = _trained(spec, tmp_path)
    assert _bytes(again) == _bytes(first)
    assert weights.read_bytes() == whole


def test_entry_of_another_specification_is_not_taken(tmp_path: Path) -> None:
    spec, other = _spec(), _spec(seed=1)
    expected = _trained(spec, tmp_path / "own")
    _trained(other, tmp_path)
    (tmp_path / other.entry).rename(tmp_path / spec.entry)
    assert _bytes(_trained(spec, tmp_path)) == _bytes(expected)


def test_diverged_training_is_not_stored(tmp_path: Path) -> None:
    spec = _spec(learning_rate=1e6)
    with pytest.raises(UserError, match="no longer finite"):
        _trained(spec, tmp_path)
    assert not [path for path in tmp_path.iterdir() if not path.name.endswith(".lock")]


def test_other_data_than_specified_are_refused(tmp_path: Path) -> None:
    other = Dataset("other", **_few(DIGITS), classes=DIGITS.classes)
    with pytest.raises(UserError, match=r"dataset 'other' has checksum .* pass the same data to"):
        training.trained(_spec(), other, Store(tmp_path))


def _few(dataset: Dataset) -> dict[str, Any]:
    return {name: getattr(dataset, name)[:30] for name in datasets.KEYS}


# ---- other processes

JOB = """
import logging, sys
from pathlib import Path
from neuronbasis import datasets, training
from neuronbasis.store import Store
logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
digits = datasets.load("digits")
spec = training.Specification.of(digits, n=4, m=8, epochs=40)
print("ready", flush=True)
sys.stdin.readline()
if sys.argv[2] == "die in writing":
    import os, signal
    Path.rename = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
training.trained(spec, digits, Store(sys.argv[1]), progress=False)
print("done", flush=True)
"""


def _job(folder: Path, mode: str = "") -> subprocess.Popen[str]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", JOB, str(folder), mode], **pipes)  # type: ignore[call-overload]


def _line(job: subprocess.Popen[str]) -> str:
    assert job.stdout is not None
    return job.stdout.readline().strip()


def _start(*jobs: subprocess.Popen[str]) -> None:
    assert {_line(job) for job in jobs} == {"ready"}
    for job in jobs:
        assert job.stdin is not None
        job.stdin.write("\n")
        job.stdin.flush()


def test_two_processes_that_want_one_network_train_it_once(tmp_path: Path) -> None:
    with _job(tmp_path) as a, _job(tmp_path) as b:
        _start(a, b)
        said = [job.communicate(timeout=60)[0].split("\n") for job in (a, b)]
    lines = sorted(line for part in said for line in part if line)
    assert lines == ["done", "done", f"training {_spec(epochs=40).entry} on digits"]
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == [_spec(epochs=40).entry]


def test_killed_training_leaves_nothing_that_counts(tmp_path: Path) -> None:
    spec = _spec(epochs=40)
    with _job(tmp_path) as a, _job(tmp_path, "die in writing") as b:
        _start(a)
        assert _line(a) == f"training {spec.entry} on digits"
        os.kill(a.pid, signal.SIGKILL)
        assert a.wait(timeout=60) == -signal.SIGKILL
        assert Store(tmp_path).get(spec.entry) is None
        _start(b)  # it is not kept out by the dead one's lock, and dies with all but the name done
        assert b.wait(timeout=60) == -signal.SIGKILL
    assert [path.name for path in tmp_path.glob(".*partial*/weights*")] == ["weights.safetensors"]
    assert Store(tmp_path).get(spec.entry) is None
    result = _trained(spec, tmp_path)
    assert len(result.history.loss) == 40
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == [spec.entry]
