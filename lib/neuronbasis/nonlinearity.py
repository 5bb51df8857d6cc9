"""Activation functions of R^n: the tanh along the vectors of any basis, and the isotropic one."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from neuronbasis.basis import Basis
from neuronbasis.errors import UserError
from neuronbasis.utils.checks import plain

_ZERO_COSINE = 1e-12  # what rounding leaves of a right angle
_LARGEST = 21.0  # the table ends at |x| = exp(21), about 1e9, where N is constant to 1e-9
_NODES = 4096
_PER_UNIT = (_NODES - 1) / _LARGEST  # steps of the table a unit of log |x|
_CHUNK = 1 << 22  # numbers held at once while the table is made: 32 MB


class GeneralisedTanh(nn.Module):
    """The tanh along the vectors b_i of a basis, from R^n to R^n.

    sigma(x) = sum_i [tanh(relu(x . b_i)) + relu(x . b_i) N(|x|) / |x|] b_i, where N (`correction`)
    takes off what other vectors add along a basis vector. With an orthoplex this is the elementwise
    tanh along its axes; there, as with a simplex, N is zero.

    Parameters
    ----------
    basis : Basis
        m unit vectors in R^n.

    Attributes
    ----------
    basis : Basis
        As given.
    n : int
        The width it acts in.
    vectors : Tensor, shape (m, n), float64
        The basis in the state dict, so that weights and basis are kept together; loading the
        state of another basis is refused. It follows the device; its precision stays, whatever
        the dtype of the network.

    Notes
    -----
    Bird (2025), arXiv 2505.13471, Eq. 14 with N of Eq. 13. N depends on |x| alone, so it is
    tabulated once, in float64, as a cubic spline; its error is below 1e-9. Where x is orthogonal
    to a vector the slope of the relu is taken as 1/2, the mean of both sides, so that an
    orthoplex has tanh's own gradient there too. The gradient cannot be differentiated again.

    Examples
    --------
    >>> from neuronbasis import basis
    >>> sigma = GeneralisedTanh(basis.orthoplex(3))
    >>> x = torch.tensor([[0.5, -2.0, 0.0]])
    >>> torch.allclose(sigma(x), torch.tanh(x))
    True
    """

    vectors: Tensor
    table: Tensor | None

    def __init__(self, basis: Basis) -> None:
        super().__init__()
        if not isinstance(basis, Basis):
            raise UserError(f"basis is a {type(basis).__name__}; pass a neuronbasis.basis.Basis")
        self.basis = basis
        self.n = basis.n
        self.register_buffer("vectors", torch.tensor(basis.vectors, dtype=torch.float64))
        self.register_buffer("table", _table(basis), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Apply sigma to the last axis.

        Parameters
        ----------
        x : Tensor, shape (..., n), floating point
            A row that holds NaN comes back as NaN: values are not checked, since this runs in
            every step of a training.

        Returns
        -------
        Tensor
            Same shape, dtype and device.

        Raises
        ------
        UserError
            If x is not a floating-point tensor whose last axis has length n.
        """
        _check(x, self.n)
        output: Tensor = _Tanh.apply(x, self.vectors.to(x.dtype), self.table)
        return output

    def extra_repr(self) -> str:
        """Say the basis where the module is printed."""
        return repr(self.basis)

    def _apply(self, fn: Any, recurse: bool = True) -> "GeneralisedTanh":
        exact = self.vectors, self.table
        super()._apply(fn, recurse)
        # A change of dtype must not round basis and table, so only the device is taken over.
        device = self.vectors.device
        self.vectors = exact[0].to(device)
        self.table = None if exact[1] is None else exact[1].to(device)
        return self

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *rest: Any) -> None:
        stored = state_dict.get(prefix + "vectors")
        if stored is not None:
            own = self.vectors.cpu()
            found = torch.as_tensor(stored).detach().cpu().double()
            if found.shape != own.shape or not torch.allclose(found, own, rtol=0, atol=1e-6):
                raise UserError(
                    f"the stored state has another basis (shape {tuple(found.shape)}) than "
                    f"{self.basis}: build sigma from Basis(state['{prefix}vectors'])"
                )
            state_dict[prefix + "vectors"] = own  # the stored ones may have been rounded
        super()._load_from_state_dict(state_dict, prefix, *rest)


