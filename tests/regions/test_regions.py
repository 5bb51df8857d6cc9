"""Cells of a linear layer's signs: laws, exact geometry on degenerate layers, slow oracles."""

import itertools
import re
from fractions import Fraction

import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from neuronbasis import regions
from neuronbasis.errors import UserError

SQUARE = ((-1, 1), (-1, 1))


def drawn(m, n, seed):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((m, n)), rng.uniform(-0.8, 0.8, m)


# Few small numbers, so that lines coincide, are parallel, and meet by threes, in corners and on
# the rim, all the time.
small = st.integers(-2, 2)
degenerate = st.integers(1, 2).flatmap(
    lambda n: st.lists(st.tuples(*[small] * n, small), min_size=1, max_size=7)
)


def split_rows(rows):
    rows = np.array(rows, dtype=float)
    return rows[:, :-1], rows[:, -1]


# --- the oracle: cut polygons one by one, in fractions ------------------------------------------


def value(row, point):
    return sum(Fraction(w) * x for w, x in zip(row[:-1], point, strict=True)) + Fraction(row[-1])


def halves(polygon, row):
    """Parts of a convex polygon on the negative and the positive side of a line."""
    if not any(row[:-1]):
        return [polygon]
    parts = {-1: [], 1: []}
    for p, q in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        at_p, at_q = value(row, p), value(row, q)
        for side, part in parts.items():
            if side * at_p >= 0:
                part.append(p)
            if at_p * at_q < 0:
                t = at_p / (at_p - at_q)
                part.append(tuple(a + t * (b - a) for a, b in zip(p, q, strict=True)))
    return [part for part in parts.values() if area(part) > 0]


def area(polygon):
    pairs = zip(polygon, polygon[1:] + polygon[:1], strict=True)
    return sum((x * v - u * y for (x, y), (u, v) in pairs), Fraction(0)) / 2


def slow_cells(weight, bias):
    """Signs and area of every cell of the square (of the ribbon over the line, for one input)."""
    low, one = Fraction(-1), Fraction(1)
    bottom = Fraction(0) if weight.shape[1] == 1 else low
    rows = [(*row, b) for row, b in zip(weight.tolist(), bias.tolist(), strict=True)]
    if weight.shape[1] == 1:
        rows = [(w, 0.0, b) for w, b in rows]
    cells = [[(low, bottom), (one, bottom), (one, one), (low, one)]]
    for row in rows:
        cells = [part for cell in cells for part in halves(cell, row)]
    found = {}
    for cell in cells:
        centre = tuple(sum(each) / len(cell) for each in zip(*cell, strict=True))
        values = [value(row, centre) for row in rows]
        found[tuple((v > 0) - (v < 0) for v in values)] = float(area(cell))
    assert len(found) == len(cells)  # no two cells have the same signs
    return found


@settings(deadline=None, max_examples=60)
@given(degenerate)
def test_cells_and_areas_are_those_of_cutting_polygons_one_by_one(rows):
    weight, bias = split_rows(rows)
    cells = regions.arrangement(weight, bias)
    ours = dict(zip(map(tuple, cells.signs.values.tolist()), cells.area.values, strict=True))
    assert ours == pytest.approx(slow_cells(weight, bias), abs=1e-12)
    assert cells.sizes["cell"] == len(ours)


@settings(deadline=None, max_examples=60)
@given(degenerate)
def test_number_of_cells_is_that_of_the_count(rows):
    weight, bias = split_rows(rows)
    cells = regions.arrangement(weight, bias)
    attrs = cells.attrs
    assert cells.sizes["cell"] == regions.count(weight, bias, (-1, 1))
    assert cells.sizes["cell"] == 1 + attrs["lines"] + attrs["crossings"]
    everywhere = regions.count(weight, bias)
    assert cells.sizes["cell"] <= everywhere <= regions.most(len(bias), weight.shape[1])


@settings(deadline=None, max_examples=60)
@given(degenerate)
def test_across_an_edge_exactly_the_neurons_of_its_boundary_flip(rows):
    """And the edge lies on their zero line; all cells can be reached across edges."""
    weight, bias = split_rows(rows)
    cells = regions.arrangement(weight, bias)
    assert regions.obeyed(cells).all()
    assert regions.obeyed(cells).shape == (cells.sizes["edge"],)
    first, second = (cells.signs.values[cells.pairs.values[:, side]] for side in (0, 1))
    flips = cells.flips.values
    assert np.array_equal(first != second, flips)
    assert (first[flips] == -second[flips]).all()
    assert flips.any(axis=1).all()
    for ends, own in zip(cells.ends.values, flips, strict=True):
        assert np.allclose(ends @ weight[own].T + bias[own], 0, atol=1e-12)
    reached, more = set(), {0}
    while more:
        reached |= more
        touched = {frozenset(pair) for pair in cells.pairs.values.tolist() if more & set(pair)}
        more = set().union(*touched) - reached
    assert reached == set(range(cells.sizes["cell"]))


