"""Ablation: literal twins, planted directions, laws of the variance removed, mistakes."""

import re
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from neuronbasis import decomposition, recording
from neuronbasis.basis import Basis
from neuronbasis.completeness import ORDERS, ablation
from neuronbasis.decomposition import OrderedBasis
from neuronbasis.errors import UserError

FIRE = {"fire": ["0.one", "0.three"]}


class Fire(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.three = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 2, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        return torch.cat([self.relu(self.one(x)), self.relu(self.three(x))], 1)


class Branching(nn.Module):
    """Cannot be traced: what it does hangs on the values."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 6), nn.Linear(6, 5)

    def forward(self, x):
        y = self.a(x)
        return self.b(torch.relu_(y) if x.sum() > -1e9 else -y)


class Padded(nn.Module):
    """Tokens, some of them padding; torch's fast path would take them without their padding."""

    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(6, 2, 8, batch_first=True, activation=nn.ReLU())
        self.first, self.encoder = nn.Linear(3, 6), nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(6, 7)

    def forward(self, x):
        padding = (x[..., 0] > 0.5) & (torch.arange(4) > 0)
        z = self.encoder(self.first(x), src_key_padding_mask=padding)
        return self.head(z.masked_fill(padding[..., None], 0).mean(1))


def convolutional():
    return nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.ReLU(True), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(24, 7)
    )


def fire():
    return nn.Sequential(Fire(), nn.MaxPool2d(3), nn.Flatten(), nn.Linear(24, 7))


def tokens():
    layer = nn.TransformerEncoderLayer(6, 2, 8, batch_first=True, activation=nn.ReLU())
    return nn.Sequential(nn.Linear(3, 6), layer, nn.Flatten(), nn.Linear(24, 7))


def connected():
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(True), nn.Linear(6, 5))


NETWORKS = {
    "convolution": (convolutional, "0", (3, 6, 6)),
    "joined": (fire, FIRE, (3, 6, 6)),
    "tokens": (tokens, "0", (4, 3)),
    "padded": (Padded, "first", (4, 3)),
    "linear": (connected, "0", (4,)),
    "untraceable": (Branching, "a", (4,)),
}
COUNTS = [0, 1, 3, 6]


def case(name, count=20, seed=0):
    """Model, layer, images, labels and the activations at all positions, one a row."""
    torch.manual_seed(seed)
    make, layer, shape = NETWORKS[name]
    model, x = make().eval(), torch.randn(count, *shape)
    labels = np.random.default_rng(seed).integers(0, 5, count)
    outputs = recording.cut(model, layer, x[:2]).before(x).outputs
    joined = torch.cat(outputs, 1 if outputs[0].ndim == 4 else -1)
    rows = joined.movedim(1, -1) if joined.ndim == 4 else joined
    return model, layer, x, labels, rows.reshape(-1, rows.shape[-1]).numpy()


def oblique(rows, m=4, seed=0):
    vectors = np.random.default_rng(seed).standard_normal((m, rows.shape[1]))
    return decomposition.ordered(Basis(vectors, "oblique"), rows)


def all_bases(rows):
    return [
        decomposition.neurons(rows),
        decomposition.principal(rows),
        decomposition.random(rows, seed=3),
        oblique(rows, 9),  # more vectors than units
    ]


def changed(model, layer, x, change):
    """Scores of the whole network when hooks change the outputs, each with its first unit."""
    names = [layer] if isinstance(layer, str) else next(iter(layer.values()))
    start, handles = 0, []
    for name in names:
        module = model.get_submodule(name)
        width = module.out_channels if isinstance(module, nn.Conv2d) else module.out_features

        def hook(_, given, output, units=slice(start, start + width)):
            return change(output.clone(), units)

        handles.append(module.register_forward_hook(hook))
        start += width
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # it runs past the modules
    with torch.no_grad():
        scores = model(x.clone())
    torch.backends.mha.set_fastpath_enabled(fast)
    for handle in handles:
        handle.remove()
    return scores


