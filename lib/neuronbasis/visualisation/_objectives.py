"""Maximising an activation against approaching a point on its line: what else moves along."""

from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from neuronbasis.basis import Basis
from neuronbasis.decomposition import OrderedBasis
from neuronbasis.errors import UserError
from neuronbasis.recording import Activate
from neuronbasis.visualisation import _maximisation

Floats = NDArray[np.float64]

OBJECTIVES = ("maximised", "stopped", "approached")


def compare_objectives(
    activate: Activate,
    vectors: Any,
    mean: Any,
    targets: Any,
    start: Any,
    limits: tuple[Any, Any] = (-1.0, 1.0),
    steps: int = 100,
    rate: float = 0.05,
) -> xr.Dataset:
    """Make inputs for several vectors by both objectives, from the same starts.

    For each vector and start the coordinate along the vector is *maximised*; then the point
    ``mean + target v`` is *approached*, which penalises by construction what is off the line. So
    there is a control, *stopped*: maximisation, halted where it first reaches the coordinate at
    which approaching ended. Where it began beyond that, its start counts; where it never came so
    far, its farthest point.

    Parameters
    ----------
    activate : callable
        As of `visualisation.maximised`; a run's activation must depend on its own input alone. It
        sees the runs of the first vector, then those of the second, and so on.
    vectors : array_like, shape (m, n)
        Directions, of one or several bases; made unit length.
    mean : array_like, shape (n,)
        Where their lines meet, in the unit of the activations.
    targets : array_like, shape (m,)
        Coordinates of the points, positive, such as the largest that occurs.
    start : ndarray or Tensor, shape (runs, ...), floating-point
        Inputs to begin with, the same for each vector.
    limits, steps, rate
        As of `visualisation.maximised`.

    Returns
    -------
    xarray.Dataset
        Over (objective, vector, run): ``along``, the coordinate, and ``off``, the distance from
        the line, both in units of the vector's target; ``isolation``, see `isolation` (signed).
        ``input`` (made, vector, run, ...), for made of "maximised" and "approached".
        ``along_path`` and ``off_path`` (made, vector, run, step).

    Raises
    ------
    UserError
        As `visualisation.maximised`; or if vectors, mean and targets do not fit, or a target is
        not positive.

    Notes
    -----
    Dey et al. (2025), Fig. 12; the control is ours.

    Examples
    --------
    >>> from neuronbasis.experiments.isolation import box
    >>> start = _maximisation.noise(2, (2,), seed=0).double()
    >>> region = box([[1.0, 0.2], [0.8, 1.0]])
    >>> r = compare_objectives(region, [[1.0, 0.0]], [0, 0], [0.6], start)
    >>> r.isolation.mean(["vector", "run"]).values.round(2).tolist()
    [0.31, 0.3, 1.0]
    """
    units = Basis(vectors).vectors
    mean, targets = _fitting(units, mean, targets)
    begun = torch.as_tensor(start).detach()
    m, runs = len(units), len(begun)
    many = begun.repeat(m, *[1] * (begun.ndim - 1))
    plane = _along_and_off(activate, units.repeat(runs, axis=0), mean, targets.repeat(runs))
    settings: dict[str, Any] = {"limits": limits, "steps": steps, "rate": rate}
    # Every line is the first axis of one plane, and every target its unit.
    line = OrderedBasis([[1.0, 0.0]], variances=[1.0], mean=[0.0, 0.0])
    far = _maximisation.maximised(plane, line, 0, many, **settings)
    near = _maximisation.maximised(plane, line, 0, many, target=1.0, **settings)
    return _labelled(far, near, (m, runs)).assign_attrs(steps=steps, rate=rate)


def _fitting(units: Floats, mean: Any, targets: Any) -> tuple[Floats, Floats]:
    # Copies, since torch warns of arrays that it must not write to.
    mean, targets = np.array(mean, np.float64), np.array(targets, np.float64)
    m, n = units.shape
    if mean.shape != (n,) or targets.shape != (m,):
        raise UserError(
            f"for {m} vectors of width {n}, mean has shape {mean.shape} and targets "
            f"{targets.shape}: pass ({n},) and ({m},)"
        )
    if not (targets > 0).all() or not np.isfinite(targets).all():
        raise UserError(
            f"targets are {targets.tolist()}; each must be positive and finite: pass the largest "
            "coordinate along each vector"
        )
    return mean, targets


def _along_and_off(activate: Activate, units: Floats, mean: Floats, targets: Floats) -> Activate:
    """Per run the coordinate along its vector, and the distance off its line, by its target."""

    def seen(inputs: Tensor) -> Tensor:
        found = activate(inputs)
        if found.shape != units.shape:
            raise UserError(
                f"activations have shape {tuple(found.shape)} for {len(units)} runs and vectors of "
                f"width {units.shape[1]}: pass the layer that the vectors belong to"
            )
        unit, centre, scale = (torch.as_tensor(each).to(found) for each in (units, mean, targets))
        centred = found - centre
        along = (centred * unit).sum(1)
        off = (centred - along[:, None] * unit).norm(dim=1)
        return torch.stack([along, off], 1) / scale[:, None]

    return seen


def _stopped(far: xr.Dataset, coordinate: Floats) -> tuple[Floats, Floats]:
    """Coordinate and distance off the line of each maximising run, halted at a coordinate."""
    along, off = far.along_path.values, far.off_path.values
    run, last = np.arange(len(along)), along.argmax(1)
    halt = np.clip(coordinate, along[:, 0], along[run, last])
    found = np.where(halt == along[:, 0], off[:, 0], off[run, last])
    for i in np.flatnonzero((halt > along[:, 0]) & (halt < along[run, last])):
        found[i] = _maximisation.off_at(far.isel(run=[i]), halt[i]).item()
    return halt, found


def _labelled(far: xr.Dataset, near: xr.Dataset, shape: tuple[int, int]) -> xr.Dataset:
    halt, off = _stopped(far, near.along.values)
    three = ("objective", "vector", "run")
    made = ("made", "vector", "run")
    axes = [name for name in far.input.dims if name != "run"]

    def both(name: str) -> Floats:
        values = np.stack([far[name].values, near[name].values])
        return values.reshape(2, *shape, *values.shape[2:])

    found = xr.Dataset(
        {
            "along": (three, np.stack([far.along, halt, near.along]).reshape(3, *shape)),
            "off": (three, np.stack([far.off, off, near.off]).reshape(3, *shape)),
            "input": ((*made, *axes), both("input")),
            "along_path": ((*made, "step"), both("along_path")),
            "off_path": ((*made, "step"), both("off_path")),
        },
        coords={"objective": list(OBJECTIVES), "made": ["maximised", "approached"]},
    )
    return found.assign(isolation=_maximisation.isolation(found, signed=True))
