"""Classifiers: the literal twin, equal bytes, what is learnt and what is not, honest accuracy."""

import dataclasses
import logging
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from neuronbasis import datasets, training
from neuronbasis.datasets import Dataset
from neuronbasis.errors import UserError
from neuronbasis.networks import accuracy, convnet
from neuronbasis.training import ClassifierSpecification, Store

DIGITS = datasets.load("digits")


def _subset(rows: slice, **changes: Any) -> Dataset:
    part = {"x_train": DIGITS.x_train[rows], "y_train": DIGITS.y_train[rows]}
    return dataclasses.replace(DIGITS, **(part | changes))


FEW = _subset(slice(70))


def _inputs(dataset: Dataset, split: str) -> Tensor:
    return training.inputs(ClassifierSpecification.of(dataset), dataset, split)


def _spec(dataset: Dataset = FEW, **settings_: Any) -> ClassifierSpecification:
    return ClassifierSpecification.of(dataset, **({"width": 2, "epochs": 2} | settings_))


def _trained(
    spec: ClassifierSpecification, folder: Path, dataset: Dataset = FEW
) -> training.Trained:
    return training.trained(spec, dataset, Store(folder), progress=False)


def _files(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.glob("*/*") if p.is_file()}


# ---- the specification


def test_defaults_and_their_key() -> None:
    spec = ClassifierSpecification.of(DIGITS)
    # Stored networks are found by it: a change must be meant, and then raises VERSION.
    assert spec.key[:32] == "ee484e0308dca62903164bb280605922"
    assert spec.entry == f"convnet-w16-{spec.key[:16]}"


OTHERS = {
    "dataset": "mine",
    "data_checksum": "0" * 64,
    "width": 3,
    "dropout": 0.5,
    "epochs": 3,
    "batch": 63,
    "learning_rate": 0.051,
    "momentum": 0.0,
    "weight_decay": 0.0,
    "seed": 1,
}


@pytest.mark.parametrize("name", OTHERS)
def test_every_setting_changes_the_key(name: str) -> None:
    spec = _spec()
    assert dataclasses.replace(spec, **{name: OTHERS[name]}).key != spec.key


def test_settings_untested_have_one_legal_value_only() -> None:
    names = {field.name for field in dataclasses.fields(ClassifierSpecification)}
    assert names - OTHERS.keys() == {"network", "dtype", "version"}