def masked(model, layer, x, units, mean):
    """Each of the units is set to its mean, the plainest way."""

    def change(output, place):
        for unit in units:
            if place.start <= unit < place.stop:
                here = (slice(None),) if output.ndim == 4 else (...,)
                output[(*here, unit - place.start)] = float(mean[unit])
        return output

    return changed(model, layer, x, change)


def chosen(basis, order, k):
    return basis.vectors[:k] if order == "descending" else basis.vectors[basis.m - k :]


def projector(vectors):
    """Orthogonal projection onto the span, from the pseudo-inverse."""
    return np.linalg.pinv(vectors, rcond=1e-9) @ vectors if len(vectors) else np.zeros(6)


# --- twins --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETWORKS)
def test_neurons_are_masked_to_the_last_bit(name):
    model, layer, x, labels, rows = case(name)
    neurons = decomposition.neurons(rows)
    scores = []
    with list(model.modules())[-1].register_forward_hook(lambda *call: scores.append(call[2])):
        curve = ablation(model, layer, neurons, x, labels, COUNTS)
    points = list(product(ORDERS, COUNTS[1:]))
    for (order, k), found in zip(points, scores[-len(points) :], strict=True):
        units = chosen(neurons, order, k).argmax(axis=1)
        expected = masked(model, layer, x, units, neurons.mean)
        assert torch.equal(found, expected)
        point = curve.sel(basis="neurons", order=order, count=k)
        assert np.array_equal(point.predicted, expected.argmax(1))
        assert float(point.accuracy) == (expected.argmax(1).numpy() == labels).mean()
    assert curve.attrs["cut"] == (name != "untraceable")


@pytest.mark.parametrize("name", ["convolution", "joined", "tokens"])
def test_any_basis_as_written_out_in_double_precision(name):
    model, layer, x, labels, _ = case(name)
    model, x = model.double(), x.double()
    outputs = recording.cut(model, layer, x).before(x).outputs
    axis = 1 if outputs[0].ndim == 4 else 2
    acts = torch.cat(outputs, axis).movedim(axis, -1).numpy()
    rows = acts.reshape(-1, 6)
    bases = all_bases(rows[::3])  # so that the mean is not that of these images
    curve = ablation(model, layer, bases, x, labels, COUNTS, batch=7)
    for basis, order, k in product(bases, ORDERS, COUNTS[1:]):
        P, centred = projector(chosen(basis, order, k)), acts - basis.mean
        new = torch.from_numpy(acts - centred @ P).movedim(-1, axis)

        def replace(_, place, new=new):
            return new.narrow(axis, place.start, place.stop - place.start)

        point = curve.sel(basis=basis.name, order=order, count=k)
        expected = changed(model, layer, x, replace)
        assert np.array_equal(point.predicted, expected.argmax(1))
        share = ((centred @ P) ** 2).sum() / (centred**2).sum()
        assert float(point.variance_removed) == pytest.approx(share, abs=1e-12)


@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_ablated_is_the_network_itself(name):
    model, layer, x, labels, rows = case(name)
    curve = ablation(model, layer, all_bases(rows), x, labels, [0], batch=6)
    with torch.no_grad():
        intact = model(x.clone()).argmax(1).numpy()
    assert (curve.predicted == intact).all()
    assert (curve.accuracy == (intact == labels).mean()).all()
    assert (curve.variance_removed == 0).all()
    assert curve.attrs["intact_accuracy"] == (intact == labels).mean()


# --- laws ---------------------------------------------------------------------------------------


