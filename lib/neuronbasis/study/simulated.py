"""Answers of simulated participants: to try an analysis before there are people."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from neuronbasis.errors import UserError
from neuronbasis.study import answers, trials
from neuronbasis.study.answers import Answer
from neuronbasis.study.trials import SIDES, Study
from neuronbasis.utils import files
from neuronbasis.utils.checks import whole_number

FILE = "simulated.csv"
_ATTENTIVE = 0.98  # share of easy trials that somebody who attends gets right


def simulate(
    folder: str | Path,
    accuracy: Mapping[str, float],
    participants: int = 22,
    seed: int = 0,
    *,
    spread: float = 0.0,
    inattentive: int = 0,
) -> Path:
    """Write answers of simulated participants into a study's ``answers/simulated.csv``.

    Their sessions are called ``simulated-...``, which the analysis says of all that rests on them.

    Parameters
    ----------
    folder
        The study.
    accuracy : mapping of str to float
        Chance of a right answer for each basis of the study.
    participants : int
        How many.
    seed : int
        Same seed, same bytes.
    spread : float
        Standard deviation over participants of their own difference between two bases; each one's
        accuracies are kept within [0, 1].
    inattentive : int
        How many of them guess everything.

    Returns
    -------
    Path
        The file. An earlier one is replaced.

    Raises
    ------
    UserError
        If a basis lacks an accuracy, or a number lies outside its range.
    """
    study = trials.load(folder)
    whole_number(participants, "participants", 1)
    if whole_number(inattentive, "inattentive", 0) > participants:
        raise UserError(f"inattentive is {inattentive}; there are only {participants} participants")
    for basis in study.bases:
        chance = accuracy.get(basis)
        if not isinstance(chance, int | float) or not 0 <= chance <= 1:
            legal = "a number in [0, 1] for each basis of the study"
            raise UserError(f"accuracy of {basis} is {chance!r}; it must be {legal}: pass one")
    if not 0 <= spread < 1:
        raise UserError(f"spread is {spread!r}; it must lie in [0, 1): pass such as 0.1")
    rng = np.random.default_rng([whole_number(seed, "seed", 0), *b"simulated"])
    lines = [answers.HEADER]
    for person in range(1, participants + 1):
        own = {
            basis: float(np.clip(accuracy[basis] + spread / np.sqrt(2) * rng.normal(), 0, 1))
            for basis in study.bases
        }
        own[""] = _ATTENTIVE  # the basis of easy trials
        if person > participants - inattentive:
            own = dict.fromkeys(own, 0.5)
        lines += [answer.line() for answer in _session(study, person, own, rng)]
    path = Path(folder) / trials.ANSWERS / FILE
    partial = path.with_name(f".{FILE}.partial")
    try:
        path.parent.mkdir(exist_ok=True)
        partial.write_text("\n".join([*lines, ""]))
        return partial.replace(path)
    except OSError as error:
        raise files.cannot_write(path, error) from None


def _session(
    study: Study, person: int, chance: Mapping[str, float], rng: np.random.Generator
) -> list[Answer]:
    """One participant's answers, in an order of their own."""
    asked = list(study.of_kind("practice"))
    rest = study.of_kind("main", "catch")
    asked += [rest[i] for i in rng.permutation(len(rest))]
    given = []
    for position, trial in enumerate(asked, start=1):
        right = SIDES.index(study.right[trial.id])
        answer = SIDES[right if rng.random() < chance[trial.basis] else 1 - right]
        time = max(200, round(1500 * float(rng.lognormal(0, 0.4))))
        session = f"{answers.SIMULATED}{person}"
        at = "2000-01-01T00:00:00Z"  # no clock ran
        given.append(Answer(study.id, person, session, trial.id, position, answer, time, 0, at))
    return given
