"""Which weights a result comes from, in one line of a record."""

import hashlib

import torch
from torch import nn

from neuronbasis.errors import UserError


def checksum(model: nn.Module) -> str:
    """SHA-256, in hexadecimal, over all parameters and buffers of a network.

    Names, dtypes, shapes and bytes in the order of the names, so that it does not depend on the
    file that the weights came in, nor on the device they are on.

    Raises
    ------
    UserError
        If it is no network, or one without weights.

    Examples
    --------
    >>> network = nn.Linear(2, 1, bias=False)
    >>> _ = nn.init.ones_(network.weight)
    >>> checksum(network)[:16]
    '6c278b5a150e23f9'
    """
    if not isinstance(model, nn.Module):
        raise UserError(
            f"model is a {type(model).__name__}; it must be a torch.nn.Module: pass one"
        )
    state = model.state_dict()
    if not state:
        raise UserError(f"{type(model).__name__} has no weights; pass a network that has some")
    digest = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        dense = tensor if tensor.layout is torch.strided else tensor.to_dense()
        flat = dense.detach().cpu().contiguous().reshape(-1)
        digest.update(flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b"")
    return digest.hexdigest()
