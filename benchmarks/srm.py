"""Time the Spotlight Resonance Method against what it cannot beat and against the literal method.

    python benchmarks/srm.py [activations.npy]

One run prints, for isotropic and for clustered directions (and for the activations in the file, if
one is given), the time of the whole call, of a bare compiled pass that only forms p^2 + q^2 for
every pair of a plane and a sample, the number of arcs, and the bound that follows from them.
"""

import sys
import time
from pathlib import Path

import numba
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
import slow_twin
from neuronbasis import arcs, basis, spotlight
from neuronbasis.planes import choose

SAMPLES, N, EPSILON, ANGLES = 10_000, 24, 0.9, 360
BARE_PASSES, NS_PER_ARC, TIMES_TWIN, TWIN_PLANES = 10, 60, 20_000, 20


@numba.njit(nogil=True, error_model="numpy", fastmath=True)
def squared_lengths(projections, corners, cosine, sums):
    for i in range(len(corners)):
        p, g = projections[corners[i, 0]], projections[corners[i, 1]]
        scale = 1 / np.sqrt(1 - cosine[i] * cosine[i])
        total = 0.0
        for j in range(p.size):
            q = (g[j] - cosine[i] * p[j]) * scale
            total += p[j] * p[j] + q * q
        sums[i] = total


def bare_pass(projections, planes):
    sums = np.empty(len(planes))

    def work(part):
        cosine = planes.cosines[part, 0].copy()
        squared_lengths(projections, planes.corners[part], cosine, sums[part])

    arcs.share(work, len(sums))
    return sums


def best_of(call, repeats=15):
    """Shortest wall time in seconds; the first call, which compiles, does not count."""
    call()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def arcs_of(projections, planes, epsilon):
    total = 0
    for (a, b), c in zip(planes.corners, planes.cosines[:, 0], strict=True):
        p, g = projections[a], projections[b]
        total += int(np.count_nonzero(p**2 + (g - c * p) ** 2 / (1 - c**2) >= epsilon**2))
    return total


def gathered(b, vectors_each, rng):
    """Rows near the sum of some vectors of an orthoplex, others for each row."""
    axes = rng.permuted(np.tile(np.arange(b.n), (SAMPLES, 1)), axis=1)[:, :vectors_each]
    rows = b.vectors[2 * axes + rng.integers(0, 2, axes.shape)].sum(axis=1)
    return rows + 0.02 * rng.standard_normal(rows.shape)


def report(name, activations, b, epsilon=EPSILON):
    planes = choose(b.vectors)
    rows = np.concatenate([rows for rows, _ in arcs.Directions(activations, b.n, b.m)])
    projections = b.vectors @ rows.T
    threads = numba.get_num_threads()
    bare = best_of(lambda: bare_pass(projections, planes))
    whole = best_of(lambda: spotlight.resonance(activations, b, epsilon, ANGLES))
    found = arcs_of(projections, planes, epsilon)
    bound = BARE_PASSES * bare + NS_PER_ARC * 1e-9 * found / threads
    pairs = len(planes) * len(rows)
    print(f"\n{name}: {len(rows)} rows, n={b.n}, m={b.m}, {len(planes)} planes, {threads=}")
    print(f"  whole call {whole * 1e3:9.2f} ms    bare p^2+q^2 pass {bare * 1e3:.2f} ms")
    print(f"  arcs       {found:9d}       {found / pairs:.1%} of the pairs")
    print(f"  bound      {bound * 1e3:9.2f} ms    whole / bound = {whole / bound:.2f} (at most 1)")
    return whole


def report_twin(activations, b, whole):
    planes = choose(b.vectors)
    start = time.perf_counter()
    for i in range(TWIN_PLANES):
        slow_twin.counts(activations, b.vectors, planes.corners[i], EPSILON, ANGLES)
    literal = (time.perf_counter() - start) * len(planes) / TWIN_PLANES
    print(f"\nliteral method of App. A, {TWIN_PLANES} planes timed and scaled: {literal:.0f} s")
    print(f"  literal / whole call = {literal / whole:.0f} (at least {TIMES_TWIN})")


def main():
    rng = np.random.default_rng(0)
    b = basis.orthoplex(N, seed=0)
    isotropic = rng.standard_normal((SAMPLES, N))
    whole = report("isotropic, epsilon 0.9", isotropic, b)
    report("each row near one vector, epsilon 0.9", gathered(b, 1, rng), b)
    report("each row among four vectors, epsilon 0.45", gathered(b, 4, rng), b, 0.45)
    for path in sys.argv[1:]:
        activations = np.load(path)
        own = basis.thompson(2 * activations.shape[1], activations.shape[1], seed=0)
        report(f"{path}, epsilon 0.9", activations, own)
    report_twin(isotropic, b, whole)


if __name__ == "__main__":
    main()
