"""Training: the literal twin, equal bytes, one training for all who want it, no half results."""

import dataclasses
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neuronbasis import basis, datasets, training
from neuronbasis.datasets import Dataset
from neuronbasis.datasets._files import KEYS
from neuronbasis.errors import UserError
from neuronbasis.training import Specification, Store, _autoencoders, fit

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
    assert spec.key[:32] == "2325e0b241b4419e2c4b185913dfa5a8"
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
    "hidden": 7,
    "initialiser": "orthogonal",
    "normalisation": "batch",
    "dropout": 0.1,
    "output": "tanh",
    "task": "classification",
    "centre": True,
    "optimiser": "adam",
    "snapshots": (2,),
    "epochs": 3,
    "batch": 23,
    "learning_rate": 0.081,
    "momentum": 0.0,
    "seed": 1,
}


@pytest.mark.parametrize("name", OTHERS)
def test_every_setting_changes_the_key(name: str) -> None:
    spec = _spec(m=4, size="large" if name == "hidden" else "small", epochs=5)
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
        ("hidden", 5, r"hidden is 5; a small network has no hidden layer: pass 0"),
        ("dropout", 1, r"dropout is 1; it must lie in \[0, 1\): pass 0"),
        ("snapshots", (1, 2), r"a snapshot is 2; it must come before the last epoch, 2"),
        ("snapshots", (0,), r"a snapshot is 0; it must be an integer >= 1"),
        ("optimiser", "sgdm", r"optimiser is 'sgdm'; it must be 'sgd' or 'adam'"),
        ("task", "x", r"task is 'x'; it must be 'reconstruction' or 'classification'"),
        ("learning_rate", 0, r"learning_rate is 0; it must be a number above 0: pass 0\.08"),
        ("learning_rate", float("nan"), r"learning_rate is nan; it must be a number above 0"),
        ("learning_rate", float("inf"), r"learning_rate is inf; it must be a number above 0"),
        ("learning_rate", "fast", r"learning_rate is 'fast'; it must be a number above 0"),
        ("momentum", 1.0, r"momentum is 1\.0; it must lie in \[0, 1\): pass 0"),
        ("momentum", -0.1, r"momentum is -0\.1; it must lie in \[0, 1\)"),
        ("size", "huge", r"size is 'huge'; it must be 'small' or 'large'"),
        ("basis", "random", r"basis is 'random'; it must be 'thompson' or 'standard'"),
        ("basis", "standard", r"m is 8; a standard basis has m = n: pass m=4"),
        ("activation", "relu", r"activation is 'relu'; it must be 'generalised' or 'isotropic' or"),
        ("bias", 1, r"bias is 1; it must be True or False"),
        ("dtype", "float16", r"dtype is 'float16'; it must be 'float32'"),
        ("version", 0, r"version is 0; it must be 2"),
        ("dataset", 3, r"dataset is 3; it must be a string"),
    ],
)
def test_specification_refuses(name: str, value: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        dataclasses.replace(_spec(), **{name: value})


@pytest.mark.parametrize("device", ["gpu", "meta", "cuda:99", 3.5])
def test_unknown_device(device: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"device is .*, not available \(.*\): pass 'cpu'"):
        training.trained(_spec(), DIGITS, Store(tmp_path), device=device)


@pytest.mark.parametrize("activation", ["generalised", "isotropic", "elementwise"])
def test_loss_falls_and_test_loss_is_that_of_the_trained_network(
    tmp_path: Path, activation: str
) -> None:
    result = _trained(_spec(activation=activation, epochs=5), tmp_path)
    history, test = result.history, DIGITS.scaled("test")
    assert len(history.loss) == 5
    assert history.loss[4] < 0.7 * history.loss[0]
    with torch.no_grad():
        error = result.after(torch.tensor(test)).double().numpy() - test
    assert history.test_loss == pytest.approx((error**2).mean(), rel=1e-5)
    assert history.test_accuracy is None


def test_classes_are_told_apart(tmp_path: Path) -> None:
    result = _trained(_spec(task="classification", n=8, m=16, epochs=8), tmp_path)
    x, y = torch.tensor(DIGITS.scaled("test")), torch.tensor(DIGITS.y_test)
    with torch.no_grad():
        output = result.after(x).double()
    assert output.shape == (360, 10)
    assert result.history.test_accuracy == float((output.argmax(1) == y).double().mean()) > 0.85
    chance = -torch.log_softmax(output, 1)[torch.arange(len(y)), y].mean()
    assert result.history.test_loss == pytest.approx(float(chance), rel=1e-5)


def test_centred_networks_see_images_less_the_mean_training_image(tmp_path: Path) -> None:
    spec = _spec(centre=True)
    train, test = DIGITS.scaled("train"), DIGITS.scaled("test")
    x = training.inputs(spec, DIGITS, "test")
    np.testing.assert_allclose(x, test - train.mean(0, dtype=np.float64), atol=1e-6)
    result = _trained(spec, tmp_path)
    with torch.no_grad():
        error = float((result.after(x) - x).square().mean())
    assert result.history.test_loss == pytest.approx(error, rel=1e-5)


def test_a_task_of_classes_needs_their_number() -> None:
    with pytest.raises(UserError, match="of how many classes is not said: pass classes"):
        training.build(_spec(task="classification"), 64)


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
    fit([network], DIGITS.scaled("train"), [spec], progress=False)
    x = torch.tensor(DIGITS.scaled("test"))
    assert torch.equal(result.before.encode(x), untrained.encode(x))
    assert torch.equal(result.after.encode(x), network.encode(x))
    assert not torch.equal(result.after.encode(x), result.before.encode(x))
    assert result.spec == spec


def test_network_is_trained_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "neuronbasis.training._autoencoders"):
        _trained(_spec(), tmp_path)
        _trained(_spec(), tmp_path)
        assert [r.message for r in caplog.records] == [f"training {_spec().entry} on digits"]
        _trained(_spec(epochs=1), tmp_path)
        assert len(caplog.records) == 2


