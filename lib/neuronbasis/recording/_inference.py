"""A model in evaluation mode, on a device, and afterwards as it was."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor, nn

from neuronbasis.errors import UserError
from neuronbasis.utils import devices


@contextmanager
def inference(model: nn.Module, device: str | torch.device | None = None) -> Iterator[Tensor]:
    """Evaluation mode without gradients, on a device; afterwards the model is as it was before.

    TF32 and the caller's autocast are off, since they err by 1e-3, cuDNN is held to repeatable
    algorithms, and what is compiled, and torch's fast path of transformer encoders, runs the plain
    way, since it would run past its modules.

    Parameters
    ----------
    model : nn.Module
        Any model.
    device : str or torch.device, optional
        Where it runs meanwhile. Default: where it is.

    Yields
    ------
    Tensor
        An empty one of the device and the floating-point type of the model's weights.

    Raises
    ------
    UserError
        If the device is not available, or the model has no evaluation mode.

    Examples
    --------
    >>> net = nn.Dropout().train()
    >>> with inference(net):
    ...     net.training, torch.is_grad_enabled()
    (False, False)
    >>> net.training
    True
    """
    modes = [(module, module.training) for module in model.modules()]
    like = _empty(model)
    if like.is_meta:
        raise UserError("the model is on the device 'meta', without weights: load them first")
    home, where = like.device, like.device if device is None else devices.device(device)
    matmul, fast = torch.get_float32_matmul_precision(), torch.backends.mha.get_fastpath_enabled()
    try:
        if where != home:
            model.to(where)
        _evaluating(model)
        torch.set_float32_matmul_precision("highest")
        torch.backends.mha.set_fastpath_enabled(False)
        with (
            torch.no_grad(),
            torch.autocast(where.type, enabled=False),
            _uncompiled(),
            torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False),
        ):
            yield like.to(where)
    finally:
        torch.set_float32_matmul_precision(matmul)
        torch.backends.mha.set_fastpath_enabled(fast)
        if where != home:
            model.to(home)
        for module, training in modes:
            module.training = training


def _evaluating(model: nn.Module) -> None:
    try:
        model.eval()
    except NotImplementedError as error:  # of what torch.export made
        raise UserError(
            f"the model, a {type(model).__name__}, has no evaluation mode ({error}): pass the "
            "torch.nn.Module that it was made from"
        ) from None


def _uncompiled() -> AbstractContextManager[object]:
    """Meanwhile nothing that is compiled runs so; nothing is if the compiler was never imported."""
    if "torch._dynamo" not in sys.modules:
        return nullcontext()
    return torch.compiler.set_stance("force_eager")


def _empty(model: nn.Module) -> Tensor:
    tensors = (*model.parameters(), *model.buffers())
    if any(nn.parameter.is_lazy(tensor) for tensor in tensors):
        raise UserError(
            "the model has lazy layers, which have no weights until they see an input: call it "
            "once, model(inputs), or load its weights"
        )
    first = next((tensor for tensor in tensors if tensor.is_floating_point()), torch.empty(0))
    return first.detach().new_empty(0)
