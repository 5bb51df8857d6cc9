"""Time the search for the nearest patches against one matrix product of patches by vectors.

python benchmarks/traversal.py
"""

import timeit

import numpy as np

from neuronbasis import decomposition, visualisation

PATCHES, CHANNELS, VECTORS, POINTS, NEAREST, TIMES_PRODUCT = 100_000, 256, 10, 9, 5, 10


def best_of(call, repeats=9):
    """Shortest wall time in seconds; the first call, which compiles, does not count."""
    call()
    return min(timeit.repeat(call, number=1, repeat=repeats))


def main():
    rng = np.random.default_rng(0)
    print(f"{VECTORS} vectors x {POINTS} points, the {NEAREST} nearest of {PATCHES} x {CHANNELS}")
    for dtype in (np.float32, np.float64):
        patches = rng.standard_normal((PATCHES, CHANNELS)).astype(dtype)
        pcs = decomposition.principal(patches[:2000])
        vectors = pcs.vectors[:VECTORS].T.astype(dtype)
        product = best_of(lambda p=patches, v=vectors: p @ v)
        found = best_of(
            lambda p=patches, b=pcs: visualisation.nearest(p, b, VECTORS, POINTS, NEAREST)
        )
        ratio = found / product
        print(f"  {np.dtype(dtype)}: product {product * 1e3:.1f} ms, search {found * 1e3:.1f} ms")
        print(f"    ratio {ratio:.1f} (at most {TIMES_PRODUCT}: {ratio <= TIMES_PRODUCT})")


if __name__ == "__main__":
    main()
