"""What people's models take and give: ids, several inputs, dictionaries, any kind of tensor."""

import collections
import dataclasses
import warnings
from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from torch import Tensor, nn

from neuronbasis import completeness, decomposition, networks, recording
from neuronbasis.errors import UserError

IDS = torch.randint(0, 50, (7, 6), generator=torch.Generator().manual_seed(0))
MASK = torch.arange(6) < torch.arange(1, 8)[:, None]
IMAGES = torch.randn(7, 3, 8, 8, generator=torch.Generator().manual_seed(0))
LABELS = np.arange(7) % 3


@dataclasses.dataclass(frozen=True)
class Output:
    """As of a language model: what is not asked for is None, the hidden states are nested."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    hidden_states: tuple[Tensor, ...] | None = None


class Ordered(collections.OrderedDict):
    """A dictionary whose class is its own."""


def leaf(given) -> Tensor:
    """The tensor within, as a model's own code takes it out."""
    if isinstance(given, Tensor):
        return given
    if isinstance(given, Output):
        return given.logits
    return leaf(given["hidden"] if isinstance(given, dict) else given[0])


class Block(nn.Module):
    """Gives its answer within a structure."""

    def __init__(self, wrap) -> None:
        super().__init__()
        self.linear, self.wrap = nn.Linear(8, 8), wrap

    def forward(self, x: Tensor):
        return self.wrap(self.linear(x).relu())


class Reader(nn.Module):
    """Token ids with a mask, each by its name only, to the scores of classes."""

    def __init__(self, wrap=lambda x: (x,), give=lambda x: Output(logits=x)) -> None:
        super().__init__()
        self.words, self.block, self.head = nn.Embedding(50, 8), Block(wrap), nn.Linear(8, 3)
        self.give = give

    def forward(self, *, input_ids, attention_mask=None, labels=None, return_dict=True):
        x = self.block(self.words(input_ids))
        x = leaf(x)
        if attention_mask is not None:
            x = x * attention_mask[..., None]
        return self.give(self.head(x.sum(1)))


class Positional(Reader):
    def forward(self, ids, mask=None):
        return super().forward(input_ids=ids, attention_mask=mask)


def expected(model: Reader, mask: Tensor | None = MASK) -> dict[str, Tensor]:
    """Written out."""
    with torch.no_grad():
        words = model.words(IDS)
        block = model.block.linear(words).relu()
        weight = torch.ones(7, 6) if mask is None else mask
        return {
            "words": words,
            "block": block,
            "head": model.head((block * weight[..., None]).sum(1)),
        }


NAMED = {"input_ids": IDS, "attention_mask": MASK}
ONE_BY_ONE = [{"input_ids": i, "attention_mask": m} for i, m in zip(IDS, MASK, strict=True)]
SHORT = {"input_ids": IDS.to(torch.int32), "attention_mask": MASK.to(torch.uint8)}
INPUTS = {
    "by name": (Reader, NAMED),
    "lists": (Reader, {name: x.tolist() for name, x in NAMED.items()}),
    "arrays": (Reader, {name: x.numpy() for name, x in NAMED.items()}),
    "a mapping of its own": (Reader, collections.UserDict(NAMED)),
    "with flags": (Reader, {**NAMED, "return_dict": True, "labels": None}),
    "a dataset": (Reader, ONE_BY_ONE),
    "a tuple": (Positional, (IDS, MASK)),
    "short ids": (Reader, SHORT),
}


@pytest.mark.parametrize("name", INPUTS)
@pytest.mark.parametrize("batch", [1, 3, 32])
def test_inputs_are_given_as_the_model_takes_them(name, batch):
    make, inputs = INPUTS[name]
    model = make()
    found = recording.record(model, ["words", "block", "head"], inputs, "all", batch=batch)
    for layer, values in expected(model).items():
        # What the input called attention_mask says is padding is not read.
        real = MASK if values.ndim == 3 and isinstance(inputs, list | Mapping) else ...
        np.testing.assert_allclose(
            found[layer], values[real].reshape(-1, values.shape[-1]), atol=1e-5
        )
        assert "token" in found[layer].coords or values.ndim == 2


