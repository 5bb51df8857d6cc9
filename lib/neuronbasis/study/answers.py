"""Answers as rows of CSV files: one row a trial, each checked by itself."""

import csv
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from neuronbasis.errors import UserError
from neuronbasis.study.trials import SIDES, Study, fingerprint
from neuronbasis.utils.folders import is_hidden

FIELDS = (
    "study",
    "participant",
    "session",
    "trial",
    "position",
    "answer",
    "milliseconds",
    "interruptions",
    "time",
    "check",
)
HEADER = ",".join(FIELDS)
SIMULATED = "simulated-"
_FORMS = {
    "participant": r"[1-9]\d{0,5}",
    "session": rf"[0-9a-f]{{16}}|{SIMULATED}\d{{1,6}}",
    "position": r"[1-9]\d{0,3}",
    "answer": "|".join(SIDES),
    "milliseconds": r"0|[1-9]\d{0,8}",
    "interruptions": r"0|[1-9]\d{0,4}",
    "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
}
LONGEST = 200  # bytes of a row; the longest legal one has fewer


@dataclass(frozen=True)
class Answer:
    """What one participant answered to one trial.

    Attributes
    ----------
    study, trial : str
        Their ids.
    participant : int
        The number; who it is, nobody knows.
    session : str
        Sixteen random hexadecimal digits drawn by the browser when the participant began;
        ``simulated-...`` where nobody sat there.
    position : int
        Place of the trial in this participant's order, from 1.
    answer : str
        "top" or "bottom".
    milliseconds : int
        From the moment the rows were shown, the last time if there were several, to the answer.
    interruptions : int
        How often the trial had been shown before: after a pause or a reload.
    time : str
        When, in UTC, to the second.
    """

    study: str
    participant: int
    session: str
    trial: str
    position: int
    answer: str
    milliseconds: int
    interruptions: int
    time: str

    @property
    def simulated(self) -> bool:
        """Whether a program gave it."""
        return self.session.startswith(SIMULATED)

    def line(self) -> str:
        """The row of the file, without its end.

        Examples
        --------
        >>> Answer("3f2a", 7, "simulated-7", "t01", 1, "top", 812, 0, "2026-01-01T00:00:00Z").line()
        '3f2a,7,simulated-7,t01,1,top,812,0,2026-01-01T00:00:00Z,44998c5a'
        """
        content = ",".join(str(getattr(self, name)) for name in FIELDS[:-1])
        return f"{content},{fingerprint(content)}"


@dataclass(frozen=True)
class LeftOut:
    """A row of a file that does not count, and why."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


def parse(line: str, study: Study) -> Answer:
    """Read one row.

    Raises
    ------
    UserError
        With the reason, if it is no answer to a trial of this study, whole and unchanged.
    """
    try:
        cells = next(csv.reader([line], strict=True), [])
    except csv.Error as error:
        raise UserError(f"no row of a CSV file ({error})") from None
    if len(cells) != len(FIELDS):
        raise UserError(f"{len(cells)} fields instead of {len(FIELDS)}: cut off, or no answer")
    row = dict(zip(FIELDS, cells, strict=True))
    if row["study"] != study.id:
        raise UserError(f"of the study {row['study'][:40]!r}, which is not {study.id}")
    for name, form in _FORMS.items():
        if not re.fullmatch(form, row[name], re.ASCII):
            raise UserError(f"{name} is {row[name][:40]!r}, which no page writes")
    if row["trial"] not in study.by_id:
        raise UserError(f"trial {row['trial'][:40]!r} is not one of this study")
    if row["check"] != fingerprint(",".join(cells[:-1])):
        raise UserError("its check does not fit: changed after it was saved")
    if int(row["position"]) > len(study.trials):
        raise UserError(f"position {row['position']} of {len(study.trials)} trials")
    numbers = {name: int(row[name]) for name in _NUMBERS}
    return Answer(**{**{name: row[name] for name in FIELDS[:-1]}, **numbers})  # type: ignore[arg-type]


_NUMBERS = ("participant", "position", "milliseconds", "interruptions")


def read(folder: Path, study: Study) -> tuple[list[Answer], list[LeftOut]]:
    """All answers that count in the CSV files of a folder, and every row that does not.

    A row that stands there several times counts once. If the same trial of a session has rows that
    differ, none of them counts. If a participant has several sessions, the one that began first
    counts, since in a later one the trials are known.
    """
    paths = sorted(path for path in folder.rglob("*") if _is_saved(path, folder))
    if not paths:
        raise UserError(f"{folder}: holds no CSV file; put the saved answers there")
    found: list[tuple[str, int, Answer]] = []
    left_out: list[LeftOut] = []
    for path in paths:
        name = str(path.relative_to(folder))
        for number, line in _lines(path):
            try:
                found.append((name, number, parse(_text(line), study)))
            except UserError as fault:
                left_out.append(LeftOut(name, number, str(fault)))
    single = _without_repeats(found, left_out)
    first = _first_sessions(single, left_out)
    return first, sorted(left_out, key=lambda each: (each.file, each.line))


def _is_saved(path: Path, folder: Path) -> bool:
    """Whether a browser saved it; phones write ".CSV", too, and zip programs files of their own."""
    *above, name = path.relative_to(folder).parts
    hidden = is_hidden(name) or any(is_hidden(each, folder=True) for each in above)
    return path.suffix.lower() == ".csv" and not hidden and path.is_file()


def _lines(path: Path) -> Iterable[tuple[int, bytes]]:
    """Rows with their line numbers: no header, no empty lines."""
    content = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    for number, line in enumerate(content.split(b"\n"), start=1):
        line = line.removesuffix(b"\r")
        if line and not (number == 1 and line == HEADER.encode()):
            yield number, line


def _text(line: bytes) -> str:
    if len(line) > LONGEST:
        raise UserError(f"{len(line)} bytes long: no answer")
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise UserError("not in UTF-8: damaged, or no answer") from None


def _without_repeats(
    found: list[tuple[str, int, Answer]], left_out: list[LeftOut]
) -> list[tuple[str, int, Answer]]:
    groups = defaultdict(list)
    for each in found:
        groups[each[2].session, each[2].trial].append(each)
    kept = []
    for (session, trial), group in groups.items():
        file, number, answer = group[0]
        if any(other != answer for _, _, other in group):
            reason = f"session {session} has rows for trial {trial} that differ: none counts"
            left_out += [LeftOut(f, n, reason) for f, n, _ in group]
            continue
        kept.append(group[0])
        left_out += [LeftOut(f, n, f"repeats {file}:{number}") for f, n, _ in group[1:]]
    return kept


def _first_sessions(found: list[tuple[str, int, Answer]], left_out: list[LeftOut]) -> list[Answer]:
    first: dict[int, tuple[str, str]] = {}
    for _, _, answer in found:
        began = (answer.time, answer.session)
        first[answer.participant] = min(first.get(answer.participant, began), began)
    kept = []
    for file, number, answer in found:
        if answer.session == first[answer.participant][1]:
            kept.append(answer)
        else:
            reason = f"participant {answer.participant} has an earlier session, which counts"
            left_out.append(LeftOut(file, number, reason))
    return kept
