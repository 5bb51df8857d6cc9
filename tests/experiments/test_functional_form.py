"""Factors: what each changes, what symmetry says of it, and how factors are compared."""

import copy

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
import xarray as xr

from neuronbasis import basis, datasets, nonlinearity, spotlight, training
from neuronbasis.errors import UserError
from neuronbasis.experiments import functional_form
from neuronbasis.figures import functional_form as figures
from neuronbasis.uncertainty import mean_interval


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits")


def test_every_factor_changes_the_base_in_what_it_names_only(digits):
    (base,) = functional_form.specifications(functional_form.FACTORS["base"], digits, n=10, seeds=1)
    assert base == training.Specification.of(digits, size="small", n=10, m=20)
    for factor in functional_form.FACTORS.values():
        (spec,) = functional_form.specifications(factor, digits, n=10, seeds=1, epochs=100)
        changed = {k for k in vars(base) if getattr(base, k) != getattr(spec, k)}
        assert changed == set(factor.settings)


def _turned(network, spec, turn):
    """The network with its latent space turned: it computes the same, if sigma allows."""
    other = copy.deepcopy(network)
    rotation = torch.tensor(turn, dtype=torch.float32)
    with torch.no_grad():
        other.encoder[0].weight.copy_(rotation @ network.encoder[0].weight)
        other.decoder[0].weight.copy_(network.decoder[0].weight @ rotation.T)
    if spec.activation == "generalised":
        vectors = network.sigma.basis.vectors @ turn.T
        other.between[0].sigma = nonlinearity.GeneralisedTanh(basis.Basis(vectors))
    return other


@pytest.mark.parametrize("name", functional_form.FACTORS)
def test_training_turns_with_the_network_unless_the_factor_knows_the_axes(name, digits):
    factor = functional_form.FACTORS[name]
    (spec,) = functional_form.specifications(factor, digits, n=4, seeds=1, epochs=1)
    images, labels = digits.scaled("train")[:120], None
    if spec.task == "classification":
        labels = torch.tensor(digits.y_train[:120])
    turn = basis.standard(4).rotated(seed=3).vectors
    plain = training.build(spec, 64, classes=10)
    turned = _turned(plain, spec, turn)
    for network in (plain, turned):
        training.fit([network], images, [spec], labels, progress=False)
    with torch.no_grad():
        a, b = (network.eval().encode(torch.tensor(images)).numpy() for network in (plain, turned))
    far = np.abs(a @ turn.T - b).max() / np.abs(a).max()
    # Xavier uniform weights are trained like any; it is their distribution that has corners.
    if factor.axes and name != "xavier_uniform":
        assert far > 0.02
    else:
        assert far < 1e-4


@pytest.mark.parametrize("name", ["base", "orthogonal", "xavier_uniform"])
def test_first_weights_have_corners_where_the_factor_knows_the_axes(name, digits):
    specs = functional_form.specifications(functional_form.FACTORS[name], digits, n=4, seeds=60)
    columns = np.vstack(
        [
            training.build(spec, 64, classes=10).encoder[0].weight.detach().numpy().T
            for spec in specs
        ]
    )
    axes, corners = np.eye(4), basis.Basis([[1, 1, 1, 1], [1, 1, -1, -1], [1, -1, 1, -1]]).vectors
    fourth = [float(((columns @ v.T) ** 4).mean() / columns.var() ** 2) for v in (axes, corners)]
    if functional_form.FACTORS[name].axes:
        assert fourth[1] > fourth[0] + 0.3  # 3 - 1.2 / 4 against 3 - 1.2
    else:
        assert abs(fourth[1] - fourth[0]) < 0.15


def test_chosen_factors_keep_their_order_and_the_three_that_claims_need():
    assert list(functional_form.chosen("all")) == list(functional_form.FACTORS)
    assert list(functional_form.chosen("no_biases,dropout")) == [
        "base", "isotropic", "elementwise", "dropout", "no_biases",
    ]  # fmt: skip
    assert list(functional_form.chosen("")) == ["base", "isotropic", "elementwise"]
    with pytest.raises(UserError, match=r"^factor 'relu' is not known: use all, or some of base, "):
        functional_form.chosen("adam, relu")


