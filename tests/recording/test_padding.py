"""Padding of texts is never recorded, whatever stands in it; transformers and timm, to the bit."""

import numpy as np
import pytest
import torch
from torch import nn

from neuronbasis import completeness, datasets, decomposition, networks, recording
from neuronbasis.errors import UserError
from neuronbasis.recording import _positions

TEXTS = ["One day", "Once upon a time there was a little girl named Lily.", "She was happy."]
PARTS = {
    "embedding": "model.embed_tokens",
    "attention": "model.layers.2.self_attn",
    "before": "model.layers.2.mlp.gate_proj",
    "after": "model.layers.2.mlp.act_fn",
    "mlp": "model.layers.2.mlp",
    "residual": "model.layers.2",
    "norm": "model.norm",
}


@pytest.fixture(scope="module")
def stories():
    return networks.pretrained("stories260k")


@pytest.fixture(scope="module")
def inputs(stories):
    return datasets.tokenised(stories, TEXTS)


def hooked(model, names, *args, **kwargs):
    """First tensors that modules give, by hooks of one's own."""
    found, handles = {}, []
    for name in names:

        def keep(module, given, output, name=name):
            found[name] = (output if isinstance(output, torch.Tensor) else output[0]).clone()

        handles.append(model.get_submodule(name).register_forward_hook(keep))
    with torch.no_grad():
        model(*args, **kwargs)
    for handle in handles:
        handle.remove()
    return found


def test_a_transformer_is_recorded_as_hooks_see_it_to_the_bit(stories, inputs):
    found = recording.record(stories, PARTS, inputs, "all")
    own = hooked(stories, PARTS.values(), **inputs)
    real = inputs["attention_mask"].bool()
    assert not real.all()
    for name, module in PARTS.items():
        assert np.array_equal(found[name].values, own[module][real].numpy())
        assert found[name].image.values.tolist() == real.nonzero()[:, 0].tolist()
        assert found[name].token.values.tolist() == real.nonzero()[:, 1].tolist()
    assert found["before"].sizes["unit"] == 172


def test_a_network_of_timm_is_recorded_as_hooks_see_it_to_the_bit():
    import timm

    torch.manual_seed(0)
    model = timm.create_model("tf_efficientnet_lite0").eval()
    names = ["conv_stem", "bn1.drop", "bn1", "blocks.1.0.bn2.drop", "blocks.1.1", "conv_head"]
    x = torch.randn(2, 3, 64, 64)
    found = recording.record(model, names, x, "all")
    for name, output in hooked(model, names, x).items():
        rows = output.movedim(1, -1).reshape(-1, output.shape[1])
        assert np.array_equal(found[name].values, rows.numpy())


def test_what_stands_in_the_padding_changes_nothing(stories, inputs):
    other = dict(inputs)
    padding = inputs["attention_mask"] == 0
    other["input_ids"] = inputs["input_ids"].masked_fill(padding, 300)
    for positions in recording.NAMES:
        if positions != "centre":
            one, two = (
                recording.record(stories, ["model.layers.4"], each, positions, draws=3)
                for each in (inputs, other)
            )
            np.testing.assert_array_equal(one["model.layers.4"], two["model.layers.4"])


def test_positions_are_those_of_each_text_alone(stories, inputs):
    layer, lengths = "model.layers.1", inputs["attention_mask"].sum(1).tolist()
    for positions in ("cls", "last", "mean", "all"):
        (found,) = recording.record(stories, layer, inputs, positions).values()
        for i, length in enumerate(lengths):
            alone = inputs["input_ids"][i : i + 1, :length]
            (expected,) = recording.record(stories, layer, alone, positions).values()
            np.testing.assert_allclose(found[found.image == i], expected, atol=1e-5)


def test_random_tokens_are_real_and_each_equally_often(stories, inputs):
    (found,) = recording.record(stories, "model.embed_tokens", inputs, draws=4000).values()
    for i, length in enumerate(inputs["attention_mask"].sum(1).tolist()):
        counts = np.bincount(found.token[found.image == i], minlength=length)
        assert len(counts) == length
        assert np.abs(counts - 4000 / length).max() < 5 * (4000 / length) ** 0.5
    (again,) = recording.record(stories, "model.embed_tokens", inputs, draws=4000, batch=1).values()
    assert np.array_equal(found, again)


