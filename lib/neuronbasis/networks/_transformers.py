"""Networks of the library transformers by the name of a class, or of weights on its hub."""

import json
import re
import warnings
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from neuronbasis.errors import UserError
from neuronbasis.networks import _weights
from neuronbasis.networks._weights import Weights
from neuronbasis.utils.downloads import check_hub, hub_folder, is_of_hub, patient_and_quiet
from neuronbasis.utils.files import brief


def names() -> Sequence[str]:
    """All names of its classes of networks."""
    # By their names alone: each class that is looked at imports its module.
    return [name for name in dir(_transformers()) if re.search(r"^[A-Z].*(Model|For[A-Z])", name)]


def knows(name: str) -> bool:
    """Whether it has a class, or its cache a model of that name; one of its hub has a slash."""
    return "/" in name or _is_network(name) or is_of_hub(name)


def load(name: str, weights: Weights | None) -> nn.Module:
    """A network in the form of transformers: a folder with its configuration and weights."""
    if weights is None and _is_network(name):
        raise UserError(
            f"{name} is a class of transformers, whose weights have names of their own: pass "
            "weights=<folder> or package:NAME, or transformers:NAME with a name of its hub"
        )
    if weights and not weights.path.is_dir():
        raise UserError(
            f"{weights.path}: a file, where transformers takes a folder with config.json and the "
            "weights: pass the folder"
        )
    if weights or is_of_hub(name):
        return _loaded(name, name if weights is None else str(weights.path), local=True)
    try:
        check_hub()
    except OSError as error:
        raise UserError(
            f"{name}: not in the cache {hub_folder()}, and cannot be downloaded ({brief(error)}); "
            "connect to the network, or pass weights=<folder> or package:NAME"
        ) from None
    return _loaded(name, name, local=False)


def _loaded(name: str, source: str, local: bool) -> nn.Module:
    library = _transformers()
    how: dict[str, Any] = {"local_files_only": local}
    try:
        with patient_and_quiet():
            config = library.AutoConfig.from_pretrained(source, **how)
            kind = _kind(name, config)
            model, found = kind.from_pretrained(
                source,
                config=config,
                dtype="float32",
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # they are refused below, by name
                **how,
            )
    except UserError:
        raise
    except Exception as error:  # whatever the hub, the connection or a damaged file raises
        remedy = (
            "pass a folder with config.json and the weights"
            if local
            else "connect to the network, or pass weights=<folder> or package:NAME"
        )
        raise UserError(
            f"{name}: cannot be loaded from {source} ({brief(error)}); {remedy}"
        ) from None
    wrong = [f"{what.split('_')[0]}: {sorted(found[what])[0]}" for what in found if found[what]]
    if wrong:
        raise _another(name, source, config, ", ".join(wrong))
    _weights.check_finite(model, source)
    if model.main_input_name == "pixel_values":
        _weights.attach(model, transforms=_transforms(source, how))
    else:
        _weights.attach(model, tokenizer=_tokenizer(source, how))
    return model


def published(name: str) -> str:
    """Where a network's weights come from if nobody names any."""
    return f"{name} on the hub of transformers"


def licence(model: nn.Module) -> str:
    """That of the weights, which stands in the text of their page on the hub."""
    return ""


def _kind(name: str, config: Any) -> Any:
    """The class of the network: the one named, else that of the configuration."""
    library = _transformers()
    if not _is_network(name):
        return getattr(library, (config.architectures or ["AutoModel"])[0])
    kind = getattr(library, name)
    if not isinstance(config, kind.config_class or type(config)):
        raise _another(name, config.name_or_path, config, f"they are of a {config.model_type}")
    return kind


def _another(name: str, source: str, config: Any, reason: str) -> UserError:
    own = ", ".join(config.architectures or [])
    remedy = f"pass the class that its config.json names, {own}" if own else "pass its own class"
    return UserError(f"{source}: not the weights of {name} ({reason}); {remedy}")


def _tokenizer(source: str, how: dict[str, Any]) -> Any:
    """What turns texts into the network's inputs, None where there is none."""
    vocabulary = Path(source, "vocabulary.json")
    if vocabulary.is_file():
        return Vocabulary.read(vocabulary)
    try:
        with patient_and_quiet():
            tokenizer = _transformers().AutoTokenizer.from_pretrained(source, **how)
    except Exception:  # whatever is raised where the folder holds none
        return None
    tokenizer.padding_side = "right"
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    return tokenizer