def test_all_of_any_complete_basis_leaves_the_mean():
    model, layer, x, labels, rows = case("convolution", seed=4)
    whole = all_bases(rows)
    curve = ablation(model, layer, whole, x, labels, [1, 6])
    everything = curve.sel(count=6)
    assert (everything.predicted == everything.predicted[0, 0, 0]).all()  # images differ no more
    assert np.allclose(everything.variance_removed[:3], 1, atol=1e-5)
    assert len(np.unique(curve.predicted.sel(count=1))) > 1


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), m=st.integers(1, 9), offset=st.sampled_from([0.0, 3.0]))
def test_laws_of_the_variance_removed(seed, m, offset):
    rng = np.random.default_rng(seed)
    rows = (rng.standard_normal((30, 6)) @ rng.standard_normal((6, 6)) + offset) / 3
    net = nn.Sequential(nn.Identity(), nn.Linear(6, 3)).double()
    labels = rng.integers(0, 3, 30)
    complete = all_bases(rows)[:3]
    curve = ablation(net, "0", complete, rows, labels, range(7), largest=np.inf)
    removed = curve.variance_removed
    down, up = removed.sel(order="descending").values, removed.sel(order="ascending").values
    assert (np.diff(removed, axis=-1) > -1e-12).all()
    assert np.allclose(down + up[:, ::-1], 1)  # the first k, and the last n - k
    for basis, share in zip(complete, down, strict=True):
        assert np.allclose(share[1:], np.cumsum(basis.variances) / basis.variances.sum())
    assert (down[1] >= down - 1e-12).all()  # principal components remove most
    part = ablation(net, "0", oblique(rows, m, seed), rows, labels, range(m + 1), largest=np.inf)
    both = part.variance_removed.sel(basis="oblique", count=m).values
    assert both[0] == pytest.approx(both[1])  # all m span the same, in whichever order
    assert m < 6 or both[0] == pytest.approx(1)
    best = down[1, min(m, 6)]
    assert both[0] <= best + 1e-12


def test_planted_directions_alone_matter():
    rng = np.random.default_rng(2)
    frame = np.linalg.qr(rng.standard_normal((5, 5)))[0]
    rows = rng.standard_normal((300, 5)) * [4, 3, 2, 1, 0.5] @ frame
    labels = (rows @ frame[3] > 0).astype(int)
    net = nn.Sequential(nn.Identity(), nn.Linear(5, 2, bias=False)).double()
    net[1].weight.data[:] = torch.from_numpy(np.stack([-frame[3], frame[3]]))
    pcs = decomposition.ordered(Basis(frame, "truth"), rows)
    curve = ablation(net, "0", pcs, rows, labels, range(6), largest=np.inf).sel(basis="truth")
    down, up = (curve.accuracy.sel(order=order).values for order in ORDERS)
    assert down[:4].tolist() == [1] * 4
    assert up[:2].tolist() == [1] * 2
    assert max(down[4:].max(), up[2:].max()) < 0.6
    # The interval is Wilson's, written out.
    p, n, z = curve.accuracy.values, 300, 1.959963984540054
    middle, reach = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    assert np.allclose(curve.low, (middle - reach) / (1 + z**2 / n))
    assert np.allclose(curve.high, (middle + reach) / (1 + z**2 / n))


def test_modules_joined_are_as_one_that_holds_both():
    torch.manual_seed(0)
    one = nn.Conv2d(3, 6, 3, padding=1)
    model, x = fire().eval(), torch.randn(12, 3, 6, 6)
    with torch.no_grad():
        one.weight.zero_()
        one.weight[:4, :, 1:2, 1:2] = model[0].one.weight
        one.weight[4:], one.bias[:4] = model[0].three.weight, model[0].one.bias
        one.bias[4:] = model[0].three.bias
    single = nn.Sequential(one, nn.ReLU(True), *model[1:]).eval()
    rows = one(x).detach().movedim(1, -1).reshape(-1, 6).numpy()
    labels = np.arange(12) % 7
    joined = ablation(model, FIRE, all_bases(rows), x, labels, COUNTS)
    as_one = ablation(single, "0", all_bases(rows), x, labels, COUNTS)
    assert joined.predicted.equals(as_one.predicted)
    assert np.allclose(joined.variance_removed, as_one.variance_removed, atol=1e-6)


