"""Which basis says more of a layer: variance explained, and accuracy lost by ablation.

Neurons, principal components and random directions are compared on samples that none of them was
found on (Dey et al. 2025, Fig. 5 and 6).
"""

from neuronbasis.completeness._ablation import ORDERS, ablate, ablation
from neuronbasis.completeness._resampling import areas, estimate, fewer, finest, needed_again
from neuronbasis.completeness._variance import SHARES, explained_variance, halves

__all__ = [
    "explained_variance",
    "ablate",
    "ablation",
    "needed_again",
    "estimate",
    "fewer",
    "finest",
    "areas",
    "halves",
    "SHARES",
    "ORDERS",
]
