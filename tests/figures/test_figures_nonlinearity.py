"""Pictures of privileged bases and of sigma: what a reader sees in each."""

import numpy as np
import pytest
from matplotlib.patches import FancyArrowPatch

from neuronbasis.errors import UserError
from neuronbasis.figures import nonlinearity as figures

TITLES = ["standard", "simplex", "random"]
ANGLE = np.array([0.0, 90, 180, 270, 360])
LENGTH = np.array([0.0, 1, 2])
RADII = np.array([0.5, 2])


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).uniform(0.1, 0.9, shape)


def test_fields_show_rings_rays_and_vectors(legend):
    rings = {title: numbers(2, 6, 2, seed=k) for k, title in enumerate(TITLES)}
    rays = {title: numbers(3, 4, 2, seed=k + 9) for k, title in enumerate(TITLES)}
    vectors = {"standard": np.eye(2), "simplex": np.ones((3, 2)), "random": np.empty((0, 2))}
    figure = figures.field(rings, rays, vectors, RADII)
    assert [axes.get_title() for axes in figure.axes] == TITLES
    for axes, title in zip(figure.axes, TITLES, strict=True):
        for ray, drawn in zip(rays[title], axes.lines[:3], strict=True):
            np.testing.assert_array_equal(drawn.get_xydata(), ray)
        for ring, drawn in zip(rings[title], axes.lines[3:], strict=True):
            np.testing.assert_array_equal(drawn.get_xydata(), [*ring, ring[0]])  # closed
        arrows = [each for each in axes.texts if isinstance(each.arrow_patch, FancyArrowPatch)]
        assert [each.xy for each in arrows] == [tuple(each) for each in vectors[title]]
        assert axes.get_xlim() == axes.get_ylim() == figure.axes[0].get_xlim()
    assert figure.axes[0].get_ylabel() == "second coordinate of σ(x)"
    assert figure.axes[2].get_xlabel() == "first coordinate of σ(x)"
    assert legend(figure) == ["|x| = 0.5", "|x| = 2"]


def test_gains_have_a_line_a_length_beside_the_isotropic_ones(legend):
    curves = {title: numbers(2, 5, seed=k) for k, title in enumerate(TITLES)}
    vectors = {title: np.array([0.0, 30.0 * (k + 1)]) for k, title in enumerate(TITLES)}
    figure = figures.gains(ANGLE, curves, RADII, np.array([0.3, 0.4]), vectors)
    for axes, title in zip(figure.axes, TITLES, strict=True):
        assert axes.get_title() == title
        for k, (line, level) in enumerate(zip(curves[title], (0.3, 0.4), strict=True)):
            own, isotropic = axes.lines[2 * k : 2 * k + 2]
            np.testing.assert_array_equal(own.get_xydata(), np.stack([ANGLE, line], 1))
            assert set(isotropic.get_ydata()) == {level}
            assert own.get_color().tolist() == isotropic.get_color().tolist()
        assert [each.get_xdata()[0] for each in axes.lines[4:]] == vectors[title].tolist()
        assert axes.get_ylim()[0] == 0
        assert axes.get_xticks().tolist() == [0, 90, 180, 270, 360]
    assert figure.axes[2].get_xlabel() == "angle of x from $b_1$ (degrees)"
    assert figure.axes[2].get_ylabel() == "gain |σ(x)| / |x|"
    assert legend(figure) == ["|x| = 0.5", "|x| = 2"]


def test_symmetry_and_corrections_have_a_line_a_basis(line, legend):
    lines = {title: numbers(5, seed=k) for k, title in enumerate(TITLES)}
    turned, corrected = figures.symmetry(ANGLE, lines), figures.corrections(ANGLE, lines)
    for figure in (turned, corrected):
        (axes,) = figure.axes
        for title in TITLES:
            np.testing.assert_array_equal(line(axes, title), np.stack([ANGLE, lines[title]], 1))
        assert legend(figure) == TITLES
        assert len({each.get_linestyle() for each in axes.lines}) == 3  # apart without colour
        assert axes.get_xlim() == (0, 360)
    assert turned.axes[0].get_xlabel() == "angle of the rotation R (degrees)"
    assert turned.axes[0].get_ylabel() == "largest |σ(Rx) − R σ(x)|"
    assert corrected.axes[0].get_xlabel() == "length |x| of the input"
    assert corrected.axes[0].get_ylabel() == "correction N(|x|)"