def test_surveys_take_each_networks_basis_and_the_axes(digits, tmp_path):
    specs = functional_form.specifications(
        functional_form.FACTORS["elementwise"], digits, n=3, seeds=2, epochs=1
    )
    networks = training.trained_all(specs, digits, training.Store(tmp_path))
    found = functional_form.surveyed(networks, digits, 0.8, rotations=19)
    test = torch.from_numpy(digits.scaled("test"))
    latent = [each.after.encode(test).detach().numpy() for each in networks]
    own = spotlight.survey(latent, [each.basis for each in networks], 0.8, rotations=19)
    axes = spotlight.survey(latent, [basis.orthoplex(3)] * 2, 0.8, rotations=19, centre=True)
    np.testing.assert_array_equal(found.slope.sel(basis="turned basis", way="raw"), own.slope)
    np.testing.assert_array_equal(found.beyond.sel(basis="axes", way="mean taken off"), axes.beyond)
    assert found.attrs["test_loss"] == np.mean([each.history.test_loss for each in networks])


def _found(values):
    """What `surveyed` gives, of planted numbers over (basis, way, network)."""
    coords = {"basis": list(functional_form.BASES), "way": list(functional_form.WAYS)}
    return xr.Dataset({"slope": (("basis", "way", "network"), values)}, coords)


def test_intervals_and_changes_in_pairs():
    rng = np.random.default_rng(1)
    base, few = rng.normal(size=(2, 2, 5)), rng.normal(size=(2, 2, 3))
    found = {"base": _found(base), "adam": _found(few)}
    rows = functional_form.intervals(found, "slope")
    changed = functional_form.changes(found, "slope")
    assert rows.factor.values.tolist() == ["base", "adam"]
    assert changed.factor.values.tolist() == ["adam"]
    for b in range(2):
        for w in range(2):
            row = rows.isel(factor=0, basis=b, way=w)
            got = [row[name].item() for name in ("mean", "low", "high")]
            assert got == list(mean_interval(base[b, w]))
            row = changed.isel(factor=0, basis=b, way=w)
            got = [row[name].item() for name in ("mean", "low", "high")]
            assert got == pytest.approx(mean_interval(few[b, w] - base[b, w, :3]))


def test_forest_draws_each_interval_in_its_row():
    rng = np.random.default_rng(2)
    found = {name: _found(rng.normal(size=(2, 2, 4))) for name in ("adam", "base", "dropout")}
    rows = functional_form.intervals(found, "slope")
    names = {"base": "base", "dropout": "some dropped", "adam": "Adam"}
    figure = figures.forest(rows, rows=names, marked=["adam"], label="slope")
    try:
        figure.canvas.draw()
        for panel, which in zip(figure.axes, functional_form.BASES, strict=True):
            assert panel.get_title() == which
            for container, way in zip(panel.containers, functional_form.WAYS, strict=True):
                points, _, (bars,) = container.lines
                shown = rows.sel(factor=list(names), basis=which, way=way)
                np.testing.assert_allclose(points.get_xdata().astype(float), shown["mean"])
                assert points.get_ydata().round().tolist() == [0, 1, 2]
                ends = np.array([bar.vertices[:, 0] for bar in bars.get_paths()])
                np.testing.assert_allclose(ends, np.stack([shown.low, shown.high], axis=1))
            (shade,) = panel.patches
            assert shade.get_y() == 1.5
        labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
        assert labels == ["base", "some dropped", "Adam"]
    finally:
        plt.close(figure)


def test_strips_show_every_value():
    measured = {
        "raw": {"random": np.arange(6.0).reshape(2, 3), "axes": [0.5, 1.5]},
        "centred": {"random": np.zeros((2, 3)), "axes": [2.0, 4.0]},
    }
    figure = figures.strips(measured, label="cosine")
    try:
        figure.canvas.draw()
        first, second = figure.axes
        assert [axes.get_title() for axes in figure.axes] == ["raw", "centred"]
        assert first.lines[0].get_xdata().tolist() == list(range(6))
        assert first.lines[1].get_xdata().tolist() == [2.5, 2.5]
        assert second.lines[2].get_xdata().tolist() == [2, 4]
        assert second.lines[3].get_xdata().tolist() == [3, 3]
        assert second.lines[2].get_ydata().mean() == 1
    finally:
        plt.close(figure)
