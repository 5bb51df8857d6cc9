"""Layers that act on one network, (N, width), or on a stack of them, (networks, N, width)."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

_MOMENTUM = 0.1  # of BatchNorm's running statistics, torch's own
_EPS = 1e-5


class StackedLinear(nn.Module):
    """The linear maps of several networks, each applied to its own rows.

    Parameters
    ----------
    maps : sequence of nn.Linear
        One a network, all of one shape; copied.

    Attributes
    ----------
    weight : nn.Parameter, shape (networks, out, in), or (networks, in, out) if out > in
        The longer side last: products run several times faster so.
    bias : nn.Parameter, shape (networks, 1, out), or None

    Examples
    --------
    >>> maps = [nn.Linear(3, 2), nn.Linear(3, 2)]
    >>> x = torch.ones(2, 5, 3)
    >>> y = StackedLinear(maps)(x)
    >>> torch.allclose(y[1], maps[1](x[1]), atol=1e-6)
    True
    """

    bias: nn.Parameter | None

    def __init__(self, maps: Sequence[nn.Linear]) -> None:
        super().__init__()
        weight = torch.stack([each.weight.detach() for each in maps])
        self.in_features, self.out_features = maps[0].in_features, maps[0].out_features
        self.flipped = self.out_features > self.in_features
        self.weight = nn.Parameter((weight.mT if self.flipped else weight).contiguous())
        self.bias = None
        if maps[0].bias is not None:
            self.bias = nn.Parameter(torch.stack([each.bias.detach()[None] for each in maps]))

    def forward(self, x: Tensor) -> Tensor:
        """Map x, shape (networks, N, in), to shape (networks, N, out)."""
        output: Tensor = _Linear.apply(x, self.weight, self.bias, self.flipped)
        return output

    def copy_to(self, maps: Sequence[nn.Linear]) -> None:
        """Write the maps of the stack into those of single networks."""
        with torch.no_grad():
            for k, each in enumerate(maps):
                each.weight.copy_(self.weight[k].T if self.flipped else self.weight[k])
                if self.bias is not None:
                    each.bias.copy_(self.bias[k, 0])


class _Linear(torch.autograd.Function):
    """x W with the gradient of W made in the layout in which W is kept."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, flipped: bool) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.flipped, ctx.biased = flipped, bias is not None
        y = torch.bmm(x, weight if flipped else weight.mT)
        return y if bias is None else y.add_(bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor, Tensor | None, None]:
        x, weight = ctx.saved_tensors
        by_x = None
        if ctx.needs_input_grad[0]:
            by_x = torch.bmm(grad, weight.mT if ctx.flipped else weight)
        by_weight = torch.bmm(x.mT, grad) if ctx.flipped else torch.bmm(grad.mT, x)
        return by_x, by_weight, grad.sum(1, keepdim=True) if ctx.biased else None, None


class Dropout(nn.Module):
    """Set each number to 0 with probability `rate` while training, the others to x / (1 - rate).

    Each network of a stack draws from a stream of its own, so that it drops the same numbers
    when it is trained alone.

    Parameters
    ----------
    rate : float in [0, 1)
    seeds : sequence of int
        One a network.

    Examples
    --------
    >>> Dropout(0.5, [3])(torch.ones(1, 8))
    tensor([[0., 0., 0., 0., 0., 0., 2., 2.]])
    """

    def __init__(self, rate: float, seeds: Sequence[int]) -> None:
        super().__init__()
        self.rate, self.seeds = rate, list(seeds)
        self._streams = [torch.Generator().manual_seed(seed) for seed in seeds]

    def forward(self, x: Tensor) -> Tensor:
        """Drop from x, shape (N, n) or (networks, N, n); nothing in evaluation."""
        if not self.training:
            return x
        shape = x.shape[-2:]
        drawn = [torch.rand(shape, generator=stream) for stream in self._streams]
        kept = (torch.stack(drawn).reshape(x.shape) >= self.rate).to(x)
        return x * kept / (1 - self.rate)

    def extra_repr(self) -> str:
        """Say the rate where the module is printed."""
        return f"{self.rate:g}"


class BatchNorm(nn.Module):
    """Centre and scale every neuron over the rows of a batch, without weights of its own.

    In evaluation the running mean and variance of training are used, as in `torch.nn.BatchNorm1d`.

    Examples
    --------
    >>> BatchNorm(1)(torch.tensor([[1.0], [3.0]])).round(decimals=3)
    tensor([[-1.],
            [ 1.]])
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, n: int, networks: int | None = None) -> None:
        super().__init__()
        shape = (1, n) if networks is None else (networks, 1, n)
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("variance", torch.ones(shape))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise x, shape (N, n) or (networks, N, n)."""
        mean, variance = self.mean, self.variance
        if self.training:
            variance, mean = torch.var_mean(x, -2, correction=0, keepdim=True)
            count = x.shape[-2]
            unbiased = variance.detach() * (count / max(1, count - 1))
            self.mean.lerp_(mean.detach(), _MOMENTUM)
            self.variance.lerp_(unbiased, _MOMENTUM)
        return (x - mean) * torch.rsqrt(variance + _EPS)


class LayerNorm(nn.Module):
    """Centre and scale every row over its neurons, without weights of its own.

    Examples
    --------
    >>> LayerNorm(2)(torch.tensor([[1.0, 3.0]])).round(decimals=3)
    tensor([[-1.,  1.]])
    """

    def __init__(self, n: int) -> None:
        super().__init__()
        self.n = n

    def forward(self, x: Tensor) -> Tensor:
        """Normalise x, shape (..., n)."""
        return nn.functional.layer_norm(x, (self.n,), eps=_EPS)
