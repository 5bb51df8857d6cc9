"""How many participants and trials a study needs, and answers of simulated ones, to try it."""

import math
from bisect import bisect_left
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from neuronbasis.errors import UserError
from neuronbasis.study import answers
from neuronbasis.study.answers import Answer
from neuronbasis.study.paired import level_reached
from neuronbasis.study.trials import ANSWERS, SIDES, Study, load
from neuronbasis.utils import files
from neuronbasis.utils.checks import whole_number

_FILE = "simulated.csv"
_MOST = 100_000
_NODES = 400  # of the mean over a distribution
_ATTENTIVE = 0.98  # share of easy trials that somebody who attends gets right


def power(
    participants: int,
    trials: int,
    difference: float,
    *,
    second: float = 0.65,
    spread: float = 0.1,
    level: float = 0.05,
) -> float:
    """Chance that a study finds a difference in accuracy between two bases.

    For each participant the difference of two shares of right answers has the variance
    ``spread^2 + (p1 (1 - p1) + p2 (1 - p2) - spread^2) / trials``. The mean over participants is
    judged as the analysis does it, by Student's t at a variance that is never below that of single
    answers, and at the level that so few people can reach (`paired.level_reached`): the power of
    five people or fewer at 5% is 0, and that of six to twelve comes out up to a tenth too high. It
    holds for the vectors that are shown: a claim about others needs many of them.

    Parameters
    ----------
    participants : int, at least 2
    trials : int
        Of each of the two bases, each participant.
    difference : float
        Accuracy along the first basis minus accuracy along the second, not 0.
    second : float
        Accuracy along the second basis.
    spread : float
        Standard deviation over people of their own true difference.
    level : float
        Chance that is allowed for finding a difference where there is none.

    Returns
    -------
    float

    Raises
    ------
    UserError
        If a number lies outside its range, or an accuracy would lie outside (0, 1).

    Examples
    --------
    >>> round(power(22, 20, 0.1), 2)
    0.72
    """
    whole_number(participants, "participants", 2)
    whole_number(trials, "trials", 1)
    _within(second, "second", 0, 1)
    _within(level, "level", 0, 1)
    if _number(spread, "spread") < 0 or spread >= 1:
        raise UserError(f"spread is {spread!r}; it must lie in [0, 1): pass such as 0.1")
    first = second + _number(difference, "difference")
    if difference == 0 or not 0 < first < 1:
        raise UserError(
            f"difference is {difference!r}; it must not be 0, and {second} plus it must lie in "
            "(0, 1): pass such as 0.1"
        )
    # Each basis has half of the spread's variance, and a share of right answers at a true
    # accuracy P has the mean variance E[P (1 - P)] / trials.
    chance = first * (1 - first) + second * (1 - second) - spread**2
    each = spread**2 + max(chance, 0.0) / trials
    shift = abs(difference) / math.sqrt(each / participants)
    reached = level_reached(participants, level)
    if not reached:
        return 0.0
    # Over the variances that the people may show; none counts below that of single answers.
    freedom, mean = participants - 1, (first + second) / 2
    shown = stats.chi2.ppf((np.arange(_NODES) + 0.5) / _NODES, freedom) / freedom
    least = 2 * mean * (1 - mean) / trials / each
    edge = stats.t.ppf(1 - reached / 2, freedom) * np.sqrt(np.maximum(shown, least))
    return float(np.mean(stats.norm.sf(edge - shift) + stats.norm.cdf(-edge - shift)))


def participants_needed(
    trials: int, difference: float, *, wanted: float = 0.8, **settings: Any
) -> int:
    """The smallest number of participants with which `power` reaches what is wanted.

    Parameters
    ----------
    trials, difference
        As for `power`.
    wanted : float in (0, 1)
        The power.
    **settings
        `second`, `spread`, `level` of `power`.

    Raises
    ------
    UserError
        As for `power`, or if more than 100,000 are needed.

    Examples
    --------
    >>> participants_needed(20, 0.1)
    26
    """
    _within(wanted, "wanted", 0, 1)
    every = range(2, _MOST + 1)
    found = bisect_left(every, wanted, key=lambda n: power(n, trials, difference, **settings))
    if found == len(every):
        raise UserError(f"a difference of {difference} needs over {_MOST} participants")
    return every[found]


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
    study = load(folder)
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
    path = Path(folder) / ANSWERS / _FILE
    partial = path.with_name(f".{_FILE}.partial")
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


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UserError(f"{name} is {value!r}; it must be a finite number: pass such as 0.1")
    return float(value)


def _within(value: Any, name: str, low: float, high: float) -> None:
    if not low < _number(value, name) < high:
        raise UserError(f"{name} is {value!r}; it must lie in ({low}, {high}): pass such a number")