@settings(deadline=None, max_examples=40)
@given(degenerate)
def test_every_pair_of_cells_that_shares_a_side_is_an_edge(rows):
    """Two cells share a side if they differ in the neurons of one boundary only."""
    weight, bias = split_rows(rows)
    cells = regions.arrangement(weight, bias)
    lines = {}
    for k, row in enumerate(np.column_stack([weight, bias])):
        if row[:-1].any():
            unit = row / row[np.flatnonzero(row)[0]]
            lines.setdefault(tuple(unit), []).append(k)
    wanted = set()
    every = cells.signs.values
    for a, b in itertools.combinations(range(len(every)), 2):
        if list(np.flatnonzero(every[a] != every[b])) in lines.values():
            wanted.add(frozenset((a, b)))
    assert {frozenset(pair) for pair in cells.pairs.values.tolist()} == wanted
    assert len(wanted) == cells.sizes["edge"]


# --- samples --------------------------------------------------------------------------------------


def inside(cells, each, rng):
    """Points inside every cell: random mixtures of its corners."""
    mixture = rng.dirichlet(np.ones(cells.sizes["corner"]), (cells.sizes["cell"], each))
    return np.einsum("cek,cka->cea", mixture, cells.vertices.values)


def test_a_million_samples_agree_with_the_signs_of_their_cells():
    weight, bias = drawn(200, 2, 3)
    cells = regions.arrangement(weight, bias)
    each = -(-1_000_000 // cells.sizes["cell"])
    points = inside(cells, each, np.random.default_rng(4))
    wrong = near = 0
    for cell, own in zip(points, cells.signs.values, strict=True):
        outputs = cell @ weight.T + bias
        sure = np.abs(outputs) > 1e-13
        wrong += int((np.sign(outputs) != own)[sure].sum())
        near += int((~sure).sum())
    assert wrong == 0
    assert near < 1e-6 * points.size * len(bias)  # so that what was skipped is next to nothing
    assert points.shape[0] * points.shape[1] >= 1_000_000
    assert float(cells.area.sum()) == pytest.approx(4, abs=1e-9)


def test_signs_of_very_many_cells_are_those_at_their_centres():
    """More cells than the root of 2^31, where names of edges once overflowed."""
    weight, bias = drawn(318, 2, 16)
    window = ((-8, 8), (-8, 8))
    cells = regions.arrangement(weight, bias, window)
    assert 46_341 < cells.sizes["cell"] == regions.count(weight, bias, window)
    sure = cells.area.values > 1e-12
    centres = cells.centre.values[sure]
    assert np.array_equal(np.sign(centres @ weight.T + bias), cells.signs.values[sure])
    assert sure.sum() > 0.999 * len(sure)


def test_points_are_found_in_the_cell_they_were_drawn_in():
    cells = regions.arrangement(*drawn(25, 2, 5), window=((-1, 2), (-0.5, 0.25)))
    points = inside(cells, 3, np.random.default_rng(6))
    found = regions.locate(cells, points.reshape(-1, 2)).reshape(points.shape[:2])
    assert (found == np.arange(cells.sizes["cell"])[:, None]).all()
    assert float(cells.area.sum()) == pytest.approx(2.25, abs=1e-12)


def test_share_of_uniform_points_is_the_share_of_the_area():
    cells = regions.arrangement(*drawn(5, 2, 7))
    found = regions.locate(cells, np.random.default_rng(8).uniform(-1, 1, (40_000, 2)))
    share = np.bincount(found, minlength=cells.sizes["cell"]) / 40_000
    expected = cells.area.values / 4
    assert (np.abs(share - expected) < 5 * np.sqrt(expected / 40_000) + 1e-9).all()


def test_outside_and_on_a_boundary_there_is_no_cell():
    cells = regions.arrangement([[1, 1], [0, 0]], [-0.3, 0])
    # In floats 0.1 + 0.2 is more than 0.3, and of the numbers that these floats are it is, too; but
    # -0.2 + 0.5 is 0.3 exactly.
    points = [[0.5, -0.5], [1, 0], [2, 0], [0.1, 0.2], [-0.2, 0.5], [0.25, 0.5]]
    assert regions.locate(cells, points).tolist() == [0, -1, -1, 1, -1, 1]
    for point, own in zip(points, [-1, 1, 1, 1, 0, 1], strict=True):
        exact = value((1, 1, -0.3), [Fraction(x) for x in point])
        assert regions.signs_at([[1, 1]], [-0.3], [point])[0, 0] == (exact > 0) - (exact < 0) == own
    assert regions.locate(cells, [[9, 9]]).tolist() == [-1]
    halved = regions.arrangement([[1, 0]], [0.5])
    assert regions.locate(halved, [[-0.5, 0.1], [-0.5000001, 0.1]]).tolist() == [-1, 0]


def test_signs_are_right_where_floats_round_to_nothing():
    points = [[1, 2.0**-60], [1, -(2.0**-60)], [1, 0]]
    assert regions.signs_at([[1, 1], [0, 0]], [-1, 0], points).tolist() == [[1, 0], [-1, 0], [0, 0]]


# --- special layers -------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2])
def test_general_position_gives_the_formula(n):
    for m in (1, 2, 8, 30):
        weight, bias = drawn(m, n, m)
        assert regions.count(weight, bias) == 1 + m + (m * (m - 1) // 2 if n == 2 else 0)
        assert regions.count(weight, bias) == regions.most(m, n)


@given(st.integers(0, 9), st.integers(0, 9))
def test_most_obeys_its_recurrence(m, n):
    """A further boundary adds as many regions as the others cut it into."""
    if m and n:
        assert regions.most(m, n) == regions.most(m - 1, n) + regions.most(m - 1, n - 1)
    assert regions.most(m, n) <= 2**m


def test_one_input_gives_intervals_from_left_to_right():
    cells = regions.arrangement([[2], [-1], [0], [4]], [-1, 0.75, 3, -2], window=(0, 1))
    assert cells.vertices.values[..., 0].tolist() == [[0, 0.5], [0.5, 0.75], [0.75, 1]]
    assert cells.area.values.tolist() == [0.5, 0.25, 0.25]
    assert cells.signs.values.tolist() == [[-1, 1, 1, -1], [1, 1, 1, 1], [1, -1, 1, 1]]
    assert cells.ends.values.ravel().tolist() == [0.5, 0.75]
    # Neurons 0 and 3 have one boundary, so they flip together.
    assert cells.flips.values.tolist() == [[True, False, False, True], [False, True, False, False]]
    assert cells.centre.values.ravel().tolist() == [0.25, 0.625, 0.875]


def test_without_any_boundary_there_is_one_cell():
    for weight, bias, own in [
        ([[0, 0], [0, 0], [0, 0]], [1, -1, 0], [1, -1, 0]),
        ([[1, 0], [1, 1]], [5, -2], [1, -1]),  # outside, and through a corner only
        ([[0, 1]], [-1], [-1]),  # along the rim
    ]:
        cells = regions.arrangement(weight, bias)
        assert cells.signs.values.tolist() == [own]
        assert (cells.area.values.tolist(), cells.sizes["edge"]) == ([4], 0)
        assert cells.attrs == {"lines": 0, "crossings": 0}


def test_nearly_concurrent_lines_are_told_from_concurrent_ones():
    """A triangle whose corners are one and the same float has its signs and its area."""
    off = 2.0**-60
    exact = regions.arrangement([[1, 0], [0, 1], [1, 1]], [-1, -1, -2], window=(0, 2))
    nearly = regions.arrangement([[1, 0], [0, 1], [1, 1], [0, 0]], [-1, -1, -2, off], (0, 2))
    assert exact.sizes["cell"] == nearly.sizes["cell"] == 6
    moved = regions.arrangement([[1, off], [0, 1], [1, 1]], [-1, -1, -2], window=(0, 2))
    assert moved.sizes["cell"] == 7
    tiny = moved.isel(cell=int(np.argmin(moved.area.values)))
    assert 0 < float(tiny.area) == pytest.approx(off**2 / 2, rel=1e-9)


def test_lines_through_one_point_cut_like_a_cake():
    weight = np.random.default_rng(9).integers(-(2**20), 2**20, (60, 2)) / 2**10
    cells = regions.arrangement(weight, -weight @ [0.25, 0.5])
    assert cells.sizes["cell"] == 120
    assert cells.attrs["crossings"] == 59
    assert float(cells.area.sum()) == pytest.approx(4, abs=1e-12)


def test_a_window_far_away_keeps_its_digits():
    weight, bias = drawn(12, 2, 10)
    moved = bias - weight @ [2.0**30, -(2.0**31)]
    near = regions.arrangement(weight, bias)
    window = ((2**30 - 1, 2**30 + 1), (-(2**31) - 1, -(2**31) + 1))
    far = regions.arrangement(weight, moved, window)
    assert far.sizes["cell"] == near.sizes["cell"]
    assert np.allclose(far.area, near.area, atol=1e-5)
    assert float(far.area.sum()) == pytest.approx(4, abs=1e-9)


def test_scale_and_order_of_the_neurons_do_not_matter():
    weight, bias = drawn(9, 2, 11)
    one = regions.arrangement(weight, bias)
    size = np.array([2.0**-300, 8, -1, 1, 1, 4, -2, 2.0**200, 1])[:, None]
    order = np.random.default_rng(0).permutation(9)
    two = regions.arrangement((weight * size)[order], (bias * size[:, 0])[order])
    assert np.array_equal(one.area, two.area)
    assert np.array_equal(one.signs.values[:, order] * np.sign(size[order, 0]), two.signs)


def test_tensors_and_whole_numbers_are_taken():
    weight, bias = drawn(4, 2, 12)
    tensors = torch.tensor(weight, requires_grad=True), torch.tensor(bias)
    assert regions.arrangement(weight, bias).identical(regions.arrangement(*tensors))
    half = regions.arrangement(tensors[0].bfloat16(), tensors[1].bfloat16())
    assert half.sizes["cell"] > 1


def test_result_survives_a_file(tmp_path):
    cells = regions.arrangement(*drawn(6, 2, 13))
    cells.to_netcdf(tmp_path / "c.nc", engine="scipy")
    with xr.open_dataset(tmp_path / "c.nc", engine="scipy") as again:
        assert np.array_equal(
            regions.locate(again.load(), cells.centre), range(cells.sizes["cell"])
        )


def test_a_wrong_sign_or_a_wrong_flip_is_not_obeyed():
    good = regions.arrangement(*drawn(6, 2, 17))
    wrong = good.copy(deep=True)
    wrong.signs[2, 1] *= -1
    touched = (wrong.pairs.values == 2).any(axis=1)
    assert np.array_equal(regions.obeyed(wrong), ~touched)
    rolled = good.assign(flips=(("edge", "neuron"), np.roll(good.flips.values, 1, axis=1)))
    assert not regions.obeyed(rolled).any()


# --- along a way ----------------------------------------------------------------------------------


def slow_signs(weight, bias, point):
    rows = [(*row, b) for row, b in zip(weight.tolist(), bias.tolist(), strict=True)]
    values = [value(row, point) for row in rows]
    return [(v > 0) - (v < 0) for v in values]


@settings(deadline=None, max_examples=60)
@given(degenerate, st.data())
def test_a_way_flips_what_it_meets_and_passes_through_cells(rows, data):
    weight, bias = split_rows(rows)
    n = weight.shape[1]
    place = st.lists(st.integers(-7, 7).map(lambda k: k / 8), min_size=n, max_size=n)
    start, end = data.draw(place), data.draw(place)
    way = regions.along(weight, bias, start, end)
    assert np.array_equal(np.diff(way.signs, axis=0) != 0, way.met)
    assert way.met.values.any(axis=1).all()
    assert (np.diff(way["at"]) > 0).all()
    middle = [(Fraction(a) + Fraction(b)) / 2 for a, b in zip(start, end, strict=True)]
    at = int(np.searchsorted(way["at"], 0.5, side="left"))
    if 0.5 not in way["at"]:
        assert way.signs.values[at].tolist() == slow_signs(weight, bias, middle)
    every = {tuple(row) for row in regions.arrangement(weight, bias).signs.values.tolist()}
    along = {tuple(row) for row in way.signs.values.tolist()}
    constant = (way.signs.values == 0).all(axis=0) & (weight != 0).any(axis=1)
    if not constant.any():  # unless it runs on a boundary
        assert along <= every


def test_a_way_works_for_any_number_of_inputs():
    weight, bias = drawn(40, 10, 14)
    way = regions.along(weight, bias, -np.ones(10), np.ones(10))
    ends = regions.signs_at(weight, bias, [-np.ones(10), np.ones(10)])
    assert way.signs.values[[0, -1]].tolist() == ends.tolist()
    assert way.sizes["crossing"] == (ends[0] != ends[1]).sum()


# --- firing strongly ------------------------------------------------------------------------------


@pytest.mark.parametrize("quantile", [0.01, 0.3, 0.5, 0.8, 0.95])
@pytest.mark.parametrize("n", [1, 2])
def test_a_neuron_is_above_its_threshold_on_the_rest_of_the_window(n, quantile):
    weight, bias = drawn(12, n, 15)
    weight[:2] = [[1] * n, [0.5, 0][:n]]
    window = ((-1, 3), (0.5, 1))[:n]
    limits = regions.thresholds(weight, bias, quantile, window)
    cells = regions.arrangement(weight, bias - limits, window)
    above = (cells.area * (cells.signs > 0)).sum("cell") / cells.area.sum()
    assert np.allclose(above, 1 - quantile, atol=1e-12)


def test_a_constant_neuron_has_its_output_as_threshold():
    assert regions.thresholds([[0, 0], [0, 1]], [3, 0], 0.75).tolist() == [3, 0.5]


def test_cells_vote_for_the_commonest_label():
    rng = np.random.default_rng(18)
    cells, labels = rng.integers(-1, 6, 200), rng.integers(0, 3, 200)
    guessed = regions.vote(cells, labels, range(-1, 9))
    for cell, guess in zip(range(-1, 9), guessed, strict=True):
        own = labels[cells == cell]
        wanted = np.bincount(own).argmax() if cell >= 0 and len(own) else -1
        assert guess == wanted


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight": np.ones((2, 3))}, "weight has 3 columns; regions are built for layers of 1 or"),
        ({"weight": np.ones(2)}, "weight has shape (2,); it must be (rows, columns), none of"),
        ({"weight": np.ones((0, 2))}, "weight has shape (0, 2); it must be"),
        ({"weight": [[1, 2], [3]]}, "weight has rows of different lengths; give each the same"),
        ({"weight": [[1j, 2]]}, "weight is of type complex128; it must be real: pass floats"),
        ({"weight": [["a", "b"]]}, "weight is of type <U1; it must be real"),
        ({"weight": [[np.nan, 1]]}, "weight holds nan; all numbers must be finite: mend or drop"),
        ({"bias": [np.inf, 0]}, "bias holds inf; all numbers must be finite"),
        ({"bias": [1.0]}, "weight has 2 rows and bias 1 numbers; each neuron has one of both"),
        ({"bias": 1.0}, "bias has shape (); it must be (m,), none of them 0: reshape it"),
        (
            {"window": (1, -1)},
            "window is (1, -1); it must be one pair (low, high), or one for each",
        ),
        ({"window": ((0, 1), (0, 0))}, "low < high: pass (-1, 1)"),
        ({"window": (0, np.inf)}, "window is (0, inf); it must be"),
        ({"window": [(0, 1)]}, "window is [(0, 1)]; it must be"),
        ({"window": "all"}, "window is 'all'; it must be"),
    ],
)
def test_bad_layers_and_windows_are_refused_in_one_line(change, message):
    good = {"weight": np.ones((2, 2)), "bias": np.zeros(2), "window": SQUARE}
    for function in (regions.arrangement, regions.count):
        with pytest.raises(UserError, match=re.escape(message)) as raised:
            function(**(good | change))
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c: regions.locate(c, [[1.0]]), "points have 1 columns; the layer has 2 inputs"),
        (
            lambda c: regions.locate(c, [[np.nan, 0]]),
            "points holds nan; all numbers must be finite",
        ),
        (
            lambda c: regions.vote([1], [1, 2], [0]),
            "cells and labels have shapes (1,) and (2,); th",
        ),
        (lambda c: regions.most(-1, 2), "m is -1; it must be an integer >= 0"),
        (lambda c: regions.thresholds([[1]], [0], 1), "quantile is 1; it must lie in (0, 1): pass"),
        (
            lambda c: regions.along([[1]], [0], [1, 2], [0]),
            "start has 2 numbers; the layer has 1 inp",
        ),
    ],
)
def test_other_bad_input_is_refused_in_one_line(call, message):
    cells = regions.arrangement([[1, 0]], [0])
    with pytest.raises(UserError, match=re.escape(message)) as raised:
        call(cells)
    assert "\n" not in str(raised.value)