class StackedTanh(nn.Module):
    """The generalised tanhs of several networks, each applied to its own rows.

    Parameters
    ----------
    sigmas : sequence of GeneralisedTanh
        One a network, all with bases of one shape.

    Examples
    --------
    >>> from neuronbasis import basis
    >>> sigmas = [GeneralisedTanh(basis.thompson(7, 3, seed=seed)) for seed in (0, 1)]
    >>> x = torch.rand(2, 5, 3)
    >>> torch.allclose(StackedTanh(sigmas)(x)[1], sigmas[1](x[1]))
    True
    """

    vectors: Tensor
    table: Tensor | None

    def __init__(self, sigmas: Sequence[GeneralisedTanh]) -> None:
        super().__init__()
        self.n = sigmas[0].n
        vectors = torch.stack([each.vectors for each in sigmas]).float()
        self.register_buffer("vectors", vectors)
        tables = [each.table for each in sigmas if each.table is not None]
        if tables and len(tables) < len(sigmas):
            raise UserError("some bases need Eq. 13's correction and some do not: stack them apart")
        self.register_buffer("table", torch.stack(tables) if tables else None)

    def forward(self, x: Tensor) -> Tensor:
        """Apply each sigma to its rows of x, shape (networks, N, n), float32."""
        output: Tensor = _Tanh.apply(x, self.vectors, self.table)
        return output


class IsotropicTanh(nn.Module):
    """The tanh of the length, tanh(|x|) x / |x|: the same in every direction of any R^n.

    Smooth everywhere, the identity to second order at 0.

    Examples
    --------
    >>> y = IsotropicTanh()(torch.tensor([3.0, 4.0]))
    >>> round(float(y.norm()), 4)
    0.9999
    """

    def forward(self, x: Tensor) -> Tensor:
        """Apply it to the last axis of x, shape (..., n), floating point; NaN stays NaN."""
        _check(x, None)
        r = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=torch.float64)
        s = r.clamp(max=0.01).square()  # clamped, since the branch not taken has a gradient too
        near = 1 - s / 3 + s * s * (2 / 15)  # off by less than 1e-13
        far = r.clamp(min=0.01)
        return x * torch.where(r < 0.01, near, torch.tanh(far) / far).to(x.dtype)