def test_vectors_in_the_span_of_others_change_nothing():
    model, layer, x, labels, rows = case("linear")
    mean, doubled = rows.mean(axis=0), np.repeat(np.eye(6)[:3], 2, axis=0)
    twice = OrderedBasis(doubled, [3, 3, 2, 2, 1, 1], mean, "twice")
    once = OrderedBasis(np.eye(6)[:3], [3, 2, 1], mean, "once")
    a = ablation(model, layer, twice, x, labels, [1, 2, 3, 5])
    b = ablation(model, layer, once, x, labels, [1, 2, 3])
    assert np.array_equal(a.predicted[0][:, [0, 1]], b.predicted[0][:, [0, 0]])
    assert np.array_equal(a.predicted[0][:, [2, 3]], b.predicted[0][:, [1, 2]])


def test_neither_batch_nor_kind_of_images_matters():
    model, layer, x, labels, rows = case("convolution")
    bases = all_bases(rows)
    expected = ablation(model, layer, bases, x, labels, COUNTS)
    dataset = [(image, 0) for image in x]
    for images, batch in ((x, 1), (x.numpy(), 7), (dataset, 20)):
        found = ablation(model, layer, bases, images, torch.from_numpy(labels), COUNTS, batch=batch)
        assert np.array_equal(found.predicted, expected.predicted)
        assert np.allclose(found.variance_removed, expected.variance_removed, atol=1e-6)
    assert ablation(model, layer, bases, x, labels, COUNTS).identical(expected)
    up = ablation(model, layer, bases, x, labels, COUNTS, orders="ascending")
    assert up.identical(expected.sel(order=["ascending"]))


def test_the_part_before_runs_once_a_batch_and_the_rest_once_a_point():
    model, _, x, labels, rows = case("convolution")
    model = nn.Sequential(nn.Identity(), *model).eval()
    runs = {"0": 0, "5": 0}
    for name in runs:
        hook = model.get_submodule(name).register_forward_hook
        hook(lambda *_, name=name: runs.update({name: runs[name] + 1}))
    counted = {}
    for batch in (20, 10):
        before = dict(runs)
        ablation(model, "1", all_bases(rows)[:2], x, labels, COUNTS, batch=batch)
        counted[batch] = {name: runs[name] - before[name] for name in runs}
    more = {name: counted[10][name] - counted[20][name] for name in runs}
    assert more == {"0": 1, "5": 1 + 2 * 2 * 3}  # of one batch: once; intact and at each k > 0


def test_the_model_is_left_as_it_was():
    model, layer, x, labels, rows = case("convolution")
    neurons = decomposition.neurons(rows)
    model.train()
    model[1].eval()
    modes = [module.training for module in model.modules()]
    before = {key: value.clone() for key, value in model.state_dict().items()}
    pictures = x.clone()
    ablation(model, layer, neurons, x, labels, COUNTS)
    with pytest.raises(UserError, match="a label is 7; the model has 7 classes"):
        ablation(model, layer, neurons, x, labels * 0 + 7, COUNTS)
    assert [module.training for module in model.modules()] == modes
    assert not any(module._forward_hooks for module in model.modules())
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert torch.equal(x, pictures)


def test_squeezenet_on_photographs(data_file):
    from neuronbasis import datasets, networks

    model = networks.pretrained("squeezenet1_0", data_file("squeezenet1_0_imagenet.pt"))
    pictures = datasets.samples(data_file("imagenet_samples"))
    x = datasets.transformed(model, pictures.files[:4])
    layer = {"fire9": ["features.12.expand1x1", "features.12.expand3x3"]}
    halves = recording.cut(model, layer, x[:1])
    joined = torch.cat(halves.before(x).outputs, 1)
    rows = joined.movedim(1, -1).flatten(0, -2).numpy()
    bases = [decomposition.neurons(rows), decomposition.principal(rows)]
    curve = ablation(model, layer, bases, x, pictures.labels[:4], [0, 30, 512])
    assert curve.attrs["cut"] == 1
    units = chosen(bases[0], "ascending", 30).argmax(axis=1)
    scores = masked(model, layer, x, units, bases[0].mean)
    found = curve.predicted.sel(basis="neurons", order="ascending", count=30)
    assert np.array_equal(found, scores.argmax(1))
    removed = curve.variance_removed.sel(count=30, order="descending").values
    assert removed[1] > 2 * removed[0]


