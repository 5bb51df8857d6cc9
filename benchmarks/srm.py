"""Time the Spotlight Resonance Method against what it cannot beat and against the literal method.

    python benchmarks/srm.py [activations.npy]
    python benchmarks/srm.py --wide [--freeze]

One run prints, for isotropic and for clustered directions (and for the activations in the file, if
one is given), the time of the whole call, of a bare compiled pass that only forms p^2 + q^2 for
every pair of a plane and a sample, the number of arcs, and the bound that follows from them; then
the literal method, the alignment test with its power, and a wide layer.

With `--wide` it sets the mean curve and the summary of wide layers beside the pass that looks at
every pair (`tests/pair_by_pair.py`), turn by turn; then the alignment test at n = 2048, and the
mean curve at n = 4096 from a mapped file. `--freeze` keeps the numbers, which the book quotes, in
`results/benchmarks/srm/record.json`. Wall times are those of a machine that is otherwise idle;
beside them stand the seconds of all processors, which other work disturbs less.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numba
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
import pair_by_pair
import slow_twin
from neuronbasis import basis, spotlight
from neuronbasis.spotlight import _arcs, _copies, choose
from neuronbasis.utils.activations import Activations

SAMPLES, N, EPSILON, ANGLES = 10_000, 24, 0.9, 360
WIDE, WIDE_SAMPLES, WIDE_SECONDS, ALIGNMENT_SECONDS = 512, 100_000, 15, 5
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
    print(" (at most 1500)")


FRACTION, ROUNDS = 1e-3, 3
FROZEN = Path(__file__).resolve().parents[1] / "results" / "benchmarks" / "srm" / "record.json"


def unit(samples, n):
    rows = np.random.default_rng(0).standard_normal((samples, n))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def spent(call):
    """Wall seconds, seconds of all processors, and the result."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = call()
    return time.perf_counter() - wall, time.process_time() - cpu, result


def beside(new, old, rounds=ROUNDS):
    """Medians of both, which take turns: (wall, processor seconds) of each; the results agree."""
    times = {new: [], old: []}
    for _ in range(rounds):
        results = []
        for call in (new, old):
            wall, cpu, result = spent(call)
            times[call].append((wall, cpu))
            results.append(result)
        assert (results[0] == results[1]).all()
    return [
        [statistics.median(column) for column in zip(*times[call], strict=True)]
        for call in (new, old)
    ]


def mean_curve(name, b, rows, epsilon, rounds=ROUNDS):
    planes = choose(b.vectors)
    projections = _arcs.project(b.vectors, rows)
    for module in (_arcs, pair_by_pair):  # compile
        module.total(projections[:, :50], planes[:50], epsilon, ANGLES)
        module.total(projections[:, :50], planes, epsilon, ANGLES)
    new, old = beside(
        lambda: _arcs.total(projections, planes, epsilon, ANGLES),
        lambda: pair_by_pair.total(projections, planes, epsilon, ANGLES),
        rounds,
    )
    return told(f"mean curve, {name}", len(planes), len(rows), new, old)


def counts(name, b, rows, epsilon, rounds=1):
    planes, projections = choose(b.vectors), _arcs.project(b.vectors, rows)

    def counted(module):
        found = np.zeros((len(planes), ANGLES), np.int32)
        module.count(projections, planes, epsilon, found)
        return found

    for module in (_arcs, pair_by_pair):
        module.count(projections[:, :50], planes, epsilon, counted(module))
    new, old = beside(lambda: counted(_arcs), lambda: counted(pair_by_pair), rounds)
    return told(f"all counts, {name}", len(planes), len(rows), new, old)


def told(name, planes, samples, new, old):
    about = {
        "planes": planes,
        "samples": samples,
        "seconds": new[0],
        "cpu_seconds": new[1],
        "before": old[0],
        "cpu_before": old[1],
        "times": old[0] / new[0],
        "cpu_times": old[1] / new[1],
    }
    print(f"{name}: {planes} planes, {samples} rows")
    print(
        f"  {new[0]:.3f} s (processors {new[1]:.3f}) against {old[0]:.3f} s ({old[1]:.3f}): ",
        end="",
    )
    print(
        f"{about['times']:.1f} times as fast, {about['cpu_times']:.1f} by processor time",
        flush=True,
    )
    return about


def law(rows_at, widths=(256, 512, 1024, 2048)):
    """Processor microseconds of the mean curve for a row, by width, and the power it follows."""
    each = {}
    for n in widths:
        planes, rows = choose(np.eye(n)), unit(rows_at(n), n)
        projections, epsilon = rows.T.copy(), spotlight.epsilon_for(FRACTION, n)
        call = lambda: _arcs.total(projections, planes, epsilon, ANGLES)  # noqa: B023, E731
        call()
        each[n] = min(spent(call)[1] for _ in range(5)) / len(rows) * 1e6
        print(f"  n={n}: {each[n]:.1f} us a row, {each[n] / len(planes) * 1e3:.4f} ns a pair")
    return each


