"""The claims that this book settles: one row a claim, and what the records of runs say of each."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from neuronbasis import records
from neuronbasis.errors import UserError
from neuronbasis.experiments import verdict
from neuronbasis.experiments.verdict import Outcome, Setting
from neuronbasis.utils import project

_ID = re.compile(r"([A-Z]\d+)(?:[._-].+)?\Z")
_WHOLE = re.compile(r"[A-Z]\d+")


@dataclass(frozen=True)
class Claim:
    """One row of the scorecard, apart from what our runs say of it.

    Attributes
    ----------
    id : str
        A letter and a number.
    statement : str
        What is claimed.
    sources : tuple of str
        Who says so: keys of `book/references.bib`.
    where : str
        Section and figure there.
    refuted_by : str
        What we would have to see to give it up.
    kind : str
        Whose it is: "source", "book" for a stricter test of our own, or "mathematics".
    question : str
        Which question of the book it bears on: "align", "cause", "hold" or "read".
    short : str
        The claim in a few words.
    settings : tuple of Setting
        Where its evidence lies.
    """

    id: str
    statement: str
    sources: tuple[str, ...]
    where: str
    refuted_by: str
    kind: str
    question: str
    short: str
    settings: tuple[Setting, ...]


KINDS = ("source", "book", "mathematics")
QUESTIONS = ("align", "cause", "hold", "read")
_FIELDS = tuple(field.name for field in fields(Claim))


def read(path: str | Path | None = None) -> tuple[Claim, ...]:
    """The table of claims, in the order of the scorecard.

    Parameters
    ----------
    path
        By default `book/claims.yml` of the project.

    Raises
    ------
    UserError
        When there is no such file, or a claim in it lacks a field, has one of another name or
        type, or an id that is none or is taken.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "claims.yml"
    >>> _ = file.write_text("[{id: A1, statement: Yes., sources: [x], where: p. 3}]")
    >>> read(file)
    Traceback (most recent call last):
    neuronbasis.errors.UserError: claims.yml: claim A1 lacks refuted_by; write it
    """
    path = Path(path) if path else project.source() / "book" / "claims.yml"
    try:
        listed = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        said = " ".join(str(error).split())
        raise UserError(f"{path.name}: cannot be read ({said}); see that it is YAML") from None
    if not isinstance(listed, list) or not listed:
        raise UserError(f"{path.name}: holds no list of claims; begin each by '- id: S1'")
    rows: dict[str, Claim] = {}
    for number, each in enumerate(listed, start=1):
        row = _row(each, number, path.name)
        if row.id in rows:
            raise UserError(f"{path.name}: two claims are {row.id}; give one of them another id")
        rows[row.id] = row
    return tuple(rows.values())


def _row(said: Any, number: int, file: str) -> Claim:
    """One claim of the file, checked."""
    if not isinstance(said, dict):
        raise UserError(f"{file}: claim number {number} is {said!r}; write {', '.join(_FIELDS)}")
    name = said.get("id", f"number {number}")
    if "id" in said and not (isinstance(name, str) and _WHOLE.fullmatch(name)):
        raise UserError(f"{file}: the id {name!r} is not a letter and a number, such as S1")
    for key in said:
        if key not in _FIELDS:
            raise UserError(f"{file}: claim {name} has {key!r}; it may have {', '.join(_FIELDS)}")
    for key in _FIELDS:
        if key not in said:
            raise UserError(f"{file}: claim {name} lacks {key}; write it")
        if key == "settings":
            if not (isinstance(said[key], list) and said[key]):
                start = "begin each by '- {run: ...'"
                raise UserError(f"{file}: settings of claim {name} is {said[key]!r}; {start}")
            continue
        texts = said[key] if key == "sources" else [said[key]]
        if not (isinstance(texts, list) and texts and all(isinstance(t, str) and t for t in texts)):
            kind = "a list of keys of references.bib" if key == "sources" else "text"
            raise UserError(f"{file}: {key} of claim {name} is {said[key]!r}; it must be {kind}")
    for key, legal in (("kind", KINDS), ("question", QUESTIONS)):
        if said[key] not in legal:
            raise UserError(
                f"{file}: {key} of claim {name} is {said[key]!r}; it is one of {', '.join(legal)}"
            )
    settings = tuple(_setting(each, name, file) for each in said["settings"])
    return Claim(**said | {"sources": tuple(said["sources"]), "settings": settings})


def _setting(said: Any, name: str, file: str) -> Setting:
    try:
        return Setting(**said)
    except TypeError:
        legal = ", ".join(field.name for field in fields(Setting))
        raise UserError(
            f"{file}: claim {name} has the setting {said!r}; run, says, effect and floor it must "
            f"have, and it may have {legal}"
        ) from None


def frozen_records(folder: str | Path | None = None) -> dict[str, dict[str, Any]]:
    """Content of every frozen record, by run.

    Parameters
    ----------
    folder
        By default `results/paper` of the project.
    """
    folder = Path(folder) if folder else project.source() / "results" / "paper"
    return {
        path.parent.name: records.read(path.parent) for path in sorted(folder.glob("*/record.json"))
    }


def outcomes(
    claim: Claim, frozen: Mapping[str, Mapping[str, Any]]
) -> tuple[str, tuple[Outcome, ...]]:
    """The verdict of a claim, and what came out in each of its settings.

    Parameters
    ----------
    claim : Claim
        A row of the table.
    frozen : mapping of str to dict
        Content of `record.json` by run, of `results/`.

    Raises
    ------
    UserError
        If a record lacks what a setting names.

    Examples
    --------
    >>> outcomes(row_of("S1"), frozen_records())[0]
    'supported'
    """
    found = tuple(verdict.settle(each, frozen.get(each.run)) for each in claim.settings)
    return verdict.together(found), found


@dataclass(frozen=True)
class Finding:
    """What one run says of one claim.

    Attributes
    ----------
    claim : str
        Id of the row.
    part : str
        What the run named this part of the claim, such as "large" of "S5.large"; often empty.
    run, notebook : str
        Where it comes from.
    scale : str
        "paper" for a frozen record; of this build, "repeated" where the run
        has the parameters of the frozen one, else "live".
    effect : float
        The measured effect.
    interval : tuple of float
        Its 95% interval.
    n : int
        Seeds (or images, where there is one network) that the interval is over.
    control, verdict : str
        As recorded.
    parameters : dict
        Of the run.
    """

    claim: str
    part: str
    run: str
    notebook: str
    scale: str
    effect: float
    interval: tuple[float, float]
    n: int
    control: str
    verdict: str
    parameters: Mapping[str, Any]


@cache
def _table() -> tuple[Claim, ...]:
    return read()


def __getattr__(name: str) -> tuple[Claim, ...]:
    """`CLAIMS`, the project's table, read when it is first asked for."""
    if name == "CLAIMS":
        return _table()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def row_of(claim: str) -> Claim:
    """The row to which a recorded claim belongs: "S2.cifar" is a part of S2.

    Raises
    ------
    UserError
        When the table has no such row.

    Examples
    --------
    >>> row_of("S2.cifar").where
    'Sec. 3, App. B.3, Fig. 1, 2, 5, 6'
    """
    match = _ID.match(claim)
    for row in _table():
        if match and row.id == match[1]:
            return row
    known = ", ".join(row.id for row in _table())
    raise UserError(f"claim {claim!r}: there are {known}; a part of one is named as in S2.cifar")