def test_networks_of_one_configuration_are_trained_together_and_kept_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stacks = []
    monkeypatch.setattr(
        _autoencoders, "fit", lambda *given: (stacks.append(len(given[0])), fit(*given))[1]
    )
    seeds = [_spec(seed=seed) for seed in (3, 0, 2)]
    specs = [seeds[0], _spec(epochs=1), *seeds[1:], seeds[0]]
    kept = _trained(seeds[2], tmp_path)
    found = training.trained_all(specs, DIGITS, Store(tmp_path), progress=False)
    assert stacks == [1, 2, 1]  # the one kept, the two of its kind that were missing, the other
    assert [each.spec for each in found] == specs
    assert _bytes(found[3]) == _bytes(kept)
    assert _bytes(found[2]) == _bytes(_trained(seeds[1], tmp_path / "alone"))


def test_snapshots_are_kept_with_the_network(tmp_path: Path) -> None:
    spec = _spec(epochs=4, snapshots=(3, 1))
    result = _trained(spec, tmp_path)
    x = torch.tensor(DIGITS.scaled("test"))
    assert list(result.snapshots) == [1, 3]
    short = _trained(_spec(epochs=3, snapshots=()), tmp_path)
    assert torch.equal(result.snapshots[3].encode(x), short.after.encode(x))
    assert not result.snapshots[3].training
    assert _spec(epochs=60).snapshots == (1, 2, 5, 10, 20, 50)


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


def test_entry_of_another_form_is_trained_anew(tmp_path: Path) -> None:
    spec, store = _spec(), Store(tmp_path)
    first = _trained(spec, tmp_path)
    tensors, about = store.get(spec.entry) or ({}, {})
    del about["before"]
    store.put(spec.entry, tensors, about)
    assert _bytes(_trained(spec, tmp_path)) == _bytes(first)
    assert "before" in (store.get(spec.entry) or ({}, {}))[1]


def test_other_first_weights_than_the_trainings_are_told(tmp_path: Path) -> None:
    spec, store = _spec(), Store(tmp_path)
    _trained(spec, tmp_path)
    tensors, about = store.get(spec.entry) or ({}, {})
    store.put(spec.entry, tensors, about | {"before": "0" * 64})
    with pytest.warns(UserWarning, match="other first weights are drawn here .* `before`"):
        _trained(spec, tmp_path)


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
    return {name: getattr(dataset, name)[:30] for name in KEYS}


# ---- other processes

JOB = """
import logging, sys
from pathlib import Path
from neuronbasis import datasets, training
from neuronbasis.training import Store
logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
digits = datasets.load("digits")
spec = training.Specification.of(digits, n=4, m=8, epochs=40)
print("ready", flush=True)
sys.stdin.readline()
if sys.argv[2]:
    import os, signal
    died = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    Path.rename = died if sys.argv[2] == "die in writing" else lambda *_: signal.pause()
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
        said = [job.communicate()[0].split("\n") for job in (a, b)]
    lines = sorted(line for part in said for line in part if line)
    assert lines == ["done", "done", f"training {_spec(epochs=40).entry} on digits"]
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == [_spec(epochs=40).entry]


def test_killed_training_leaves_nothing_that_counts(tmp_path: Path) -> None:
    spec = _spec(epochs=40)
    with _job(tmp_path, "never end") as a, _job(tmp_path, "die in writing") as b:
        _start(a)
        assert _line(a) == f"training {spec.entry} on digits"
        os.kill(a.pid, signal.SIGKILL)
        assert a.wait() == -signal.SIGKILL
        assert Store(tmp_path).get(spec.entry) is None
        _start(b)  # it is not kept out by the dead one's lock, and dies with all but the name done
        assert b.wait() == -signal.SIGKILL
    assert [path.name for path in tmp_path.glob(".*partial*/weights*")] == ["weights.safetensors"]
    assert Store(tmp_path).get(spec.entry) is None
    result = _trained(spec, tmp_path)
    assert len(result.history.loss) == 40
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == [spec.entry]
