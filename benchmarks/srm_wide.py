"""Time the spotlight on wide layers, beside the pass that looks at every plane and row.

    python benchmarks/srm_wide.py [--freeze] [summary means laws alignments mapped]

One run sets the mean curve and the counts beside those of `tests/pair_by_pair.py`, turn by turn,
and sees that they are the same integers; then the mean curve by width, the summary, the alignment
test at n = 2048, and the mean curve at n = 4096 from a mapped file. `--freeze` keeps the numbers,
which the book quotes, in `results/benchmarks/srm/record.json`, and draws the cost beside it.
Without a name of a part all are measured. Wall times are those of a machine that is otherwise
idle; beside them stand the seconds of all processors, which other work disturbs less.
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

import matplotlib.pyplot as plt
import numba
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
import pair_by_pair
from neuronbasis import basis, spotlight
from neuronbasis.figures import style
from neuronbasis.spotlight import _arcs, _copies, choose
from neuronbasis.utils.activations import Activations

SAMPLES, ANGLES = 10_000, 360
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


def alignment_drawn(n, samples):
    """The whole test over 3,000 drawn planes."""
    rows, b = unit(samples, n), basis.standard(n)
    epsilon = spotlight.epsilon_for(FRACTION, n)
    wall, cpu, _ = spent(lambda: spotlight.alignment(rows, b, epsilon, max_planes=3000))
    return {"seconds": wall, "cpu_seconds": cpu}


def alignment_all(n, samples, copies=5):
    """Some copies over all planes, scaled to 199."""
    rows, b = unit(samples, n), basis.standard(n)
    data, planes = Activations(rows, n), choose(b.vectors)
    list(data)
    epsilon, turns = spotlight.epsilon_for(FRACTION, n), list(range(copies))
    wall, cpu, _ = spent(lambda: _copies.of_copies(data, b, planes, epsilon, ANGLES, turns, False))
    scale = 199 / copies
    return {"seconds": wall * scale, "cpu_seconds": cpu * scale, "copies": copies}


MAPPED = """
import sys, time
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
# Of this process alone: what getrusage gives begins at the peak of its parent.
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
peak = int(status["VmHWM"].split()[0]) / 2**20
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
    print(f"peak memory {peak:.2f} GB")
    about = {"seconds": wall, "cpu_seconds": cpu, "planes": int(planes)}
    return about | {"peak_gb": peak, "file_gb": samples * n * 4 / 2**30}


def means():
    """The mean curve beside that of every plane, at several widths."""
    e, found = spotlight.epsilon_for, {}
    for n in (128, 512, 1536):
        rounds = ROUNDS if n < 1000 else 1
        about = mean_curve(f"n={n}", basis.standard(n), unit(SAMPLES, n), e(FRACTION, n), rounds)
        found[f"mean.{n}"] = about
    b = basis.standard(24)
    rows = unit(SAMPLES, 24)
    rows[::2] += 3 * b.vectors[np.random.default_rng(1).integers(0, 24, len(rows[::2]))]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    found["mean.24"] = mean_curve("n=24, epsilon 0.45", b, rows, 0.45)
    found["mean.24.narrow"] = mean_curve("n=24, epsilon 0.9", b, rows, 0.9)
    b = basis.random(600, 300)
    rows = unit(3000, 300)
    found["mean.oblique"] = mean_curve("600 vectors in R^300", b, rows, e(FRACTION, 300))
    counted = counts("n=512", basis.standard(512), unit(8192, 512), e(FRACTION, 512))
    return found | {"counts.512": counted}


