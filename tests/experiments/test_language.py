"""A transformer as a subject: its places against direct hooks, planted tokens, bad input."""

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

from neuronbasis import networks
from neuronbasis.errors import UserError
from neuronbasis.experiments import language

transformers = pytest.importorskip("transformers", reason="transformers is not installed")


@pytest.fixture(scope="module")
def model():
    return networks.pretrained("stories260k")


@pytest.fixture(scope="module")
def ids(model):
    return language.written(model, texts=6, tokens=9, seed=3)


def test_every_place_is_what_a_hook_sees_without_the_first_token(model, ids):
    places = language.sites(model)
    assert len(places) == 6 * 5
    found = language.recorded(model, places, ids)
    assert {*found} == {*places}
    for (kind, block), each in found.items():
        place, seen = places[kind, block], []

        def keep(_, given, made, place=place, seen=seen):
            tensor = given[0] if place.what == "input" else made
            seen.append(tensor[0] if isinstance(tensor, tuple) else tensor)

        hook = model.get_submodule(place.module).register_forward_hook(keep)
        with torch.no_grad():
            model(input_ids=ids, use_cache=False)
        hook.remove()
        direct = seen[0][:, 1:].reshape(-1, seen[0].shape[-1])
        np.testing.assert_allclose(each.values, direct.numpy(), rtol=2e-4, atol=2e-5)
        assert each.token.values.min() == 1
        assert np.unique(each.image).size == len(ids)