# --- mistakes -----------------------------------------------------------------------------------

ROWS = np.random.default_rng(0).standard_normal((9, 4)) / 2
NEURONS = decomposition.neurons(ROWS)


class Broken(nn.Linear):
    def forward(self, x):
        return super().forward(x) / 0


def small(last=None):
    return nn.Sequential(nn.Identity(), last or nn.Linear(4, 3)).double()


MISTAKES = [
    ({"model": 3}, "model is a int; it must be a torch.nn.Module"),
    ({"layer": "2"}, "no layer '2' in Sequential"),
    ({"layer": ["0", "1"]}, "layer is ['0', '1']; pass one name, or a mapping of one name"),
    ({"layer": "1"}, "layer '1' has 3 units, basis 'neurons' vectors of 4"),
    ({"bases": []}, "there is no basis"),
    ({"bases": Basis(np.eye(4))}, "a basis is a Basis; it must be ordered by variance"),
    ({"bases": np.eye(4)}, "a basis is a ndarray; it must be ordered by variance"),
    ({"bases": [NEURONS, NEURONS]}, "the bases are called neurons, neurons; give each a name"),
    (
        {"bases": [NEURONS, decomposition.principal(ROWS + 1)]},
        "bases 'neurons' and 'principal components' have different means",
    ),
    ({"counts": [5]}, "a count is 5; basis 'neurons' has 4 vectors"),
    ({"counts": [-1]}, "a count is -1; it must be an integer >= 0"),
    ({"counts": [1.5]}, "a count is 1.5; it must be an integer >= 0"),
    ({"counts": [2, 1]}, "counts are [2, 1]; they must increase"),
    ({"counts": []}, "counts are []; they must increase"),
    ({"orders": "down"}, "orders are ('down',); pass one or both of descending, ascending"),
    ({"orders": ["ascending"] * 2}, "pass one or both of descending, ascending"),
    ({"batch": 0}, "batch is 0; it must be an integer >= 1"),
    ({"confidence": 1.0}, "confidence is 1.0; it must lie in (0, 1)"),
    ({"images": ROWS[:0]}, "there are no images"),
    ({"images": ROWS[:, :3]}, "takes no images of shape (1, 3)"),
    ({"images": ROWS * np.nan}, "image 0 holds NaN or inf"),
    ({"images": np.ones((9, 4), np.uint8)}, "uint8 given, floating-point numbers wanted"),
    ({"labels": np.zeros(8, int)}, "labels are int64 (8,); they must be integers, (9,)"),
    ({"labels": np.zeros(9)}, "labels are float64 (9,); they must be integers"),
    ({"labels": np.full(9, -1)}, "a label is -1; it must be >= 0"),
    ({"labels": np.full(9, 3)}, "a label is 3; the model has 3 classes"),
    ({"model": small(Broken(4, 3))}, "a logit is NaN or inf"),
    ({"model": small(nn.Flatten(0))}, "it must give logits (N, classes)"),
    ({"images": np.tile(NEURONS.mean, (9, 1))}, "the layer gives its mean at every image"),
]


@pytest.mark.parametrize(("mistake", "message"), MISTAKES)
def test_a_mistake_is_told_in_one_line(mistake, message):
    arguments = {"model": small(), "layer": "0", "bases": NEURONS, "images": ROWS}
    arguments |= {"labels": np.zeros(9, int), "counts": [0, 2]} | mistake
    with pytest.raises(UserError, match=re.escape(message)) as caught:
        ablation(**arguments)
    assert "\n" not in str(caught.value)


def test_progress_is_shown_when_asked(capsys):
    arguments = small(), "0", NEURONS, ROWS, np.zeros(9, int), [0, 2]
    ablation(*arguments)
    assert capsys.readouterr().err == ""
    ablation(*arguments, progress=True)
    assert "9/9" in capsys.readouterr().err
