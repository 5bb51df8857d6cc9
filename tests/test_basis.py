"""Bases: laws of their making, known optima, and what is refused."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import check_grad

from neuronbasis import basis
from neuronbasis.basis import Basis
from neuronbasis.errors import UserError

WIDTHS = st.integers(1, 12)


def cosines(b: Basis) -> np.ndarray:
    """The cosines of all pairs of different vectors."""
    return (b.vectors @ b.vectors.T)[~np.eye(b.m, dtype=bool)]


def literal_energy(vectors: np.ndarray) -> float:
    """Eq. 16 and 17 of arXiv 2505.13471, term by term."""
    return sum(
        (a @ b) / ((a - b) ** 2).sum()
        for i, a in enumerate(vectors)
        for j, b in enumerate(vectors)
        if i != j
    )


@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor, np.ndarray.tolist])
def test_rows_are_made_unit_length(kind):
    rows = np.array([[3.0, 4.0], [0.0, -2.0], [1e308, 1e308], [5e-324, 0.0]])
    b = Basis(kind(rows), "mine", list("abcd"))
    half = np.sqrt(0.5)
    assert b.vectors == pytest.approx(np.array([[0.6, 0.8], [0, -1], [half, half], [1, 0]]))
    assert (b.name, b.labels, b.m, b.n) == ("mine", ("a", "b", "c", "d"), 4, 2)
    assert b.vectors.dtype == np.float64


def test_nothing_can_be_changed():
    given_rows = np.array([[1.0, 0.0]])
    b = Basis(given_rows)
    given_rows[0, 0] = 5
    assert b.vectors[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        b.vectors[0, 0] = 2
    with pytest.raises(AttributeError):
        b.name = "other"


def test_copying_keeps_every_bit():
    for b in (basis.random(200, 7, seed=3), basis.random(4, 5000, seed=3), basis.simplex(9)):
        assert Basis(b.vectors).vectors.tobytes() == b.vectors.tobytes()


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        ([[1.0, np.nan]], "vector 0 holds NaN or inf; all must be finite: drop or mend it"),
        ([[1, 0], [np.inf, 1]], "vector 1 holds NaN or inf; all must be finite: drop or mend it"),
        ([[1, 0], [0, 0]], "vector 1 is zero; it has no direction: drop it"),
        (
            [1.0, 2.0],
            "vectors have shape (2,); it must be (m, n), neither 0: pass one vector a row",
        ),
        (np.ones((0, 3)), "vectors have shape (0, 3); it must be (m, n), neither 0: pass one"),
        (np.ones((3, 0)), "vectors have shape (3, 0); it must be (m, n), neither 0: pass one"),
        ([["a"]], "vectors are of type <U1; they must be real: pass floats"),
        ([[1j]], "vectors are of type complex128; they must be real: pass floats"),
        ([[1, 2], [3]], "the vectors' rows differ in length; give each row the same n numbers"),
    ],
)
def test_bad_vectors_are_refused(vectors, message):
    with pytest.raises(UserError) as caught:
        Basis(vectors)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Basis([[1, 0]], labels=["a", "b"]), "there are 2 labels for 1 vectors; pass one"),
        (lambda: Basis([[1, 0]], labels="a"), "labels are 'a'; they must be strings: pass one a"),
        (lambda: Basis([[1, 0]], name=3), "name is 3; it must be a string"),
        (lambda: basis.standard(0), "n is 0; it must be an integer >= 1: pass one such as 24"),
        (lambda: basis.standard(2.0), "n is 2.0; it must be an integer >= 1"),
        (lambda: basis.random(-1, 2), "m is -1; it must be an integer >= 1"),
        (lambda: basis.thompson(0, 2), "m is 0; it must be an integer >= 1"),
        (lambda: basis.thompson(3, 1), "m is 3; R^1 has two directions only: pass m of 1 or 2"),
        (lambda: basis.random(2, 2, seed=-1), "seed is -1; it must be an integer >= 0 or a numpy"),
        (lambda: basis.random(2, 2, seed=None), "seed is None; it must be an integer >= 0 or a"),
    ],
)
def test_bad_arguments_are_refused(make, message):
    with pytest.raises(UserError) as caught:
        make()
    assert str(caught.value).startswith(message)


@settings(deadline=None, max_examples=20)
@given(n=WIDTHS, seed=st.integers(0, 2**40))
def test_a_rotation_is_proper_and_keeps_angles(n, seed):
    turn = basis.standard(n).rotated(seed).vectors
    assert turn @ turn.T == pytest.approx(np.eye(n), abs=1e-12)
    assert np.linalg.det(turn) == pytest.approx(1)
    b = Basis(basis.random(5, n, seed).vectors, "mine", list("abcde"))
    turned = b.rotated(seed)
    # The same rotation of all: rows of the turned standard basis are the images of the axes.
    assert turned.vectors == pytest.approx(b.vectors @ turn, abs=1e-12)
    assert (turned.labels, turned.name) == (b.labels, "mine rotated")


def test_rotations_favour_no_direction():
    images = np.stack([basis.standard(3).rotated(seed).vectors for seed in range(4000)])
    # Haar: entries have mean 0, mean square 1/3; traces mean 0, mean square 1. Tolerance 5 sigma.
    assert np.abs(images.mean(axis=0)).max() < 5 * np.sqrt(1 / 3 / 4000)
    assert np.abs((images**2).mean(axis=0) - 1 / 3).max() < 5 * np.sqrt(4 / 45 / 4000)
    traces = np.trace(images, axis1=1, axis2=2)
    assert abs(traces.mean()) < 5 / np.sqrt(4000)
    assert abs((traces**2).mean() - 1) < 5 * np.sqrt(2 / 4000)


@given(n=WIDTHS)
@settings(deadline=None, max_examples=12)
def test_simplex_and_orthoplex_have_their_angles(n):
    simplex = basis.simplex(n)
    assert (simplex.m, simplex.n) == (n + 1, n)
    assert cosines(simplex) == pytest.approx(-1 / n)
    for orthoplex in (basis.orthoplex(n), basis.orthoplex(n, seed=n)):
        gram = orthoplex.vectors @ orthoplex.vectors.T
        rows = np.arange(2 * n)
        assert gram[rows, rows ^ 1] == pytest.approx(-1)
        gram[rows, rows ^ 1] = gram[rows, rows] = 0
        assert np.abs(gram).max() < 1e-12


@pytest.mark.parametrize(("m", "n"), [(1, 1), (2, 1), (1, 4), (2, 5), (4, 9), (9, 9), (10, 9)])
def test_thompson_is_a_simplex_up_to_n_plus_1(m, n):
    b = basis.thompson(m, n, seed=4)
    assert (b.m, b.n) == (m, n)
    assert cosines(b) == pytest.approx(np.full(m * (m - 1), -1 / max(1, m - 1)), abs=1e-12)


def test_thompson_is_an_orthoplex_at_2n_and_a_polygon_in_the_plane():
    gram = basis.orthoplex(7).vectors @ basis.orthoplex(7).vectors.T
    b = basis.thompson(14, 7, seed=5)
    assert b.vectors @ b.vectors.T == pytest.approx(gram, abs=1e-12)
    heptagon = basis.thompson(7, 2, seed=5).vectors
    turns = (heptagon * np.roll(heptagon, -1, axis=0)).sum(axis=1)
    assert turns == pytest.approx(np.cos(2 * np.pi / 7))


def test_thompson_finds_the_icosahedron():
    found = np.sort(cosines(basis.thompson(12, 3)))
    golden = 1 / np.sqrt(5)
    # 1e-5: the energy is flat to second order, so 1e-15 of it leaves about 1e-7 of the vectors.
    assert found == pytest.approx(np.repeat([-1, -golden, golden], [12, 60, 60]), abs=1e-5)


def test_thompson_finds_the_40_vectors_in_10_dimensions_that_see_each_other_alike():
    gram = np.sort(basis.thompson(40, 10).vectors @ basis.thompson(40, 10).vectors.T, axis=1)
    assert gram == pytest.approx(np.tile(gram[0], (40, 1)), abs=1e-5)
    assert gram[0, -2] == pytest.approx(1 / 6, abs=1e-5)


@pytest.mark.parametrize(("m", "n"), [(5, 3), (13, 4), (48, 12)])
def test_thompson_is_a_local_minimum_far_below_random(m, n):
    b = basis.thompson(m, n, seed=1)
    least = basis.energy(b)
    assert least < min(basis.energy(basis.random(m, n, seed)) for seed in range(20))
    rng = np.random.default_rng(0)
    for _ in range(20):
        moved = Basis(b.vectors + 1e-3 * rng.standard_normal((m, n)))
        assert basis.energy(moved) > least


def test_energy_is_that_of_the_equations():
    b = basis.random(9, 4, seed=8)
    assert basis.energy(b) == pytest.approx(literal_energy(b.vectors))
    assert basis.energy(Basis([[1, 0], [1, 0]])) == np.inf


def test_the_gradient_of_the_search_is_that_of_its_energy():
    rows = np.random.default_rng(2).standard_normal(5 * 3)
    value, _ = basis._energy_and_gradient(rows, 5, 3)
    assert value == pytest.approx(basis.energy(Basis(rows.reshape(5, 3))))
    error = check_grad(
        lambda x: basis._energy_and_gradient(x, 5, 3)[0],
        lambda x: basis._energy_and_gradient(x, 5, 3)[1],
        rows,
    )
    assert error < 1e-4 * np.linalg.norm(basis._energy_and_gradient(rows, 5, 3)[1])


MAKERS = {
    "rotated": lambda seed: basis.standard(4).rotated(seed),
    "random": lambda seed: basis.random(4, 4, seed),
    "orthoplex": lambda seed: basis.orthoplex(4, seed),
    "thompson, exact": lambda seed: basis.thompson(8, 4, seed),
    "thompson, searched": lambda seed: basis.thompson(9, 4, seed),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_seed_decides_every_byte(make):
    state = np.random.get_state()[1].tobytes()  # noqa: NPY002 - the global one must stay as it is
    first = make(7).vectors.tobytes()
    assert make(7).vectors.tobytes() == first
    assert make(np.int64(7)).vectors.tobytes() == first
    assert make(8).vectors.tobytes() != first
    assert make(np.random.default_rng(7)).m == make(7).m
    assert np.random.get_state()[1].tobytes() == state  # noqa: NPY002


def test_one_seed_gives_unrelated_directions_to_different_kinds():
    """A control basis must not coincide with the basis under test since both took seed 0."""
    kinds = [make(0).vectors[:4] for make in MAKERS.values()]
    for i, first in enumerate(kinds):
        for second in kinds[i + 1 :]:
            assert np.abs(first @ second.T).max() < 0.999
