"""From the answers of a study to accuracies, differences, and a list of what does not count."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from scipy import stats

from neuronbasis.errors import UserError
from neuronbasis.study import answers, trials
from neuronbasis.study.answers import Answer, LeftOut
from neuronbasis.study.contrasts import Contrast, contrast
from neuronbasis.study.trials import Study


@dataclass(frozen=True)
class Excluded:
    """A participant whom the study's rule leaves out."""

    participant: int
    reason: str


@dataclass(frozen=True, repr=False)
class Analysis:
    """What `analyse` found.

    Attributes
    ----------
    study : Study
    table : xarray.Dataset, dims (layer, basis)
        `accuracy`, the mean over participants of the share of right answers, its `standard_error`,
        the number of `participants` in that cell, `response_time` (ms: mean over participants of
        the median over trials that were not interrupted) and `response_time_error`. NaN where
        `participants` is too small for the number: below 1, for errors below 2.
    scores : xarray.DataArray, dims (participant, layer, basis)
        Share of right answers; NaN where a participant answered none.
    contrasts : tuple of Contrast
        Each pair of bases, over all layers and in each one.
    used : tuple of Answer
        The answers to main trials that everything here rests on.
    excluded : tuple of Excluded
        Participants whom the rule leaves out, stated when the study was built.
    left_out : tuple of LeftOut
        Rows of the files that are malformed, cut off, changed, repeated, or of another study.
    guessers_pass : float
        Chance that somebody who guesses passes the catch trials.
    simulated : bool
        Whether the answers are of a simulated observer, and so say nothing about people.
    """

    study: Study
    table: xr.Dataset
    scores: xr.DataArray
    contrasts: tuple[Contrast, ...]
    used: tuple[Answer, ...]
    excluded: tuple[Excluded, ...]
    left_out: tuple[LeftOut, ...]
    guessers_pass: float
    simulated: bool

    def report(self) -> list[str]:
        """All of it as lines of text."""
        people = "simulated participants, NO PEOPLE" if self.simulated else "participants"
        head = f"{self.scores.sizes['participant']} {people}, {len(self.used)} answers counted"
        lines = [f"study {self.study.id}: {head}"]
        for layer in self.table["layer"].values.tolist():
            for basis in self.table["basis"].values.tolist():
                cell = self.table.sel(layer=layer, basis=basis)
                if cell["participants"]:
                    lines.append(f"{layer} {basis}: {_told(cell)}")
        lines += [str(each) for each in self.contrasts]
        lines += [
            f"left out: participant {each.participant}: {each.reason}" for each in self.excluded
        ]
        lines.append(f"somebody who guesses passes the catch trials in {self.guessers_pass:.1%}")
        return lines + [f"left out: {each}" for each in self.left_out]


def _told(cell: xr.Dataset) -> str:
    """Accuracy of one layer and basis in words; of one participant there is no standard error."""
    count = int(cell["participants"])
    error = f"standard error {float(cell['standard_error']):.1%}, " if count > 1 else ""
    return f"right in {float(cell['accuracy']):.1%}, {error}n={count}"


def analyse(folder: str | Path, answered: str | Path | None = None) -> Analysis:
    """Read the CSV files of a study and say how often people were right, and where.

    Parameters
    ----------
    folder
        The study, as `build` wrote it.
    answered
        Folder of the CSV files, at any depth; ``answers/`` in the study if not given.

    Returns
    -------
    Analysis

    Raises
    ------
    UserError
        If there is no study or no answer, fewer than two participants are left, or answers of
        people and simulated ones are mixed.

    Notes
    -----
    Dey et al. (2025), Fig. 7: accuracy with its standard error over participants. The model and
    the exclusions are ours.

    Examples
    --------
    >>> import tempfile
    >>> from neuronbasis import study
    >>> pictures = np.arange(4 * 2, dtype=np.uint8).reshape(4, 2, 1, 1)
    >>> rows = [study.Row("a", b, v, pictures) for b in ("pc", "neuron") for v in range(20)]
    >>> folder = study.build(rows, Path(tempfile.mkdtemp()) / "study").parent
    >>> study.simulate(folder, {"pc": 0.9, "neuron": 0.6}, participants=12, seed=1).name
    'simulated.csv'
    >>> result = analyse(folder)
    >>> result.simulated, result.table["accuracy"].round(2).values.tolist()
    (True, [[0.9, 0.55]])
    """
    study = trials.load(folder)
    home = Path(answered) if answered is not None else Path(folder) / trials.ANSWERS
    if not home.is_dir():
        raise UserError(f"{home}: no such folder; put the saved CSV files there")
    found, left_out = answers.read(home, study)
    if not found and not left_out:
        raise UserError(f"{home}: no answers yet; serve the study, or put saved CSV files there")
    if not found:
        raise UserError(f"{home}: no row counts; the first one: {left_out[0]}")
    simulated = {each.simulated for each in found}
    if len(simulated) > 1:
        raise UserError(f"{home}: holds answers of people and simulated ones; keep them apart")
    excluded = _excluded(study, found)
    out = {each.participant for each in excluded}
    main = {trial.id for trial in study.of_kind("main")}
    used = tuple(a for a in found if a.participant not in out and a.trial in main)
    if len({each.participant for each in used}) < 2:
        why = f"; the first left out: {excluded[0].reason}" if excluded else ""
        raise UserError(f"{home}: fewer than 2 participants count{why}; collect more answers")
    scores = _by_cell(study, used, [float(study.right[a.trial] == a.answer) for a in used], np.mean)
    return Analysis(
        study=study,
        table=_table(study, used, scores),
        scores=scores,
        contrasts=_contrasts(study, used),
        used=used,
        excluded=excluded,
        left_out=tuple(left_out),
        guessers_pass=_guessers_pass(study),
        simulated=simulated.pop(),
    )


