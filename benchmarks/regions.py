"""Time the exact arrangement of a layer's boundaries against cutting polygons one by one.

    python benchmarks/regions.py

One run prints, for 60 and 200 lines in general position and for 200 lines of which many meet in
one point, the time, the cells, and how far their areas are from the window's; the time a cell, to
be compared between sizes; and a literal loop over polygons in floats, which is neither exact nor
knows neighbours. Where there is a Chromium, also what a move on the interactive pages costs.
"""

import shutil
import time
from pathlib import Path

import numpy as np

from neuronbasis import regions

SECONDS, ERROR, LINES = 2, 1e-9, (60, 200)
FRAME, NEURONS = 1000 / 60, 60  # milliseconds; on the pages
PAGES = Path(__file__).resolve().parents[1] / "_build" / "html"  # of `make book`

# The layer changes, all is drawn anew, and the layout is waited for.
MOVE = """() => { const times = []; for (let i = 0; i < 200; i++) { const start = performance.now();
    window.regions.draw(); document.body.offsetHeight; times.push(performance.now() - start); }
    return times.sort((a, b) => a - b)[100]; }"""


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


def report_pages():
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if not path:
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for name in ("line", "plane"):
            page = browser.new_page()
            page.goto((PAGES / f"regions-{name}.html").as_uri())
            page.locator("#m").fill(str(NEURONS))
            took = page.evaluate(MOVE)
            print(
                f"\npage {name}, {NEURONS} neurons: a move takes {took:.1f} ms (median of 200;",
                end="",
            )
            print(f" at most {FRAME:.1f}: {took <= FRAME})")
        browser.close()


def main():
    for lines in LINES:
        weight, bias = drawn(lines)
        seconds = report("general position", weight, bias)
    slow, number = best_of(lambda: literal(weight, bias), repeats=1)
    print(
        f"  polygons one by one: {slow:.1f} s, {slow / seconds:.0f} times as long; {number} cells"
    )
    report("parallels through a grid", *grid(LINES[-1]))
    report_pages()


if __name__ == "__main__":
    main()
