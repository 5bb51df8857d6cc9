"""A transformer as a subject: texts that it writes, its sites by kind, what a direction reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor, nn

from neuronbasis import recording
from neuronbasis.errors import UserError
from neuronbasis.utils.checks import number, whole_number

RESIDUAL, ATTENTION, OUTPUT = "residual stream", "attention output", "MLP output"
UNGAINED = "residual stream, gains undone"
BEFORE, AFTER = "before the nonlinearity", "after the nonlinearity"
PRODUCT = "after, times the gate"


@dataclass(frozen=True)
class Place:
    """A place in a block of a transformer.

    Attributes
    ----------
    module : str
        Its name within the block; empty: the block itself.
    what : str
        As of `recording.record`.
    """

    module: str
    what: str = "output"


_LLAMA = {
    RESIDUAL: Place(""),
    ATTENTION: Place("self_attn"),
    BEFORE: Place("mlp.gate_proj"),
    AFTER: Place("mlp.act_fn"),
    PRODUCT: Place("mlp.down_proj", "input"),
    OUTPUT: Place("mlp"),
}
_BERT = {
    RESIDUAL: Place(""),
    ATTENTION: Place("attention.self"),
    BEFORE: Place("intermediate.dense"),
    AFTER: Place("intermediate"),
    OUTPUT: Place("output.dense"),
}
_GPT2 = {
    RESIDUAL: Place(""),
    ATTENTION: Place("attn"),
    BEFORE: Place("mlp.c_fc"),
    AFTER: Place("mlp.act"),
    OUTPUT: Place("mlp"),
}
#: Blocks and their places, by class of transformers.
FAMILIES: dict[str, tuple[str, Mapping[str, Place]]] = {
    "LlamaForCausalLM": ("model.layers", _LLAMA),
    "MistralForCausalLM": ("model.layers", _LLAMA),
    "Qwen2ForCausalLM": ("model.layers", _LLAMA),
    "BertModel": ("encoder.layer", _BERT),
    "GPT2LMHeadModel": ("transformer.h", _GPT2),
}

#: The normalisation that ends a block, where one does: each axis of the stream has a gain there.
_NORMS = {"BertModel": "output.LayerNorm"}
_DEAD = 1e-3  # a gain that is smaller leaves nothing of its axis


class NextToken(nn.Module):
    """Scores of the token that comes after the last of a text: a language model as a classifier.

    Parameters
    ----------
    language : nn.Module
        Takes token ids (N, T), gives an object with ``logits`` (N, T, vocabulary).

    Examples
    --------
    >>> from neuronbasis import networks
    >>> classifier = NextToken(networks.pretrained("stories260k"))
    >>> classifier(torch.tensor([[1, 403, 407]])).shape
    torch.Size([1, 512])
    """

    def __init__(self, language: nn.Module) -> None:
        super().__init__()
        self.language = language.eval()

    def forward(self, ids: Tensor) -> Tensor:
        """Scores (N, vocabulary) of token ids (N, T)."""
        scores: Tensor = self.language(input_ids=ids, use_cache=False).logits[:, -1]
        return scores


def sites(model: nn.Module, kinds: Sequence[str] | None = None) -> dict[tuple[str, int], Place]:
    """Where to look in a transformer: places of every block, by kind and number of the block.

    Parameters
    ----------
    model : nn.Module
        Of one of the `FAMILIES`, from `networks.pretrained`.
    kinds : sequence of str, optional
        Default: all that its family has.

    Returns
    -------
    dict of (str, int) to Place
        Block from 1; the place's module by its full name.

    Raises
    ------
    UserError
        If the model is of another family, or the family has no such kind.

    Examples
    --------
    >>> from neuronbasis import networks
    >>> found = sites(networks.pretrained("stories260k"), [AFTER])
    >>> found["after the nonlinearity", 5]
    Place(module='model.layers.4.mlp.act_fn', what='output')
    """
    family = type(model).__name__
    if family not in FAMILIES:
        raise UserError(
            f"the model is a {family}; known are {', '.join(FAMILIES)}: record other models with "
            "recording.record and the names of their modules"
        )
    blocks, places = FAMILIES[family]
    missing = {*(kinds or places)} - {*places}
    if missing:
        raise UserError(f"{family} has no {min(missing)}; it has {', '.join(places)}")
    return {
        (kind, block + 1): Place(
            ".".join(filter(None, (blocks, str(block), places[kind].module))), places[kind].what
        )
        for kind in kinds or places
        for block in range(len([*model.get_submodule(blocks).children()]))
    }


def written(
    model: nn.Module, texts: int, tokens: int, seed: int = 0, temperature: float = 0.8
) -> Tensor:
    """Let a language model write texts of one length, each from its start mark.

    Parameters
    ----------
    model : nn.Module
        A causal model of transformers.
    texts, tokens : int
        How many, and of how many tokens after the mark.
    seed : int
        Decides what is written.
    temperature : float in (0, 10]
        By which the scores are divided before a token is drawn.

    Returns
    -------
    Tensor, shape (texts, 1 + tokens), int64
        Token ids, the start mark first.

    Raises
    ------
    UserError
        If a number is out of range, or texts would be longer than the model takes.

    Examples
    --------
    >>> from neuronbasis import networks
    >>> model = networks.pretrained("stories260k")
    >>> written(model, texts=2, tokens=5).shape
    torch.Size([2, 6])
    """
    config: Any = model.config
    whole_number(texts, "texts", 1), whole_number(tokens, "tokens", 1)
    number(temperature, "temperature", "(0, 10]", "such as 0.8")
    if tokens >= config.max_position_embeddings:
        raise UserError(
            f"tokens is {tokens}; after its start mark the model takes at most "
            f"{config.max_position_embeddings - 1}: pass fewer"
        )
    start = torch.full((texts, 1), config.bos_token_id)
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        found: Tensor = model.generate(  # type: ignore[operator]
            start,
            attention_mask=torch.ones_like(start),
            do_sample=True,
            temperature=temperature,
            top_k=0,
            min_new_tokens=tokens,
            max_new_tokens=tokens,
            pad_token_id=config.bos_token_id,
        )
    return found


def recorded(
    model: nn.Module, places: Mapping[Any, Place], inputs: Any, skip: int = 1
) -> dict[Any, xr.DataArray]:
    """Activations at every token of texts, without the first ones.

    The mark before a text has activations of its own, many times as long as others and the same
    in every text. They would be most of the variance.

    Parameters
    ----------
    model : nn.Module
    places : mapping of a name to Place
        Such as of `sites`.
    inputs : Tensor or mapping
        As `recording.record` takes them.
    skip : int
        Tokens left out at the beginning of each text.

    Returns
    -------
    dict of a name to DataArray (sample, unit)
        With coordinates ``image``, the text, and ``token``.

    Raises
    ------
    UserError
        As `recording.record`.
    """
    found: dict[Any, xr.DataArray] = {}
    for what in ("output", "input"):
        named = {str(name): [p.module] for name, p in places.items() if p.what == what}
        if named:
            rows = recording.record(
                model, named, inputs, positions="all", what=what, progress=False
            )
            found |= {name: rows[str(name)] for name in places if str(name) in rows}
    return {name: found[name][found[name].token.values >= skip] for name in places}


def ungained(
    model: nn.Module, activations: Mapping[Any, xr.DataArray]
) -> dict[tuple[str, int], xr.DataArray]:
    """The residual stream as it was before the gains of the normalisation that ends each block.

    Parameters
    ----------
    model : nn.Module
        Of one of the `FAMILIES`.
    activations : mapping of (kind, block) to DataArray
        Of `recorded`.

    Returns
    -------
    dict of (str, int) to DataArray
        For each block divided by its gains, axes whose gain is next to nothing left out. Empty
        where no normalisation ends a block. The biases stay: mean-centring takes them off.

    Examples
    --------
    >>> from neuronbasis import networks
    >>> ungained(networks.pretrained("stories260k"), {})
    {}
    """
    family = type(model).__name__
    if family not in _NORMS:
        return {}
    found = {}
    for (kind, block), rows in activations.items():
        if kind == RESIDUAL:
            name = f"{FAMILIES[family][0]}.{block - 1}.{_NORMS[family]}.weight"
            gains = model.get_parameter(name).detach().double().numpy()
            alive = np.flatnonzero(abs(gains) > _DEAD)
            found[UNGAINED, block] = rows[:, alive] / gains[alive]
    return found


def purities(
    rows: xr.DataArray, vectors: Any, ids: Tensor | NDArray[np.int64], count: int = 10
) -> xr.Dataset:
    """Tokens at which activations reach farthest along vectors, and how alike these tokens are.

    Parameters
    ----------
    rows : DataArray (sample, unit)
        Of `recorded`.
    vectors : array_like, shape (k, units)
    ids : Tensor or ndarray, shape (texts, tokens)
        Token ids of the same texts.
    count : int
        Tokens for each vector, each from another text.

    Returns
    -------
    xarray.Dataset
        By (vector, place): ``text`` and ``token``, where the farthest are, ``id`` of the token.
        By vector: ``purity``, the share that the commonest token has among them.

    Raises
    ------
    UserError
        If there are fewer texts than `count`.

    Examples
    --------
    >>> rows = xr.DataArray([[1.0], [3.0], [2.0]], dims=("sample", "unit"))
    >>> rows = rows.assign_coords(image=("sample", [0, 0, 1]), token=("sample", [1, 2, 1]))
    >>> found = purities(rows, [[1.0]], torch.tensor([[9, 5, 7], [9, 7, 7]]), count=2)
    >>> found.id.values.tolist(), found.purity.values.tolist()
    ([[7, 7]], [1.0])
    """
    ids, text, token = np.asarray(ids), rows.image.values, rows.token.values
    texts = len(np.unique(text))
    if not 1 <= count <= texts:
        raise UserError(f"count is {count}; it must lie in [1, {texts}], the number of texts")
    along = rows.values @ np.asarray(vectors, np.float64).T
    places = np.stack([_farthest(column, text, count) for column in along.T])
    numbers = ids[text[places], token[places]]
    purity = [np.unique(each, return_counts=True)[1].max() / count for each in numbers]
    by = ("vector", "place")
    return xr.Dataset(
        {"text": (by, text[places]), "token": (by, token[places]), "id": (by, numbers)}
        | {"purity": ("vector", np.array(purity))}
    )


def _farthest(values: NDArray[np.float64], text: NDArray[Any], count: int) -> NDArray[np.intp]:
    """Places of the largest values, one of each text."""
    order = np.argsort(-values, kind="stable")
    first = np.sort(np.unique(text[order], return_index=True)[1])
    found: NDArray[np.intp] = order[first[:count]]
    return found
