"""How sure a number is: intervals over repetitions.

Equal values say nothing of how others would vary. Two of them may be chance, and what a subtraction
leaves of equal numbers (-8e-17) is no effect. So by `equal_reach` up to five equal values say no
more than a single one does. Equal counts are another matter: they vary within a step, see
`mean_interval`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

from neuronbasis.errors import UserError
from neuronbasis.utils.checks import number, numbers, plain

ROUNDING = 1e-9  # of the size of some numbers: a difference below it is none


def mean_interval(
    values: Sequence[float], confidence: float = 0.95, size: float = 0.0, step: float = 0.0
) -> tuple[float, float, float]:
    """Mean of independent repetitions with its Student t interval.

    Equal values have no spread for Student's t. Where they come in steps, as counts do, they are
    taken to vary within one; otherwise their interval is by `equal_reach`, which is wide.

    Parameters
    ----------
    values
        One number a repetition (a seed), at least two.
    confidence
        Chance that the interval covers the true mean, for normally distributed repetitions.
    size
        Of differences: how large the numbers are that were subtracted, such as 1 for shares. A
        difference below a billionth of it is rounding, and counts as 0.
    step
        Of counts, and of what is computed from them: by how much a value changes at least. Equal
        ones get the standard deviation of numbers that are rounded to it, ``step / sqrt(12)``.

    Returns
    -------
    mean, low, high
        In the unit of the values.

    Raises
    ------
    UserError
        With fewer than two values, or one that is not finite.

    Examples
    --------
    >>> mean, low, high = mean_interval([1.0, 2.0, 3.0])
    >>> round(mean, 2), round(low, 2), round(high, 2)
    (2.0, -0.48, 4.48)
    >>> [round(each, 1) for each in mean_interval([0.5, 0.5])], mean_interval([0.5] * 6)
    ([0.5, -4.3, 5.3], (0.5, 0.5, 0.5))
    >>> [round(each, 1) for each in mean_interval([128, 128, 128], step=1)]
    [128.0, 127.3, 128.7]
    """
    array = plain(values, "values")
    if array.dtype.kind not in "iuf":
        raise UserError(f"values are of type {array.dtype}; they must be real: pass floats")
    array = array.astype(np.float64)
    if array.ndim != 1 or len(array) < 2:
        raise UserError(f"{array.size} values give no interval; repeat with at least 2 seeds")
    if not np.isfinite(array).all():
        raise UserError(f"values hold {array[~np.isfinite(array)][0]}: all must be finite")
    array = np.where(np.abs(array) > ROUNDING * size, array, 0.0)
    mean, error = float(array.mean()), float(stats.sem(array))
    equal = np.ptp(array) <= ROUNDING * np.abs(array).max()
    if equal and step:
        error = step / np.sqrt(12 * len(array))
    if equal and not step:
        reach = equal_reach(mean, len(array), confidence)
    else:
        reach = float(stats.t.ppf((1 + confidence) / 2, len(array) - 1) * error)
    return mean, mean - reach, mean + reach


def equal_reach(value: float, count: int, confidence: float = 0.95) -> float:
    """How far the interval of equal values reaches to either side.

    So many that they lie on one side of the true median by chance too rarely, with 95% six or
    more, are an interval of the median themselves (as in `study`, where six participants can be
    told from chance). Fewer say what one value says: the interval of a normal mean from a single
    draw x is ``x +- 9.68 |x|``, whatever the standard deviation. It always holds 0. Equal values
    of 0 have no width, whatever their number.

    Parameters
    ----------
    value : float
        The one that all have.
    count : int
        How many there are.
    confidence : float in (0, 1)
        Of the interval; the reach of one value is meant for 0.9 or more.

    Returns
    -------
    float
        In the unit of the value.

    Notes
    -----
    Abbott and Rosenblatt (1963), Ann. Inst. Stat. Math. 14, 177; Wall, Boen and Tweedie (2001),
    Am. Stat. 55, 102.

    Examples
    --------
    >>> round(equal_reach(1.0, 2), 2), equal_reach(1.0, 6)
    (9.68, 0.0)
    """
    chance = 1 - confidence
    if 2.0 ** (1 - count) <= chance:
        return 0.0
    return float(2 * stats.norm.pdf(1) / chance) * abs(value)


def typical(values: Any) -> int:
    """Place of the repetition that is shown where there is room for one: the median one.

    Parameters
    ----------
    values : array_like, shape (repetitions,)
        Of an even number of them the lower of the two in the middle counts.

    Examples
    --------
    >>> typical([0.9, 0.1, 0.4, 0.5])
    2
    """
    array = numbers(values, "values", 1)
    return int(np.argsort(array, kind="stable")[(len(array) - 1) // 2])


def welch_interval(first: Any, second: Any, confidence: float = 0.95) -> tuple[float, float, float]:
    """Difference of two means with the interval of Welch's t test.

    Parameters
    ----------
    first, second : array_like or torch.Tensor
        Independent draws of either kind, at least two of each; their variances may differ.
    confidence : float in (0, 1)
        Chance that the interval covers the true difference, for normally distributed draws.

    Returns
    -------
    mean, low, high
        In the unit of the draws; without any spread by `equal_reach`.

    Raises
    ------
    UserError
        With fewer than two numbers of a kind, or one that is not finite.

    Notes
    -----
    Welch (1947), Biometrika 34, 28.

    Examples
    --------
    >>> mean, low, high = welch_interval([1.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 0.0])
    >>> round(mean, 2), round(low, 2), round(high, 2)
    (0.5, -0.37, 1.37)
    """
    a, b = numbers(first, "first", 1), numbers(second, "second", 1)
    confidence = number(confidence, "confidence", "(0, 1)", "such as 0.95")
    if min(a.size, b.size) < 2:
        raise UserError(f"{a.size} and {b.size} values give no interval; pass at least 2 of each")
    mean, rounding = float(a.mean() - b.mean()), ROUNDING * max(np.abs(a).max(), np.abs(b).max())
    if max(np.ptp(a), np.ptp(b)) <= rounding:
        mean = mean if abs(mean) > rounding else 0.0
        reach = equal_reach(mean, min(a.size, b.size), confidence)
        return mean, mean - reach, mean + reach
    found = stats.ttest_ind(a, b, equal_var=False).confidence_interval(confidence)
    return mean, float(found.low), float(found.high)


def verdict_of_effect(low: float, high: float, smallest: float) -> str:
    """Judge the claim that there is an effect: its interval must exceed the smallest that counts.

    Examples
    --------
    >>> verdict_of_effect(0.3, 0.5, smallest=0.05)
    'reproduced'
    >>> verdict_of_effect(-0.02, 0.03, smallest=0.05)
    'not reproduced'
    >>> verdict_of_effect(-0.1, 0.4, smallest=0.05)
    'mixed'
    """
    if low > smallest:
        return "reproduced"
    return "not reproduced" if high < smallest else "mixed"


def verdict_of_absence(low: float, high: float, smallest: float) -> str:
    """Judge the claim that there is no effect: its interval must be too small to count.

    Examples
    --------
    >>> verdict_of_absence(-0.02, 0.03, smallest=0.05)
    'reproduced'
    >>> verdict_of_absence(0.3, 0.5, smallest=0.05)
    'not reproduced'
    """
    if -smallest < low and high < smallest:
        return "reproduced"
    return "not reproduced" if low > smallest or high < -smallest else "mixed"


def judged(
    values: Sequence[float], positive: Sequence[float], smallest: float
) -> tuple[float, float, float, str]:
    """Judge that there is no signal, beside a control on which there must be one.

    Parameters
    ----------
    values : sequence of float
        One a network; no signal is 0.
    positive : sequence of float
        The same measure where the signal is claimed. Where its interval does not exceed
        ``smallest``, nothing was there that could have been absent.
    smallest : float
        The smallest effect that counts.

    Returns
    -------
    mean, low, high : float
        Of the values, with the 95% interval.
    verdict : str
        As of `uncertainty.verdict_of_absence`, or "not testable here" without a positive control.

    Examples
    --------
    >>> judged([0.01, -0.01, 0.0], positive=[0.5, 0.6, 0.7], smallest=0.05)[3]
    'reproduced'
    >>> judged([0.01, -0.01, 0.0], positive=[0.0, 0.6, 0.0], smallest=0.05)[3]
    'not testable here'
    """
    mean, low, high = mean_interval(values)
    seen = mean_interval(positive)[1] > smallest
    verdict = verdict_of_absence(low, high, smallest) if seen else "not testable here"
    return mean, low, high, verdict
