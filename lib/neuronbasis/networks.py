"""The autoencoders whose latent layer is analysed."""

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from neuronbasis.checks import whole_number
from neuronbasis.errors import UserError

# Linear maps before the latent layer, and after it.
_DEPTHS = {"small": (1, 1), "large": (2, 2)}


class Autoencoder(nn.Module):
    """Linear maps with one activation function sigma of R^n between them; see `autoencoder`.

    Attributes
    ----------
    encoder, decoder : nn.ModuleList of nn.Linear
        The maps before and after the latent layer.
    sigma : nn.Module
        Stands between any two maps, always the same one.
    latent : str
        Name of the module whose output is the latent activations, for hooks.
    layout : tuple of str
        The layers in order, for a diagram.
    """

    def __init__(self, widths: list[int], latent: int, sigma: nn.Module, bias: bool) -> None:
        super().__init__()
        maps = [_linear(a, b, bias) for a, b in pairwise(widths)]
        self.encoder = nn.ModuleList(maps[:latent])
        self.decoder = nn.ModuleList(maps[latent:])
        self.sigma = sigma
        self.latent = f"encoder.{latent - 1}"
        names = [str(width) for width in widths]
        names[latent] += " (latent)"
        later = (layer for name in names[2:] for layer in ("sigma", name))
        self.layout = (*names[:2], *later)
        self.inputs, self.n = widths[0], widths[latent]

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruct x, shape (N, inputs); values are not checked, NaN rows stay NaN."""
        return self.decode(self.encode(x))

    def encode(self, x: Tensor) -> Tensor:
        """Latent activations, shape (N, n), before the sigma that follows them."""
        _check(x, self.inputs, self.encoder[0])
        x = self.encoder[0](x)
        for linear in self.encoder[1:]:
            x = linear(self.sigma(x))
        return x

    def decode(self, z: Tensor) -> Tensor:
        """Reconstruction, shape (N, inputs), from latent activations, shape (N, n)."""
        _check(z, self.n, self.decoder[0])
        for linear in self.decoder:
            z = linear(self.sigma(z))
        return z


def autoencoder(
    inputs: int,
    n: int,
    sigma: nn.Module,
    size: str = "small",
    bias: bool = True,
    seed: int = 0,
) -> Autoencoder:
    """Make an untrained autoencoder whose every activation function acts in R^n.

    small: inputs -> n (latent) -> sigma -> inputs;
    large: inputs -> n -> sigma -> n (latent) -> sigma -> n -> sigma -> inputs.

    Parameters
    ----------
    inputs : int
        Width of a row of the data, such as 784 pixels.
    n : int
        Width of the latent layer.
    sigma : nn.Module
        Activation function from R^n to R^n: `neuronbasis.nonlinearity.GeneralisedTanh`,
        `torch.nn.Tanh`, ...
    size : str
        "small" or "large".
    bias : bool
        Whether the linear maps have biases.
    seed : int
        Decides the weights, whatever was drawn elsewhere before.

    Returns
    -------
    Autoencoder
        float32, on the CPU, weights Xavier-normal, biases zero.

    Raises
    ------
    UserError
        If a width is not a positive integer, the size unknown, the seed not an integer >= 0, or
        sigma no module or one of another width.

    Notes
    -----
    Bird (2025), arXiv 2505.13471, App. E and G. Its figures with the exact layers are not in the
    text; small and large as above are our reading.

    Examples
    --------
    >>> net = autoencoder(inputs=784, n=24, sigma=nn.Tanh(), size="small", seed=1)
    >>> net.layout
    ('784', '24 (latent)', 'sigma', '784')
    >>> net.encode(torch.zeros(5, 784)).shape
    torch.Size([5, 24])
    """
    if size not in _DEPTHS:
        raise UserError(f"size is {size!r}; legal are {', '.join(_DEPTHS)}: pass one of them")
    if not isinstance(sigma, nn.Module):
        name = type(sigma).__name__
        raise UserError(f"sigma is a {name}; it must be a module: pass GeneralisedTanh(basis)")
    inputs, n = whole_number(inputs, "inputs", 1), whole_number(n, "n", 1)
    width = getattr(sigma, "n", n)
    if width != n:
        raise UserError(f"n is {n}; sigma acts in R^{width}: pass n={width} or another basis")
    generator = torch.Generator().manual_seed(whole_number(seed, "seed", 0))
    before, after = _DEPTHS[size]
    widths = [inputs, *[n] * (before + after - 1), inputs]
    net = Autoencoder(widths, before, sigma, bias)
    with torch.no_grad():
        for linear in (*net.encoder, *net.decoder):
            nn.init.xavier_normal_(linear.weight, generator=generator)
            if bias:
                linear.bias.zero_()
    return net


def _linear(inputs: int, outputs: int, bias: bool) -> nn.Linear:
    """Linear map left uninitialised, since torch's own draw would move its global generator."""
    linear = nn.utils.skip_init(nn.Linear, inputs, outputs, bias=bias, dtype=torch.float32)
    assert isinstance(linear, nn.Linear)
    return linear


def _check(x: Any, width: int, linear: nn.Module) -> None:
    dtype = linear.weight.dtype
    if not isinstance(x, Tensor) or x.dtype != dtype:
        kind = x.dtype if isinstance(x, Tensor) else type(x).__name__
        remedy = f"torch.as_tensor(x).to({dtype})"
        raise UserError(f"input is {kind}; this network takes {dtype}: pass {remedy}")
    if x.ndim != 2 or x.shape[1] != width:
        shape = tuple(x.shape)
        raise UserError(f"input has shape {shape}; it must be (N, {width}): pass one row a sample")
