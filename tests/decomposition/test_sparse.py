"""The sparse autoencoder: a literal first step, planted directions, and what is refused."""

import numpy as np
import pytest

from neuronbasis import decomposition
from neuronbasis.errors import UserError
from neuronbasis.utils.seeds import generator

N, PLANTED = 8, 12


def planted():
    """Rows that are sums of few of more directions than units."""
    rng = np.random.default_rng(0)
    directions = rng.standard_normal((PLANTED, N))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    codes = rng.uniform(0.5, 1.5, (3000, PLANTED)) * (rng.random((3000, PLANTED)) < 0.1)
    return directions, codes @ directions


DIRECTIONS, ROWS = planted()


@pytest.fixture(scope="module")
def found():
    return decomposition.sparse_autoencoder(
        ROWS, PLANTED, penalty=0.3, steps=600, batch=100, learning_rate=3e-3
    )


def test_the_first_step_is_that_of_the_formulas():
    rng = generator(5, "sparse autoencoder")
    decoder = rng.standard_normal((20, N))
    decoder /= np.linalg.norm(decoder, axis=1, keepdims=True)
    x = ROWS - ROWS.mean(axis=0)
    x = (x / np.sqrt(x.var(axis=0, ddof=1).sum()))[rng.integers(0, len(x), 64)]
    codes = np.maximum(x @ decoder.T, 0)
    error = ((x - codes @ decoder) ** 2).sum(axis=1).mean()
    history = decomposition.sparse_autoencoder(
        ROWS, 20, seed=5, penalty=0.2, steps=1, batch=64
    ).history
    assert history.sizes == {"step": 1}
    assert float(history.unexplained[0]) == pytest.approx(error, rel=1e-5)
    assert float(history.active[0]) == pytest.approx((codes > 0).sum(axis=1).mean())
    loss = error + 0.2 * codes.sum(axis=1).mean()
    assert float(history.loss[0]) == pytest.approx(loss, rel=1e-5)


def closest(b):
    return (DIRECTIONS @ b.vectors.T).max(axis=1)  # with its sign: codes are never negative


def test_planted_directions_are_found_and_not_by_principal_components(found):
    assert np.median(closest(found.basis)) > 0.93
    assert np.median(np.abs(closest(decomposition.principal(ROWS)))) < 0.8
    untrained = decomposition.sparse_autoencoder(ROWS, PLANTED, penalty=0.3, steps=1)
    assert np.median(closest(untrained.basis)) < 0.8


def test_the_history_tells_of_learning_and_sparsity(found):
    history = found.history
    assert history.sizes == {"step": 100}
    assert history.step[0] == 6
    assert history.step[-1] == 600
    assert history.loss[-1] < 0.8 * history.loss[0]
    assert history.attrs == {
        "m": PLANTED,
        "penalty": 0.3,
        "batch": 100,
        "learning_rate": 3e-3,
        "samples": 3000,
        "dead": PLANTED - found.basis.m,
    }


def test_a_larger_penalty_gives_fewer_active_units_and_a_larger_error():
    ends = [
        decomposition.sparse_autoencoder(
            ROWS, PLANTED, penalty=penalty, steps=100, learning_rate=0.01
        )
        for penalty in (0.01, 0.3)
    ]
    dense, few = (end.history.isel(step=-1) for end in ends)
    assert dense.active > few.active
    assert dense.unexplained < few.unexplained


def test_the_basis_is_ordered_like_any_other(found):
    again = decomposition.ordered(found.basis, ROWS)
    np.testing.assert_array_equal(again.vectors, found.basis.vectors)
    np.testing.assert_allclose(found.basis.variances, again.variances)
    assert not found.basis.orthonormal
    assert sorted(found.basis.labels) == sorted(f"feature {i}" for i in range(PLANTED))


def test_units_that_never_fire_are_left_out_and_counted():
    one_sided = np.outer(np.random.default_rng(1).exponential(size=500), np.eye(4)[0])
    run = decomposition.sparse_autoencoder(
        one_sided, 30, penalty=1.5, steps=100, learning_rate=0.03
    )
    dead = run.history.attrs["dead"]
    assert 0 < dead < 30
    assert run.basis.m == 30 - dead
    assert len(set(run.basis.labels)) == run.basis.m


def test_a_seed_decides_every_byte():
    runs = [decomposition.sparse_autoencoder(ROWS, 10, seed, steps=20) for seed in (3, 3, 4)]
    first, same, other = (run.basis.vectors.tobytes() for run in runs)
    assert first == same != other
    assert runs[0].history.identical(runs[1].history)


def test_scale_and_offset_of_the_activations_do_not_matter():
    one, other = (
        decomposition.sparse_autoencoder(x, 10, steps=30) for x in (ROWS, 1000 * ROWS - 7)
    )
    np.testing.assert_allclose(one.basis.vectors, other.basis.vectors, atol=1e-3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"m": 0}, "m is 0; it must be an integer >= 1"),
        ({"steps": 0}, "steps is 0; it must be an integer >= 1"),
        ({"batch": 2.5}, "batch is 2.5; it must be an integer >= 1"),
        ({"penalty": 0}, "penalty is 0; it must be a number above 0"),
        ({"penalty": float("nan")}, "penalty is nan; it must be a number above 0"),
        ({"learning_rate": "a"}, "learning_rate is 'a'; it must be a number above 0"),
        ({"seed": -1}, "seed is -1; it must be an integer >= 0"),
        ({"penalty": 50.0, "learning_rate": 0.1}, "no unit fires after 50 steps with a penalty of"),
        ({"learning_rate": 50.0, "penalty": 1e-9}, "the loss grew from "),
        ({"activations": np.ones((9, 3))}, "all 3 units are constant over 9 samples"),
        ({"activations": ROWS[:1]}, "activations are 1 sample(s)"),
        ({"activations": [[np.nan], [0]]}, "activations hold nan at row 0"),
    ],
)
def test_what_makes_no_sense_is_refused(change, message):
    with pytest.raises(UserError) as caught:
        decomposition.sparse_autoencoder(
            **{"activations": ROWS[:100], "m": 9, "steps": 50} | change
        )
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
