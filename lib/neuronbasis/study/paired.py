"""A mean of paired differences, how sure it is, and whether chance would do: for few people too."""

from functools import cache
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

CONFIDENCE = 0.95
FEWEST = 6  # people who can be told from chance: with five, all agree by chance in 2 of 32 studies
_ALL_FLIPPED = 12  # people up to whom all ways of flipping are gone through
_BLOCKS, _DRAWN = 10, 1000  # of ways for more people
_ROUNDING = 1e-9


def level_reached(people: int, level: float = 1 - CONFIDENCE) -> float:
    """The largest chance up to a wanted one with which so few people may agree for no reason.

    Parameters
    ----------
    people : int
    level : float in (0, 1)

    Returns
    -------
    float
        0 where nothing they say is that improbable.

    Examples
    --------
    >>> [round(level_reached(people), 3) for people in (2, 5, 6, 8, 30)]
    [0.0, 0.0, 0.031, 0.047, 0.05]
    """
    return level if people > _ALL_FLIPPED else 2 * int(level / 2 * 2**people) / 2**people


def per_person(
    right: NDArray[np.float64],
    is_first: NDArray[np.bool_],
    people: NDArray[Any],
    layers: NDArray[Any],
) -> tuple[NDArray[Any], NDArray[np.float64], float]:
    """How much more often each one was right along a first basis than along a second.

    Parameters
    ----------
    right : array, shape (answers,), float64
        1 where the answer was right, else 0.
    is_first : array, shape (answers,), bool
        Whether it was along the first basis.
    people, layers : array, shape (answers,)
        Who answered, and what layer it was about, which are held equal.

    Returns
    -------
    who : array, shape (people,)
        Those who answered both kinds in one layer or more.
    differences : array, shape (people,), float64
        In [-1, 1].
    variance : float
        Of their mean, by how people vary or by the chance in single answers, whichever is larger:
        people who happen to agree, or are never wrong, are not without chance. NaN for less than
        two people.

    Examples
    --------
    >>> right, is_first = np.array([1.0, 1, 0, 1, 0, 0]), np.array([1, 0, 0, 1, 1, 0]) == 1
    >>> per_person(right, is_first, np.array([1, 1, 1, 2, 2, 2]), np.zeros(6))[:2]
    (array([1, 2]), array([0.5, 0.5]))
    """
    person, layer = (np.unique(each, return_inverse=True)[1] for each in (people, layers))
    cells = person * (layer.max(initial=0) + 1) + layer
    cells = np.unique(cells, return_inverse=True)[1]  # without those that nobody answered
    # Within one person and layer, what an answer has to do with the basis.
    aside = is_first - (np.bincount(cells, is_first) / np.bincount(cells))[cells]
    who = np.unique(people[aside != 0])
    if len(who) < 2:
        return who, np.zeros(0), np.nan
    counts = np.isin(people, who)
    right, is_first, aside = right[counts], is_first[counts], aside[counts]
    place = np.searchsorted(who, people[counts])
    share = aside / np.bincount(place, aside**2)[place]
    differences = np.bincount(place, share * right).astype(np.float64)
    by_chance = _by_chance(right, is_first, share / len(who))
    return who, differences, max(float(differences.var(ddof=1)) / len(who), by_chance)


def _by_chance(
    right: NDArray[np.float64], is_first: NDArray[np.bool_], share: NDArray[np.float64]
) -> float:
    """Variance of the difference by the chance in single answers, where nobody differs.

    By each basis' own share of right answers, and by that of both, which holds where there is no
    difference. One right and one wrong answer are added: who was always right might have erred.
    """

    def spread(some: NDArray[np.float64]) -> float:
        chance = float(some.sum() + 1) / (len(some) + 2)
        return chance * (1 - chance)

    weights = [float((share[side] ** 2).sum()) for side in (is_first, ~is_first)]
    apart = weights[0] * spread(right[is_first]) + weights[1] * spread(right[~is_first])
    return max(apart, sum(weights) * spread(right))


def mean_difference(
    differences: NDArray[np.float64], variance: float
) -> tuple[float, float, float, float]:
    """Mean of what people differ by, its 95% interval, and the chance of it without a difference.

    Two ways are taken, and the more cautious end of each counts: Student's t, and flipping the
    signs of the differences, which asks nothing of how people vary but symmetry (Hartigan 1969,
    "Using subsample values as typical values", J. Am. Stat. Assoc. 64, 1303). All ways of flipping
    are gone through up to twelve people, 10,000 drawn ones beyond.

    Parameters
    ----------
    differences : array, shape (people,), float64
        Of each one's shares of right answers, in [-1, 1]; two people or more.
    variance : float
        Of the mean, for Student's t; above 0, also where people agree.

    Returns
    -------
    mean, low, high : float
        In [-1, 1], all of which fewer than `FEWEST` people leave open.
    p_value : float
        At most 0.05 where 0 lies outside the interval, and only there.

    Examples
    --------
    >>> agree = np.array([0.2, 0.1, 0.3, 0.2, 0.1, 0.2, 0.4])
    >>> [round(each, 3) for each in mean_difference(agree, float(agree.var(ddof=1) / 7))]
    [0.214, 0.1, 0.313, 0.016]
    >>> mean_difference(np.array([0.5, 0.5]), 0.0001)
    (0.5, -1.0, 1.0, 0.5)
    """
    count = len(differences)
    mean = float(_without_rounding(differences.mean()))
    error = float(variance**0.5)
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, count - 1)) * error
    p = 2 * float(stats.t.sf(abs(mean) / error, count - 1))
    low, high, flipped = _flipped(differences)
    return (
        mean,
        max(min(mean - reach, low), -1.0),
        min(max(mean + reach, high), 1.0),
        max(p, flipped),
    )


def _flipped(differences: NDArray[np.float64]) -> tuple[float, float, float]:
    """Interval and p value from the means of subsets, one for each way of flipping signs."""
    count = len(differences)
    means = np.sort(_without_rounding(_subset_means(differences)))
    # Among all ways is that of flipping nothing. Drawn ones tell no chance below theirs: t does.
    own = int(count <= _ALL_FLIPPED)
    ways = len(means) + own
    p = min(1.0, 2 * (own + int(min((means <= 0).sum(), (means >= 0).sum()))) / ways)
    beyond = int((1 - CONFIDENCE) / 2 * ways) - own
    return (float(means[beyond]), float(means[-1 - beyond]), p) if beyond >= 0 else (-1.0, 1.0, p)


def _subset_means(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    count = len(differences)
    if count <= _ALL_FLIPPED:
        return _subsets(count) @ differences / _subsets(count).sum(axis=1)
    rng = np.random.default_rng(0)
    drawn = (rng.random((_DRAWN, count)) < 0.5 for _ in range(_BLOCKS))
    blocks = (block[block.any(axis=1)] for block in drawn)
    return np.concatenate([b @ differences / b.sum(axis=1) for b in blocks])


@cache
def _subsets(count: int) -> NDArray[np.float64]:
    """All subsets but the empty one, (2^count - 1, count), 1 for what is in."""
    return np.array(list(product((0.0, 1.0), repeat=count)))[1:]


def _without_rounding(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """What is 0 but for rounding is 0."""
    return np.where(np.abs(values) > _ROUNDING, values, 0.0)
