"""How much more often people are right along one kind of vector than along another."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from neuronbasis.study.answers import Answer
from neuronbasis.study.paired import CONFIDENCE, FEWEST, mean_difference, per_person
from neuronbasis.study.trials import Study, Trial
from neuronbasis.study.vectors import between

_FEWEST_VECTORS = 3


@dataclass(frozen=True)
class Contrast:
    """Accuracy along one basis minus accuracy along another, layers held equal.

    Attributes
    ----------
    first, second : str
        The bases.
    layer : str or None
        None: over all layers.
    difference : float
        Accuracy along the first minus accuracy along the second, in shares of 1.
    low, high : float
        95% interval for other people and the same vectors: see `paired.mean_difference`, of each
        one's difference at equal layers. Fewer than six people leave open all from -1 to 1.
    p_value : float
        Of no difference, for these vectors, by the same test; above 0.05 for fewer than six people,
        since even if all agree that is no rare chance.
    wide_low, wide_high : float or None
        95% interval for other people and other vectors too: the variances over people and over
        vectors, added, with the degrees of freedom of whichever are fewer, which errs to the wide
        side. None where a basis has fewer than three vectors.
    wide_p_value : float or None
        Of no difference, for other vectors too.
    log_odds, log_odds_low, log_odds_high : float or None
        The same in a logistic model by generalised estimating equations with participants as
        clusters, with the bias-reduced sandwich of Mancl and DeRouen (2001). None where the odds of
        a basis or a layer are 0 or infinite, or there are fewer than six people.
    participants, answers : int
        What it rests on.
    """

    first: str
    second: str
    layer: str | None
    difference: float
    low: float
    high: float
    p_value: float
    wide_low: float | None
    wide_high: float | None
    wide_p_value: float | None
    log_odds: float | None
    log_odds_low: float | None
    log_odds_high: float | None
    participants: int
    answers: int

    def __str__(self) -> str:
        where = self.layer or "all layers"
        text = (
            f"{self.first} minus {self.second}, {where}: {self.difference:+.1%} "
            f"(95% interval {self.low:+.1%} to {self.high:+.1%}, "
            f"p={self.p_value:.2g} for these vectors"
        )
        if self.wide_low is not None:
            text += f"; for other vectors too {self.wide_low:+.1%} to {self.wide_high:+.1%}"
            text += f", p={self.wide_p_value:.2g}"
        if self.participants < FEWEST:
            text += f"; fewer than {FEWEST} participants can show no difference"
        return text + ")"


def contrast(
    study: Study, used: Sequence[Answer], first: str, second: str, layer: str | None = None
) -> Contrast | None:
    """Compare two bases.

    Parameters
    ----------
    study : Study
    used : sequence of Answer
        Answers to main trials of participants who count.
    first, second : str
        The bases.
    layer : str, optional
        One layer only; else all layers that have trials of both.

    Returns
    -------
    Contrast or None
        None where fewer than two participants answered trials of both bases in one layer.
    """
    there = [{t.layer for t in study.of_kind("main") if t.basis == b} for b in (first, second)]
    layers = (there[0] & there[1]) & ({layer} if layer else there[0])
    trial = study.by_id
    kept = [
        each
        for each in used
        if trial[each.trial].layer in layers and trial[each.trial].basis in (first, second)
    ]
    right = np.array([study.right[each.trial] == each.answer for each in kept], dtype=float)
    is_first = np.array([trial[each.trial].basis == first for each in kept])
    people = np.array([each.participant for each in kept])
    where = np.array([trial[each.trial].layer for each in kept])
    both, differences, variance = per_person(right, is_first, people, where)
    if len(both) < 2:
        return None
    counts = np.isin(people, both)
    right, people = right[counts], np.searchsorted(both, people[counts])
    design = _design(is_first[counts], where[counts])
    vectors = np.array([each.trial for each in kept])[counts]
    difference, low, high, p = mean_difference(differences, variance)
    among = _among_vectors(right, vectors, trial, first)
    wide: tuple[float | None, float | None, float | None] = None, None, None
    if among:
        both_ways = variance + among[0], min(len(both) - 1, among[1])
        ends, chance = _interval(difference, *both_ways), _p_value(difference, *both_ways)
        wide = max(min(low, ends[0]), -1.0), min(max(high, ends[1]), 1.0), max(p, chance)
    odds = _log_odds(right, design, people) if len(both) >= FEWEST else (None, None, None)
    counted = len(both), len(right)
    return Contrast(first, second, layer, difference, low, high, p, *wide, *odds, *counted)


def _design(is_first: NDArray[np.bool_], where: NDArray[np.str_]) -> NDArray[np.float64]:
    """Columns: one for each layer, then whether the basis is the first."""
    return np.array([*(where == each for each in np.unique(where)), is_first], dtype=float).T


def _among_vectors(
    right: NDArray[np.float64], vectors: NDArray[np.str_], trial: Mapping[str, Trial], first: str
) -> tuple[float, int] | None:
    """Variance by which vectors are shown, and its degrees of freedom; None with too few."""
    names, place = np.unique(vectors, return_inverse=True)
    is_first = np.array([trial[name].basis == first for name in names.tolist()])
    if min(is_first.sum(), (~is_first).sum()) < _FEWEST_VECTORS:
        return None
    layers = np.array([trial[name].layer for name in names.tolist()])
    shares = np.bincount(place, right) / np.bincount(place)
    return between(shares, is_first, layers)[1:]


def _log_odds(
    right: NDArray[np.float64], design: NDArray[np.float64], people: NDArray[np.intp]
) -> tuple[float | None, float | None, float | None]:
    from statsmodels.genmod.cov_struct import Independence
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_estimating_equations import GEE

    sides = [right[column == value] for column in design.T for value in set(column.tolist())]
    if any(side.min() == side.max() for side in sides):
        return None, None, None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            model = GEE(right, design, groups=people, family=Binomial(), cov_struct=Independence())
            fitted = model.fit(cov_type="bias_reduced")
        except (Warning, np.linalg.LinAlgError):  # odds that run off to infinity
            return None, None, None
    value, variance = float(fitted.params[-1]), float(fitted.cov_params()[-1, -1])
    return value, *_interval(value, variance, int(people.max()))


def _interval(value: float, variance: float, freedom: int) -> tuple[float, float]:
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) * np.sqrt(max(variance, 0.0))
    return value - float(reach), value + float(reach)


def _p_value(value: float, variance: float, freedom: int) -> float:
    return 2 * float(stats.t.sf(abs(value) / variance**0.5, freedom))