def findings(
    frozen: Mapping[str, Mapping[str, Any]], fresh: Mapping[str, Mapping[str, Any]]
) -> dict[str, list[Finding]]:
    """Gather what all records say: for every claim of the table its findings, frozen ones first.

    Parameters
    ----------
    frozen, fresh : mapping of str to dict
        Content of `record.json` by run: those of `results/`, and those of this build.

    Returns
    -------
    dict of str to list of Finding
        Every claim has its entry, empty where no run has settled it. A fresh finding that is
        equal to the frozen one of its run under the same parameters is left out.

    Raises
    ------
    UserError
        When a record settles a claim that is not in the table.

    Examples
    --------
    >>> said = {"effect": 1.0, "interval": [0.9, 1.1], "n": 12, "control": "", "verdict": "mixed"}
    >>> record = {"notebook": "method", "parameters": {"n": 6}, "claims": {"S7": said}}
    >>> [(each.run, each.scale, each.verdict) for each in findings({}, {"run": record})["S7"]]
    [('run', 'live', 'mixed')]
    """
    found: dict[str, list[Finding]] = {row.id: [] for row in _table()}
    for run, content in frozen.items():
        for each in _of_record(run, content, "paper"):
            found[each.claim].append(each)
    for run, content in fresh.items():
        earlier = frozen.get(run, {})
        repeated = content["parameters"] == earlier.get("parameters")
        if repeated and content.get("claims") == earlier.get("claims"):
            continue
        for each in _of_record(run, content, "repeated" if repeated else "live"):
            found[each.claim].append(each)
    return found


def _of_record(run: str, content: Mapping[str, Any], scale: str) -> list[Finding]:
    return [
        Finding(
            claim=row_of(name).id,
            part=name[len(row_of(name).id) + 1 :],
            run=run,
            notebook=content["notebook"],
            scale=scale,
            effect=said["effect"],
            interval=(said["interval"][0], said["interval"][1]),
            n=said["n"],
            control=said["control"],
            verdict=said["verdict"],
            parameters=content["parameters"],
        )
        for name, said in content.get("claims", {}).items()
    ]