def correction(basis: Basis, r: NDArray[np.float64]) -> NDArray[np.float64]:
    """N of Eq. 13, exactly: what to add along a basis vector so that sigma is tanh there.

    Averaged over the basis vectors, so exact for each of them only where all see the others
    alike.

    Parameters
    ----------
    basis : Basis
        m vectors in R^n.
    r : ndarray, shape (k,), float64
        Lengths |x|, 0 or more.

    Returns
    -------
    ndarray, shape (k,), float64
        N(r), 0 or less.

    Examples
    --------
    >>> from neuronbasis.basis import simplex
    >>> from neuronbasis.basis import thompson
    >>> correction(simplex(3), np.array([0.0, 2.0])).tolist()
    [0.0, 0.0]
    >>> correction(thompson(12, 3), np.array([50.0])).round(3).tolist()
    [-1.118]
    """
    r = plain(r, "r").astype(np.float64)
    cosines, weights = _pairs(basis.vectors)
    rows = max(1, _CHUNK // max(1, len(cosines)))
    total = [np.tanh(np.outer(r[k : k + rows], cosines)) @ weights for k in range(0, len(r), rows)]
    return 0.0 - np.concatenate([np.zeros(0), *total])


def _pairs(vectors: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Positive cosines c between two vectors and weights w with N(r) = - sum w tanh(r c)."""
    cosines = np.triu(vectors @ vectors.T, k=1)
    cosines[cosines < _ZERO_COSINE] = 0
    share = 1 / (1 + (cosines**2).sum(axis=0) + (cosines**2).sum(axis=1)) / len(vectors)
    i, j = np.nonzero(cosines)
    c = cosines[i, j]
    return c, c * (share[i] + share[j])


def _table(basis: Basis) -> Tensor | None:
    """Spline of F(t) = N(r) sqrt(1 + r^2) / r over t = log sqrt(1 + r^2), or None where N is 0.

    F is smooth in t and bounded, at r = 0 too, which N(r) / r as a function of r is not once r
    is large. Shape (_NODES - 1, 7): a step's coefficients of u^3, u^2, u, 1 with u in [0, 1], then
    those of dF/dt, of u^2, u, 1.
    """
    c, w = _pairs(basis.vectors)
    if not c.size:
        return None
    t = np.linspace(0, _LARGEST, _NODES)
    r = np.sqrt(np.expm1(2 * t[1:]))
    at_zero = -(w @ c)
    f = np.append(at_zero, correction(basis, r) * np.exp(t[1:]) / r)
    spline = CubicSpline(np.arange(_NODES), f, bc_type=("not-a-knot", (1, 0.0)))
    steps = np.vstack([spline.c, spline.derivative().c * _PER_UNIT])
    return torch.tensor(steps.T.copy(), dtype=torch.float64)


def _lookup(r: Tensor, table: Tensor, slope: bool) -> tuple[Tensor, Tensor | None]:
    """Return g = N(r) / r and, if wanted, (dg / dr) / r; r: shape (..., 1); all in float64.

    A table of more than one network has an axis before the two, as r has.
    """
    s = r * r
    u = (torch.log1p(s) * (_PER_UNIT / 2)).clamp_(max=_NODES - 1)
    step = u.long().clamp_(0, _NODES - 2)  # from below for NaN, which has no integer
    u -= step
    if table.ndim == 3:
        step += len(table[0]) * torch.arange(len(table), device=step.device)[:, None, None]
        table = table.flatten(0, 1)
    a, b, c, d, da, db, dc = table[step].unbind(-1)
    f = torch.addcmul(d, torch.addcmul(c, torch.addcmul(b, a, u), u), u)
    shrink = torch.rsqrt(s + 1)
    g = f * shrink
    if not slope:
        return g, None
    df = torch.addcmul(dc, torch.addcmul(db, da, u), u)
    return g, (df - f) * shrink**3


class _Tanh(torch.autograd.Function):
    """Eq. 14 with its gradient written out: a third of the operations autograd would do."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, vectors: Tensor, table: Tensor | None) -> Tensor:
        p = x @ vectors.mT
        q = torch.relu(p)
        saturated = torch.tanh(q)
        g = slope = None
        amount = saturated
        if table is not None:
            r = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=torch.float64)
            g, slope = _lookup(r, table, slope=ctx.needs_input_grad[0])
            g = g.to(x.dtype)
            amount = torch.addcmul(saturated, q, g)
        ctx.save_for_backward(x, vectors, p, q, saturated, g, slope)
        return amount @ vectors

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        x, vectors, p, q, saturated, g, slope = ctx.saved_tensors
        along = grad @ vectors.mT
        gain = 1 - saturated * saturated
        if g is not None:
            gain += g
        gain *= torch.heaviside(p, p.new_tensor(0.5))
        gain *= along
        result = gain @ vectors
        if slope is not None:
            by_g = (along * q).sum(-1, keepdim=True)
            result += (by_g * slope).to(x.dtype) * x
        return result, None, None


def _check(x: Any, n: int | None) -> None:
    if not isinstance(x, Tensor) or not x.is_floating_point():
        kind = x.dtype if isinstance(x, Tensor) else type(x).__name__
        raise UserError(f"input is {kind}; it must be a floating-point tensor: pass x.float()")
    if x.ndim == 0 or (n is not None and x.shape[-1] != n):
        wanted = "(..., n)" if n is None else f"(..., {n})"
        raise UserError(
            f"input has shape {tuple(x.shape)}; sigma acts on {wanted}: match the layer's width"
        )
