"""The autoencoders whose latent layers are analysed."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from neuronbasis.errors import UserError
from neuronbasis.networks._stacked import BatchNorm, Dropout, LayerNorm, StackedLinear
from neuronbasis.nonlinearity import GeneralisedTanh, StackedTanh
from neuronbasis.utils.checks import whole_number

# Linear maps before the latent layer, and after it.
_DEPTHS = {"small": (1, 1), "large": (2, 2)}
_INITIALISERS = {
    "xavier_normal": nn.init.xavier_normal_,
    "xavier_uniform": nn.init.xavier_uniform_,
    "orthogonal": nn.init.orthogonal_,
}
_NORMS = {"none": nn.Identity, "batch": BatchNorm, "layer": LayerNorm}
_FINALS = {"linear": nn.Identity, "tanh": nn.Tanh}


class Autoencoder(nn.Module):
    """Linear maps with activation functions between them; see `autoencoder`.

    Attributes
    ----------
    encoder, decoder : nn.ModuleList
        The linear maps before and after the latent layer.
    between : nn.ModuleList of nn.Sequential
        What stands between two maps, in order: each a normalisation ``norm``, an activation
        function ``sigma`` and a dropout ``dropout``, identities where there is none.
    final : nn.Module
        What the output goes through.
    latent : str
        Name of the module whose output is the latent activations, for hooks.
    inputs, n, outputs : int
        Width of the data, of the latent layer and of the output.
    """

    def __init__(
        self,
        encoder: Sequence[nn.Module],
        decoder: Sequence[nn.Module],
        between: Sequence[nn.Module],
        final: nn.Module,
    ) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.ModuleList(encoder), nn.ModuleList(decoder)
        self.between, self.final = nn.ModuleList(between), final
        self.inputs, self.n = _width(encoder[0]), _width(decoder[0])
        self.outputs = int(decoder[-1].out_features)  # type: ignore[arg-type]
        last = len(encoder) - 1
        bare = isinstance(self._middle.norm, nn.Identity)
        self.latent = f"encoder.{last}" if bare else f"between.{last}.norm"

    @property
    def sigma(self) -> nn.Module:
        """The activation function that the latent activations go through."""
        sigma: nn.Module = self._middle.sigma
        return sigma

    @property
    def layout(self) -> tuple[str, ...]:
        """The layers in order, for a diagram."""
        names = [str(self.inputs)]
        for k, linear in enumerate((*self.encoder, *self.decoder)):
            names += [str(linear.out_features)]
            names[-1] += " (latent)" * (k == len(self.encoder) - 1)
            if k < len(self.between):
                names += _names(self.between[k], self.sigma)
        return (*names, *([] if isinstance(self.final, nn.Identity) else ["tanh"]))

    @property
    def _middle(self) -> Any:
        return self.between[len(self.encoder) - 1]

    def forward(self, x: Tensor) -> Tensor:
        """Output, shape (N, outputs), of x, shape (N, inputs); NaN rows stay NaN."""
        return self.decode(self.encode(x))

    def encode(self, x: Tensor) -> Tensor:
        """Latent activations, shape (N, n): what the sigma that follows them takes."""
        _check(x, self.encoder[0])
        for linear, between in zip(self.encoder[:-1], self.between, strict=False):
            x = between(linear(x))
        latent: Tensor = self._middle.norm(self.encoder[-1](x))
        return latent

    def decode(self, z: Tensor) -> Tensor:
        """Output, shape (N, outputs), from latent activations, shape (N, n)."""
        _check(z, self.decoder[0])
        x = self.decoder[0](self._middle.dropout(self._middle.sigma(z)))
        rest = zip(self.between[len(self.encoder) :], self.decoder[1:], strict=True)
        for between, linear in rest:
            x = linear(between(x))
        output: Tensor = self.final(x)
        return output


def autoencoder(
    inputs: int,
    n: int,
    sigma: nn.Module,
    size: str = "small",
    bias: bool = True,
    seed: int = 0,
    outputs: int | None = None,
    hidden: int = 0,
    initialiser: str = "xavier_normal",
    normalisation: str = "none",
    dropout: float = 0.0,
    output: str = "linear",
) -> Autoencoder:
    """Make an untrained autoencoder whose latent activations go through sigma.

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
        Decides the weights and what is dropped out, whatever was drawn elsewhere before.
    outputs : int, optional
        Width of the output: the number of classes, where the task is to tell them apart.
        Default: that of the inputs.
    hidden : int
        Width of a large network's layers around the latent one, with the elementwise tanh
        there since sigma acts in R^n; 0 means n, and sigma everywhere.
    initialiser : str
        "xavier_normal", "xavier_uniform" or "orthogonal".
    normalisation : str
        "none", "batch" or "layer", of everything that an activation function takes.
    dropout : float in [0, 1)
        Rate at which single neurons of what an activation function gives are dropped.
    output : str
        "linear" or "tanh".

    Returns
    -------
    Autoencoder
        float32, on the CPU, in training mode, biases zero.

    Raises
    ------
    UserError
        If a width is not a positive integer, a name unknown, the seed not an integer >= 0, or
        sigma no module or one of another width.

    Notes
    -----
    Bird (2025), arXiv 2505.13471, App. E and G. Its figures with the exact layers are not in the
    text; small and large as above are our reading, and `hidden` allows another one.

    Examples
    --------
    >>> net = autoencoder(inputs=784, n=24, sigma=nn.Tanh(), size="small", seed=1)
    >>> net.layout
    ('784', '24 (latent)', 'sigma', '784')
    >>> net.encode(torch.zeros(5, 784)).shape
    torch.Size([5, 24])
    """
    _check_name("size", size, _DEPTHS)
    _check_name("initialiser", initialiser, _INITIALISERS)
    _check_name("normalisation", normalisation, _NORMS)
    _check_name("output", output, _FINALS)
    if not isinstance(sigma, nn.Module):
        kind = type(sigma).__name__
        raise UserError(f"sigma is a {kind}; it must be a module: pass GeneralisedTanh(basis)")
    inputs, n = whole_number(inputs, "inputs", 1), whole_number(n, "n", 1)
    width = getattr(sigma, "n", n)
    if width != n:
        raise UserError(f"n is {n}; sigma acts in R^{width}: pass n={width} or another basis")
    seed = whole_number(seed, "seed", 0)
    before, after = _DEPTHS[size]
    around = whole_number(hidden, "hidden", 0) or n
    inner = [around] * (before - 1) + [n] + [around] * (after - 1)
    widths = [inputs, *inner, inputs if outputs is None else whole_number(outputs, "outputs", 1)]
    maps = _initialised(widths, bias, initialiser, seed)
    between = [
        nn.Sequential(
            OrderedDict(
                norm=_NORMS[normalisation](width),
                # A sigma that is not of R^n can only be the elementwise one.
                sigma=sigma if width == n or k == before - 1 else nn.Tanh(),
                dropout=Dropout(dropout, [_stream(seed, k)]) if dropout else nn.Identity(),
            )
        )
        for k, width in enumerate(inner)
    ]
    return Autoencoder(maps[:before], maps[before:], between, _FINALS[output]())


def stack(networks: Sequence[Autoencoder]) -> Autoencoder:
    """Join networks of one layout into one whose rows have shape (networks, N, inputs).

    Each does to its own rows what it would do alone, to the last bit in float32 on the CPU.

    Parameters
    ----------
    networks : sequence of Autoencoder
        Their weights are copied; `unstack` writes them back.

    Examples
    --------
    >>> pair = [autoencoder(6, 3, nn.Tanh(), seed=seed) for seed in (0, 1)]
    >>> x = torch.rand(2, 5, 6)
    >>> torch.equal(stack(pair)(x)[1], stack(pair[1:])(x[1:])[0])
    True
    """
    first = networks[0]
    maps = [
        StackedLinear(same)
        for same in zip(*((*each.encoder, *each.decoder) for each in networks), strict=True)
    ]
    between = [
        nn.Sequential(
            OrderedDict(
                (name, _stacked([getattr(each, name) for each in same]))
                for name in ("norm", "sigma", "dropout")
            )
        )
        for same in zip(*(each.between for each in networks), strict=True)
    ]
    depth = len(first.encoder)
    return Autoencoder(maps[:depth], maps[depth:], between, first.final)


def unstack(stacked: Autoencoder, networks: Sequence[Autoencoder]) -> None:
    """Write the weights of a stack, and its running statistics, into single networks."""
    for k, stacked_map in enumerate((*stacked.encoder, *stacked.decoder)):
        assert isinstance(stacked_map, StackedLinear)
        singles: Any = [(*each.encoder, *each.decoder)[k] for each in networks]
        stacked_map.copy_to(singles)
    norms: Any = [[between.norm for between in each.between] for each in (stacked, *networks)]
    for together, *single in zip(*norms, strict=True):
        for name, buffer in together.named_buffers():
            for each, values in zip(single, buffer, strict=True):
                each.get_buffer(name).copy_(values)


def _stacked(same: Sequence[Any]) -> nn.Module:
    """One module for the modules that stand in one place of several networks."""
    first: nn.Module = same[0]
    if isinstance(first, GeneralisedTanh):
        return StackedTanh(same)
    if isinstance(first, Dropout):
        return Dropout(first.rate, [seed for each in same for seed in each.seeds])
    if isinstance(first, BatchNorm):
        return BatchNorm(first.mean.shape[-1], len(same))
    return first  # the others hold nothing and act on the last axis


def _initialised(widths: list[int], bias: bool, initialiser: str, seed: int) -> list[nn.Module]:
    generator = torch.Generator().manual_seed(seed)
    maps = [_linear(a, b, bias) for a, b in pairwise(widths)]
    with torch.no_grad():
        for linear in maps:
            _INITIALISERS[initialiser](linear.weight, generator=generator)
            if bias:
                linear.bias.zero_()
    return list(maps)


def _linear(inputs: int, outputs: int, bias: bool) -> nn.Linear:
    """Linear map left uninitialised, since torch's own draw would move its global generator."""
    linear = nn.utils.skip_init(nn.Linear, inputs, outputs, bias=bias, dtype=torch.float32)
    assert isinstance(linear, nn.Linear)
    return linear


