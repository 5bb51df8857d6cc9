"""Time the exact arrangement of a layer's boundaries against cutting polygons one by one.

    python benchmarks/regions.py

One run prints, for 60 and 200 lines in general position and for 200 lines of which many meet in
one point, the time, the cells, and how far their areas are from the window's; the time a cell, to
be compared between sizes; and a literal loop over polygons in floats, which is neither exact nor
knows neighbours.
"""

import time

import numpy as np

from neuronbasis import regions

SECONDS, ERROR, LINES = 2, 1e-9, (60, 200)


def drawn(lines):
    rng = np.random.default_rng(0)
    return rng.standard_normal((lines, 2)), rng.uniform(-0.7, 0.7, lines)


def grid(lines):
    """Four bundles of parallels through the points of one grid: most points have four lines."""
    weight = np.repeat([[1.0, 0], [0, 1], [1, 1], [1, -1]], lines // 4, axis=0)
    return weight, np.tile(np.arange(lines // 4) / 32 - 0.75, 4)


def halves(polygon, weight, bias):
    values = polygon @ weight + bias
    if values.min() >= 0 or values.max() <= 0:
        return [polygon]
    parts = [[], []]
    for k in range(len(polygon)):
        p, q, at_p, at_q = polygon[k - 1], polygon[k], values[k - 1], values[k]
        if at_p * at_q < 0:
            for part in parts:
                part.append(p + at_p / (at_p - at_q) * (q - p))
        parts[int(at_q > 0)].append(q)
    return [np.array(part) for part in parts]


def literal(weight, bias):
    cells = [np.array([[-1.0, -1], [1, -1], [1, 1], [-1, 1]])]
    for row, b in zip(weight, bias, strict=True):
        cells = [part for cell in cells for part in halves(cell, row, b)]
    return len(cells)


def best_of(call, repeats=3):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = call()
        times.append(time.perf_counter() - start)
    return min(times), result


def report(name, weight, bias):
    seconds, cells = best_of(lambda: regions.arrangement(weight, bias))
    number, error = cells.sizes["cell"], abs(float(cells.area.sum()) - 4)
    print(f"\n{name}: {len(bias)} lines, {number} cells")
    print(f"  {seconds:.3f} s (at most {SECONDS}: {seconds <= SECONDS})", end="")
    print(f", {seconds / number * 1e6:.1f} us a cell")
    print(f"  areas off by {error:.1e} (at most {ERROR:g}: {error <= ERROR})")
    return seconds


def main():
    for lines in LINES:
        weight, bias = drawn(lines)
        seconds = report("general position", weight, bias)
    slow, number = best_of(lambda: literal(weight, bias), repeats=1)
    print(
        f"  polygons one by one: {slow:.1f} s, {slow / seconds:.0f} times as long; {number} cells"
    )
    report("parallels through a grid", *grid(LINES[-1]))


if __name__ == "__main__":
    main()