def laws():
    """How the mean curve grows with the width and with the number of rows."""
    print("mean curve by width and by rows")
    width = law(lambda n: 2**21 // n)
    power = np.polyfit(np.log(list(width)), np.log(list(width.values())), 1)[0]
    print(f"  power of the width: {power:.2f}")
    epsilon, planes = spotlight.epsilon_for(FRACTION, 512), choose(np.eye(512))
    rows = {}
    for count in (1000, 4000, 16_000, 64_000):
        projections = unit(count, 512).T.copy()
        call = lambda: _arcs.total(projections, planes, epsilon, ANGLES)  # noqa: B023, E731
        rows[count] = min(spent(call)[1] for _ in range(3))
        print(f"  {count} rows of 512 units: processors {rows[count]:.3f} s")
    grown = {
        name: {str(size): each for size, each in found.items()}
        for name, found in (("law", width), ("rows", rows))
    }
    return grown | {"power": float(power)}


def summary():
    rows = np.random.default_rng(0).standard_normal((100_000, 512), dtype=np.float32)
    b, epsilon = basis.standard(512), spotlight.epsilon_for(FRACTION, 512)
    spotlight.summary(rows[:500], b, epsilon)
    wall, cpu, _ = spent(lambda: spotlight.summary(rows, b, epsilon))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    about = {"seconds": wall, "cpu_seconds": cpu, "peak_gb": peak}
    print("summary of 100,000 x 512", about, flush=True)
    return {"summary": about}


def alignments():
    found = {}
    for name, call in (("drawn", alignment_drawn), ("all", alignment_all)):
        found[f"alignment.{name}"] = call(2048, SAMPLES)
        print(f"alignment, n=2048, 199 rotations, {name} planes", found[f"alignment.{name}"])
    return found


# The summary before the others, since its peak of memory is that of the process.
PARTS = {
    "summary": summary,
    "means": means,
    "laws": laws,
    "alignments": alignments,
    "mapped": lambda: {"mapped": mapped()},
}


def draw(values, path):
    """The cost by width, beside that of every plane, and by rows."""
    style.use()
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    widths = [int(n) for n in values["law"]]
    each = list(values["law"].values())
    beside = [int(name[5:]) for name in values if name in ("mean.128", "mean.512", "mean.1536")]
    looked = [
        values[f"mean.{n}"]["cpu_before"] / values[f"mean.{n}"]["samples"] * 1e6 for n in beside
    ]
    left.loglog(beside, looked, "s--", label="a look at every plane")
    left.loglog(widths, each, "o", label="what the spotlight reaches")
    fitted = each[0] * (np.array(widths) / widths[0]) ** values["power"]
    left.loglog(widths, fitted, "-", color="C1", label=f"power {values['power']:.2f} of the width")
    left.set(xlabel="units", ylabel="microseconds for an activation", ylim=(2, 3e4))
    left.set_xticks([128, 256, 512, 1024, 2048], ["128", "256", "512", "1,024", "2,048"])
    left.minorticks_off()
    left.legend()
    counts, seconds = [int(n) for n in values["rows"]], list(values["rows"].values())
    right.loglog(counts, seconds, "o", color="C1", label="512 units")
    right.loglog(
        counts, seconds[-1] / counts[-1] * np.array(counts), "-", color="C1", label="proportional"
    )
    right.set(xlabel="activations", ylabel="seconds")
    right.set_xticks(counts, [f"{count:,}" for count in counts])
    right.minorticks_off()
    right.legend()
    figure.savefig(path, dpi=150)


def main():
    words = [word for word in sys.argv[1:] if word != "--freeze"]
    if unknown := {*words} - {*PARTS}:
        sys.exit(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    asked = [name for name in PARTS if name in words] if words else list(PARTS)
    values = {"threads": numba.get_num_threads(), "cores": os.cpu_count()}
    for name in asked:
        values |= PARTS[name]()
    if "--freeze" in sys.argv:
        if words:  # the other parts stay as they are, if they are of such a machine
            kept = json.loads(FROZEN.read_text())["values"]
            if any(kept[name] != values[name] for name in ("threads", "cores")):
                sys.exit("the kept times are of another machine: measure all parts")
            values = kept | values
        FROZEN.parent.mkdir(parents=True, exist_ok=True)
        FROZEN.write_text(json.dumps({"values": values}, indent=1) + "\n")
        draw(values, FROZEN.with_name("cost.png"))


if __name__ == "__main__":
    main()
