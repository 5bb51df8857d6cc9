"""Between a network's inputs and pictures to look at."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neuronbasis.errors import UserError

#: The input of a black and of a white pixel: numbers, or arrays of shape (C, 1, 1).
Limits = tuple[Any, Any]


def limits(model: nn.Module) -> Limits:
    """Inputs of black and of white pixels, as a network wants them.

    Parameters
    ----------
    model : nn.Module
        Of `networks.pretrained`, whose transforms normalise each channel by a mean and a
        standard deviation; any other is taken to want [-1, 1], as `networks.convnet` does.

    Returns
    -------
    (low, high)
        Arrays of shape (C, 1, 1), float32; or the numbers -1 and 1.

    Examples
    --------
    >>> limits(nn.Flatten())
    (-1.0, 1.0)
    """
    transforms: Any = getattr(model, "transforms", None)
    if not hasattr(transforms, "mean") or not hasattr(transforms, "std"):
        return -1.0, 1.0
    mean, std = (
        np.array(each, dtype=np.float32).reshape(-1, 1, 1)
        for each in (transforms.mean, transforms.std)
    )
    return -mean / std, (1 - mean) / std


def pictures(inputs: Any, limits: Limits = (-1.0, 1.0)) -> NDArray[np.uint8]:
    """Turn inputs of a network into pictures.

    Parameters
    ----------
    inputs : Tensor or ndarray, shape (N, C, H, W), floating-point
        With one channel or three; what lies beyond the limits is cut.
    limits : (low, high)
        See `limits`.

    Returns
    -------
    ndarray, shape (N, H, W) or (N, H, W, 3), uint8
        0 is black, 255 full brightness.

    Raises
    ------
    UserError
        If the inputs are of another kind or not finite.

    Examples
    --------
    >>> pictures(torch.tensor([[[[-1.0, 0.0, 2.0]]]])).tolist()
    [[[0, 128, 255]]]
    """
    array = inputs.detach().cpu() if isinstance(inputs, Tensor) else torch.from_numpy(inputs)
    if array.ndim != 4 or array.shape[1] not in (1, 3) or not array.is_floating_point():
        raise UserError(
            f"inputs are {array.dtype} of shape {tuple(array.shape)}; pictures need floating-point "
            "(N, C, H, W) with C of 1 or 3: pass the images that the network takes"
        )
    low, high = (torch.as_tensor(each, dtype=torch.float32) for each in limits)
    found = np.empty((len(array), *array.shape[2:], array.shape[1]), np.uint8)
    for row, image in zip(found, array, strict=True):  # one by one: photographs are large
        if not image.isfinite().all():
            raise UserError("an input holds NaN or inf; all values must be finite: mend it")
        level = (255 * (image - low) / (high - low)).round().clamp(0, 255)
        row[...] = level.permute(1, 2, 0).numpy()
    return found[..., 0] if found.shape[-1] == 1 else found
