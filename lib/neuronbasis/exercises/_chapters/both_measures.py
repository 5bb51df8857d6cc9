"""Both measures on the same layers."""

import numpy as np
from scipy import stats

from neuronbasis import basis, completeness, spotlight
from neuronbasis.exercises import _measured
from neuronbasis.exercises._check import Answer, NotYet, array, called, expect


def spikes(answer: Answer) -> str:
    """An array (samples, n) in which one neuron a row is +2 or -2, and all others are 0."""
    samples, n = 4000, 6
    rows = array(called(answer, samples, n, np.random.default_rng(0)), (samples, n))
    active = np.count_nonzero(rows, axis=1)
    if active.max() > 1 or active.min() < 1:
        raise NotYet(f"A row has {active.min()} to {active.max()} active neurons; one is wanted.")
    if not np.allclose(np.abs(rows).max(axis=1), 2):
        raise NotYet("The active neuron must have the value +2 or -2.")
    if np.abs(rows.mean(axis=0)).max() > 0.15:
        raise NotYet("Both signs must be equally frequent; a mean of a neuron is far from 0.")
    counts = np.count_nonzero(rows, axis=0) / samples
    if counts.min() < 0.8 / n or counts.max() > 1.2 / n:
        raise NotYet(f"Neurons are active in {counts.min():.0%} to {counts.max():.0%} of the rows.")
    (near,) = spotlight.nearest_cosine(rows, [basis.orthoplex(n)])
    turned = basis.Basis(basis.standard(n).rotated(0).vectors, "rotated")
    both = completeness.explained_variance(rows, [basis.standard(n), turned], shares=(0.8,)).needed
    return (
        f"Their nearest cosine is {near:.0f}, the strongest alignment there is. And 80% of the "
        f"variance takes {int(both[0, 0])} neurons or {int(both[1, 0])} vectors of a rotated basis."
    )


def ranks(answer: Answer) -> str:
    """The rank correlation of two lists: Pearson's correlation of their ranks."""
    pairs = []
    for seed in range(10):
        rows, b = _measured.activations("Fig. 2", seed)[:1000], _measured.basis("Fig. 2", seed)
        (near,) = spotlight.nearest_cosine(rows, [b])
        spread = np.sort(np.var(rows @ b.vectors.T, axis=0))[::-1]
        pairs.append((near, spread[0] / spread.sum()))
    cosines, shares = np.array(pairs).T
    right, p = map(float, stats.spearmanr(cosines, shares))
    pearson = float(np.corrcoef(cosines, shares)[0, 1])
    expect(
        called(answer, cosines, shares),
        right,
        "the rank correlation over ten networks of Fig. 2",
        "Replace each value by its rank, from 0 to 9, and correlate the ranks.",
        [(pearson, "That is Pearson's correlation of the values; take their ranks first.")],
    )
    return (
        f"Over ten networks of Fig. 2 it is {right:+.2f} between the nearest cosine and the share "
        f"of the variance on the best vector, with p = {p:.2f}."
    )
