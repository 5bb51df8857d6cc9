"""The generalised tanh against a literal twin of its equations, and its laws."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neuronbasis import basis
from neuronbasis.basis import Basis
from neuronbasis.errors import UserError
from neuronbasis.nonlinearity import GeneralisedTanh, IsotropicTanh, correction

BASES = {
    "standard": basis.standard(5),
    "simplex": basis.simplex(4),
    "undercomplete": basis.thompson(3, 6),
    "orthoplex": basis.orthoplex(5, seed=1),
    "overcomplete": basis.thompson(40, 10),
    "more so": basis.thompson(23, 6, seed=1),
    "uneven": basis.random(30, 4, seed=1),
    "narrow": Basis([[1, 1e-5], [0, 1], [1e-3, -1], [-1, 0.5]]),
    "line": basis.thompson(2, 1),
}
LENGTHS = [1e-9, 1e-4, 0.03, 0.5, 1, 2.7, 9, 40, 800, 1e4, 1e6, 1e9, 1e15]


def literal(x: torch.Tensor, b: Basis) -> torch.Tensor:
    """Eq. 14 of arXiv 2505.13471 as printed, for one x, loop by loop."""
    vectors = torch.tensor(b.vectors)
    length = torch.linalg.vector_norm(x)
    cosines = vectors @ vectors.T
    cosines = torch.where(cosines < 1e-12, 0.0, cosines)  # right angles, but for rounding
    total = torch.zeros((), dtype=torch.float64)
    for j in range(b.m):
        others = [i for i in range(b.m) if i != j]
        above = sum((torch.tanh(length * cosines[j, i]) * cosines[j, i] for i in others), 0.0)
        total = total + above / (1 + sum((cosines[j, i] ** 2 for i in others), 0.0))
    p = torch.relu(vectors @ x)
    return (torch.tanh(p) - p / length * total / b.m) @ vectors


def inputs(n: int, length: float, count: int = 3) -> torch.Tensor:
    rows = basis.random(count, n, seed=11).vectors * length
    return torch.tensor(rows)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("b", BASES.values(), ids=BASES)
def test_value_and_gradient_are_those_of_the_literal_formula(b, length):
    sigma = GeneralisedTanh(b)
    weights = torch.linspace(-1, 2, b.n, dtype=torch.float64)
    for row in inputs(b.n, length, count=1):
        x, y = row.clone().requires_grad_(), row.clone().requires_grad_()
        fast, slow = sigma(x), literal(y, b)
        assert torch.allclose(fast, slow, rtol=0, atol=1e-8)
        (by_x,) = torch.autograd.grad(fast @ weights, x)
        (by_y,) = torch.autograd.grad(slow @ weights, y)
        assert torch.allclose(by_x, by_y, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("b", [BASES["overcomplete"], BASES["uneven"], BASES["simplex"]])
def test_gradcheck(b):
    # Away from the creases, where finite differences see both sides.
    x = torch.cat([inputs(b.n, length, 2) for length in (0.1, 1.0, 5.0)]).requires_grad_()
    assert torch.autograd.gradcheck(GeneralisedTanh(b), (x,))


def test_it_is_the_elementwise_tanh_for_an_orthoplex_with_its_gradient():
    sigma = GeneralisedTanh(basis.orthoplex(6))
    x = torch.cat([inputs(6, 3.0), torch.zeros(2, 6)]).requires_grad_()
    assert torch.allclose(sigma(x), torch.tanh(x), rtol=0, atol=1e-12)
    (own,) = torch.autograd.grad(sigma(x).sum(), x)
    (torchs,) = torch.autograd.grad(torch.tanh(x).sum(), x)
    assert torch.allclose(own, torchs, rtol=0, atol=1e-12)  # at 0 too
    turned = basis.orthoplex(6, seed=3)
    axes = torch.tensor(turned.vectors[::2])
    expected = torch.tanh(x @ axes.T) @ axes  # Eq. 6
    assert torch.allclose(GeneralisedTanh(turned)(x), expected, rtol=0, atol=1e-12)


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 1000), length=st.floats(1e-6, 1e6))
def test_it_turns_with_its_basis(seed, length):
    b = BASES["more so"]
    turn = torch.tensor(basis.standard(b.n).rotated(seed).vectors)  # row k: the image of axis k
    x = inputs(b.n, length)
    turned = GeneralisedTanh(b.rotated(seed))(x @ turn)
    assert torch.allclose(turned, GeneralisedTanh(b)(x) @ turn, rtol=0, atol=1e-9)


def off_tanh(b: Basis) -> float:
    """How far sigma along a basis vector is from tanh at most (Eq. 9)."""
    lengths = torch.linspace(0, 20, 81, dtype=torch.float64)[:, None, None]
    vectors = torch.tensor(b.vectors)
    along = (GeneralisedTanh(b)(lengths * vectors) * vectors).sum(-1)
    return float((along - torch.tanh(lengths[..., 0])).abs().max())


def test_tanh_along_basis_vectors_is_exact_only_where_all_see_the_others_alike():
    # 1e-5: the search leaves the vectors that far from the perfect arrangement.
    assert off_tanh(basis.thompson(40, 10)) < 1e-5
    assert off_tanh(basis.thompson(12, 3)) < 1e-5
    assert off_tanh(basis.simplex(5)) < 1e-12
    assert 0.1 < off_tanh(basis.thompson(96, 24)) < 0.6


def test_without_the_correction_an_overcomplete_basis_overshoots():
    """The control of the test above: N is what makes it hold."""
    b = basis.thompson(40, 10)
    r = np.array([0.0, 1.0, 20.0])
    needed = [np.tanh(r) - (np.tanh(np.outer(r, c.clip(0))) @ c) for c in b.vectors @ b.vectors.T]
    squares = (np.clip(b.vectors @ b.vectors.T, 0, None) ** 2).sum(axis=1)
    assert correction(b, r) == pytest.approx(np.mean(needed / squares[:, None], axis=0))
    assert correction(b, r)[2] < -0.5


@pytest.mark.parametrize("b", BASES.values(), ids=BASES)
def test_zero_goes_to_zero_with_a_finite_gradient(b):
    x = torch.zeros(2, b.n, dtype=torch.float64, requires_grad=True)
    y = GeneralisedTanh(b)(x)
    assert torch.equal(y, torch.zeros_like(y))
    (slope,) = torch.autograd.grad(y.sum(), x)
    assert torch.isfinite(slope).all()


@pytest.mark.parametrize("name", ["simplex", "orthoplex", "undercomplete", "standard"])
def test_no_correction_without_positive_cosines(name):
    assert GeneralisedTanh(BASES[name]).table is None
    assert (correction(BASES[name], np.array([0.0, 1.0, 50.0])) == 0).all()


@pytest.mark.parametrize("shape", [(10,), (0, 10), (3, 10), (2, 0, 10), (2, 3, 4, 10)])
@pytest.mark.parametrize("sigma", [GeneralisedTanh(BASES["overcomplete"]), IsotropicTanh()])
def test_any_batch_shape(shape, sigma):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)
    y = sigma(x)
    assert y.shape == x.shape
    y.sum().backward()
    rows = [sigma(row) for row in x.detach().reshape(-1, 10)]
    expected = torch.stack(rows).reshape(shape) if rows else x.detach()
    assert torch.allclose(y.detach(), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("sigma", [GeneralisedTanh(BASES["overcomplete"]), IsotropicTanh()])
def test_float32_is_close_to_float64_and_stays_float32(sigma):
    for length in (1e-4, 1.0, 1e3, 1e6, 1e25):
        x = inputs(10, length).float().requires_grad_()
        y = sigma(x)
        assert y.dtype == torch.float32
        # 1e-5: some 40 products in float32, whose rounding is 6e-8.
        assert torch.allclose(y.double(), sigma(x.detach().double()), rtol=1e-5, atol=1e-5)
        (slope,) = torch.autograd.grad(y.sum(), x)
        assert slope.dtype == torch.float32
        assert torch.isfinite(slope).all()


@pytest.mark.parametrize("sigma", [GeneralisedTanh(BASES["overcomplete"]), IsotropicTanh()])
def test_nan_is_seen_in_its_own_row_only(sigma):
    x = inputs(10, 1.0)
    x[1, 3] = torch.nan
    y = sigma(x)
    assert torch.isnan(y[1]).all()
    assert torch.equal(y[[0, 2]], sigma(x[[0, 2]]))


def test_a_change_of_dtype_loses_no_precision():
    b = BASES["overcomplete"]
    sigma = GeneralisedTanh(b)
    x = inputs(10, 3.0)
    expected = sigma(x)
    back = copy.deepcopy(sigma).float().half().double()
    assert torch.equal(back(x), expected)
    assert back.vectors.numpy().tobytes() == b.vectors.tobytes()


def test_the_state_holds_the_basis_and_nothing_large():
    b = BASES["overcomplete"]
    state = GeneralisedTanh(b).state_dict()
    assert list(state) == ["vectors"]
    rebuilt = GeneralisedTanh(Basis(state["vectors"]))
    x = inputs(10, 3.0)
    assert torch.equal(rebuilt(x), GeneralisedTanh(b)(x))
    rounded = {"vectors": state["vectors"].float()}
    rebuilt.load_state_dict(rounded)
    assert torch.equal(rebuilt(x), GeneralisedTanh(b)(x))


@pytest.mark.parametrize("other", [BASES["more so"], BASES["overcomplete"].rotated(1)])
def test_the_state_of_another_basis_is_refused(other):
    with pytest.raises(UserError, match=r"^the stored state has another basis \(shape"):
        GeneralisedTanh(BASES["overcomplete"]).load_state_dict(GeneralisedTanh(other).state_dict())


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.ones(3, 9), "input has shape (3, 9); sigma acts on (..., 10): match the layer's"),
        (torch.tensor(1.0), "input has shape (); sigma acts on (..., 10): match the layer's width"),
        (torch.ones(3, 10).int(), "input is torch.int32; it must be a floating-point tensor: pass"),
        (np.ones((3, 10)), "input is ndarray; it must be a floating-point tensor: pass x.float()"),
    ],
)
def test_bad_input_is_refused(x, message):
    with pytest.raises(UserError) as caught:
        GeneralisedTanh(BASES["overcomplete"])(x)
    assert str(caught.value).startswith(message)


def test_a_basis_must_be_one():
    with pytest.raises(UserError, match="basis is a ndarray; pass a neuronbasis"):
        GeneralisedTanh(np.eye(3))


def test_the_isotropic_tanh_hangs_on_no_direction():
    sigma = IsotropicTanh()
    turn = torch.tensor(basis.standard(6).rotated(2).vectors)
    for length in [0.0, 0.009, *LENGTHS]:
        x = inputs(6, length)
        y = sigma(x)
        assert torch.allclose(sigma(x @ turn), y @ turn, rtol=0, atol=1e-12)
        assert torch.allclose(y, x / max(length, 1e-300) * np.tanh(length), rtol=1e-12, atol=0)


def test_the_isotropic_tanh_is_smooth_at_zero_and_where_its_branches_meet():
    sigma = IsotropicTanh()
    for length in (1e-12, 0.0099999, 0.0100001, 1.0):
        x = inputs(4, length, 1).requires_grad_()
        assert torch.autograd.gradcheck(sigma, (x,), eps=1e-7)
    slope = torch.autograd.functional.jacobian(sigma, torch.zeros(4, dtype=torch.float64))
    assert torch.equal(slope, torch.eye(4, dtype=torch.float64))
