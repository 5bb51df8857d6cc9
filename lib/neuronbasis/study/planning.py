"""How many participants and trials a study needs."""

import math
from typing import Any

from scipy import stats

from neuronbasis.errors import UserError
from neuronbasis.utils.checks import whole_number

_MOST = 100_000


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
    ``spread^2 + (p1 (1 - p1) + p2 (1 - p2) - spread^2) / trials``; the mean over
    participants is judged by a two-sided paired t test, which is what the cluster-robust model
    does. It holds for the vectors that are shown: a claim about others needs many of them.

    Parameters
    ----------
    participants : int, at least 2
    trials : int
        Of each of the two bases, each participant.
    difference : float
        Accuracy along the first basis less accuracy along the second, not 0.
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
    0.73
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
    edge = stats.t.ppf(1 - level / 2, participants - 1)
    far = stats.nct.cdf(-edge, participants - 1, shift)
    return float(stats.nct.sf(edge, participants - 1, shift) + (far if far > 0 else 0))


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
    low, high = 1, 2  # too few; perhaps enough
    while power(high, trials, difference, **settings) < wanted:
        low, high = high, 2 * high
        if high > _MOST:
            raise UserError(f"a difference of {difference} needs over {_MOST} participants")
    while high - low > 1:
        middle = (low + high) // 2
        enough = power(middle, trials, difference, **settings) >= wanted
        low, high = (low, middle) if enough else (middle, high)
    return high


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UserError(f"{name} is {value!r}; it must be a finite number: pass such as 0.1")
    return float(value)


def _within(value: Any, name: str, low: float, high: float) -> None:
    if not low < _number(value, name) < high:
        raise UserError(f"{name} is {value!r}; it must lie in ({low}, {high}): pass such a number")
