"""A chapter's prose as plain Markdown, for Jupyter programs that know no roles and directives."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

from pybtex.database import parse_file

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "book" / "_ext"))

from bookext import lookup  # noqa: E402

from neuronbasis.workflow import claims  # noqa: E402

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
WHERE = "../html/"  # the pages, as seen from the notebooks


def plain(source: str, titles: dict[str, str]) -> str:
    """The same text without roles and directives; titles of pages by their names."""
    source = _DIRECTIVE.sub(_directive, _PLACE.sub("", source))
    source = _FRAME.sub(lambda m: f"[Interactive: {m[2]}]({WHERE}{m[1]})", source)
    source = _PAGE.sub(lambda m: f"*{m[1] or titles.get(m[2], m[2].replace('_', ' '))}*", source)
    return _ROLE.sub(_role, source)


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


def _role(match: re.Match[str]) -> str:
    kind, text = match.groups()
    titled = _TITLED.fullmatch(text)
    told: dict[str, Callable[[str], str]] = {
        "cite:t": _cited,
        "cite:p": lambda keys: f"({_cited(keys).replace(' (', ' ').replace(')', '')})",
        "recorded": _recorded,
        "verdict": _verdict,
    }
    if kind in told:
        return told[kind](text)
    if kind == "math":
        return f"${text}$"
    return titled[1] if titled else text.replace("-", " ") if kind in ("ref", "numref") else text


def _cited(keys: str) -> str:
    known = parse_file(str(ROOT / "book" / "references.bib")).entries
    return ", ".join(_entry(known[key.strip()]) for key in keys.split(","))


def _entry(entry) -> str:
    authors = [" ".join(each.last_names) for each in entry.persons["author"]]
    shown = authors[0] if len(authors) == 1 else f"{authors[0]} et al."
    shown = f"{authors[0]} and {authors[1]}" if len(authors) == 2 else shown
    return f"{shown} ({entry.fields.get('year', 'n.d.')})".translate(str.maketrans("", "", "{}"))


def _recorded(text: str) -> str:
    run, _, rest = text.partition(":")
    name, _, form = rest.partition(":")
    path = ROOT / "book" / "notebooks" / f"{run}.json"
    if run.startswith("paper/"):
        path = ROOT / "results" / run / "record.json"
    return format(lookup(json.loads(path.read_text()), name), form)


def _verdict(claim: str) -> str:
    said, _ = claims.outcomes(
        claims.row_of(claim), claims.frozen_records(ROOT / "results" / "paper")
    )
    return f"**{said}**"
