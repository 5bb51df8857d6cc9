"""Descent on a stack: the literal twin, plain eager training, and company that changes nothing."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from neuronbasis import datasets, training
from neuronbasis.errors import UserError
from neuronbasis.networks import Autoencoder, stack
from neuronbasis.training import Specification, fit, loss

DIGITS = datasets.load("digits")


def _spec(**settings: Any) -> Specification:
    return Specification.of(DIGITS, **({"n": 4, "m": 8, "epochs": 2} | settings))


def _build(spec: Specification) -> Autoencoder:
    return training.build(spec, 64, classes=10)


def _fitted(specs: list[Specification], x: np.ndarray, **more: Any) -> tuple[Any, Any]:
    networks = [_build(spec) for spec in specs]
    return networks, fit(networks, x, specs, progress=False, **more)


def _literal(network: nn.Module, x: np.ndarray, spec: Specification) -> list[float]:
    """Momentum SGD on D -> n -> tanh -> D, derivatives by hand, float64; changes the network."""
    maps = [m for m in network.modules() if isinstance(m, nn.Linear)]
    w = [p.detach().double().numpy() for m in maps for p in m.parameters()]
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


def _eager(network: Autoencoder, x: np.ndarray, spec: Specification, labels: Any) -> list[float]:
    """One network trained as torch's tutorials do it, with torch's own layers and autograd."""
    network.train()
    kinds = {"sgd": {"momentum": spec.momentum}, "adam": {}}
    kind = torch.optim.SGD if spec.optimiser == "sgd" else torch.optim.Adam
    optimiser = kind(network.parameters(), lr=spec.learning_rate, **kinds[spec.optimiser])
    rng, images, losses = np.random.default_rng([spec.seed, 1]), torch.tensor(x), []
    for _ in range(spec.epochs):
        total = 0.0
        for rows in torch.from_numpy(rng.permutation(len(x))).split(spec.batch):
            output = network(images[rows])
            if labels is None:
                value = nn.functional.mse_loss(output, images[rows])
            else:
                value = nn.functional.cross_entropy(output, labels[rows])
            optimiser.zero_grad()
            value.backward()
            optimiser.step()
            total += float(value.detach()) * len(rows)
        losses.append(total / len(x))
    return losses


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_literal_twin_agrees(momentum: float) -> None:
    specs = [
        _spec(activation="elementwise", epochs=3, momentum=momentum, seed=seed) for seed in (5, 6)
    ]
    x = DIGITS.scaled("train")[:50]  # two batches of 24 and one of 2
    networks, courses = _fitted(specs, x)
    for network, course, spec in zip(networks, courses, specs, strict=True):
        slow = _build(spec)
        losses = _literal(slow, x.astype(np.float64), spec)
        # float32 against float64 over nine steps
        np.testing.assert_allclose(course.loss, losses, rtol=1e-5)
        for p, q in zip(network.parameters(), slow.parameters(), strict=True):
            torch.testing.assert_close(p, q, rtol=1e-4, atol=1e-6)


VARIANTS: list[dict[str, Any]] = [
    {},
    {"size": "large", "m": 11},
    {"size": "large", "hidden": 7},
    {"activation": "isotropic", "bias": False},
    {"optimiser": "adam", "learning_rate": 0.003},
    {"normalisation": "batch"},
    {"normalisation": "layer", "output": "tanh"},
    {"dropout": 0.3, "size": "large"},
    {"task": "classification", "initialiser": "orthogonal"},
]


@pytest.mark.parametrize("settings", VARIANTS, ids=str)
def test_a_hundred_steps_equal_those_of_plain_eager_training(settings: dict[str, Any]) -> None:
    specs = [_spec(**settings, epochs=5, seed=s, basis_seed=s) for s in (0, 3)]
    x = DIGITS.scaled("train")[:470]  # 20 steps an epoch
    labels = torch.tensor(DIGITS.y_train[:470]) if "task" in settings else None
    networks, courses = _fitted(specs, x, labels=labels)
    for network, course, spec in zip(networks, courses, specs, strict=True):
        slow = _build(spec)
        np.testing.assert_allclose(course.loss, _eager(slow, x, spec, labels), rtol=1e-4)
        for (name, p), q in zip(
            network.state_dict().items(), slow.state_dict().values(), strict=True
        ):
            torch.testing.assert_close(p, q, rtol=1e-2, atol=1e-4, msg=lambda m, n=name: f"{n} {m}")


@pytest.mark.parametrize("settings", VARIANTS, ids=str)
def test_company_changes_no_bit(settings: dict[str, Any]) -> None:
    specs = [_spec(**settings, seed=s, basis_seed=s) for s in range(3)]
    x = DIGITS.scaled("train")[:250]
    labels = torch.tensor(DIGITS.y_train[:250]) if "task" in settings else None
    networks, courses = _fitted(specs, x, labels=labels)
    (alone,), (course,) = _fitted(specs[1:2], x, labels=labels)
    assert course.loss == courses[1].loss
    for p, q in zip(alone.state_dict().values(), networks[1].state_dict().values(), strict=True):
        assert torch.equal(p, q)


def test_final_losses_are_distributed_as_those_of_eager_training() -> None:
    specs = [_spec(epochs=15, seed=seed, basis_seed=seed) for seed in range(6)]
    x = DIGITS.scaled("train")[:480]
    _, courses = _fitted(specs, x)
    fast = np.array([course.loss[-1] for course in courses])
    slow = np.array([_eager(_build(spec), x, spec, None)[-1] for spec in specs])
    assert abs(fast.mean() - slow.mean()) < 0.2 * slow.std()
    assert fast.std() == pytest.approx(slow.std(), rel=0.2)


def test_snapshots_are_the_network_on_its_way() -> None:
    specs = [_spec(epochs=4, snapshots=(1, 3), seed=seed) for seed in (0, 1)]
    x = DIGITS.scaled("train")[:240]
    _, courses = _fitted(specs, x)
    for course, spec in zip(courses, specs, strict=True):
        assert list(course.snapshots) == [1, 3]
        for epochs, state in course.snapshots.items():
            (short,), _ = _fitted([replace(spec, epochs=epochs, snapshots=())], x)
            assert all(torch.equal(p, state[name]) for name, p in short.state_dict().items())


def test_dropout_drops_single_neurons_while_training_only() -> None:
    spec = _spec(dropout=0.5, n=50, m=50, basis="standard", activation="elementwise")
    network, seen = _build(spec), []
    network.between[0].dropout.register_forward_hook(lambda *call: seen.append(call[2]))  # type: ignore[union-attr, operator]
    x = torch.tensor(DIGITS.scaled("train"))
    network.train()(x)
    assert float((seen[0] == 0).double().mean()) == pytest.approx(0.5, abs=0.01)
    network.eval()(x)
    assert not (seen[1] == 0).any()


def test_normalised_latent_activations_are_what_the_hook_sees() -> None:
    for kind in ("none", "batch", "layer"):
        network, seen = _build(_spec(normalisation=kind)).eval(), []
        network.get_submodule(network.latent).register_forward_hook(
            lambda *call, seen=seen: seen.append(call[2])
        )
        x = torch.tensor(DIGITS.scaled("test"))
        assert torch.equal(network.encode(x), (network(x), seen[0])[1])


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_one_thread_while_it_runs_and_the_callers_afterwards(two_threads: None) -> None:
    spec, x = _spec(activation="elementwise"), DIGITS.scaled("train")[:48]
    network, seen = _build(spec), set()
    network.sigma.register_forward_hook(lambda *_: seen.add(torch.get_num_threads()))
    network(torch.tensor(x))
    assert seen == {2}
    seen.clear()
    fit([network], x, [spec], progress=False)
    assert seen == {1}
    assert torch.get_num_threads() == 2
    with pytest.raises(UserError, match="no longer finite"):
        _fitted([_spec(learning_rate=1e6, epochs=9)], x)
    assert torch.get_num_threads() == 2


def test_divergence_is_told_in_one_line() -> None:
    message = (
        r"the loss of seed 0 is no longer finite after epoch \d+ with learning_rate 400: lower "
        r"it, for example to 100$"
    )
    with pytest.raises(UserError, match=message):
        _fitted([_spec(learning_rate=400.0, epochs=50)], DIGITS.scaled("train"))


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
    with pytest.raises(UserError, match=message):
        _fitted([_spec()], change(DIGITS.scaled("train")[:20]))


def test_what_does_not_belong_together_is_refused() -> None:
    x, specs = DIGITS.scaled("train")[:20], [_spec(), _spec(epochs=3)]
    with pytest.raises(UserError, match=r"2 networks and 2 specifications; .* their seeds only"):
        _fitted(specs, x)
    with pytest.raises(UserError, match=r"1 networks and 2 specifications"):
        fit([_build(_spec())], x, [_spec(), _spec(seed=1)], progress=False)
    with pytest.raises(UserError, match=r"the network turns 64 values into \(10,\); it must give"):
        _fitted([_spec(task="classification")], x)


def test_a_stack_is_each_of_its_networks() -> None:
    networks = [_build(_spec(size="large", m=11, seed=s, basis_seed=s)) for s in range(3)]
    x = torch.tensor(DIGITS.scaled("test")).reshape(3, 120, 64)
    together = stack(copy.deepcopy(networks))(x)
    for k, network in enumerate(networks):
        torch.testing.assert_close(together[k], network(x[k]), rtol=1e-5, atol=1e-6)
    assert loss(networks[0], x[0]) == pytest.approx(
        float((networks[0](x[0]) - x[0]).square().mean().detach()), rel=1e-5
    )