def test_evenness_has_a_column_a_basis_and_the_known_optimum(legend, ticks):
    thompson = {"4 in R³": np.array([109.0, 108, 107]), "7 in R³": np.array([77.0, 78])}
    random = {"4 in R³": np.array([30.0, 20]), "7 in R³": np.array([10.0])}
    figure = figures.evenness(thompson, random, {"4 in R³": 109.47})
    (axes,) = figure.axes
    assert ticks(axes.xaxis) == ["4\nin R³", "7\nin R³"]
    assert axes.get_ylabel() == "angle to the nearest\nother vector (degrees)"
    *dots, optimum = axes.collections
    given = [*random.values(), *thompson.values()]
    for column, (drawn, angles) in enumerate(zip(dots, given, strict=True)):
        x, y = drawn.get_offsets().T
        assert y.tolist() == sorted(angles)
        assert set(x.round()) == {column % 2}
    assert set(optimum.get_segments()[0][:, 1]) == {109.47}
    assert legend(figure) == ["random", "Thompson", "known optimum"]
    assert axes.get_ylim()[0] == 0


def test_sigma_along_vectors_stands_beside_tanh(line, legend):
    corrected = {title: numbers(4, 3, seed=k) for k, title in enumerate(TITLES)}
    uncorrected = {title: 5 + numbers(3, seed=k) for k, title in enumerate(TITLES)}
    figure = figures.along(LENGTH, corrected, uncorrected)
    for axes, title in zip(figure.axes, TITLES, strict=True):
        assert axes.get_title() == title
        drawn = [each.get_ydata() for each in axes.lines[:4]]
        np.testing.assert_array_equal(drawn, corrected[title])
        without = line(axes, "without N, mean (Eq. 7)")
        np.testing.assert_array_equal(without, np.stack([LENGTH, uncorrected[title]], 1))
        np.testing.assert_array_equal(line(axes, "tanh")[:, 1], np.tanh(LENGTH))
        assert axes.get_xlim() == (0, 2)
        assert axes.get_ylim() == (0, 1.05)  # of the corrected ones alone
    assert figure.axes[2].get_xlabel() == "length α of the input"
    assert figure.axes[0].get_ylabel() == "σ(α $b_j$) · $b_j$"
    assert legend(figure) == [
        "σ along each basis vector (Eq. 14)", "without N, mean (Eq. 7)", "tanh",
    ]  # fmt: skip


def test_single_vectors_stand_over_tanh_however_many(line, legend):
    lines = {f"vector {k}": np.array([0.1, 0.2, 0.3]) * k for k in range(6)}
    figure = figures.along_vectors(LENGTH, lines)
    (axes,) = figure.axes
    np.testing.assert_array_equal(line(axes, "tanh")[:, 1], np.tanh(LENGTH))
    for title, each in lines.items():
        np.testing.assert_array_equal(line(axes, title), np.stack([LENGTH, each], 1))
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("α", "σ(α b) · b")
    assert legend(figure) == ["tanh", *lines]


def test_the_response_has_a_dot_a_direction(legend):
    kinds = ["random", "basis", "between", "opposite"]
    clouds = {
        title: {kind: tuple(numbers(2, 5, seed=k + j)) for k, kind in enumerate(kinds)}
        for j, title in enumerate(["one", "two"])
    }
    figure = figures.response(clouds)
    for axes, (title, own) in zip(figure.axes, clouds.items(), strict=True):
        assert axes.get_title() == title
        for drawn, pair in zip(axes.collections, own.values(), strict=True):
            np.testing.assert_array_equal(drawn.get_offsets(), np.stack(pair, 1))
        assert axes.get_xlim()[0] == axes.get_ylim()[0] == 0
        assert axes.get_xlabel() == "gain |σ(x)| / |x|"
    assert figure.axes[0].get_ylabel() == "angle between x and σ(x) (degrees)"
    assert legend(figure) == kinds


def test_nothing_to_draw_is_told():
    with pytest.raises(UserError, match="0 panels are no figure"):
        figures.gains(ANGLE, {}, RADII, RADII, {})
    with pytest.raises(UserError, match="0 panels are no figure"):
        figures.response({})
