"""The steps of a network in the order in which data go through them."""

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from neuronbasis.errors import UserError


@dataclass(frozen=True)
class Step:
    """One call of a module that has no parts.

    Attributes
    ----------
    name : str
        Of the module in the network, such as "encoder.0"; at its second call the same again.
    module : nn.Module
        The module itself.
    shape : tuple of int
        Of one sample's output.
    """

    name: str
    module: nn.Module
    shape: tuple[int, ...]


def trace(network: nn.Module, inputs: tuple[int, ...]) -> list[Step]:
    """Follow one sample of zeros through a network and note every step.

    Parameters
    ----------
    network : nn.Module
        Any network of one input; it is copied, and so stays as it is.
    inputs : tuple of int
        Shape of one sample, without the axis of samples.

    Returns
    -------
    list of Step
        Modules without parts in the order of their calls, identities left out.

    Raises
    ------
    UserError
        If the network does not take such a sample.

    Examples
    --------
    >>> net = nn.Sequential(nn.Linear(4, 2), nn.Tanh(), nn.Identity(), nn.Linear(2, 4))
    >>> [(step.name, step.shape) for step in trace(net, (4,))]
    [('0', (2,)), ('1', (2,)), ('3', (4,))]
    """
    if not isinstance(network, nn.Module):
        raise UserError(f"network is a {type(network).__name__}; it must be a torch.nn.Module")
    watched = copy.deepcopy(network).eval()
    steps: list[Step] = []
    originals = dict(network.named_modules())
    for name, module in watched.named_modules():
        if not any(True for _ in module.children()) and not isinstance(module, nn.Identity):
            module.register_forward_hook(_noting(steps, name, originals[name]))
    kind = next((each for each in network.parameters()), torch.zeros(0))
    sample = torch.zeros((1, *inputs), dtype=kind.dtype, device=kind.device)
    try:
        with torch.no_grad():
            watched(sample)
    except (RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"inputs is {inputs}; this network takes other samples: {reason}") from None
    return steps


def _noting(steps: list[Step], name: str, module: nn.Module) -> Any:
    def note(_: nn.Module, __: Any, output: Tensor) -> None:
        steps.append(Step(name, module, tuple(output.shape[1:])))

    return note
