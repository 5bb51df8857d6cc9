"""Inputs made to show a basis vector: activation maximisation against distance minimisation."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from neuronbasis.decomposition import OrderedBasis
from neuronbasis.errors import UserError
from neuronbasis.recording import Activate
from neuronbasis.utils.checks import whole_number


def maximised(
    activate: Activate,
    basis: OrderedBasis,
    vector: int,
    start: Any,
    target: float | None = None,
    limits: tuple[Any, Any] = (-1.0, 1.0),
    steps: int = 200,
    rate: float = 0.05,
) -> xr.Dataset:
    """Change inputs until their activation is far along a basis vector, or near a point on it.

    Without a target the coordinate ``(a - mean) . v`` is maximised, which asks nothing of the
    other directions. With one the distance from the point ``mean + target v`` is minimised. Each
    run is optimised for itself, by Adam with a rate that falls to 0 along a cosine; after each
    step the inputs are clipped to their limits.

    Parameters
    ----------
    activate : callable
        Inputs (runs, ...) to activations (runs, n), such as `recording.activate` gives; a run's
        activation must depend on its own input alone.
    basis : OrderedBasis
        Unit vectors in R^n and the mean that their lines go through.
    vector : int
        Which vector of the basis.
    start : ndarray or Tensor, shape (runs, ...), floating-point
        Inputs to begin with, such as `noise` or images; they are not changed.
    target : float, optional
        Coordinate of a point on the vector's line, in the unit of the activations.
    limits : (low, high)
        Smallest and largest legal input: numbers, or arrays that fit the inputs, such as one
        number a channel, shape (C, 1, 1).
    steps : int
        Steps of Adam.
    rate : float
        Length of its first steps, as a share of ``high - low``.

    Returns
    -------
    xarray.Dataset
        Over run: ``along``, the activation's coordinate along the vector, and ``off``, its
        distance from the line; ``activation`` (run, unit); ``coordinate`` (run, other), along all
        vectors of the basis; ``input`` (run, ...). ``along_path`` and ``off_path`` (run, step) are
        the same before each step and after the last. attrs: the settings. The same arguments give
        the same bytes on the same machine.

    Raises
    ------
    UserError
        If a setting is out of range, start or activations have a wrong shape or type, or an
        activation is not finite.

    Notes
    -----
    Dey et al. (2025), Fig. 12. That minimising the distance stays nearer to the line is built into
    its objective. What is to be measured is how far off maximising ends, and, as a control, how
    far off it is where it first passes the target (`off_at`).

    Examples
    --------
    >>> from neuronbasis.experiments.isolation import box
    >>> b = OrderedBasis(np.eye(2), variances=[2, 1], mean=[0, 0])
    >>> region = box([[1.0, 0.2], [0.8, 1.0]])
    >>> start = noise(1, (2,), seed=0)
    >>> for target in (None, 0.5):
    ...     found = maximised(region, b, 0, start, target)
    ...     print(f"along {found.along.item():.2f}, off {found.off.item():.2f}")
    along 1.20, off 1.80
    along 0.50, off 0.00
    """
    vector, steps = _checked(basis, vector, target, steps, rate)
    inputs = torch.as_tensor(start).detach()
    low, high = _limits(limits, inputs)
    unit, mean = (_like(array, inputs) for array in (basis.vectors[vector], basis.mean))
    # In the inputs' own unit: what Adam moves is a share of their range.
    inputs = inputs.clamp(low, high).requires_grad_()
    optimiser = torch.optim.Adam([inputs], lr=float((high - low).mean()) * rate)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    path = []
    for _ in range(steps):
        centred = _activation(activate, inputs, basis.n) - mean
        path.append(_split(centred.detach(), unit))
        loss = -centred @ unit if target is None else (centred - target * unit).square()
        (inputs.grad,) = torch.autograd.grad(loss.sum(), inputs)
        optimiser.step()
        falling.step()
        with torch.no_grad():
            inputs.clamp_(low, high)
    found = _activation(activate, inputs, basis.n).detach()
    path.append(_split(found - mean, unit))
    attrs = {"basis": basis.name, "vector": vector, "steps": steps, "rate": rate}
    attrs["target"] = "none" if target is None else float(target)
    return _labelled(inputs.detach(), found, path, basis).assign_attrs(attrs)


def off_at(result: xr.Dataset, coordinate: float) -> xr.DataArray:
    """How far off the line each run was when it first reached a coordinate along it.

    Parameters
    ----------
    result : xarray.Dataset
        What `maximised` returned.
    coordinate : float
        In the unit of the activations, above the starts' own.

    Returns
    -------
    xarray.DataArray (run)
        Distance from the line, between two steps by linear interpolation.

    Raises
    ------
    UserError
        If a run started beyond the coordinate or never reached it.

    Examples
    --------
    >>> from neuronbasis.experiments.isolation import box
    >>> b = OrderedBasis(np.eye(2), variances=[2, 1], mean=[0, 0])
    >>> found = maximised(box([[1.0, 0.2], [0.8, 1.0]]), b, 0, np.zeros((1, 2)))
    >>> off_at(found, 0.6).values.round(2).tolist()
    [0.9]
    """
    along, off = result.along_path.values, result.off_path.values
    reached = along >= coordinate
    wrong = np.flatnonzero(reached[:, 0] | ~reached.any(axis=1))
    if wrong.size:
        low, high = along[wrong[0], 0], along[wrong[0]].max()
        raise UserError(
            f"coordinate is {coordinate}; run {wrong[0]} went from {low:.4g} to {high:.4g}: pass a "
            "coordinate between"
        )
    after, run = reached.argmax(axis=1), np.arange(len(along))
    before = after - 1
    share = (coordinate - along[run, before]) / (along[run, after] - along[run, before])
    found = off[run, before] + share * (off[run, after] - off[run, before])
    return xr.DataArray(found, dims="run", attrs={"coordinate": float(coordinate)})


def isolation(result: xr.Dataset, signed: bool = False) -> xr.DataArray:
    """Share of the squared distance from the mean that lies along the vector, for each run.

    1 where the input shows the vector alone; ``1 / n`` on average for a random direction in R^n.

    Parameters
    ----------
    result : xarray.Dataset
        With ``along`` and ``off``, as of `maximised`, `compare_objectives` or `nearest`.
    signed : bool
        Give 0 where the coordinate ``along`` is negative: an activation on the other side of the
        mean does not show the vector.

    Raises
    ------
    UserError
        If an activation is the mean itself, which shows nothing.

    Examples
    --------
    >>> found = xr.Dataset({"along": ("run", [3.0, -3.0]), "off": ("run", [4.0, 4.0])})
    >>> isolation(found).values.tolist(), isolation(found, signed=True).values.tolist()
    ([0.36, 0.36], [0.36, 0.0])
    """
    squares = result.along**2 + result.off**2
    if not (squares > 0).all():
        raise UserError("an activation is the mean itself: pass another target or start")
    share = result.along**2 / squares
    return share.where(result.along >= 0, 0.0) if signed else share


def noise(
    runs: int, shape: Sequence[int], seed: int = 0, limits: tuple[Any, Any] = (-1.0, 1.0)
) -> Tensor:
    """Inputs to begin with: the middle of the limits, and normal noise of 5% of their range.

    Returns
    -------
    Tensor, shape (runs, *shape), float32, clipped to the limits

    Examples
    --------
    >>> noise(3, (1, 8, 8), seed=0).shape
    torch.Size([3, 1, 8, 8])
    """
    generator = torch.Generator().manual_seed(whole_number(seed, "seed", 0))
    sizes = [whole_number(size, "the shape", 1) for size in shape]
    draw = torch.randn(whole_number(runs, "runs", 1), *sizes, generator=generator)
    low, high = _limits(limits, draw)
    return ((low + high) / 2 + 0.05 * (high - low) * draw).clamp(low, high)


def _checked(basis: Any, vector: int, target: Any, steps: int, rate: float) -> tuple[int, int]:
    if not hasattr(basis, "mean"):
        raise UserError(f"basis is {basis!r}, without a mean: pass one of decomposition's")
    vector = whole_number(vector, "vector", 0)
    if vector >= basis.m:
        raise UserError(f"vector is {vector}; the basis has {basis.m}, counted from 0: pass one")
    if target is not None and not math.isfinite(target):
        raise UserError(
            f"target is {target}; it must be finite: pass a coordinate along the vector"
        )
    if not 0 < rate < 1:
        raise UserError(f"rate is {rate}; it must lie in (0, 1): pass one such as 0.05")
    return vector, whole_number(steps, "steps", 1)


def _limits(limits: tuple[Any, Any], inputs: Tensor) -> tuple[Tensor, Tensor]:
    if inputs.ndim < 2 or not inputs.is_floating_point() or not inputs.isfinite().all():
        raise UserError(
            f"start is {inputs.dtype} of shape {tuple(inputs.shape)}; it must be finite "
            "floating-point numbers (runs, ...): pass noise(...) or images"
        )
    low, high = (_like(limit, inputs) for limit in limits)
    if not bool((low < high).all()):
        raise UserError(
            f"limits are {limits}; the first must be below the second: pass (low, high)"
        )
    return low, high


def _like(array: Any, inputs: Tensor) -> Tensor:
    # A copy, since torch warns of arrays that it must not write to.
    return torch.as_tensor(array if isinstance(array, Tensor) else np.array(array)).to(inputs)


def _activation(activate: Activate, inputs: Tensor, n: int) -> Tensor:
    activation = activate(inputs)
    if activation.shape != (len(inputs), n):
        raise UserError(
            f"activations have shape {tuple(activation.shape)} and the basis width {n}; they must "
            f"be ({len(inputs)}, {n}): pass the layer that the basis belongs to"
        )
    if not activation.isfinite().all():
        raise UserError("an activation is not finite: pass a smaller rate, or mend the model")
    return activation


def _split(centred: Tensor, unit: Tensor) -> tuple[Tensor, Tensor]:
    """Coordinate along a unit vector, and the length of the rest."""
    along = centred @ unit
    return along, (centred - along[:, None] * unit).norm(dim=1)


def _labelled(
    inputs: Tensor, activation: Tensor, path: list[tuple[Tensor, Tensor]], basis: OrderedBasis
) -> xr.Dataset:
    along, off = (np.stack([step[i].cpu().numpy() for step in path], 1) for i in (0, 1))
    found = activation.cpu().numpy()
    shape = ("run", *(f"input_{axis}" for axis in range(inputs.ndim - 1)))
    return xr.Dataset(
        {
            "along": ("run", along[:, -1]),
            "off": ("run", off[:, -1]),
            "activation": (("run", "unit"), found),
            "coordinate": (("run", "other"), (found - basis.mean) @ basis.vectors.T),
            "input": (shape, inputs.cpu().numpy()),
            "along_path": (("run", "step"), along),
            "off_path": (("run", "step"), off),
        }
    )
