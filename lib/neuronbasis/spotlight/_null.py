"""What the Spotlight Resonance Method reads on directions without any preference."""

import math

import numpy as np
from scipy import special

from neuronbasis.errors import UserError
from neuronbasis.utils.checks import checked_epsilon, number, whole_number

# Gauss-Laguerre nodes for the tail integral of `log10_isotropic_fraction`.
_NODES = 48


def isotropic_fraction(epsilon: float, n: int) -> float:
    """Share of evenly distributed directions that a spotlight of cosine `epsilon` holds.

    A spherical cap's share of the unit sphere of R^n,
    ``0.5 * I(1 - epsilon^2; (n - 1) / 2, 1 / 2)`` with I the regularised incomplete beta
    function (Bird 2025, App. F, where Eq. 18 is the same up to its factor).

    Parameters
    ----------
    epsilon : float in (0, 1]
        Cosine of the spotlight's half-angle.
    n : int, at least 1
        Dimension of the space.

    Returns
    -------
    float
        Between 0 and 0.5. Below 1e-308 it is 0: see `log10_isotropic_fraction`.

    Raises
    ------
    UserError
        If `epsilon` or `n` lies outside its range.

    Examples
    --------
    >>> isotropic_fraction(0.5, 2)  # 120 degrees of 360
    0.3333333333333333
    >>> f"{isotropic_fraction(0.9, 10):.2g}"
    '8e-05'
    """
    epsilon, n = checked_epsilon(epsilon), whole_number(n, "n", 1, "the width of the layer")
    if n == 1:
        return 0.5  # two directions, one of them in the cone
    return 0.5 * float(special.betainc((n - 1) / 2, 0.5, (1 - epsilon) * (1 + epsilon)))


def log10_isotropic_fraction(epsilon: float, n: int) -> float:
    """Decimal logarithm of `isotropic_fraction`, finite where that underflows to 0.

    Parameters
    ----------
    epsilon, n
        As of `isotropic_fraction`.

    Returns
    -------
    float
        At most log10(0.5); minus infinity only for ``epsilon = 1`` in two dimensions or more.

    Raises
    ------
    UserError
        If `epsilon` or `n` lies outside its range.

    Examples
    --------
    >>> round(log10_isotropic_fraction(0.9, 4096), 4)
    -1478.9115
    """
    fraction = isotropic_fraction(epsilon, n)
    if fraction > 1e-290:
        return math.log10(fraction)
    if epsilon == 1:
        return -math.inf
    # With t = x exp(-u / a) the incomplete beta integral over (0, x) becomes x^a / a times the
    # integral over u of exp(-u) (1 - x exp(-u / a))^(-1/2), which is smooth this far out.
    a, log_x = (n - 1) / 2, math.log1p(-epsilon) + math.log1p(epsilon)
    nodes, weights = special.roots_laguerre(_NODES)
    integral = float(weights @ (-np.expm1(log_x - nodes / a)) ** -0.5)
    log_beta = float(special.betaln(a, 0.5))
    return (a * log_x - math.log(2 * a) - log_beta + math.log(integral)) / math.log(10)


def isotropic_band(
    epsilon: float, n: int, samples: int, confidence: float = 0.95
) -> tuple[float, float]:
    """Range in which one point of a curve lies for evenly distributed directions.

    Parameters
    ----------
    epsilon, n
        As of `isotropic_fraction`.
    samples : int, at least 1
        Number of independent directions.
    confidence : float in (0, 1)
        Probability of the range, for each plane and angle by itself: of many points some lie
        outside.

    Returns
    -------
    low, high : float
        Binomial quantiles at ``(1 - confidence) / 2`` from either end, as fractions.

    Raises
    ------
    UserError
        If an argument lies outside its range.

    Examples
    --------
    >>> isotropic_band(0.5, 3, samples=1000)
    (0.223, 0.277)
    """
    from scipy.stats import binom  # slow to import, and seldom needed

    samples = whole_number(samples, "samples", 1, "the number of activations")
    confidence = number(confidence, "confidence", "(0, 1)", "such as 0.95")
    tails = (1 - confidence) / 2, (1 + confidence) / 2
    low, high = binom.ppf(tails, samples, isotropic_fraction(epsilon, n)) / samples
    return float(low), float(high)


def epsilon_for(fraction: float, n: int) -> float:
    """Spotlight that holds a wanted share of evenly distributed directions.

    The inverse of `isotropic_fraction`: one epsilon means nothing across widths, one null
    fraction does.

    Parameters
    ----------
    fraction : float in (0, 0.5)
        Wanted share.
    n : int, at least 2
        Dimension of the space.

    Returns
    -------
    float
        epsilon in (0, 1).

    Raises
    ------
    UserError
        If an argument lies outside its range, or the cone would be too narrow for float64.

    Examples
    --------
    >>> round(epsilon_for(1 / 3, 2), 12)
    0.5
    >>> round(epsilon_for(1e-3, 512), 4)
    0.1361
    """
    n = whole_number(n, "n", 2, "the width of the layer")
    fraction = number(fraction, "fraction", "(0, 0.5)", "a share such as 1e-3")
    epsilon = math.sqrt(special.betainccinv(0.5, (n - 1) / 2, 2 * fraction))
    if not 0 < epsilon < 1:
        raise UserError(
            f"fraction is {fraction!r}; at n={n} its epsilon cannot be told from {epsilon:g} in "
            "float64: pass a share nearer to 0.01"
        )
    return epsilon
