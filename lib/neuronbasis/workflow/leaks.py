"""Look for the words of solutions in every byte of a folder."""

import re
import zipfile
from collections.abc import Iterable, Iterator
from html import unescape
from io import BytesIO
from itertools import chain
from pathlib import Path

TOGETHER = 6  # so many words in a row are of a solution, and not of the language

# Not by the pattern of `editions`, whose faults this is to find.
_BEGUN = re.compile(r"^\s*[`:]{3,}\s*\{solution")
_ENDED = re.compile(r"^\s*[`:]{3,}\s*\{solution-end")
_EDGE = re.compile(r"^\s*[`:]{3,}.*$", re.MULTILINE)
_WORD = re.compile(r"[A-Za-z]{2,}")
_TAG = re.compile(r"<[^<>]*>")
_ZIPPED = b"PK\x03\x04"

Phrase = tuple[str, ...]


def phrases(sources: Iterable[str]) -> set[Phrase]:
    """Give the runs of words that stand in the solutions of some pages, and nowhere else in them.

    Parameters
    ----------
    sources : iterable of str
        The text of every chapter and page, in MyST.

    Returns
    -------
    set of tuple of str
        Each of `TOGETHER` words; what is shown before or after a solution is no secret.
    """
    solved: set[Phrase] = set()
    kept: set[Phrase] = set()
    for source in sources:
        for text, secret in _parts(source.splitlines()):
            # What stands on both sides of a cell's edge is next to each other on no page.
            for piece in _EDGE.split(text):
                (solved if secret else kept).update(_runs(piece))
    return solved - kept


def leaks(folder: Path, secrets: set[Phrase]) -> Iterator[tuple[str, str]]:
    """Find secret phrases in every file of a folder, those within zip files included.

    Yields
    ------
    (str, str)
        The file's path and the phrase.
    """
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        for name, content in _files(path.relative_to(folder).as_posix(), path.read_bytes()):
            text = content.decode("utf-8", errors="ignore")
            ways = [text, _TAG.sub("", unescape(text.replace("\\n", " ")))]
            found = secrets.intersection(chain.from_iterable(map(_runs, ways)))
            yield from ((name, " ".join(phrase)) for phrase in sorted(found))


def _files(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    yield name, content
    if content.startswith(_ZIPPED) and zipfile.is_zipfile(BytesIO(content)):
        with zipfile.ZipFile(BytesIO(content)) as held:
            for each in held.namelist():
                yield from _files(f"{name}/{each}", held.read(each))


def _parts(lines: list[str]) -> Iterator[tuple[str, bool]]:
    """The lines of a page in runs: what stands in a solution, and what does not."""
    part: list[str] = []
    fence = ""  # of a solution that is one directive
    gated = False  # one that ends where a directive of its own says so
    for line in lines:
        if fence or gated:
            ends = _ENDED.match(line) if gated else line.strip() == fence
            if not ends:
                part.append(line)
                continue
            yield "\n".join(part), True
            part, fence, gated = [], "", False
        elif _BEGUN.match(line):
            yield "\n".join(part), False
            part, gated = [], "{solution-start}" in line
            fence = "" if gated else line.strip().partition("{")[0].strip()
        else:
            part.append(line)
    yield "\n".join(part), bool(fence or gated)


def _runs(text: str) -> Iterator[Phrase]:
    words = _WORD.findall(text)
    return zip(*(words[k:] for k in range(TOGETHER)), strict=False)