_SMALL = {"vocab_size": 30, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
_WIDTHS = {"hidden_size": 16, "intermediate_size": 20, "num_hidden_layers": 2}
_HEADS = {"num_attention_heads": 2}
_CONFIGS = {
    "LlamaForCausalLM": ("LlamaConfig", _WIDTHS | _HEADS),
    "MistralForCausalLM": ("MistralConfig", _WIDTHS | _HEADS | {"num_key_value_heads": 1}),
    "Qwen2ForCausalLM": ("Qwen2Config", _WIDTHS | _HEADS | {"num_key_value_heads": 1}),
    "BertModel": ("BertConfig", _WIDTHS | _HEADS),
    "GPT2LMHeadModel": ("GPT2Config", {"n_embd": 16, "n_inner": 20, "n_layer": 2, "n_head": 2}),
}


@pytest.mark.parametrize("family", language.FAMILIES)
def test_every_family_has_its_places_where_they_are_said_to_be(family):
    name, settings = _CONFIGS[family]
    config = getattr(transformers, name)(**_SMALL, **settings)
    with torch.random.fork_rng():
        network = getattr(transformers, family)(config).eval()
    places = language.sites(network)
    found = language.recorded(network, places, torch.arange(24).reshape(3, 8))
    hidden = {language.BEFORE, language.AFTER, language.PRODUCT}
    assert {block for _, block in found} == {1, 2}
    for (kind, _), rows in found.items():
        assert rows.shape == (3 * 7, 20 if kind in hidden else 16)
    act = network.get_submodule(places[language.AFTER, 1].module)
    act = getattr(act, "intermediate_act_fn", act)  # of BERT, within the module
    with torch.no_grad():
        made = act(torch.tensor(found[language.BEFORE, 1].values))
    np.testing.assert_allclose(found[language.AFTER, 1].values, made, rtol=1e-4, atol=1e-6)


def test_the_product_behind_the_gate_is_that_of_its_factors(model, ids):
    places = language.sites(model, [language.AFTER, language.PRODUCT])
    found = language.recorded(model, places, ids)
    up = language.recorded(model, {"up": language.Place("model.layers.2.mlp.up_proj")}, ids)["up"]
    product = found[language.AFTER, 3].values * up.values
    np.testing.assert_allclose(found[language.PRODUCT, 3].values, product, rtol=1e-4, atol=1e-5)


def test_gains_are_undone_and_dead_axes_left_out():
    config = transformers.BertConfig(
        vocab_size=20,
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=12,
    )
    bert = transformers.BertModel(config).eval()
    texts = torch.arange(12).reshape(3, 4)
    places = language.sites(bert, [language.RESIDUAL])
    plain = language.recorded(bert, places, texts)
    gains = torch.tensor([1.0, 2.0, 0.5, 3.0, 0.0, 1.0, -2.0, 1.0])
    bert.encoder.layer[1].output.LayerNorm.weight.data = gains
    found = language.ungained(bert, language.recorded(bert, places, texts))
    alive = [0, 1, 2, 3, 5, 6, 7]
    expected = plain[language.RESIDUAL, 2].values[:, alive]
    np.testing.assert_allclose(found[language.UNGAINED, 2].values, expected, rtol=1e-4, atol=1e-5)
    assert found[language.UNGAINED, 1].equals(plain[language.RESIDUAL, 1])


def test_a_seed_decides_what_is_written_and_chance_elsewhere_does_not(model, ids):
    torch.manual_seed(99)
    state = torch.get_rng_state()
    again = language.written(model, texts=6, tokens=9, seed=3)
    assert torch.equal(ids, again)
    assert torch.equal(state, torch.get_rng_state())
    assert not torch.equal(ids, language.written(model, texts=6, tokens=9, seed=4))


def test_colder_texts_are_likelier(model):
    def surprise(temperature):
        texts = language.written(model, 40, 40, seed=0, temperature=temperature)
        with torch.no_grad():
            scores = model(input_ids=texts).logits[:, :-1]
        return nn.functional.cross_entropy(scores.flatten(0, 1), texts[:, 1:].flatten()).item()

    found = [surprise(temperature) for temperature in (0.3, 0.8, 1.5)]
    assert found == sorted(found)
    assert 0.6 < found[1] < 1.6  # its own samples are no surprise: log(512) is 6.2


def test_the_classifier_gives_the_scores_after_the_last_token(model, ids):
    with torch.no_grad():
        all_scores = model(input_ids=ids).logits
        last = language.NextToken(model)(ids)
    torch.testing.assert_close(last, all_scores[:, -1])


def planted(values, texts):
    rows = xr.DataArray(np.array(values, float), dims=("sample", "unit"))
    tokens = len(values) // texts
    image, token = np.repeat(np.arange(texts), tokens), np.tile(np.arange(tokens), texts)
    return rows.assign_coords(image=("sample", image), token=("sample", token))


def test_tokens_that_a_direction_reads_are_found_one_of_each_text():
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 7, (20, 12))
    ids[:, 5] = 3
    reads = (ids == 3).astype(float) + 0.01 * rng.uniform(size=ids.shape)
    rows = planted(np.stack([reads.ravel(), rng.standard_normal(ids.size)], axis=1), 20)
    found = language.purities(rows, np.eye(2), ids, count=10)
    assert found.purity[0] == 1
    assert found.purity[1] < 0.8
    for vector in (0, 1):
        assert len({*found.text.values[vector].tolist()}) == 10


def test_the_farthest_tokens_agree_with_a_slow_search():
    rng = np.random.default_rng(1)
    ids, values = rng.integers(0, 5, (8, 6)), rng.standard_normal((48, 3))
    rows, vectors = planted(values, 8), rng.standard_normal((4, 3))
    found = language.purities(rows, vectors, ids, count=5)
    for k, vector in enumerate(vectors):
        along = (values @ vector).reshape(8, 6)
        best = sorted(range(8), key=lambda text: -along[text].max())[:5]
        assert found.text.values[k].tolist() == best
        assert found.token.values[k].tolist() == [int(along[text].argmax()) for text in best]


def test_what_cannot_be_asked_is_refused_in_one_line(model, ids):
    rows = planted(np.zeros((4, 2)), 2)
    for asked, said in [
        (lambda: language.sites(nn.Linear(2, 2)), "the model is a Linear; known are Llama"),
        (lambda: language.sites(model, ["nowhere"]), "LlamaForCausalLM has no nowhere; it has"),
        (lambda: language.written(model, 1, 512), "tokens is 512; after its start mark"),
        (lambda: language.written(model, 0, 5), "texts is 0"),
        (lambda: language.written(model, 1, 5, temperature=0), "temperature is 0"),
        (lambda: language.purities(rows, np.eye(2), np.zeros((2, 2), int), 3), "count is 3"),
    ]:
        with pytest.raises(UserError, match=said):
            asked()
