import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from neuronbasis import basis, completeness
from neuronbasis.errors import UserError
from neuronbasis.experiments import both_measures

FEW = {"null": 0.01, "rotations": 5}
LEAN = settings(deadline=None, max_examples=5)


def cloud(seed, samples=60, n=4):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((samples, n)) * rng.uniform(0.3, 3, n) + rng.standard_normal(n)


def needed_by_hand(rows, vectors, seed, shares):
    """Vectors in the order of their variance on one half; how many of them the other half takes."""
    fit, held = completeness.halves(rows, seed)
    order = np.argsort(-(fit @ vectors.T).var(axis=0, ddof=1), kind="stable")
    held, chosen, unexplained = held - held.mean(0), [], [1.0]
    for v in vectors[order]:
        if np.linalg.matrix_rank([*chosen, v], tol=1e-6) == len(chosen):
            continue
        chosen.append(v)
        span = np.array(chosen).T
        rest = held.T - span @ np.linalg.lstsq(span, held.T, rcond=None)[0]
        unexplained.append((rest**2).sum() / (held**2).sum())
    return [next(k for k, u in enumerate(unexplained) if u <= 1 - s + 1e-12) for s in shares]


@pytest.mark.parametrize(
    "b", [basis.standard(4), basis.orthoplex(4, 1), basis.thompson(5, 4, 1), basis.thompson(11, 4)]
)
def test_the_vectors_needed_are_those_of_the_literal_count(b):
    rows = cloud(3)
    shares = (np.arange(2000) + 0.5) / 2000
    found = both_measures.measured(rows, b, **FEW).needed.sel(kind="basis")
    assert found[:2].values.tolist() == needed_by_hand(rows, b.vectors, 0, (0.8, 0.99))
    by_hand = np.mean(needed_by_hand(rows, b.vectors, 0, shares))
    assert float(found[2]) == pytest.approx(by_hand, abs=4 / 2000)


@LEAN
@given(seed=st.integers(0, 1000))
def test_turning_scaling_and_moving_the_layer_with_its_basis(seed):
    rows, b = cloud(seed), basis.thompson(7, 4, seed)
    turn = basis.standard(4).rotated(seed).vectors
    found = both_measures.measured(rows, b, **FEW)
    turned = both_measures.measured(3 * rows @ turn.T, basis.Basis(b.vectors @ turn.T), **FEW)
    moved = both_measures.measured(rows + 5, b, **FEW)
    for name in ("cosine", "effective_dimension", "mean_share"):
        assert np.allclose(turned[name], found[name])
    assert np.allclose(turned.needed.sel(kind="basis"), found.needed.sel(kind="basis"))
    assert np.allclose(moved.needed, found.needed)
    centred = {"form": "mean taken off"}
    assert np.allclose(moved.beyond.sel(centred), found.beyond.sel(centred))
    assert abs(moved.beyond.sel(form="raw") - found.beyond.sel(form="raw")) > 1e-3


def test_of_an_opposite_pair_one_vector_counts():
    rows = cloud(1)
    one, two = (
        both_measures.measured(rows, b, **FEW) for b in (basis.standard(4), basis.orthoplex(4))
    )
    for name in ("needed", "copy_needed", "saved"):
        assert np.array_equal(one[name], two[name])
    assert (two.cosine > one.cosine).all()


def test_the_simulated_layers_are_what_their_names_say():
    examples = both_measures.examples(600, n=12)
    found = {
        name: both_measures.measured(rows, basis.orthoplex(12), null=0.01, rotations=19)
        for name, rows in examples.items()
    }
    near = {name: float(each.beyond.sel(form="mean taken off")) for name, each in found.items()}
    saved = {name: float(each.saved.sel(count="mean")) for name, each in found.items()}
    assert abs(near["round"]) < 0.02
    assert abs(saved["round"]) < 0.05
    assert near["stretched"] > 0.05
    assert saved["stretched"] > 0.3
    assert near["spikes"] > 0.2
    assert abs(saved["spikes"]) < 0.05
    assert near["corners"] < -0.02
    assert saved["corners"] > 0.3
    assert found["stretched"].saved.sel(count="80%") > 0.3


def test_a_basis_that_the_layer_does_not_know_lies_among_its_copies():
    rows = both_measures.examples(400, n=12)["stretched"]
    found = both_measures.measured(rows, basis.orthoplex(12, seed=7), null=0.01, rotations=39)
    low, high = found.copy_cosine.min("rotation"), found.copy_cosine.max("rotation")
    assert ((low < found.cosine) & (found.cosine < high)).all()
    mean = found.copy_needed.sel(count="mean")
    assert mean.min() < found.needed.sel(kind="basis", count="mean") < mean.max()


def test_samples_of_one_image_stay_in_one_half():
    rows = xr.DataArray(
        cloud(0), dims=("sample", "unit"), coords={"image": ("sample", [0, 1] * 30)}
    )
    told = both_measures.measured(rows, basis.standard(4), **FEW)
    assert not np.array_equal(
        told.needed, both_measures.measured(rows.values, basis.standard(4), **FEW).needed
    )


def test_the_same_seed_gives_the_same_bytes_and_another_does_not():
    rows, b = cloud(0), basis.thompson(8, 4)
    first, again = (both_measures.measured(rows, b, seed=1, **FEW) for _ in range(2))
    assert first.identical(again)
    assert not first.copy_cosine.equals(both_measures.measured(rows, b, seed=2, **FEW).copy_cosine)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"basis": basis.simplex(3)}, r"^activations have width 4 and the basis 3; "),
        ({"basis": np.eye(4)}, r"^basis is a ndarray; it must be a Basis"),
        (
            {"basis": basis.Basis(np.eye(4)[:3], "three")},
            r"^basis 'three' spans 3 of 4 dimensions, .*: pass one that spans the space$",
        ),
        ({"rotations": 1}, r"^rotations is 1; it must be an integer >= 2"),
        ({"null": 0.7}, r"^fraction is 0.7; it must lie in \(0, 0.5\)"),
        ({"activations": np.ones((9, 4))}, r"^all 4 units are constant over 9 samples"),
        ({"activations": np.full((9, 4), np.nan)}, r"^activations hold nan at row 0, column 0"),
        ({"activations": np.eye(4)[:3]}, r"^a half of these 3 samples of 3 image"),
    ],
)
def test_bad_input_is_told_in_one_line(change, message):
    good = {"activations": cloud(0), "basis": basis.standard(4), **FEW}
    with pytest.raises(UserError, match=message) as error:
        both_measures.measured(**good | change)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["small 24", "small 24 4.5", "24 48 small"])
def test_an_autoencoder_is_size_n_and_m(text):
    with pytest.raises(UserError, match=r"^autoencoders '.*'; each must be size, n and m: pass"):
        both_measures.configurations(f"large 10 20, {text}")
    assert both_measures.configurations("") == []


def test_what_is_saved_is_saved_by_the_basis_and_not_by_the_neurons():
    turn = basis.orthoplex(12, seed=3)
    rows = both_measures.examples(600, n=12)["stretched"] @ turn.vectors[::2]
    found = both_measures.measured(rows, turn, null=0.01, rotations=9).sel(count="mean")
    assert found.saved > 0.3
    basis_needs, neurons_need, components_need, copies_need = found.needed.values
    assert basis_needs < 0.7 * neurons_need
    assert components_need == pytest.approx(basis_needs, rel=0.1)
    assert neurons_need == pytest.approx(copies_need, rel=0.25)
