"""A chapter's prose as plain Markdown, for Jupyter programs that know no roles and directives."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bookext import quoted
from pybtex.database import parse_file

from neuronbasis.workflow import claims

BOOK = Path(__file__).parents[1]
_ROLE = re.compile(r"\{([a-z:]+)\}`([^`]*)`")
_TITLED = re.compile(r"(.*?)\s*<([^>]*)>", re.DOTALL)
_DIRECTIVE = re.compile(
    r"^(`{3,}|:{3,})\{(exercise|solution|solution-start|solution-end|note|admonition|warning|tip|epigraph)\}"
    r"[ \t]*([^\n]*)\n(.*?)^\1[ \t]*$",
    re.MULTILINE | re.DOTALL,
)
_OPTION = re.compile(r"^:([\w-]+):[ \t]*(.*)\n", re.MULTILINE)
_FRAME = re.compile(
    r'<iframe src="(?:\.\./)?([^"]+)" title="Interactive: ([^"]*)".*?</iframe>', re.DOTALL
)
_PLACE = re.compile(r"^\([\w-]+\)=\n", re.MULTILINE)
_PAGE = re.compile(r"\[([^\]]*)\]\((?:\.\./)?(?:notebooks/)?(\w+)\.(?:md|ipynb)\)")


def plain(source: str, titles: dict[str, str], pages: str = "", book: Path = BOOK) -> str:
    """The same text without roles and directives.

    Titles of pages by their names; where the rendered pages lie, if a link can lead there; the
    folder of the book, beside which the records lie.
    """

    def piece(match: re.Match[str]) -> str:
        said = f"Interactive: {match[2]}"
        if not pages:
            return f"*{said}*"
        place = f"{pages.removeprefix('../')}{match[1]}"
        otherwise = f"if it does not open, open `{place}` of this folder in a browser"
        return f"[{said}]({pages}{match[1]}) ({otherwise})"

    source = _DIRECTIVE.sub(_directive, _PLACE.sub("", source))
    source = _FRAME.sub(piece, source)
    source = _PAGE.sub(lambda m: f"*{m[1] or titles.get(m[2], m[2].replace('_', ' '))}*", source)
    return _ROLE.sub(partial(_role, book), source)


def _directive(match: re.Match[str]) -> str:
    _, kind, title, body = match.groups()
    body = _OPTION.sub("", body).strip()
    if kind == "solution-end":
        return ""
    if kind == "epigraph":
        return "\n".join(f"> {line}".rstrip() for line in body.splitlines())
    if kind.startswith("solution"):
        return f"**Solution.**\n\n{body}".strip()
    if kind == "exercise":
        return f"**Exercise.** {body}"
    return f"**{title or kind.capitalize()}.** {body}"


def _role(book: Path, match: re.Match[str]) -> str:
    kind, text = match.groups()
    titled = _TITLED.fullmatch(text)
    told: dict[str, Callable[[Path, str], str]] = {
        "cite:t": _cited,
        "cite:p": lambda *keys: f"({_cited(*keys).replace(' (', ' ').replace(')', '')})",
        "recorded": quoted,
        "verdict": _verdict,
    }
    if kind in told:
        return told[kind](book, text)
    if kind == "math":
        return f"${text}$"
    return titled[1] if titled else text.replace("-", " ") if kind in ("ref", "numref") else text


def _cited(book: Path, keys: str) -> str:
    known = parse_file(str(book / "references.bib")).entries
    return ", ".join(_entry(known[key.strip()]) for key in keys.split(","))


def _entry(entry) -> str:
    authors = [" ".join(each.last_names) for each in entry.persons["author"]]
    shown = authors[0] if len(authors) == 1 else f"{authors[0]} et al."
    shown = f"{authors[0]} and {authors[1]}" if len(authors) == 2 else shown
    return f"{shown} ({entry.fields.get('year', 'n.d.')})".translate(str.maketrans("", "", "{}"))


def _verdict(book: Path, claim: str) -> str:
    frozen = claims.frozen_records(book.parent / "results" / "paper")
    said, _ = claims.outcomes(claims.row_of(claim), frozen)
    return f"**{said}**"
