"""Random generators of seeds."""

import numpy as np

from neuronbasis.errors import UserError

#: What decides a random draw.
Seed = int | np.random.Generator


def generator(seed: Seed, stream: str = "") -> np.random.Generator:
    """Make a random generator of a seed.

    Parameters
    ----------
    seed : int or numpy.random.Generator
        A generator is given back as it is.
    stream : str
        Name of what is drawn. Draws of different names are independent of each other: otherwise
        ``standard(n).rotated(0)``, meant as a control, would hold the very vectors of
        ``orthoplex(n, seed=0)``.

    Raises
    ------
    UserError
        If the seed is neither an integer >= 0 nor a generator.

    Examples
    --------
    >>> generator(7).integers(1000) == generator(7).integers(1000)
    np.True_
    >>> generator(7).integers(1000) == generator(7, "rotated").integers(1000)
    np.False_
    """
    if isinstance(seed, np.random.Generator):
        return seed
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise UserError(
            f"seed is {seed!r}; it must be an integer >= 0 or a numpy Generator: pass one such as 0"
        )
    return np.random.default_rng([int(seed), *stream.encode()])
