"""Many neurons at once."""

import numpy as np

from neuronbasis import regions
from neuronbasis.exercises import _measured
from neuronbasis.exercises._check import Answer, called, expect


def most(answer: Answer) -> str:
    """The largest number of regions that m boundaries cut R^n into."""
    for m, n in ((3, 2), (8, 2), (5, 5), (4, 10)):
        expect(
            called(answer, m, n),
            regions.most(m, n),
            f"the number of regions of m = {m} neurons on n = {n} inputs",
            "It is the sum of the binomial coefficients of m over 0, 1, ..., up to n.",
            [(2**m, "That is the number of sign vectors; not all of them occur.")],
        )
    rng = np.random.default_rng(0)
    drawn = regions.arrangement(
        rng.standard_normal((8, 2)), rng.standard_normal(8), window=(-1e4, 1e4)
    )
    return (
        f"The exact arrangement of eight random neurons on two inputs has {drawn.sizes['cell']} "
        f"regions, as your formula says, of 2^8 = 256 sign vectors."
    )


def visited(answer: Answer) -> str:
    """The number of different sign vectors among the rows."""
    rows = _measured.activations("Fig. 2, without the mean image")
    right = len({tuple(row) for row in rows > 0})
    expect(
        called(answer, rows),
        right,
        "the number of sign vectors that MNIST's test images reach",
        "A sign vector is a whole row of signs: count different rows.",
        [(2, "You count the signs that occur; count rows of signs.")],
    )
    offset = len({tuple(row) for row in _measured.activations("Fig. 2") > 0})
    return (
        f"10,000 test images reach {right} of the 2^10 = 1024 sign vectors of the latent layer, in "
        f"a network of Fig. 2 trained without the mean image. With one common offset, in the "
        f"network trained on the images as they are, they reach {offset}."
    )
