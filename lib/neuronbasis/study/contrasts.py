"""How much more often people are right along one kind of vector than along another."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from neuronbasis.study.answers import Answer
from neuronbasis.study.trials import Study

_CONFIDENCE = 0.95


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
        95% interval for other people and the same vectors: cluster-robust with participants as
        clusters (a linear model of right or wrong on basis and layer; Student t with one degree of
        freedom less than there are participants).
    p_value : float
        Of no difference, by the same model.
    wide_low, wide_high : float or None
        95% interval for other people and other vectors too: the variances with participants and
        with vectors as clusters, added, which errs to the wide side. None where a basis has fewer
        than three vectors.
    log_odds, log_odds_low, log_odds_high : float or None
        The same in a logistic model by generalised estimating equations with participants as
        clusters, with the bias-reduced sandwich of Mancl and DeRouen (2001). None where the odds of
        a basis or a layer are 0 or infinite.
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
    log_odds: float | None
    log_odds_low: float | None
    log_odds_high: float | None
    participants: int
    answers: int

    def __str__(self) -> str:
        where = self.layer or "all layers"
        text = (
            f"{self.first} minus {self.second}, {where}: {self.difference:+.1%} "
            f"(95% interval {self.low:+.1%} to {self.high:+.1%}, p={self.p_value:.2g}"
        )
        if self.wide_low is not None:
            text += f"; for other vectors too {self.wide_low:+.1%} to {self.wide_high:+.1%}"
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
        None where fewer than two participants answered trials of both bases.
    """
    there = [{t.layer for t in study.of_kind("main") if t.basis == b} for b in (first, second)]
    layers = (there[0] & there[1]) & ({layer} if layer else there[0])
    trial = study.by_id
    kept = [
        each
        for each in used
        if trial[each.trial].layer in layers and trial[each.trial].basis in (first, second)
    ]
    both = {
        person
        for person in {each.participant for each in kept}
        if len({trial[a.trial].basis for a in kept if a.participant == person}) == 2
    }
    kept = [each for each in kept if each.participant in both]
    if len(both) < 2:
        return None
    right = np.array([study.right[each.trial] == each.answer for each in kept], dtype=float)
    design = _design([(trial[a.trial].basis == first, trial[a.trial].layer) for a in kept])
    people = np.unique([each.participant for each in kept], return_inverse=True)[1]
    vectors, which = np.unique([each.trial for each in kept], return_inverse=True)
    few = min(sum(trial[v].basis == b for v in vectors.tolist()) for b in (first, second)) < 3
    differences = _linear(right, design, people, None if few else which)
    odds = _log_odds(right, design, people)
    return Contrast(first, second, layer, *differences, *odds, len(both), len(kept))


def _design(cells: Sequence[tuple[bool, str]]) -> NDArray[np.float64]:
    """Columns: one for each layer, then whether the basis is the first."""
    layers = list(dict.fromkeys(layer for _, layer in cells))
    columns = [[float(layer == each) for _, layer in cells] for each in layers]
    return np.array([*columns, [float(is_first) for is_first, _ in cells]]).T


def _linear(
    right: NDArray[np.float64],
    design: NDArray[np.float64],
    people: NDArray[np.intp],
    vectors: NDArray[np.intp] | None,
) -> tuple[float, float, float, float, float | None, float | None]:
    """Difference, interval and p value; the wide interval."""
    from statsmodels.regression.linear_model import OLS

    def variance(clusters: NDArray[np.intp]) -> float:
        fitted = OLS(right, design).fit(cov_type="cluster", cov_kwds={"groups": clusters})
        return float(fitted.cov_params()[-1, -1])

    difference = float(np.linalg.lstsq(design, right)[0][-1])
    spread = variance(people)
    freedom = int(people.max())
    low, high = _interval(difference, spread, freedom)
    p = _p_value(difference, spread, freedom)
    if vectors is None:
        return difference, low, high, p, None, None
    wide = _interval(difference, spread + variance(vectors), min(freedom, int(vectors.max())))
    return difference, low, high, p, *wide


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
    reach = float(stats.t.ppf((1 + _CONFIDENCE) / 2, freedom)) * np.sqrt(max(variance, 0.0))
    return value - float(reach), value + float(reach)


def _p_value(value: float, variance: float, freedom: int) -> float:
    if variance <= 0:
        return float(value == 0)
    return float(2 * stats.t.sf(abs(value) / np.sqrt(variance), freedom))
