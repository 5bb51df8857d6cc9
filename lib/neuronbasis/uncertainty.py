"""How sure a number is: intervals over repetitions."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

from neuronbasis.errors import UserError
from neuronbasis.utils.checks import number, numbers, plain


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float, float]:
    """Mean of independent repetitions with its Student t interval.

    Parameters
    ----------
    values
        One number a repetition (a seed), at least two.
    confidence
        Chance that the interval covers the true mean, for normally distributed repetitions.

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
    """
    array = plain(values, "values")
    if array.dtype.kind not in "iuf":
        raise UserError(f"values are of type {array.dtype}; they must be real: pass floats")
    array = array.astype(np.float64)
    if array.ndim != 1 or len(array) < 2:
        raise UserError(f"{array.size} values give no interval; repeat with at least 2 seeds")
    if not np.isfinite(array).all():
        raise UserError(f"values hold {array[~np.isfinite(array)][0]}: all must be finite")
    mean = float(array.mean())
    reach = float(stats.t.ppf((1 + confidence) / 2, len(array) - 1) * stats.sem(array))
    return mean, mean - reach, mean + reach


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
        In the unit of the draws; without any spread the interval has no width.

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
    mean = float(a.mean() - b.mean())
    if not np.ptp(a) and not np.ptp(b):
        return mean, mean, mean
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