def _transforms(source: str, how: dict[str, Any]) -> Any:
    """What turns a picture into the network's input, None where there is none."""
    try:
        with patient_and_quiet():
            processor = _transformers().AutoImageProcessor.from_pretrained(source, **how)
    except Exception:  # whatever is raised where the folder holds none
        return None
    return lambda picture: processor(picture, return_tensors="pt")["pixel_values"][0]


def _is_network(name: str) -> bool:
    library = _transformers()
    kind = getattr(library, name, None) if name.isidentifier() and name[0].isupper() else None
    return isinstance(kind, type) and issubclass(kind, library.PreTrainedModel)


def _transformers() -> Any:
    """The library, whose import takes seconds that few need."""
    with warnings.catch_warnings():
        # In a notebook it asks for a progress bar that loads from other hosts.
        warnings.filterwarnings("ignore", "IProgress not found")
        import tqdm.auto  # noqa: F401  (its first import warns, and transformers is lazy)
    try:
        import transformers
    except ImportError:
        raise UserError(
            "the library transformers is not installed: pip install transformers, or "
            "neuronbasis[models]"
        ) from None
    return transformers


_START, _BYTES = 1, 3  # the number of the piece that begins a text, and of byte 0
_WORD = re.compile(r" ?[^ ]*", re.DOTALL)  # no piece has a blank but in front


class Vocabulary:
    """Pieces of text with scores: pairs of neighbours are merged, the best score first.

    Parameters
    ----------
    pieces : sequence of (str, float)
        In order of their numbers: three marks (unknown, start, end), the 256 bytes, then pieces.

    Notes
    -----
    Byte pair encoding as SentencePiece does it (Kudo and Richardson 2018, arXiv 1808.06226), in
    the simple form of llama2.c: a blank goes before the text, and a character that is no piece
    becomes its bytes.
    """

    def __init__(self, pieces: Sequence[tuple[str, float]]) -> None:
        self.pieces = [piece for piece, _ in pieces]
        self._scores = [score for _, score in pieces]
        self._numbers = {piece: i for i, piece in enumerate(self.pieces)}

    @classmethod
    def read(cls, file: Path) -> "Vocabulary":
        """From a JSON list of pieces with their scores."""
        return cls([(piece, score) for piece, score in json.loads(file.read_text("utf-8"))])

    def encode(self, text: str) -> list[int]:
        """Numbers of the pieces of a text, after that of the start."""
        words = _WORD.findall(f" {text}") if text else []
        return [_START, *(i for word in words for i in self._merged(word))]

    def _merged(self, word: str) -> list[int]:
        ids = []
        for character in word:
            number = self._numbers.get(character)
            raw = character.encode()
            ids += [_BYTES + byte for byte in raw] if number is None else [number]
        while (best := self._best(ids)) is not None:
            place, number = best
            ids[place : place + 2] = [number]
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of pieces, without the marks and the blank before the first."""
        raw = b"".join(
            bytes([i - _BYTES]) if i < _BYTES + 256 else self.pieces[i].encode()
            for i in ids
            if i >= _BYTES
        )
        return raw.decode(errors="replace").removeprefix(" ")

    def __call__(
        self, texts: Sequence[str], max_length: int | None = None, **_: Any
    ) -> dict[str, Tensor]:
        """Token ids and mask, shape (N, T), int64; called as a tokenizer of transformers is."""
        rows = [torch.tensor(self.encode(text)[:max_length]) for text in texts]
        mask = pad_sequence([torch.ones_like(row) for row in rows], batch_first=True)
        return {"input_ids": pad_sequence(rows, batch_first=True), "attention_mask": mask}

    def _best(self, ids: Sequence[int]) -> tuple[int, int] | None:
        """Where the pair of neighbours of the best score is, and the piece that it makes."""
        pairs = (
            (self._numbers.get(self.pieces[a] + self.pieces[b]), i)
            for i, (a, b) in enumerate(pairwise(ids))
        )
        found = [(-self._scores[number], i, number) for number, i in pairs if number is not None]
        return min(found)[1:] if found else None
