"""The Spotlight Resonance Method done literally: rotation matrices, dot products, a count.

Follows the steps of Bird 2025, App. A, one after another. Nothing here is clever, so that it can
be read beside the paper and serve as the oracle of `neuronbasis.spotlight`.
"""

import numpy as np


def similarities(activations, vectors, corners, angles):
    """Dot products of the unit rows with the turning axis, shape (angles, samples)."""
    alpha, *others = corners
    if len(others) == 1:
        bivector = bivector_matrix(vectors[alpha], vectors[others[0]])
    else:  # footnote 1: the plane through the ends of three vectors
        bivector = bivector_matrix(*(vectors[other] - vectors[alpha] for other in others))
    result = np.empty((angles, len(activations)))
    for k in range(angles):
        axis = rotation(bivector, 2 * np.pi * k / angles) @ vectors[alpha]
        # App. A normalises inside its loop over angles; the benchmark times it as it stands.
        unit = activations / np.linalg.norm(activations, axis=1, keepdims=True)
        result[k] = unit @ axis
    return result


def bivector_matrix(a, b):
    """B of a and b; its sign is the opposite of the printed one, so the turn goes toward +b."""
    return (np.outer(b, a) - np.outer(a, b)) / 2


def rotation(bivector, theta):
    """Eq. 3: the rotation by theta in the bivector's plane."""
    # i B is Hermitian, so eigh gives the orthonormal eigenvectors that the equation needs.
    w, v = np.linalg.eigh(1j * bivector)
    eigenvalues = -1j * w
    in_plane = np.argsort(np.abs(w))[-2:]
    normalised = np.zeros(len(w), complex)
    normalised[in_plane] = eigenvalues[in_plane] / np.abs(w[in_plane])
    return ((v * np.exp(theta * normalised)) @ v.conj().T).real


def counts(activations, vectors, corners, epsilon, angles):
    """Rows in the spotlight at each angle, shape (angles,)."""
    return (similarities(activations, vectors, corners, angles) >= epsilon).sum(axis=1)


def bounds(activations, vectors, corners, epsilon, angles, signed=False, edge=1e-9):
    """Smallest and largest count that is right if rows on the cone's edge may fall either way."""
    dots = similarities(activations, vectors, corners, angles)
    low = (dots >= epsilon + edge).sum(axis=1)
    high = (dots >= epsilon - edge).sum(axis=1)
    if signed:
        low = low - (dots <= -epsilon + edge).sum(axis=1)
        high = high - (dots <= -epsilon - edge).sum(axis=1)
    return low, high
