"""Time streamed principal components against scikit-learn's covariance solver in memory.

    python benchmarks/principal.py

One run writes float32 activations to a temporary file, maps it, and prints the time of
`decomposition.principal` and of ``PCA(svd_solver="covariance_eigh")`` on the whole array in
float64, how far their eigenvalues differ, and the peak memory of a fresh process above its rest.
"""

import multiprocessing
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA

from neuronbasis import datasets, decomposition

SAMPLES, N, REPEATS = 100_000, 1_024, 3
TIMES_SKLEARN, RELATIVE, MEGABYTES = 2, 1e-9, 200


def write(path):
    """Correlated activations; variances fall over four decades, means are as large as the largest.

    With wider spectra or larger means the two differ more, by what scikit-learn's subtraction of
    the mean's square costs it.
    """
    rng = np.random.default_rng(0)
    spread = np.linalg.qr(rng.standard_normal((N, N)))[0] * np.logspace(1, -1, N)
    mean = rng.normal(scale=10, size=N)
    mapped = np.lib.format.open_memmap(path, "w+", np.float32, (SAMPLES, N))
    for part in np.array_split(np.arange(SAMPLES), 50):
        mapped[part] = rng.standard_normal((len(part), N)) @ spread.T + mean
    mapped.flush()


def seconds(call):
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def resident(field):
    """Memory of this process in MB: VmRSS now, VmHWM at its peak, mapped pages counted."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise KeyError(field)


def peak_above_rest(path, queue):
    decomposition.principal(np.random.default_rng(0).standard_normal((50, 8)))  # loads and warms up
    rest = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    decomposition.principal(datasets.read_matrix(path))
    queue.put((rest, resident("VmHWM")))


def measure_memory(path):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=peak_above_rest, args=(path, queue))
    process.start()
    rest, peak = queue.get(timeout=600)
    process.join()
    return rest, peak


def verdict(value, bound):
    return f"(at most {bound:g}: {'holds' if value <= bound else 'DOES NOT HOLD'})"


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "activations.npy"
        write(path)
        rest, peak = measure_memory(path)
        mapped = datasets.read_matrix(path)
        whole = np.asarray(mapped, dtype=np.float64)
        ours, theirs = [], []
        for _ in range(REPEATS):
            taken, found = seconds(lambda: decomposition.principal(mapped))
            ours.append(taken)
            taken, known = seconds(lambda: PCA(svd_solver="covariance_eigh").fit(whole))
            theirs.append(taken)
    ratio = min(ours) / min(theirs)
    error = np.abs(found.variances / known.explained_variance_ - 1).max()
    print(f"principal components of {SAMPLES} x {N} float32 activations from a mapped file")
    print(f"  streamed {min(ours):.2f} s    scikit-learn, whole array {min(theirs):.2f} s")
    print(f"  streamed / scikit-learn = {ratio:.2f} {verdict(ratio, TIMES_SKLEARN)}")
    print(f"  largest relative difference of eigenvalues {error:.1e} {verdict(error, RELATIVE)}")
    print(f"  at rest {rest:.0f} MB, peak {peak - rest:.0f} MB above", end=" ")
    print(verdict(peak - rest, MEGABYTES))


if __name__ == "__main__":
    main()