def test_ids_alone_are_taken_as_they_are():
    model = Positional()
    found = recording.record(model, ["words", "block"], IDS, "cls", largest=1)
    for layer, values in expected(model, None).items():
        if layer != "head":
            np.testing.assert_allclose(found[layer], values[:, 0], atol=1e-5)
    for one in (IDS, IDS[0], IDS.numpy()):
        listed = {each.name: each for each in recording.layers(model, one)}
        assert listed["words"].shape == (6, 8)
        assert listed["block"].units_axis == 2
    by_name = {each.name for each in recording.layers(Reader(), NAMED)}
    assert by_name == {"words", "block", "block.linear", "head"}


Pair = collections.namedtuple("Pair", "hidden attention")
WRAPS = {
    "tuple": lambda x: (x,),
    "list": lambda x: [x],
    "nested": lambda x: ((x, None), 1),
    "dictionary": lambda x: {"hidden": x},
    "dictionary of its own": lambda x: Ordered(hidden=x),
    "dataclass": lambda x: Output(logits=x),
    "named tuple": lambda x: Pair(x, None),
}


class Picture(nn.Module):
    """A classifier of pictures whose parts and whole give structures."""

    def __init__(self, wrap) -> None:
        super().__init__()
        self.conv, self.block, self.wrap = nn.Conv2d(3, 8, 3), Block(wrap), wrap
        self.head = nn.Linear(8, 3)

    def forward(self, pixels: Tensor):
        given = self.block(self.conv(pixels).mean((2, 3)))
        x = leaf(given)
        return self.wrap(self.head(x))


@pytest.mark.parametrize("name", WRAPS)
def test_outputs_in_any_structure_are_recorded_and_replaced(name):
    model = Picture(WRAPS[name]).eval()
    (recorded,) = recording.record(model, "block", IMAGES).values()
    with torch.no_grad():
        block = model.block.linear(model.conv(IMAGES).mean((2, 3))).relu()
        scores = model.head(block)
    np.testing.assert_allclose(recorded, block, atol=1e-6)
    neurons = decomposition.neurons(block.numpy())
    found = completeness.ablation(model, "block", neurons, IMAGES, LABELS, [0, 3, 8])
    right = float((scores.argmax(1).numpy() == LABELS).mean())
    assert found.attrs["intact_accuracy"] == pytest.approx(right)
    assert networks.accuracy(model, IMAGES, LABELS).value == pytest.approx(right)
    with torch.no_grad():
        constant = model.head(block.mean(0)).argmax()
    assert (found.predicted.sel(count=8) == int(constant)).all()


def test_ablation_and_accuracy_take_inputs_by_name():
    model = Reader().eval()
    (recorded,) = recording.record(model, "block", NAMED, "all").values()
    neurons = decomposition.neurons(recorded)
    found = completeness.ablation(model, "block", neurons, NAMED, LABELS, [0, 8], batch=3)
    scores = expected(model)["head"]
    assert found.predicted.sel(count=0).values[0, 0].tolist() == scores.argmax(1).tolist()
    with torch.no_grad():
        mean = torch.from_numpy(recorded.values.mean(0))
        constant = model.head(mean * MASK.sum(1, keepdim=True)).argmax(1)
    assert found.predicted.sel(count=8).values[0, 0].tolist() == constant.tolist()
    right = float((scores.argmax(1).numpy() == LABELS).mean())
    assert networks.accuracy(model, NAMED, LABELS, batch=2).value == pytest.approx(right)
    by_place = completeness.ablation(
        Positional(), "block", neurons, (IDS, MASK), LABELS, [0], ["descending"]
    )
    assert by_place.sizes["image"] == 7


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"input_ids": IDS, "attention_mask": MASK[:4]}, "inputs are of different numbers ('input"),
        ({"ids": IDS}, "Reader does not take the inputs {'ids': (1, 6)} (Reader.forward() got an "),
        (IDS, "Reader takes no images of shape (1, 6) (Reader.forward() takes 1 positional argume"),
        ({"input_ids": None}, "images are a mapping without a tensor or array: pass inputs by na"),
        ({"input_ids": IDS + 60}, "Reader has no entry for one of its inputs (index out of range"),
        ({"input_ids": [[1, 2], [3]]}, "input 'input_ids' has rows of different lengths: pad them"),
        ({"input_ids": IDS[:0]}, "there are no images: pass at least one"),
        ({**NAMED, "attention_mask": MASK * np.nan}, "image 0 holds NaN or inf; all values must b"),
        (
            np.ma.masked_array(np.ones((2, 6))),
            "images are a masked array, whose mask would be ignore",
        ),
        ({"input_ids": IDS * 1j}, "input 'input_ids': torch.complex64 given, floating-point numbe"),
    ],
)
def test_inputs_that_do_not_fit_are_told(inputs, message):
    with pytest.raises(UserError) as caught:
        recording.record(Reader(), "words", inputs)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_ids_that_are_no_integers_are_told_as_such():
    with pytest.raises(UserError, match=r"^image 0 reaches .*, pass token ids as integers, or rai"):
        recording.record(Positional(), "words", IDS.float())


