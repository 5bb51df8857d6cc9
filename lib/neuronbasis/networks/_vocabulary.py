"""Texts as the numbers of pieces of a vocabulary in which each piece has a score."""

import json
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

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