def _excluded(study: Study, found: Sequence[Answer]) -> tuple[Excluded, ...]:
    """Who falls under the rule that the study states."""
    counted = {trial.id for trial in study.of_kind("main", "catch")}
    catches = {trial.id for trial in study.of_kind("catch")}
    answered, seen, passed = Counter[int](), Counter[int](), Counter[int]()
    for each in found:
        answered[each.participant] += each.trial in counted
        seen[each.participant] += each.trial in catches
        passed[each.participant] += each.trial in catches and study.right[each.trial] == each.answer
    out = []
    for who in sorted(answered):
        if answered[who] < _least(study.least_answered, len(counted)):
            share = f"{answered[who]} of {len(counted)} trials answered"
            out.append(Excluded(who, f"{share}; the rule asks for {study.least_answered:.0%}"))
        elif passed[who] < _least(study.catch_pass, seen[who]):
            share = f"{passed[who]} of {seen[who]} catch trials right"
            out.append(Excluded(who, f"{share}; the rule asks for {study.catch_pass:.0%}"))
    return tuple(out)


def _guessers_pass(study: Study) -> float:
    count = len(study.of_kind("catch"))
    return float(stats.binom.sf(_least(study.catch_pass, count) - 1, count, 0.5))


def _least(share: float, count: int) -> int:
    """The smallest number that is at least that share; 0.7 of 10 is 7, whatever floats say."""
    return math.ceil(share * count - 1e-9)


def _by_cell(
    study: Study,
    used: Sequence[Answer],
    values: Sequence[float],
    of: Callable[[list[float]], Any],
) -> xr.DataArray:
    """One number a participant, layer and basis from the values of the answers there."""
    who = sorted({each.participant for each in used})
    cells: dict[tuple[int, str, str], list[float]] = {}
    for each, value in zip(used, values, strict=True):
        trial = study.by_id[each.trial]
        cells.setdefault((each.participant, trial.layer, trial.basis), []).append(value)
    coords = {"participant": who, "layer": list(study.layers), "basis": list(study.bases)}
    shape = (len(who), len(study.layers), len(study.bases))
    array = xr.DataArray(np.full(shape, np.nan), coords, tuple(coords))
    for (person, layer, basis), numbers in cells.items():
        array.loc[person, layer, basis] = of(numbers)
    return array


def _table(study: Study, used: Sequence[Answer], scores: xr.DataArray) -> xr.Dataset:
    whole = [each for each in used if not each.interruptions]
    times = _by_cell(study, whole, [float(each.milliseconds) for each in whole], np.median)
    return xr.Dataset(
        {
            "accuracy": _over_people(scores)[0],
            "standard_error": _over_people(scores)[1],
            "participants": scores.notnull().sum("participant"),
            "response_time": _over_people(times)[0].assign_attrs(units="ms"),
            "response_time_error": _over_people(times)[1].assign_attrs(units="ms"),
        },
        attrs={"study": study.id, "answers": len(used)},
    )


def _over_people(values: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """Mean over participants and its standard error; NaN where there are too few."""
    count = values.notnull().sum("participant")
    mean = values.sum("participant") / count.where(count > 0)
    squares = ((values - mean) ** 2).sum("participant")
    return mean, (squares / (count * (count - 1)).where(count > 1)) ** 0.5


def _contrasts(study: Study, used: Sequence[Answer]) -> tuple[Contrast, ...]:
    """Each pair of bases: over all layers, then layer by layer if there are several."""
    layers = [None, *study.layers] if len(study.layers) > 1 else [None]
    found = [
        contrast(study, used, first, second, layer)
        for first, second in combinations(study.bases, 2)
        for layer in layers
    ]
    return tuple(each for each in found if each is not None)