def test_an_id_beyond_the_vocabulary_is_told_in_whichever_batch_it_stands():
    ids = IDS.clone()
    ids[5, 2] = 70
    with pytest.raises(UserError, match=r"^Positional has no entry for .*; the largest id is 70: "):
        recording.record(Positional(), "words", ids, batch=2)


# --- models that run past their modules ---------------------------------------------------------


class Plain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.act, self.last = nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.act(self.first(x)))


ROWS = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))


def test_a_compiled_model_is_looked_into_uncompiled():
    plain = Plain().eval()
    expected = recording.record(plain, ["first", "act"], ROWS)
    compiled = torch.compile(plain, backend="eager")
    with torch.no_grad():  # it is compiled before any hook is there
        compiled(ROWS)
    for names in (["first", "act"], {"first": "_orig_mod.first", "act": "_orig_mod.act"}):
        found = recording.record(compiled, names, ROWS)
        for name, values in expected.items():
            assert np.array_equal(found[name], values)
    inside = Plain().eval()
    inside.load_state_dict(plain.state_dict())
    inside.act.compile(backend="eager")
    inside.first = torch.compile(inside.first, backend="eager")
    with torch.no_grad():
        inside(ROWS)
    found = recording.record(inside, ["first", "act"], ROWS)
    assert np.array_equal(found["first"], expected["first"])
    assert np.array_equal(found["act"], expected["act"])
    assert {layer.name for layer in recording.layers(compiled, ROWS[0])} >= {"_orig_mod.act"}


def scripted(model: nn.Module) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.script(model)


def traced(model: nn.Module) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.trace(model, ROWS)


@pytest.mark.parametrize("make", [scripted, traced])
def test_the_cause_is_named_where_a_model_cannot_be_looked_into(make):
    model = make(Plain().eval())
    told = "scripted or traced, which runs past its modules: pass the torch.nn.Module that it was"
    for call in (recording.layers, lambda m, x: recording.record(m, "first", x[None])):
        with pytest.raises(UserError, match=told):
            call(model, ROWS[0])
    outer = nn.Sequential(nn.Linear(4, 4), model, nn.Linear(3, 2))
    with pytest.raises(UserError, match=rf"^layer '1.first' belongs to a part of the model {told}"):
        recording.record(outer, "1.first", ROWS)
    assert [layer.name for layer in recording.layers(outer, ROWS[0])] == ["0", "2"]
    assert recording.record(outer, ["0", "2"], ROWS, what="input")["2"].shape == (6, 3)


def test_an_exported_model_is_told():
    model = torch.export.export(Plain().eval(), (ROWS,)).module()
    with pytest.raises(UserError, match=r"has no evaluation mode \(.*: pass the torch.nn.Mod"):
        recording.record(model, "first", ROWS)


# --- tensors of every kind ----------------------------------------------------------------------


