"""The device that a name stands for, if it is there."""

from typing import Any

import torch

from neuronbasis.errors import UserError


def trainable(name: Any) -> torch.device:
    """Give the device of that name, if networks can be trained on it.

    Raises
    ------
    UserError
        If it is neither the CPU nor a GPU of CUDA, or not there.

    Examples
    --------
    >>> trainable("cpu")
    device(type='cpu')
    """
    found = device(name)
    if found.type not in ("cpu", "cuda"):
        raise UserError(f"device is {name!r}; networks train on 'cpu' or 'cuda': pass 'cpu'")
    return found


def device(name: Any) -> torch.device:
    """Give the device of that name, if tensors can be put on it and taken back.

    Parameters
    ----------
    name : str or torch.device
        Such as "cpu", "cuda", "cuda:1" or "mps".

    Raises
    ------
    UserError
        If there is none.

    Examples
    --------
    >>> device("cpu")
    device(type='cpu')
    """
    try:
        # There and back: the "meta" device takes everything and gives nothing back.
        return torch.zeros(1, device=name).to("cpu").new_empty(0, device=name).device
    except (RuntimeError, AssertionError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"device is {name!r}, not available ({reason}): pass 'cpu'") from None
