import re

import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from neuronbasis import basis, decomposition, recording, visualisation
from neuronbasis.decomposition import OrderedBasis
from neuronbasis.errors import UserError
from neuronbasis.experiments import isolation

# A sheared square: its points farthest along the first axis lie far off it.
WEIGHT = np.array([[1.0, 0.2], [0.8, 1.0]])
AXES = OrderedBasis(np.eye(2), variances=[2, 1], mean=[0, 0])


def toy(target=None, b=AXES, vector=0, weight=WEIGHT, **settings):
    start = visualisation.noise(3, (weight.shape[1],), seed=0).double()
    return visualisation.maximised(isolation.box(weight), b, vector, start, target, **settings)


# --- the toy, whose answers are known ---------------------------------------------------------


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32), inputs=st.integers(2, 5))
def test_maximising_ends_in_the_corner_that_the_signs_name(seed, inputs):
    rng = np.random.default_rng(seed)
    weight = rng.standard_normal((3, inputs))
    b = OrderedBasis(basis.random(2, 3, seed).vectors, [2, 1], rng.standard_normal(3))
    r = toy(None, b, 1, weight, steps=120)
    corner = np.sign(b.vectors[1] @ weight)
    np.testing.assert_allclose(r.input, np.tile(corner, (3, 1)), atol=1e-9)
    centred = weight @ corner - b.mean
    along = centred @ b.vectors[1]
    np.testing.assert_allclose(r.along, along, atol=1e-9)
    np.testing.assert_allclose(r.off, np.sqrt(max(centred @ centred - along**2, 0)), atol=1e-7)
    np.testing.assert_allclose(r.coordinate, np.tile(b.vectors @ centred, (3, 1)), atol=1e-9)


def nearest_feasible(weight, point):
    """The point of the region nearest to another, by a fine grid of inputs."""
    side = np.linspace(-1, 1, 801)
    region = np.stack(np.meshgrid(side, side), -1).reshape(-1, 2) @ weight.T
    return region[np.linalg.norm(region - point, axis=1).argmin()]


@pytest.mark.parametrize("target", [-0.6, 0.0, 0.8, 1.1, 2.0])
def test_approaching_ends_in_the_nearest_feasible_activation(target):
    r = toy(target)
    expected = nearest_feasible(WEIGHT, np.array([target, 0.0]))
    np.testing.assert_allclose(r.activation, np.tile(expected, (3, 1)), atol=5e-3)


def test_the_claim_on_the_toy_and_its_control():
    """Maximising leaves the line, a feasible point on it is met; without shear neither leaves."""
    far, near = toy(), toy(0.8)
    assert float(visualisation.isolation(far).max()) < 0.4
    assert float(visualisation.isolation(near).min()) > 0.999
    np.testing.assert_allclose(far.off, 1.8, atol=1e-6)
    straight = toy(weight=np.diag([1.0, 0.5]), b=OrderedBasis([[1.0, 0.0]], [1], [0, 0]))
    # No gradient ever moves the second input: it stays where it began.
    np.testing.assert_allclose(straight.off, straight.off_path[:, 0], atol=1e-9)


def test_paths_begin_at_the_start_and_end_at_the_result():
    r = toy(0.5, steps=30)
    start = visualisation.noise(3, (2,), seed=0).double().numpy() @ WEIGHT.T
    assert r.sizes["step"] == 31
    np.testing.assert_allclose(r.along_path[:, 0], start[:, 0])
    np.testing.assert_allclose(r.off_path[:, 0], np.abs(start[:, 1]))
    np.testing.assert_array_equal(r.along_path[:, -1], r.along)
    np.testing.assert_array_equal(r.off_path[:, -1], r.off)


def test_off_at_reads_the_path():
    path = {"along_path": (("run", "step"), [[0.0, 1.0, 3.0], [-1.0, 0.0, 4.0]])}
    path["off_path"] = (("run", "step"), [[0.0, 2.0, 4.0], [5.0, 1.0, 3.0]])
    found = visualisation.off_at(xr.Dataset(path), 2.0)
    np.testing.assert_allclose(found, [3.0, 2.0])
    with pytest.raises(UserError, match=r"coordinate is 3.5; run 0 went from 0 to 3: pass a"):
        visualisation.off_at(xr.Dataset(path), 3.5)
    with pytest.raises(UserError, match=r"coordinate is -0.5; run 0 went from 0 to 3"):
        visualisation.off_at(xr.Dataset(path), -0.5)


def test_isolation_of_the_mean_is_refused():
    with pytest.raises(UserError, match="an activation is the mean itself"):
        visualisation.isolation(xr.Dataset({"along": ("run", [0.0]), "off": ("run", [0.0])}))


# --- a layer of a model -----------------------------------------------------------------------


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 6, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Dropout(0.5),
        nn.Conv2d(6, 5, 3),
        nn.ReLU(inplace=True),
        nn.Flatten(),
        nn.Linear(5 * 16, 4),
    )


def images(count=40):
    return torch.rand(count, 1, 6, 6, generator=torch.Generator().manual_seed(2)) * 2 - 1


@pytest.mark.parametrize(
    ("name", "position"), [("3", (1, 3)), ("3", None), ("6", None), ("0", None)]
)
def test_a_layer_gives_what_is_recorded_of_it(name, position):
    model = network()
    found = recording.activate(model, name, position)(images()).detach()
    rows = recording.record(model, [name], images(), positions="all")[name]
    if "row" in rows.coords:
        row, col = position or {"3": (2, 2), "0": (3, 3)}[name]
        rows = rows[((rows.row == row) & (rows.col == col)).values]
    np.testing.assert_allclose(found, rows, atol=1e-6)


