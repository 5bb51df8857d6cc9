import re

import matplotlib.pyplot as plt
import numba
import numpy as np
import pytest
import torch
import xarray as xr
from PIL import Image
from torch import nn

from neuronbasis import datasets, decomposition, networks, recording, visualisation
from neuronbasis.decomposition import OrderedBasis
from neuronbasis.errors import UserError
from neuronbasis.experiments import isolation, subjects
from neuronbasis.figures import visualisation as figures
from neuronbasis.utils.threads import one_thread
from neuronbasis.visualisation import _objectives


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU(inplace=True), nn.Conv2d(6, 5, 3))


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    numba.get_num_threads()  # its first call gives torch, too, all threads of the machine
    with one_thread():
        yield


@pytest.fixture(scope="module")
def layer():
    """A model, activations of a layer, their principal components and neurons."""
    model = network()
    generator = torch.Generator().manual_seed(2)
    rows = recording.record(model, ["2"], torch.rand(80, 1, 6, 6, generator=generator) * 2 - 1)["2"]
    return model, rows, [decomposition.principal(rows), decomposition.neurons(rows)]


STEPS = 30


# --- several vectors at once ------------------------------------------------------------------


@pytest.fixture(scope="module")
def compared(layer):
    model, rows, bases = layer
    start = visualisation.noise(3, (1, 6, 6), seed=0)
    return isolation.on_layer(model, "2", rows, bases, start, vectors=2, steps=STEPS), start


