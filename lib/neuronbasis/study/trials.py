"""What a study asks: its trials, the rule for whom to count, and where the answers are hidden."""

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from neuronbasis.errors import UserError
from neuronbasis.study.row import BASES

FILE, PAGE, PICTURES, ANSWERS = "trials.json", "index.html", "pictures", "answers"
SIDES = ("top", "bottom")
KINDS = ("main", "catch", "practice")


def fingerprint(text: str) -> str:
    """FNV-1a of 32 bits, as eight hexadecimal digits: what the page can compute too.

    It keeps answers out of plain sight and shows slips of a hand or a spreadsheet. It is no
    cryptography: who wants to cheat can.

    Examples
    --------
    >>> fingerprint(""), fingerprint("a")
    ('811c9dc5', 'e40c292c')
    """
    value = 0x811C9DC5
    for byte in text.encode():
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return f"{value:08x}"


@dataclass(frozen=True)
class Trial:
    """One question: which of two rows is the ordered one.

    Attributes
    ----------
    id : str
        Such as "t007", in no order that tells anything.
    kind : str
        "main", "catch" (easy: shows who attends) or "practice" (first, with feedback).
    layer, basis : str
        Of the row; empty unless the kind is "main".
    vector : int
        Of the row; for the other kinds a running number.
    mark : str
        `fingerprint` of the study's salt, the id and the right answer.
    """

    id: str
    kind: str
    layer: str
    basis: str
    vector: int
    mark: str


@dataclass(frozen=True)
class Study:
    """A study as `build` wrote it.

    Attributes
    ----------
    id : str
        Twelve hexadecimal digits that follow from everything else, the pictures included.
    title : str
    salt : str
        What makes the marks of one study differ from those of another.
    pictures : str
        SHA-256 over all pictures.
    demo : bool
        Whether it is for a reader to try: no number is asked for, and the score is shown.
    catch_pass, least_answered : float
        The rule, stated before anybody answers: a participant counts who answered at least this
        share of the main and catch trials, and this share of the catch trials answered rightly.
    trials : tuple of Trial
    """

    id: str
    title: str
    salt: str
    pictures: str
    demo: bool
    catch_pass: float
    least_answered: float
    trials: tuple[Trial, ...]

    @cached_property
    def by_id(self) -> dict[str, Trial]:
        """The trials by their id."""
        return {trial.id: trial for trial in self.trials}

    @cached_property
    def right(self) -> dict[str, str]:
        """For each trial's id the right answer, "top" or "bottom"."""
        answers = {
            (t.id, fingerprint(f"{self.salt}:{t.id}:{s}")): s for t in self.trials for s in SIDES
        }
        return {trial.id: answers[trial.id, trial.mark] for trial in self.trials}

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers in the order of the trials."""
        return tuple(dict.fromkeys(t.layer for t in self.trials if t.kind == "main"))

    @property
    def bases(self) -> tuple[str, ...]:
        """The bases: pc, neuron, random, as far as there are trials of them."""
        there = {trial.basis for trial in self.trials}
        return tuple(basis for basis in BASES if basis in there)

    def of_kind(self, *kinds: str) -> tuple[Trial, ...]:
        """The trials of these kinds."""
        return tuple(trial for trial in self.trials if trial.kind in kinds)

    def as_json(self) -> dict[str, Any]:
        """What the file of the study holds."""
        return asdict(self)


def identified(content: dict[str, Any]) -> str:
    """The id that belongs to the content of a study."""
    rest = {name: value for name, value in content.items() if name != "id"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()[:12]


def load(folder: str | Path) -> Study:
    """Read the study that `build` wrote into a folder.

    Raises
    ------
    UserError
        If there is none, or its trials were changed after it was built.
    """
    path = Path(folder) / FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise UserError(f"{path}: no such file; pass the folder of a study, or build one") from None
    except ValueError:
        content = None
    # The id covers all the rest, so a content that it fits is one that `build` wrote.
    if not isinstance(content, dict) or content.get("id") != identified(content):
        raise UserError(f"{path}: changed since the study was built; build the study anew")
    trials = tuple(Trial(**each) for each in content.pop("trials"))
    return Study(**content, trials=trials)