KINDS = {
    "float64": Tensor.double,
    "half": Tensor.half,
    "bfloat16": Tensor.bfloat16,
    "eight bits": lambda x: x.to(torch.float8_e5m2),
    "with a gradient": lambda x: x.clone().requires_grad_(),
    "computed": lambda x: x.clone().requires_grad_() * 1,
    "sparse": Tensor.to_sparse,
    "a list": lambda x: list(x.to_sparse()),
    "not contiguous": lambda x: x.mT.contiguous().mT,
    "labelled": lambda x: xr.DataArray(x.numpy(), dims=("image", "pixel")),
    "by name, with a gradient": lambda x: {"x": x.clone().requires_grad_()},
}


@pytest.mark.parametrize("name", KINDS)
def test_tensors_of_every_kind_are_inputs(name):
    x = KINDS[name](torch.tensor([[1.0, 0, -2, 0.5], [0, 0, 1, 0], [2, 1, 0, 0]]))
    plain = torch.tensor([[1.0, 0, -2, 0.5], [0, 0, 1, 0], [2, 1, 0, 0]])
    model = Plain().eval()
    with torch.no_grad():
        expected, scores = model.first(plain), model(plain)
    np.testing.assert_allclose(recording.record(model, "first", x)["first"], expected, atol=1e-6)
    labels = scores.argmax(1)
    for given in (labels, labels.tolist(), labels.numpy(), labels.to(torch.uint8)):
        assert networks.accuracy(model, x, given).value == 1
    neurons = decomposition.neurons(expected.numpy())
    found = completeness.ablation(model, "first", neurons, x, labels, [0, 5])
    assert (found.accuracy.sel(count=0) == 1).all()


def test_images_are_never_changed():
    model, x = nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(3, 2, 3)), IMAGES.clone()
    for use in (
        lambda: recording.record(model, "1", x),
        lambda: recording.layers(model, x),
        lambda: recording.activate(model, "1")(x),
        lambda: networks.accuracy(nn.Sequential(model, nn.Flatten()), x, LABELS),
        lambda: recording.record(model, "1", {"input": x}),
    ):
        use()
        assert torch.equal(x, IMAGES)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_models_of_other_precision(dtype):
    model = Plain().to(dtype)
    found = recording.record(model, ["first", "last"], ROWS)
    with torch.no_grad():
        expected = model.first(ROWS.to(dtype))
    np.testing.assert_array_equal(found["first"], expected.float())
    assert networks.accuracy(model, ROWS, [0, 1, 2, 0, 1, 2]).images == 6


def test_a_model_without_weights_is_told():
    with torch.device("meta"):
        model = Plain()
    for device in (None, "cpu"):
        with pytest.raises(UserError, match="on the device 'meta', without weights: load them"):
            recording.record(model, "first", ROWS, device=device)


def test_a_lazy_model_is_told_until_it_has_seen_an_input():
    model = nn.Sequential(nn.LazyLinear(4), nn.ReLU(), nn.LazyLinear(2))
    for ask in (lambda: recording.layers(model, ROWS), lambda: recording.record(model, "0", ROWS)):
        with pytest.raises(UserError, match="lazy layers, which have no weights until they see an"):
            ask()
    model(ROWS)
    assert recording.record(model, "0", ROWS)["0"].shape == (len(ROWS), 4)


def test_a_table_is_read_by_its_rows_and_longer_floats_are_doubles():
    # As many rows as columns: by columns, which is how a table is indexed, it would fit, too.
    rows = np.random.default_rng(0).standard_normal((4, 4)).astype(np.float32)
    net = nn.Sequential(nn.Linear(4, 3))
    wanted = recording.record(net, "0", rows)["0"].values
    table = pd.DataFrame(rows, index=list("abcd"))
    for given in (table, rows.astype(np.longdouble)):
        assert np.array_equal(recording.record(net, "0", given)["0"].values, wanted)


@pytest.mark.filterwarnings("ignore")  # torch calls nested tensors a prototype
def test_a_nested_tensor_is_told():
    texts = torch.nested.nested_tensor([torch.ones(2, 4), torch.ones(3, 4)])
    with pytest.raises(UserError, match="images is a nested tensor: pass"):
        recording.record(nn.Sequential(nn.Linear(4, 3)), "0", texts)