def test_each_vector_gets_what_it_gets_by_itself(layer, compared):
    model, rows, bases = layer
    result, start = compared
    activate = recording.activate(model, "2")
    for k in range(4):
        basis, vector = bases[k // 2], k % 2
        top = float(((rows.values - basis.mean) @ basis.vectors[vector]).max())
        assert result.target.values[k] == pytest.approx(top)
        assert result.label.values[k] == basis.labels[vector]
        assert result.basis.values[k] == basis.name
        for made, target in (("maximised", None), ("approached", top)):
            alone = visualisation.maximised(activate, basis, vector, start, target, steps=STEPS)
            ours = result.isel(vector=k).sel(made=made, objective=made)
            np.testing.assert_allclose(ours.input, alone.input, atol=2e-3)
            np.testing.assert_allclose(ours.along * top, alone.along, atol=2e-3)
            np.testing.assert_allclose(ours.off * top, alone.off, atol=2e-3)


def test_the_control_is_read_off_the_maximising_path(compared):
    result, _ = compared
    ends = result.sel(objective="approached").along.values
    halted = result.sel(objective="stopped")
    paths = result.sel(made="maximised")
    for vector, run in np.ndindex(ends.shape):
        along, off = (
            paths[name].values[vector, run].astype(float) for name in ("along_path", "off_path")
        )
        here = halted.isel(vector=vector, run=run)
        inside = min(max(ends[vector, run], along[0]), along.max())
        assert float(here.along) == pytest.approx(inside, abs=1e-6)
        step = int((along >= inside).argmax())
        beside = off[max(step - 1, 0) : step + 1]
        assert beside.min() - 1e-6 <= float(here.off) <= beside.max() + 1e-6


@pytest.mark.parametrize(
    ("coordinate", "expected"), [(-5.0, (-1.0, 7.0)), (2.0, (2.0, 2.0)), (9.0, (3.0, 4.0))]
)
def test_the_control_outside_the_path_is_its_start_or_its_farthest_point(coordinate, expected):
    path = {"along_path": (("run", "step"), [[-1.0, 1.0, 3.0, 2.5]])}
    path["off_path"] = (("run", "step"), [[7.0, 0.0, 4.0, 9.0]])
    halt, off = _objectives._stopped(xr.Dataset(path), np.array([coordinate]))
    assert (halt.item(), off.item()) == expected


def test_the_nearest_patch_is_that_of_the_traversal(layer, compared):
    _, rows, bases = layer
    result, _ = compared
    for k in range(4):
        walk = visualisation.nearest(rows, bases[k // 2], [k % 2], points=5, patches=1)
        own = rows.values[walk["sample"].values[0, -1, 0]] - bases[0].mean
        along = float(own @ bases[k // 2].vectors[k % 2])
        share = max(along, 0) ** 2 / float(own @ own)
        assert result.patch_isolation.values[k] == pytest.approx(share, rel=1e-6)


def test_isolation_counts_on_the_vector_s_side_only():
    found = xr.Dataset({"along": ("run", [1.0, -1.0, 2.0]), "off": ("run", [1.0, 0.0, 0.0])})
    assert visualisation.isolation(found, signed=True).values.tolist() == [0.5, 0.0, 1.0]


def test_scales_do_not_matter():
    """Units of activations, lengths of vectors: isolation and steps stay the same."""
    start = visualisation.noise(2, (2,), seed=0).double()
    weight = np.array([[1.0, 0.2], [0.8, 1.0]])
    one = visualisation.compare_objectives(
        isolation.box(weight), [[1.0, 0]], [0, 0], [0.5], start, steps=50
    )
    big = visualisation.compare_objectives(
        isolation.box(1e3 * weight), [[7.0, 0]], [0, 0], [500.0], start, steps=50
    )
    xr.testing.assert_allclose(one, big, atol=1e-6)


# --- the toy ----------------------------------------------------------------------------------


def test_the_toy_s_maximum_is_the_corner_and_its_nearest_point_is_known():
    result = isolation.toy(regions=6, starts=2, seed=5, steps=200)
    np.testing.assert_allclose(result.along.sel(objective="maximised"), 1, atol=1e-6)
    side = np.linspace(-1, 1, 401)
    square = np.stack(np.meshgrid(side, side), -1).reshape(-1, 2)
    weights = np.random.default_rng([5, *b"toy"]).standard_normal((6, 2, 2))
    for k, weight in enumerate(weights):
        top = np.abs(weight[0]).sum()
        corner = weight @ np.sign(weight[0])
        end = result.isel(vector=k)
        np.testing.assert_allclose(
            end.off.sel(objective="maximised"), abs(corner[1]) / top, atol=1e-6
        )
        region = square @ weight.T
        best = np.linalg.norm(region - [top, 0], axis=1).min() / top
        ours = np.hypot(end.along - 1, end.off).sel(objective="approached")
        np.testing.assert_allclose(ours, best, atol=0.02)
    xr.testing.assert_identical(result, isolation.toy(regions=6, starts=2, seed=5, steps=200))


# --- over networks ----------------------------------------------------------------------------


def test_the_summary_puts_every_number_in_its_place():
    def one(shift):
        values = shift + np.arange(3 * 4 * 2).reshape(3, 4, 2) / 100
        return xr.Dataset(
            {
                "isolation": (("objective", "vector", "run"), values),
                "patch_isolation": ("vector", shift + np.arange(4) / 10),
            },
            coords={
                "objective": list(visualisation.OBJECTIVES),
                "basis": ("vector", ["pcs", "pcs", "neurons", "neurons"]),
            },
        )

    found = isolation.summary([{"a": one(0), "b": one(1)}, {"a": one(2), "b": one(3)}])
    assert found.sizes == {"network": 2, "layer": 2, "basis": 2, "shown": 4, "rank": 2}
    here = found.isel(network=1, rank=1).sel(layer="b", basis="neurons")
    assert here.sel(shown="stopped").item() == pytest.approx(3 + (14 + 15) / 200)
    assert here.sel(shown="nearest patch").item() == pytest.approx(3.3)
    with pytest.raises(UserError, match="there are 2 kinds of results"):
        isolation.summary([{"a": one(0)}, {"b": one(0)}])
    with pytest.raises(UserError, match="there are 0 kinds of results"):
        isolation.summary([])


def test_the_figure_s_dots_stand_where_their_numbers_are():
    values = xr.DataArray(
        np.arange(2 * 3 * 2 * 4).reshape(4, 2, 3, 2) / 48,
        dims=("unit", "shown", "layer", "basis"),
        coords={
            "basis": ["pcs", "neurons"],
            "layer": ["a", "b", "c"],
            "shown": ["maximised", "approached"],
        },
    )
    figure = figures.isolations(values)
    for axes, basis in zip(figure.axes, values.basis.values, strict=True):
        drawn = {(round(x), round(y, 9)) for line in axes.lines[:4] for x, y in line.get_xydata()}
        for place, layer in enumerate(values.layer.values):
            own = values.sel(basis=basis, layer=layer)
            wanted = {round(float(v), 9) for v in own.values.ravel()}
            assert wanted <= {y for x, y in drawn if x == place}
            others = {round(float(v), 9) for v in values.sel(basis=basis).values.ravel()} - wanted
            assert not others & {y for x, y in drawn if x == place}
    plt.close(figure)


def test_figures_of_paths_and_inputs_have_a_panel_for_each(compared):
    result, _ = compared
    figure = figures.paths({"one": result, "two": result, "three": result})
    assert [axes.get_title() for axes in figure.axes[:3]] == ["one", "two", "three"]
    np.testing.assert_array_equal(figure.axes[0].lines[-1].get_xydata(), [[1, 0]])
    plt.close(figure)
    pictures = [np.zeros((8, 8), np.uint8)] * 2
    figure = figures.inputs({"a": pictures, "b": pictures}, ["PC 1", "PC 2"])
    assert len(figure.axes) == 4
    plt.close(figure)


# --- subjects ---------------------------------------------------------------------------------


def test_layers_of_squeezenet_join_their_two_convolutions():
    found = networks.layer_names("conv1, fire9 ,conv10", "squeezenet1_0")
    assert found["fire9"] == ["features.12.expand1x1", "features.12.expand3x3"]
    assert list(found) == ["conv1", "fire9", "conv10"]
    with pytest.raises(UserError, match="no layer 'fire1' in squeezenet1_0; there are conv1,"):
        networks.layer_names("fire1", "squeezenet1_0")
    assert list(networks.layer_names("all", "squeezenet1_0")) == [f"fire{k}" for k in range(2, 10)]
    of_a_module = networks.layer_names("features.3.squeeze", "squeezenet1_0")
    assert of_a_module == {"features.3.squeeze": ["features.3.squeeze"]}
    with pytest.raises(UserError, match=r"^layers are 'all', not known of vgg11: pass names"):
        networks.layer_names("all", "vgg11")
    for text in ("", "fc1, fc1"):
        with pytest.raises(UserError, match="pass different names with commas between them"):
            networks.layer_names(text, "convnet")


def test_photographs_are_taken_evenly_from_the_list(tmp_path):
    import torchvision

    fresh = torchvision.models.squeezenet1_0(weights=None).state_dict()
    torch.save(fresh, tmp_path / "w.pt")
    lines = ["file,class_index,label"]
    for k in range(5):
        Image.new("RGB", (256, 256), (50 * k, 0, 0)).save(tmp_path / f"{k}.png")
        lines.append(f"{k}.png,{k},x")
    (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n")
    it = subjects.imagenet("squeezenet1_0", tmp_path, 3, str(tmp_path / "w.pt"))
    low, high = it.limits
    red = 255 * (it.inputs[:, :1].numpy() - low[0]) / (high[0] - low[0])
    assert np.unique(red.round()).tolist() == [0, 100, 200]
    other = subjects.imagenet("squeezenet1_0", tmp_path, 2, str(tmp_path / "w.pt"))
    assert list(it.data) == [tmp_path.name]
    assert it.data != other.data


def test_a_convnet_takes_the_first_training_images():
    digits = datasets.load("digits")
    it = subjects.convnet(digits, 7, width=2, epochs=1)
    assert it.inputs.shape == (7, 1, 8, 8)
    assert it.data == {"digits": digits.checksum}
    assert it.limits == (-1.0, 1.0)


# --- mistakes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"targets": [0.0]}, "targets are [0.0]; each must be positive and finite"),
        ({"targets": [np.nan]}, "targets are [nan]; each must be positive and finite"),
        ({"targets": [1.0, 2.0]}, "mean has shape (2,) and targets (2,): pass (2,) and (1,)"),
        ({"mean": [0.0]}, "mean has shape (1,) and targets (1,): pass (2,) and (1,)"),
        ({"vectors": [[0.0, 0.0]]}, "vector 0 is zero"),
        ({"vectors": [[1.0, 0, 0]], "mean": [0, 0, 0]}, "activations have shape (2, 2) for 2 runs"),
        ({"steps": 0}, "steps is 0; it must be an integer >= 1"),
    ],
)
def test_mistakes_are_told_in_a_line(change, message):
    settings = {"vectors": [[1.0, 0.0]], "mean": [0, 0], "targets": [1.0]} | change
    start = visualisation.noise(2, (2,), seed=0)
    with pytest.raises(UserError, match=re.escape(message)) as caught:
        visualisation.compare_objectives(isolation.box(np.eye(2)), start=start, **settings)
    assert "\n" not in str(caught.value)


def test_more_vectors_than_the_basis_has_are_refused(layer):
    model, rows, bases = layer
    start = visualisation.noise(2, (1, 6, 6), seed=0)
    with pytest.raises(UserError, match="the basis has 5"):
        isolation.on_layer(model, "2", rows, bases, start, vectors=6)
    without = OrderedBasis(np.eye(4), [1] * 4, [0] * 4)
    with pytest.raises(UserError):
        isolation.on_layer(model, "2", rows, [without], start)
