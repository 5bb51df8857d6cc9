"""A study with people."""

import itertools

from scipy import stats

from neuronbasis.exercises._check import Answer, NotYet, called, expect, number


def passes(answer: Answer) -> str:
    """The probability of at least `least` right answers in so many trials, each right with p."""
    for trials, least, p in ((8, 7, 0.5), (8, 8, 0.98), (8, 7, 0.98), (20, 15, 0.5)):
        right = float(stats.binom.sf(least - 1, trials, p))
        expect(
            called(answer, trials, least, p),
            right,
            f"the probability for {least} of {trials} with p = {p}",
            "Add the probabilities of every number of right answers from `least` up.",
            [
                (float(stats.binom.pmf(least, trials, p)), "More right answers pass as well."),
                (float(stats.binom.cdf(least, trials, p)), "That is at most so many."),
            ],
        )
    guesses, one = stats.binom.sf(6, 8, 0.5), stats.binom.sf(7, 8, 0.98)
    return (
        f"Of those who guess, {guesses:.1%} pass with seven of eight. A rule of all eight would "
        f"fail {1 - one:.0%} of the people who err once in fifty trials."
    )


def steps(answer: Answer) -> str:
    """How many steps of the ordered row are left in a shuffled one, either way round."""
    orders = list(itertools.permutations(range(4)))
    kept = {}
    for order in orders:
        right = sum(abs(a - b) == 1 for a, b in itertools.pairwise(order))
        found = number(called(answer, list(order)), "the number of steps")
        if found != right:
            forward = sum(b - a == 1 for a, b in itertools.pairwise(order))
            said = "A step counts in either direction." if found == forward else ""
            raise NotYet(f"The row {order} keeps {right} steps, and you count {found:g}. {said}")
        kept[order] = right
    left = [kept[order] for order in orders if order not in (orders[0], orders[-1])]
    return (
        f"Of the {len(left)} shuffled rows of four points, {left.count(2)} keep two of the three "
        "steps. Such trials are hard for everybody, whatever the vector shows."
    )
