"""The Spotlight Resonance Method: do activations gather around the vectors of a basis.

Bird (2025), arXiv 2505.13471. `resonance` gives the curves, `alignment` the test against rotated
copies of the basis, `epsilon_for` a spotlight that means the same at every width.
"""

from neuronbasis.spotlight._alignment import LEAST as LEAST
from neuronbasis.spotlight._alignment import alignment, strength
from neuronbasis.spotlight._copies import expected_seconds
from neuronbasis.spotlight._null import (
    epsilon_for,
    isotropic_band,
    isotropic_fraction,
    log10_isotropic_fraction,
)
from neuronbasis.spotlight._planes import choose as choose
from neuronbasis.spotlight._projection import density
from neuronbasis.spotlight._resonance import curve, resonance, self_resonance, summary
from neuronbasis.spotlight._selectivity import by_class, selectivity
from neuronbasis.spotlight._survey import (
    as_strong,
    counts,
    nearer,
    nearest_cosine,
    on_random_bases,
    survey,
)

__all__ = [
    "resonance",
    "alignment",
    "expected_seconds",
    "epsilon_for",
    "curve",
    "summary",
    "self_resonance",
    "survey",
    "counts",
    "nearer",
    "nearest_cosine",
    "strength",
    "on_random_bases",
    "as_strong",
    "by_class",
    "selectivity",
    "density",
    "isotropic_fraction",
    "log10_isotropic_fraction",
    "isotropic_band",
]