def test_key_does_not_depend_on_how_a_number_is_written() -> None:
    plain = _spec(learning_rate=1.0, dropout=0.0, weight_decay=0.0)
    other = _spec(width=np.int64(2), learning_rate=1, dropout=0, weight_decay=np.float64(0))
    assert plain.key == other.key


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("width", 0, r"width is 0; it must be an integer >= 1: pass such a one$"),
        ("epochs", 2.0, r"epochs is 2\.0; it must be an integer >= 1"),
        ("batch", "64", r"batch is '64'; it must be an integer >= 1"),
        ("seed", -1, r"seed is -1; it must be an integer >= 0"),
        ("dropout", 1, r"dropout is 1; it must lie in \[0, 1\): pass 0 or 0\.5$"),
        ("learning_rate", 0, r"learning_rate is 0; it must be a number above 0: pass 0\.05$"),
        ("learning_rate", math.inf, r"learning_rate is inf; it must be a number above 0"),
        ("learning_rate", math.nan, r"learning_rate is nan; it must be a number above 0"),
        ("learning_rate", "fast", r"learning_rate is 'fast'; it must be a number above 0"),
        ("momentum", 1.0, r"momentum is 1\.0; it must lie in \[0, 1\): pass 0\.9$"),
        ("momentum", -0.1, r"momentum is -0\.1; it must lie in \[0, 1\)"),
        (
            "weight_decay",
            -1e-4,
            r"weight_decay is -0\.0001; it must be a number of at least 0",
        ),
        ("weight_decay", None, r"weight_decay is None; it must be a number of at least 0"),
        ("network", "alexnet", r"network is 'alexnet'; it must be 'convnet'$"),
        ("dtype", "float16", r"dtype is 'float16'; it must be 'float32'$"),
        ("version", 0, r"version is 0; it must be 1$"),
        ("dataset", 3, r"dataset is 3; it must be a string$"),
    ],
)
def test_specification_refuses(name: str, value: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        dataclasses.replace(_spec(), **{name: value})


# ---- images as a network takes them


@pytest.mark.parametrize("channels", [(), (3,)])
def test_inputs_keep_every_pixel_in_its_place(channels: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (4, 5, 6, *channels), dtype=np.uint8)
    y = np.arange(4)
    mine = Dataset("mine", x, y, x[::-1], y[::-1], tuple("abcd"))
    found = _inputs(mine, "test").numpy()
    assert found.shape == (4, channels[0] if channels else 1, 5, 6)
    assert found.dtype == np.float32
    for n, c, h, w in np.ndindex(found.shape):
        level = int(x[3 - n, h, w, c] if channels else x[3 - n, h, w])
        assert found[n, c, h, w] == np.float32(2 * level - 255) / np.float32(255)
    with pytest.raises(UserError, match="split is 'val'"):
        _inputs(mine, "val")


# ---- accuracy


def _logits(right: int, wrong: int) -> tuple[Tensor, Tensor]:
    """Three logits an image; so many images whose largest one is that of their label."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, right + wrong)
    predicted = np.where(np.arange(right + wrong) < right, labels, (labels + 1) % 3)
    order = rng.permutation(right + wrong)
    return 5 * torch.eye(3)[predicted][order] - 2, torch.from_numpy(labels[order])


@settings(max_examples=20, deadline=None)
@given(right=st.integers(0, 40), wrong=st.integers(0, 40), batch=st.integers(1, 50))
def test_accuracy_and_wilsons_interval(right: int, wrong: int, batch: int) -> None:
    if not right + wrong:
        return
    n, share, z = right + wrong, right / (right + wrong), 1.959963984540054
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    found = accuracy(nn.Identity(), *_logits(right, wrong), batch=batch)
    expected = (share, max(0.0, centre - reach), min(1.0, centre + reach), n)
    assert found == pytest.approx(expected, abs=1e-12)


def test_more_confidence_is_a_wider_interval() -> None:
    narrow = accuracy(nn.Identity(), *_logits(30, 10), confidence=0.5)
    wide = accuracy(nn.Identity(), *_logits(30, 10), confidence=0.99)
    assert wide.low < narrow.low < 0.75 < narrow.high < wide.high


def test_accuracy_is_of_eval_mode_and_leaves_the_model_as_it_was() -> None:
    model = nn.Sequential(nn.Dropout(0.9), nn.BatchNorm1d(3, affine=False)).train()
    model[0].eval()
    state = {name: t.clone() for name, t in model.state_dict().items()}
    assert accuracy(model, *_logits(40, 0), batch=7).value == 1
    assert [m.training for m in model.modules()] == [True, False, True]
    assert all(torch.equal(t, state[name]) for name, t in model.state_dict().items())


X, Y = _logits(3, 1)


class Broken(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * math.nan


def test_accuracy_of_arrays_and_lists_is_that_of_tensors() -> None:
    expected = accuracy(nn.Identity(), X, Y)
    assert accuracy(nn.Identity(), X.numpy(), Y.tolist()) == expected
    assert accuracy(nn.Identity(), X.clone().requires_grad_(), Y.to(torch.int8)) == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": X[:0], "labels": Y[:0]}, r"there are no images: pass at least one"),
        ({"images": X[:, 0]}, r"images have shape \(4,\); pass a batch, such as \(N, C, H, W\)"),
        ({"images": None}, r"images are a NoneType; pass a tensor or an array \(N, C, H, W\)"),
        ({"labels": Y[:3]}, r"labels are torch.int64 \(3,\); they must be integers, \(4,\): pass"),
        ({"labels": Y.double()}, r"labels are torch.float64 \(4,\); they must be integers"),
        ({"labels": ["a"] * 4}, r"labels are list; they must be integers, \(4,\)"),
        ({"labels": Y - 1}, r"a label is -1; it must be >= 0: mend or drop the image"),
        ({"labels": Y + 2}, r"a label is 4; the model has 3 classes, from 0: pass labels of its"),
        ({"images": X * math.nan}, r"image 0 holds NaN or inf; all values must be finite"),
        ({"model": Broken()}, r"a logit is NaN or inf; all must be finite: check images"),
        ({"model": nn.Flatten(0)}, r"the model gives torch.float32 \(12,\); it must give logits"),
        ({"batch": 0}, r"batch is 0; it must be an integer >= 1"),
        ({"confidence": 95}, r"confidence is 95; it must lie in \(0, 1\): pass 0\.95"),
    ],
)
def test_accuracy_refuses(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        accuracy(**({"model": nn.Identity(), "images": X, "labels": Y} | change))
    assert "\n" not in str(error.value)


# ---- training


def _literal(spec: ClassifierSpecification, dataset: Dataset) -> tuple[list[float], list[Tensor]]:
    """Losses and weights of the update rule written out, in float64."""
    net = convnet((1, 8, 8), 10, spec.width, seed=spec.seed).double()
    x, y = _inputs(dataset, "train").double(), torch.tensor(dataset.y_train)
    w = list(net.parameters())
    velocity = [torch.zeros_like(p) for p in w]
    rng, losses, step = np.random.default_rng([spec.seed, 1]), [], 0
    starts = range(0, len(x), spec.batch)
    for _ in range(spec.epochs):
        order, total = rng.permutation(len(x)), 0.0
        for start in starts:
            rows = order[start : start + spec.batch]
            logs = net(x[rows]).exp()
            chance = logs[torch.arange(len(rows)), y[rows]] / logs.sum(1)
            loss = -chance.log().mean()
            total += float(loss.detach()) * len(rows)
            rate = spec.learning_rate * (1 - step / (spec.epochs * len(starts)))
            with torch.no_grad():
                for k, gradient in enumerate(torch.autograd.grad(loss, w)):
                    velocity[k] = spec.momentum * velocity[k] + gradient + spec.weight_decay * w[k]
                    w[k] -= rate * velocity[k]
            step += 1
        losses.append(total / len(x))
    return losses, w


def test_literal_twin_agrees(tmp_path: Path) -> None:
    spec = _spec(epochs=3, batch=32, weight_decay=0.1, seed=5)  # batches of 32, 32 and 6
    result, (losses, weights) = _trained(spec, tmp_path), _literal(spec, FEW)
    # float32 against float64 over nine steps
    np.testing.assert_allclose(result.history.loss, losses, rtol=1e-5)
    for p, q in zip(result.after.parameters(), weights, strict=True):
        torch.testing.assert_close(p.detach().double(), q.detach(), rtol=1e-3, atol=1e-5)


def test_it_learns_and_its_history_is_that_of_the_network(tmp_path: Path) -> None:
    spec = _spec(DIGITS, width=8, epochs=4)
    result = _trained(spec, tmp_path, DIGITS)
    x = _inputs(DIGITS, "test")
    after, before = (accuracy(n, x, DIGITS.y_test) for n in (result.after, result.before))
    assert before.high < 0.5 < 0.8 < after.low
    assert len(result.history.loss) == len(result.history.accuracies) == 4
    assert result.history.test_accuracy == result.history.accuracies[-1] == after.value
    assert result.history.loss[-1] < result.history.loss[0] < 3
    assert not result.after.training
    assert not result.before.training


def test_nothing_is_learnt_from_shuffled_labels(tmp_path: Path) -> None:
    labels = np.random.default_rng(0).permutation(DIGITS.y_train)
    shuffled = dataclasses.replace(DIGITS, y_train=labels)
    result = _trained(_spec(shuffled, width=8, epochs=4), tmp_path, shuffled)
    assert max(result.history.accuracies) < 0.25


def test_two_trainings_have_the_same_bytes_whatever_was_drawn_before(tmp_path: Path) -> None:
    spec = _spec(dropout=0.5)
    for seed, folder in enumerate(("a", "b")):
        torch.manual_seed(seed)
        state = torch.get_rng_state()
        _trained(spec, tmp_path / folder)
        assert torch.equal(torch.get_rng_state(), state)
    files = _files(tmp_path / "a")
    assert len(files) == 2
    assert files == _files(tmp_path / "b")
    _trained(_spec(dropout=0.5, seed=1), tmp_path / "c")
    assert files["weights.safetensors"] != _files(tmp_path / "c")["weights.safetensors"]


def test_dropout_changes_the_training_and_nothing_before_it(tmp_path: Path) -> None:
    plain = _trained(_spec(), tmp_path)
    dropped = _trained(_spec(dropout=0.5), tmp_path)
    for name, p in plain.before.state_dict().items():
        assert torch.equal(p, dropped.before.state_dict()[name])
    assert plain.history.loss != dropped.history.loss


def test_second_call_takes_the_stored_network(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "neuronbasis.training._classifiers"):
        first, second = (_trained(_spec(), tmp_path) for _ in range(2))
        assert len(caplog.records) == 1
        assert first.history == second.history
        for stage in ("before", "after"):
            pair = (getattr(result, stage).state_dict() for result in (first, second))
            assert all(torch.equal(p, q) for p, q in zip(*(s.values() for s in pair), strict=True))
        weights = next(tmp_path.glob("*/weights.safetensors"))
        good = weights.read_bytes()
        weights.write_bytes(good[:-1])
        with pytest.warns(UserWarning, match="a damaged entry is not used"):
            _trained(_spec(), tmp_path)
        assert weights.read_bytes() == good
        assert len(caplog.records) == 2


@pytest.fixture
def threads_seen() -> Iterator[set[int]]:
    before, seen = torch.get_num_threads(), set[int]()
    torch.set_num_threads(2)
    handle = nn.modules.module.register_module_forward_hook(
        lambda *_: seen.add(torch.get_num_threads())
    )
    yield seen
    handle.remove()
    torch.set_num_threads(before)


def test_one_thread_while_it_trains_and_the_callers_afterwards(
    tmp_path: Path, threads_seen: set[int]
) -> None:
    _trained(_spec(), tmp_path)
    assert threads_seen == {1}
    assert torch.get_num_threads() == 2


def test_divergence_is_told_in_one_line_and_keeps_nothing(tmp_path: Path) -> None:
    spec = _spec(learning_rate=1e6, epochs=9)
    message = (
        r"^the loss is no longer finite after epoch \d with learning_rate 1e\+06: lower it, for "
        r"example to 250000$"
    )
    with pytest.raises(UserError, match=message):
        _trained(spec, tmp_path)
    assert not _files(tmp_path)
    assert torch.is_grad_enabled()


def test_another_dataset_and_images_too_small_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^dataset 'digits' has checksum .{16}, the specificat"):
        _trained(_spec(DIGITS), tmp_path, FEW)
    tiny = dataclasses.replace(FEW, x_train=FEW.x_train[:, 1:], x_test=FEW.x_test[:, 1:])
    with pytest.raises(
        UserError, match=r"^image_shape is \(1, 7, 8\); it must be \(C, H, W\) with"
    ):
        _trained(_spec(tiny), tmp_path, tiny)
    assert not _files(tmp_path)