def test_at_2048(samples=10_000):
    n, rows = 2048, unit(samples, 2048)
    about = {}
    for name, drawn in (("drawn", 3000), ("all", None)):
        b, epsilon = basis.standard(n), spotlight.epsilon_for(FRACTION, n)
        turns = 199 if drawn else 5  # all planes: some copies, and the rest by proportion
        if drawn:
            call = lambda: spotlight.alignment(rows, b, epsilon, max_planes=drawn)  # noqa: B023, E731
        else:
            data, planes = Activations(rows, n), choose(b.vectors)
            list(data)
            call = lambda: _copies.of_copies(  # noqa: B023, E731
                data, b, planes, epsilon, ANGLES, list(range(turns)), False
            )
        wall, cpu, _ = spent(call)
        about[name] = {"seconds": wall * 199 / turns, "cpu_seconds": cpu * 199 / turns}
        print(f"alignment, n={n}, {samples} rows, 199 rotations, {name} planes", about[name])
    return about


MAPPED = """
import resource, sys, time
import numpy as np
from neuronbasis import basis, spotlight
from neuronbasis.spotlight import _copies, choose
from neuronbasis.utils.activations import Activations
rows = np.load(sys.argv[1], mmap_mode="r")
n = rows.shape[1]
b = basis.standard(n)
planes = choose(b.vectors)
start, cpu = time.perf_counter(), time.process_time()
_copies.measure(Activations(rows, n, n), b, planes, spotlight.epsilon_for(1e-3, n), 360)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(time.perf_counter() - start, time.process_time() - cpu, peak, len(planes))
"""


def mapped(samples=100_000, n=4096):
    """The mean curve of a file that is not held in memory, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows.npy")
        file = np.lib.format.open_memmap(path, "w+", np.float32, (samples, n))
        rng = np.random.default_rng(0)
        for start in range(0, samples, 1000):
            file[start : start + 1000] = rng.standard_normal((1000, n), dtype=np.float32)
        file.flush()
        del file
        done = subprocess.run([sys.executable, "-c", MAPPED, path], capture_output=True, text=True)
    wall, cpu, peak, planes = (float(word) for word in done.stdout.split())
    print(
        f"mean curve, n={n}, {samples} rows from a file: {wall:.0f} s, processors {cpu:.0f} s, ",
        end="",
    )
    print(f"peak memory {peak:.2f} GB with the file's own pages")
    return {"seconds": wall, "cpu_seconds": cpu, "peak_gb": peak, "planes": int(planes)}


def wide(freeze):
    values = {"threads": numba.get_num_threads(), "cores": os.cpu_count()}
    e = spotlight.epsilon_for
    for n in (128, 512, 1536):
        rounds = ROUNDS if n < 1000 else 1
        about = mean_curve(f"n={n}", basis.standard(n), unit(SAMPLES, n), e(FRACTION, n), rounds)
        values[f"mean.{n}"] = about
    b = basis.standard(N)
    rows = unit(SAMPLES, N)
    rows[::2] += 3 * b.vectors[np.random.default_rng(1).integers(0, N, len(rows[::2]))]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    values["mean.24"] = mean_curve("n=24, epsilon 0.45", b, rows, 0.45)
    values["mean.24.narrow"] = mean_curve("n=24, epsilon 0.9", b, rows, 0.9)
    b = basis.random(600, 300)
    values["mean.oblique"] = mean_curve(
        "600 vectors in R^300", b, unit(3000, 300), e(FRACTION, 300)
    )
    values["counts.512"] = counts("n=512", basis.standard(512), unit(8192, 512), e(FRACTION, 512))
    print("mean curve by width")
    values["law"] = {str(n): us for n, us in law(lambda n: 2**21 // n).items()}
    logs = np.log([float(n) for n in values["law"]]), np.log(list(values["law"].values()))
    values["power"] = float(np.polyfit(*logs, 1)[0])
    print(f"  power of the width: {values['power']:.2f}")
    rows = np.random.default_rng(0).standard_normal((WIDE_SAMPLES, WIDE), dtype=np.float32)
    spotlight.summary(rows[:500], basis.standard(WIDE), e(FRACTION, WIDE))
    wall, cpu, _ = spent(lambda: spotlight.summary(rows, basis.standard(WIDE), e(FRACTION, WIDE)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    values["summary"] = {"seconds": wall, "cpu_seconds": cpu, "peak_gb": peak}
    print("summary of 100,000 x 512", values["summary"], flush=True)
    values["alignment"] = test_at_2048()
    values["mapped"] = mapped()
    if freeze:
        FROZEN.parent.mkdir(parents=True, exist_ok=True)
        FROZEN.write_text(json.dumps({"values": values}, indent=1) + "\n")


def main():
    if "--wide" in sys.argv:
        wide("--freeze" in sys.argv)
        return
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
