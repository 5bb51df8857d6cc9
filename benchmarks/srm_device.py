"""Time the mean curve and the rotated copies on a GPU against the processor; count equal integers.

    python benchmarks/srm_device.py [--freeze]

One run, on a machine where torch finds a GPU: for several widths, whether the integers of the mean
curve over all planes are the same, and both times; the alignment test's 199 copies at n = 2048; and
at that width how often a basis that is turned at random is called aligned or anti-aligned.
`--freeze` keeps the numbers, which the book quotes, in `results/benchmarks/srm_device/record.json`.
"""

import json
import sys
import time
from pathlib import Path

import numba
import numpy as np
import torch

from neuronbasis import basis, spotlight
from neuronbasis.spotlight import _arcs, _copies, _device, choose
from neuronbasis.utils.activations import Activations

FRACTION, ANGLES, SAMPLES, WIDE = 1e-3, 360, 10_000, 2048
TRIALS, COPIES, TRIAL_SAMPLES = 300, 19, 500
RESULTS = Path(__file__).resolve().parents[1] / "results" / "benchmarks"
FROZEN = RESULTS / "srm_device" / "record.json"


def timed(call, device):
    """Shortest of three wall times in seconds, and the last result; the first call warms up."""
    call()
    times = []
    for _ in range(3):
        torch.cuda.synchronize(device)
        start = time.perf_counter()
        result = call()
        torch.cuda.synchronize(device)
        times.append(time.perf_counter() - start)
    return min(times), result


def unit(samples, n, seed=0):
    rows = np.random.default_rng(seed).standard_normal((samples, n))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def mean_curve(n, device):
    rows, planes = unit(SAMPLES, n), choose(np.eye(n))
    projections, epsilon = rows.T.copy(), spotlight.epsilon_for(FRACTION, n)
    cosines, widened = planes.cosines[:, 0].copy(), epsilon * (1 - _arcs.EDGE)
    there = torch.as_tensor(rows, device=device)
    here, expected = timed(lambda: _arcs.total(projections, planes, epsilon, ANGLES), device)
    quick, steps = timed(lambda: _device.total(there, cosines, widened, ANGLES), device)
    return {
        "n": n,
        "planes": len(planes),
        "processor_seconds": here,
        "device_seconds": quick,
        "times": here / quick,
        "equal": bool((_arcs.on_one_turn(steps, ANGLES) == expected).all()),
    }


def copies(monkey_device):
    b, rows = basis.standard(WIDE), unit(SAMPLES, WIDE)
    planes, epsilon = choose(b.vectors), spotlight.epsilon_for(FRACTION, WIDE)
    data = Activations(rows, WIDE)
    list(data)
    for name, found, turns in (("device", _device.found, 199), ("processor", lambda: None, 9)):
        monkey_device(found)
        few = _copies.of_copies(data, b, planes, epsilon, ANGLES, list(range(9)), False)
        start = time.perf_counter()
        _copies.of_copies(data, b, planes, epsilon, ANGLES, list(range(turns)), False)
        yield name, (time.perf_counter() - start) / turns, few


def false_positives(device):
    """Share of draws with a p-value of at most 0.05, for bases turned evenly at random."""
    epsilon = spotlight.epsilon_for(FRACTION, WIDE)
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((TRIAL_SAMPLES, WIDE)) * np.geomspace(1, 30, WIDE)
    rows *= rng.random(rows.shape) < 0.2
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    there, cosines = torch.as_tensor(rows, device=device), np.zeros(WIDE * (WIDE - 1) // 2)
    b = basis.standard(WIDE)
    data = Activations(b.vectors, WIDE)
    reference = _copies.measure(data, b, choose(b.vectors), epsilon, ANGLES).curve
    reference -= reference.mean()
    transform, widened = _device.Transform(WIDE, device), epsilon * (1 - _arcs.EDGE)

    def slope(coordinates):
        steps = _device.total(coordinates, cosines, widened, ANGLES)
        return abs(float(_arcs.on_one_turn(steps, ANGLES) @ reference))

    torch.manual_seed(0)
    p_values = []
    for trial in range(TRIALS):
        draw = torch.randn(WIDE, WIDE, dtype=torch.float64, device=device)
        q, r = torch.linalg.qr(draw)
        own = there @ (q * r.diagonal().sign())
        common = transform(own, _copies.signs(WIDE, [trial, 0]))
        turns = (_copies.signs(WIDE, [trial, k + 1]) for k in range(COPIES))
        null = [slope(transform(common, each)) for each in turns]
        p_values.append((1 + sum(each >= slope(own) for each in null)) / (1 + COPIES))
    return float(np.mean(np.array(p_values) <= 0.05)), float(np.mean(np.array(p_values) <= 0.5))


def main():
    device = _device.found()
    if device is None:
        sys.exit("torch finds no GPU")
    said = {"device": torch.cuda.get_device_name(device), "threads": numba.get_num_threads()}
    print(said["device"], "against", said["threads"], "threads", flush=True)
    for n in (128, 512, 1536, 2048, 4096):
        said[f"mean.{n}"] = mean_curve(n, device)
        print(said[f"mean.{n}"], flush=True)

    def use(found):
        _device.found = found

    true = _device.found
    results = {name: (seconds, found) for name, seconds, found in copies(use)}
    _device.found = true
    pairs = list(zip(results["device"][1], results["processor"][1], strict=False))
    said["seconds_a_copy"] = {name: seconds for name, (seconds, _) in results.items()}
    said["equal_copies"] = sum(bool((a.curve == b.curve).all()) for a, b in pairs), len(pairs)
    print(said["seconds_a_copy"], said["equal_copies"], flush=True)
    start = time.perf_counter()
    said["called_at_5_percent"], said["called_at_50_percent"] = false_positives(device)
    print(said["called_at_5_percent"], said["called_at_50_percent"], "of", TRIALS, "draws", end=" ")
    print(f"in {time.perf_counter() - start:.0f} s")
    print(f"largest memory {torch.cuda.max_memory_allocated(device) / 2**30:.1f} GB")
    if "--freeze" in sys.argv:
        FROZEN.parent.mkdir(parents=True, exist_ok=True)
        FROZEN.write_text(json.dumps({"values": said}, indent=1) + "\n")


if __name__ == "__main__":
    main()
