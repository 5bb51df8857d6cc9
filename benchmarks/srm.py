"""Time the Spotlight Resonance Method against what it cannot beat and against the literal method.

    python benchmarks/srm.py [activations.npy]

Wide layers, beside the pass that looks at every pair, have `srm_wide.py`; a GPU has
`srm_device.py`.

One run prints, for isotropic and for clustered directions (and for the activations in the file, if
one is given), the time of the whole call, of a bare compiled pass that only forms p^2 + q^2 for
every pair of a plane and a sample, the number of arcs, and the bound that follows from them; then
the literal method, the alignment test with its power, and a wide layer.
"""

import resource
import sys
import time
import timeit
from pathlib import Path

import numba
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
import slow_twin
from neuronbasis import basis, spotlight
from neuronbasis.spotlight import choose
from neuronbasis.utils.activations import Activations

SAMPLES, N, EPSILON, ANGLES = 10_000, 24, 0.9, 360
WIDE, WIDE_SAMPLES, WIDE_SECONDS, ALIGNMENT_SECONDS = 512, 100_000, 5, 5
BARE_PASSES, NS_PER_ARC, TIMES_TWIN, TWIN_PLANES = 10, 60, 20_000, 20


@numba.njit(parallel=True, error_model="numpy", fastmath=True)
def squared_lengths(projections, corners, cosine, sums):
    for i in numba.prange(len(corners)):
        p, g = projections[corners[i, 0]], projections[corners[i, 1]]
        scale = 1 / np.sqrt(1 - cosine[i] * cosine[i])
        total = 0.0
        for j in range(p.size):
            q = (g[j] - cosine[i] * p[j]) * scale
            total += p[j] * p[j] + q * q
        sums[i] = total


def bare_pass(projections, planes):
    sums = np.empty(len(planes))
    squared_lengths(projections, planes.corners, planes.cosines[:, 0].copy(), sums)
    return sums


def best_of(call, repeats=15):
    """Shortest wall time in seconds; the first call, which compiles, does not count."""
    call()
    return min(timeit.repeat(call, number=1, repeat=repeats))


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
    rows = np.concatenate([rows for rows, _ in Activations(activations, b.n, b.m)])
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


def report_alignment(name, activations, b, epsilon=EPSILON):
    start = time.perf_counter()
    found = spotlight.alignment(activations, b, epsilon)
    seconds = time.perf_counter() - start
    print(f"\nalignment, 199 rotations, {name}: {seconds:.2f} s (at most {ALIGNMENT_SECONDS})")
    print(f"  slope {found.attrs['slope']:.3f}, p {found.attrs['p_value']:.3f}")


def report_power(rng):
    """How often planted alignment is found, by the share of samples that lie near a vector."""
    b, trials = basis.orthoplex(10, seed=0), 40
    print(f"\npower of alignment: n=10, m=20, 500 samples, epsilon 0.8, {trials} draws each")
    for share in (0.0, 0.01, 0.02, 0.05, 0.1):
        found = 0
        for seed in range(trials):
            rows = rng.standard_normal((500, b.n))
            planted = round(share * len(rows))
            rows[:planted] = b.vectors[rng.integers(0, b.m, planted)]
            rows[:planted] += 0.1 * rng.standard_normal((planted, b.n))
            result = spotlight.alignment(rows, b, 0.8, rotations=39, seed=seed)
            found += result.attrs["verdict"] == "aligned"
        print(f"  planted {share:4.0%}: called aligned {found / trials:.0%}")


def report_wide(rng):
    """Mean and quantile curves of a wide layer; both scales shown over a decade."""
    epsilon, b = spotlight.epsilon_for(1e-3, WIDE), basis.standard(WIDE)
    activations = rng.standard_normal((WIDE_SAMPLES, WIDE), dtype=np.float32)
    planes = len(choose(b.vectors))
    print(f"\nsummary, n=m={WIDE}, epsilon {epsilon:.4f}, {numba.get_num_threads()} threads")
    for samples, part in ((WIDE_SAMPLES // 10, 1), (WIDE_SAMPLES, 10), (WIDE_SAMPLES, 1)):
        start = time.perf_counter()
        spotlight.summary(activations[:samples], b, epsilon, max_planes=planes // part)
        seconds = time.perf_counter() - start
        print(f"  {samples:6d} samples, {planes // part:6d} planes: {seconds:.2f} s", end="")
        print(f", {seconds / samples / (planes // part) * 1e9:.2f} ns a pair")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  last one at most {WIDE_SECONDS} s; peak memory of this run {peak:.0f} MB", end="")
    print(" (at most 1000)")


def main():
    rng = np.random.default_rng(0)
    b = basis.orthoplex(N, seed=0)
    isotropic, near = rng.standard_normal((SAMPLES, N)), gathered(b, 1, rng)
    whole = report("isotropic, epsilon 0.9", isotropic, b)
    report("each row near one vector, epsilon 0.9", near, b)
    report("each row among four vectors, epsilon 0.45", gathered(b, 4, rng), b, 0.45)
    for path in sys.argv[1:]:
        activations = np.load(path)
        own = basis.thompson(2 * activations.shape[1], activations.shape[1], seed=0)
        report(f"{path}, epsilon 0.9", activations, own)
        report_alignment(path, activations, own)
    report_twin(isotropic, b, whole)
    report_alignment("isotropic", isotropic, b)
    report_alignment("each row near one vector", near, b)
    report_power(rng)
    report_wide(rng)


if __name__ == "__main__":
    main()
