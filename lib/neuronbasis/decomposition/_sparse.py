"""A sparse autoencoder: more directions than units, few of them active at a time."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn
from tqdm import tqdm

from neuronbasis.basis import Basis
from neuronbasis.decomposition import _moments
from neuronbasis.decomposition._moments import Moments
from neuronbasis.decomposition._ordered import OrderedBasis, ordered
from neuronbasis.errors import UserError
from neuronbasis.utils.checks import number, whole_number
from neuronbasis.utils.seeds import Seed, generator
from neuronbasis.utils.threads import one_thread

_RECORDS = 100  # points of the history


@dataclass(frozen=True, eq=False)
class SparseAutoencoder:
    """What a training gave.

    Attributes
    ----------
    basis : OrderedBasis
        Decoder directions of the units that fire for some sample, by descending variance of the
        activations along them, labelled "feature 0", ... by their place in the autoencoder.
    history : xarray.Dataset
        By ``step`` (how many were done), means over the batches since the point before, each
        taken just before the step that learns from it: ``loss``; ``unexplained``, the squared
        error as a share of the total variance; ``active``, the number of units above 0 a sample.
        attrs: the settings, and ``dead``, the number of units that never fire.
    """

    basis: OrderedBasis
    history: xr.Dataset


def sparse_autoencoder(
    activations: Any,
    m: int,
    seed: Seed = 0,
    penalty: float = 0.1,
    steps: int = 10_000,
    batch: int = 256,
    learning_rate: float = 1e-3,
    progress: bool = False,
) -> SparseAutoencoder:
    """Train a sparse autoencoder on activations, and give the directions of its decoder.

    With x an activation less the mean, scaled so that the mean of ``|x|^2`` is 1, the codes are
    ``f = relu(W (x - c) + b)``, the reconstruction is ``c + f D`` with the rows of D of unit
    length, and the loss ``|x - c - f D|^2 + penalty * sum(f)``, a mean over samples. Adam, D's
    rows made unit length after each step; W starts as D, which starts at random. On the CPU, on
    one thread.

    Parameters
    ----------
    activations : array_like, torch.Tensor or file-backed array, shape (samples, n)
        At least two samples; held in memory as float32.
    m : int
        Number of units of the autoencoder; a few times n is usual.
    seed : int or numpy.random.Generator
        Decides the start and the batches.
    penalty : float, above 0
        Weight of the sum of the codes; more of it makes them sparser and smaller.
    steps, batch : int
        Number of steps; samples a step, drawn with replacement.
    learning_rate : float, above 0
        Of Adam.
    progress : bool
        Show a progress bar, on a terminal only.

    Raises
    ------
    UserError
        As `decomposition.varying`; or if a setting is out of range, the training diverges, or no
        unit
        fires at its end.

    Notes
    -----
    The form is that of Bricken et al. (2023), "Towards Monosemanticity", without resampling of
    dead units, which are left out instead; the scale of x and of the penalty is ours.

    Examples
    --------
    >>> rows = np.random.default_rng(0).random((200, 3)) * [1.0, 2.0, 3.0]
    >>> found = sparse_autoencoder(rows, m=6, steps=200)
    >>> found.basis.n, found.history.sizes["step"]
    (3, 100)
    """
    _check(penalty, learning_rate)
    m, steps = whole_number(m, "m", 1), whole_number(steps, "steps", 1)
    batch = whole_number(batch, "batch", 1)
    found, rng = _moments.varying(activations), generator(seed, "sparse autoencoder")
    with one_thread():
        x = _scaled(activations, found)
        net = _Net(found.n, m, rng)

        def draw() -> Tensor:
            return x[torch.from_numpy(rng.integers(0, len(x), batch))]

        history = _descend(net, draw, steps, penalty, learning_rate, progress)
        with torch.no_grad():
            alive = torch.stack([net.codes(rows).amax(0) for rows in x.split(4096)]).amax(0) > 0
    if not alive.any():
        raise UserError(
            f"no unit fires after {steps} steps with a penalty of {penalty:g}: lower that or "
            "learning_rate"
        )
    kept = torch.nonzero(alive)[:, 0].tolist()
    labels = [f"feature {i}" for i in kept]
    basis = Basis(net.decoder.detach()[kept], "sparse autoencoder", labels)
    settings = {"m": m, "penalty": penalty, "batch": batch, "learning_rate": learning_rate}
    history.attrs = settings | {"samples": found.samples, "dead": m - len(kept)}
    return SparseAutoencoder(ordered(basis, found), history)


class _Net(nn.Module):
    """The autoencoder; `decoder` holds one direction a row."""

    def __init__(self, n: int, m: int, rng: np.random.Generator) -> None:
        super().__init__()
        start = torch.tensor(rng.standard_normal((m, n)), dtype=torch.float32)
        self.decoder = nn.Parameter(nn.functional.normalize(start))
        self.encoder = nn.Parameter(self.decoder.detach().clone())
        self.bias = nn.Parameter(torch.zeros(m))
        self.centre = nn.Parameter(torch.zeros(n))

    def codes(self, x: Tensor) -> Tensor:
        return torch.relu((x - self.centre) @ self.encoder.T + self.bias)  # (rows, m)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        codes = self.codes(x)
        return codes, self.centre + codes @ self.decoder


def _descend(
    net: _Net,
    draw: Callable[[], Tensor],
    steps: int,
    penalty: float,
    learning_rate: float,
    progress: bool,
) -> xr.Dataset:
    """Train in place on the batches that are drawn; the history."""
    optimiser = torch.optim.Adam(net.parameters(), lr=learning_rate)
    ends = np.unique(np.linspace(0, steps, _RECORDS + 1).astype(int))
    points, done = [], 0
    with tqdm(total=steps, desc="training", disable=None if progress else True) as bar:
        for end in ends[1:].tolist():
            taken = [_step(net, draw(), penalty, optimiser) for _ in range(done, end)]
            points.append(torch.stack(taken).mean(0).tolist())
            bar.update(end - done)
            done = end
    (first, *_), (last, *_) = points[0], points[-1]
    if not last <= 2 * first:
        raise UserError(
            f"the loss grew from {first:.3g} to {last:.3g} with learning_rate {learning_rate:g}: "
            f"lower it, for example to {learning_rate / 10:g}"
        )
    columns = zip(("loss", "unexplained", "active"), np.array(points).T, strict=True)
    data = {name: ("step", column, {"units": "1"}) for name, column in columns}
    return xr.Dataset(data, coords={"step": ends[1:]})


def _step(net: _Net, rows: Tensor, penalty: float, optimiser: torch.optim.Optimizer) -> Tensor:
    """One step; loss, squared error and number of active units before it."""
    codes, back = net(rows)
    error = (rows - back).square().sum(1).mean()
    loss = error + penalty * codes.sum(1).mean()
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()
    with torch.no_grad():
        net.decoder.copy_(nn.functional.normalize(net.decoder))
        return torch.stack([loss, error, (codes > 0).sum(1).float().mean()])


def _scaled(activations: Any, found: Moments) -> Tensor:
    """The activations less their mean, of mean square length 1."""
    length = math.sqrt(float(found.variances.sum()))
    chunks = _moments.source(activations).raw()
    return torch.cat([torch.from_numpy((c - found.mean) / length).float() for c in chunks])


def _check(penalty: float, learning_rate: float) -> None:
    for name, value in (("penalty", penalty), ("learning_rate", learning_rate)):
        number(value, name, "(0, inf)", "such as 1e-3")