def test_several_modules_are_joined_along_their_units():
    model = network()
    joined = recording.activate(model, ["3", "4"], (0, 0))(images())
    parts = [recording.activate(model, name, (0, 0))(images()) for name in ("3", "4")]
    torch.testing.assert_close(joined, torch.cat(parts, 1))


def test_on_a_layer_both_objectives_get_what_they_ask_for():
    model, b = network(), None
    rows = recording.record(model, ["3"], images(200))["3"]
    b = decomposition.principal(rows)
    activate, start = recording.activate(model, "3"), visualisation.noise(4, (1, 6, 6), seed=0)
    top = float(((rows.values - b.mean) @ b.vectors[1]).max())
    far = visualisation.maximised(activate, b, 1, start, steps=60)
    near = visualisation.maximised(activate, b, 1, start, target=top, steps=60)
    assert float(far.along.min()) > top
    assert (far.along.values > near.along.values).all()

    def distance(result):
        return np.hypot(result.along - top, result.off).values

    assert (distance(near) < distance(far)).all()
    assert (distance(near) < np.hypot(near.along_path[:, 0] - top, near.off_path[:, 0])).all()
    again = activate(torch.from_numpy(near.input.values)).detach().numpy()
    np.testing.assert_allclose(again, near.activation, atol=1e-6)
    np.testing.assert_allclose(near.coordinate[:, 1], near.along, atol=1e-5)
    assert float(abs(near.input).max()) <= 1


def test_the_model_and_the_start_are_left_as_they_were():
    model, start = network().train(), images(3)
    b = OrderedBasis(np.eye(5), np.arange(5)[::-1], np.zeros(5))
    before, begun = {k: v.clone() for k, v in model.state_dict().items()}, start.clone()
    visualisation.maximised(recording.activate(model, "3"), b, 0, start, steps=3)
    with pytest.raises(UserError):
        visualisation.maximised(recording.activate(model, "6"), b, 0, start, steps=3)
    torch.testing.assert_close(start, begun, rtol=0, atol=0)
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)
    assert all(module.training for module in model.modules())
    assert all(weight.grad is None and weight.requires_grad for weight in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())


def test_same_seed_same_bytes_and_runs_are_for_themselves():
    model, b = network(), OrderedBasis(np.eye(5), np.arange(5)[::-1], np.zeros(5))
    activate = recording.activate(model, "3")

    def run(seed, runs=slice(None)):
        start = visualisation.noise(3, (1, 6, 6), seed)[runs]
        return visualisation.maximised(activate, b, 2, start, target=1.0, steps=5)

    xr.testing.assert_identical(run(0), run(0))
    assert not run(0).input.equals(run(1).input)
    # Adam scales each pixel's gradient for itself, so a run does not see the others.
    np.testing.assert_allclose(run(0, slice(1, 2)).input, run(0).input[1:2], atol=1e-5)


def test_limits_by_channel_hold():
    limits = (torch.tensor([-2.0, 0.0]).view(2, 1, 1), torch.tensor([-1.0, 5.0]).view(2, 1, 1))
    model = nn.Conv2d(2, 3, 3)
    start = visualisation.noise(2, (2, 4, 4), seed=0, limits=limits)
    b = OrderedBasis(np.eye(3), [3, 2, 1], np.zeros(3))
    activate = recording.activate(nn.Sequential(model), "0")
    r = visualisation.maximised(activate, b, 0, start, limits=limits, steps=60, rate=0.1)
    for channel, (low, high) in enumerate(((-2.0, -1.0), (0.0, 5.0))):
        pixels = r.input.values[:, channel]
        assert low == pixels.min()
        assert pixels.max() == high


# --- mistakes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"b": basis.standard(2)}, "without a mean: pass one of decomposition's"),
        (
            {"b": OrderedBasis(np.eye(3), [1, 1, 1], [0] * 3)},
            "activations have shape (3, 2) and the",
        ),
        ({"vector": 2}, "vector is 2; the basis has 2, counted from 0"),
        ({"vector": -1}, "vector is -1; it must be an integer >= 0"),
        ({"target": float("nan")}, "target is nan; it must be finite"),
        ({"steps": 0}, "steps is 0; it must be an integer >= 1"),
        ({"rate": 0.0}, "rate is 0.0; it must lie in (0, 1)"),
        ({"limits": (1.0, -1.0)}, "limits are (1.0, -1.0); the first must be below the second"),
        ({"weight": np.full((2, 2), np.inf)}, "an activation is not finite"),
    ],
)
def test_mistakes_are_told_in_a_line(change, message):
    with pytest.raises(UserError, match=re.escape(message)) as caught:
        toy(**change)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("start", [np.zeros(2), np.zeros((1, 2), int), np.full((1, 2), np.nan)])
def test_starts_must_be_finite_numbers(start):
    with pytest.raises(UserError, match=r"it must be finite floating-point numbers \(runs, ...\)"):
        visualisation.maximised(isolation.box(WEIGHT), AXES, 0, start)


def test_layers_and_positions_must_exist():
    model = network()
    with pytest.raises(UserError, match="no layer '7' in Sequential"):
        recording.activate(model, "7")
    with pytest.raises(UserError, match=re.escape("position is (4, 0); '3' has 4 x 4")):
        recording.activate(model, "3", (4, 0))(images(1))
    with pytest.raises(UserError, match=re.escape("layer '6' gives (1, 4); legal are vectors")):
        recording.activate(model, "6", (0, 0))(images(1))
    with pytest.raises(UserError, match=re.escape("weight has shape (3,); it must be (n, inputs)")):
        isolation.box([1.0, 2.0, 3.0])
    assert not any(module._forward_hooks for module in model.modules())
    assert recording.run(model.eval(), images(1), ["6"], lambda *_: None)