class Attending(nn.Module):
    """torch's own encoder, whose fast path would drop the padding."""

    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.words, self.encoder = nn.Embedding(20, 8), nn.TransformerEncoder(layer, 2)

    def forward(self, ids, padding):
        return self.encoder(self.words(ids), src_key_padding_mask=padding)


def test_torchs_own_encoder_is_recorded_with_a_mask_of_ones_own():
    torch.manual_seed(0)
    model, ids = Attending().eval(), torch.randint(0, 20, (3, 5))
    real = torch.arange(5) >= torch.tensor([[0], [2], [4]])  # padded in front
    names = ["encoder.layers.0", "encoder.layers.1.linear1", "encoder"]
    found = recording.record(model, names, (ids, ~real), "all", mask=real)
    assert torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    own = hooked(model, names, ids, ~real)
    torch.backends.mha.set_fastpath_enabled(True)
    for name in names:
        assert np.array_equal(found[name], own[name][real])
    first = recording.record(model, "encoder", (ids, ~real), "cls", mask=real.tolist())["encoder"]
    assert np.array_equal(first, own["encoder"][torch.arange(3), [0, 2, 4]])
    assert first.token.values.tolist() == [0, 2, 4]


class Last(nn.Module):
    """The next token after each text: logits at the last token that is real."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask):
        logits = self.model(input_ids=input_ids, attention_mask=attention_mask).logits
        return logits[torch.arange(len(logits)), attention_mask.sum(1) - 1]


def test_ablation_of_a_transformer_is_masking_to_the_last_prediction(stories, inputs):
    model, layer = Last(stories).eval(), "model.model.layers.3.mlp.gate_proj"
    inputs = datasets.tokenised(stories, [text[: 5 + 3 * k] for text in TEXTS for k in range(6)])
    (rows,) = recording.record(model, layer, inputs, "all").values()
    neurons = decomposition.neurons(rows)
    counts = [0, 1, 40, 120, 172]
    labels = np.zeros(18, int)
    found = completeness.ablation(model, layer, neurons, inputs, labels, counts, ["descending"])
    order = np.argsort(-rows.values.var(axis=0, dtype=float), kind="stable")
    assert np.array_equal(neurons.vectors.argmax(1), order)
    predicted = []
    for count in counts:

        def mask(module, given, output, units=order[:count]):
            output = output.clone()
            output[..., units] = torch.tensor(neurons.mean[units], dtype=output.dtype)
            return output

        handle = model.get_submodule(layer).register_forward_hook(mask)
        with torch.no_grad():
            predicted.append(model(**inputs).argmax(1).numpy())
        handle.remove()
    assert np.array_equal(found.predicted[0, 0], predicted)
    assert len(np.unique(predicted)) > 3
    # Of the tokens that are real, as the bases are.
    removed = np.cumsum(rows.values.var(axis=0, dtype=float)[order])[np.array(counts[1:]) - 1]
    np.testing.assert_allclose(found.variance_removed[0, 0, 1:], removed / removed[-1], rtol=1e-4)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (
            np.ones((3, 4)) * 2,
            r"^the mask of the tokens is float64 \(3, 4\); it must be \(N, T\) w",
        ),
        (np.ones((2, 4)), r"with 1 for a token and 0 for padding, N being 3: pass such a one as m"),
        (np.ones((3, 4, 4)), r"^the mask of the tokens is float64 \(3, 4, 4\); it must"),
        (np.eye(3), r"^places of a layer are \(\d+,\), those of the mask \(3,\), so it is not cle"),
        (np.arange(3)[:, None] > 0, r"^text 0 has no token: leave it out$"),
    ],
)
def test_masks_that_do_not_fit_are_told(stories, inputs, mask, message):
    with pytest.raises(UserError, match=message) as error:
        recording.record(stories, "model.layers.0", inputs, mask=mask)
    assert "\n" not in str(error.value)


def test_a_mean_over_many_tokens_does_not_overflow_half_precision():
    large = torch.full((1, 512, 3), 200.0, dtype=torch.float16)
    legal = np.ones((1, 512), bool)
    assert _positions.read(large, 2, None, legal).tolist() == [[[200.0] * 3]]
