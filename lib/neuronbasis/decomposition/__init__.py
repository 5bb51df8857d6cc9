"""Bases found from activations: principal and independent components, sparse codes; controls.

All are an `OrderedBasis`: vectors in the order of the variance along them.
"""

from neuronbasis.decomposition._components import NotConvergedError as NotConvergedError
from neuronbasis.decomposition._components import independent, neurons, principal, random, three
from neuronbasis.decomposition._moments import Moments, moments
from neuronbasis.decomposition._moments import Stream as Stream
from neuronbasis.decomposition._moments import source as source
from neuronbasis.decomposition._moments import varying as varying
from neuronbasis.decomposition._ordered import OrderedBasis, nested_span, ordered
from neuronbasis.decomposition._sparse import sparse_autoencoder

__all__ = [
    "principal",
    "neurons",
    "random",
    "three",
    "independent",
    "sparse_autoencoder",
    "OrderedBasis",
    "ordered",
    "nested_span",
    "moments",
    "Moments",
]
