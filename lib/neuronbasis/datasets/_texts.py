"""Texts as inputs of a network: the numbers of their tokens, and which are none."""

import math
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from neuronbasis.errors import UserError
from neuronbasis.utils.checks import whole_number
from neuronbasis.utils.folders import found_path


def sentences(file: str | Path = "") -> list[str]:
    """Texts of a file, one a line.

    Parameters
    ----------
    file : str or Path
        Plain text, UTF-8; it may lie in the data folder. Empty: 500 sentences of this book, a
        copy that later changes of the chapters do not touch.

    Returns
    -------
    list of str
        In the file's order, without empty lines.

    Raises
    ------
    UserError
        If there is no such file, it is no text, or holds none.

    Examples
    --------
    >>> len(sentences())
    500
    """
    own = Path(str(resources.files("neuronbasis.datasets"))) / "texts" / "sentences.txt"
    place = found_path(file) if file else own
    try:
        lines = place.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"{place}: no readable text ({type(error).__name__}); pass a file of UTF-8 with one "
            "text a line"
        ) from None
    texts = [line.strip() for line in lines if line.strip()]
    if not texts:
        raise UserError(f"{place}: no text in it; pass a file with one text a line")
    return texts


def tokenised(model: nn.Module, texts: Sequence[str], longest: int = 0) -> dict[str, Tensor]:
    """Turn texts into the inputs of a network, by its own tokenizer.

    Parameters
    ----------
    model : nn.Module
        From `networks.pretrained`.
    texts : sequence of str
        Shorter ones are padded at their end to the length of the longest.
    longest : int
        Texts are cut to so many tokens; 0: never.

    Returns
    -------
    dict of str to Tensor, shape (N, T), int64
        Inputs by name, for `recording.record`: ``input_ids``, ``attention_mask`` (1 for a token,
        0 for padding), and what else the network takes.

    Raises
    ------
    UserError
        If the model has no tokenizer, there is no text, or one is longer than the model takes.

    Examples
    --------
    >>> from neuronbasis import networks
    >>> inputs = tokenised(networks.pretrained("stories260k"), ["Once upon a time", "One day"])
    >>> inputs["input_ids"].tolist()
    [[1, 403, 407, 261, 378], [1, 385, 328, 0, 0]]
    >>> inputs["attention_mask"].tolist()
    [[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]
    """
    tokenizer: Any = getattr(model, "tokenizer", None)
    if tokenizer is None:
        raise UserError(
            f"{type(model).__name__} has no tokenizer: pass a model of pretrained() whose folder "
            "holds one, or token ids as inputs"
        )
    if isinstance(texts, str) or not len(texts) or not all(isinstance(t, str) for t in texts):
        raise UserError("texts are none, a single one, or no texts; pass a list of texts")
    cut = whole_number(longest, "longest", 0)
    limited = {"truncation": True, "max_length": cut} if cut else {}
    inputs = dict(tokenizer(list(texts), padding=True, return_tensors="pt", **limited))
    _check_lengths(model, inputs)
    return inputs


def _check_lengths(model: nn.Module, inputs: dict[str, Tensor]) -> None:
    config = getattr(model, "config", None)
    limits = (
        getattr(config, "max_position_embeddings", None),
        getattr(model.tokenizer, "model_max_length", None),
    )
    most = min((limit for limit in limits if limit), default=math.inf)
    lengths = inputs["attention_mask"].sum(1)
    if lengths.max() > most:
        text = int(lengths.argmax())
        raise UserError(
            f"text {text} has {int(lengths[text])} tokens, {type(model).__name__} takes at most "
            f"{most}: divide it, or cut it with longest={most}"
        )