def _stream(seed: int, place: int) -> int:
    """Seed of the dropout at one place, apart from the streams of weights and of batches."""
    return int(np.random.default_rng([seed, 2, place]).integers(2**63))


def _names(between: nn.Module, sigma: nn.Module) -> list[str]:
    kinds = {BatchNorm: "batch norm", LayerNorm: "layer norm", Dropout: "dropout"}
    names = [kinds.get(type(each), "") for each in between.children()]
    names[1] = "sigma" if between.sigma is sigma else "tanh"
    return [name for name in names if name]


def _check_name(what: str, name: Any, legal: Mapping[str, Any]) -> None:
    if name not in legal:
        listed = ", ".join(legal)
        raise UserError(f"{what} is {name!r}; legal are {listed}: pass one of them")


def _width(linear: nn.Module) -> int:
    return int(linear.in_features)  # type: ignore[arg-type]


def _check(x: Any, linear: nn.Module) -> None:
    weight: Any = linear.weight
    if not isinstance(x, Tensor) or x.dtype != weight.dtype:
        kind = x.dtype if isinstance(x, Tensor) else type(x).__name__
        remedy = f"torch.as_tensor(x).to({weight.dtype})"
        raise UserError(f"input is {kind}; this network takes {weight.dtype}: pass {remedy}")
    width = _width(linear)
    if x.ndim != weight.ndim or x.shape[-1] != width:
        shape = tuple(x.shape)
        raise UserError(f"input has shape {shape}; it must be (N, {width}): pass one row a sample")
