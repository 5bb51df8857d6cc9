"""What is checked of an argument, told in one line: numbers, words, arrays of every usual kind."""

import operator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuronbasis.errors import UserError

Floats = NDArray[np.float64]


def whole_number(value: Any, name: str, least: int, remedy: str = "such a one") -> int:
    """The value as an int, if it is a whole number of at least so much.

    Examples
    --------
    >>> whole_number(24, "n", 1)
    24
    >>> whole_number(2.5, "n", 1)
    Traceback (most recent call last):
        ...
    neuronbasis.errors.UserError: n is 2.5; it must be an integer >= 1: pass such a one
    """
    try:
        number = least - 1 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = least - 1
    if number < least:
        raise UserError(f"{name} is {value!r}; it must be an integer >= {least}: pass {remedy}")
    return number


def number(value: Any, name: str, interval: str, remedy: str) -> float:
    """The value as a float, if it is a number in the interval, such as "(0, 1]".

    Examples
    --------
    >>> number(1, "share", "(0, 1]", "such as 0.8")
    1.0
    >>> number(0, "share", "(0, 1]", "such as 0.8")
    Traceback (most recent call last):
        ...
    neuronbasis.errors.UserError: share is 0; it must lie in (0, 1]: pass such as 0.8
    """
    low, high = (float(end) for end in interval[1:-1].split(","))
    try:
        found = np.nan if isinstance(value, bool | np.bool_ | str | bytes) else float(value)
    except (TypeError, ValueError):
        found = np.nan
    above = found > low or (interval[0] == "[" and found == low)
    if not (above and (found < high or (interval[-1] == "]" and found == high))):
        over = "above" if interval[0] == "(" else "of at least"
        legal = f"lie in {interval}" if high < np.inf else f"be a number {over} {low:g}"
        raise UserError(f"{name} is {value!r}; it must {legal}: pass {remedy}")
    return float(found)


def flag(value: Any, name: str) -> bool:
    """The value as a bool, if it is one.

    Examples
    --------
    >>> flag(True, "centre")
    True
    """
    if not isinstance(value, bool | np.bool_):
        raise UserError(f"{name} is {value!r}; it must be True or False: pass one of these")
    return bool(value)


def checked_epsilon(epsilon: Any) -> float:
    """The cosine of a spotlight's half-angle as a float, if it lies in (0, 1].

    Examples
    --------
    >>> checked_epsilon(1)
    1.0
    """
    remedy = "the cosine of the spotlight's half-angle, such as 0.9"
    return number(epsilon, "epsilon", "(0, 1]", remedy)


def checked_angles(angles: Any) -> int:
    """The size of a grid of angles as an int, if it is at least 1.

    Examples
    --------
    >>> checked_angles(36)
    36
    """
    return whole_number(angles, "angles", 1, "a size of the grid such as 360")


def plain(values: Any, name: str, ragged: str = "") -> NDArray[Any]:
    """The values as a numpy array, from whatever holds them; no check of type or shape.

    Parameters
    ----------
    values : array_like, torch.Tensor, xarray.DataArray or file-backed array
        A tensor may be of any type and on any device and may require a gradient; its floating
        types become float64, which holds each of their values exactly.
    name : str
        What errors call them.
    ragged : str, optional
        What is said of rows of unequal lengths.

    Raises
    ------
    UserError
        If they are rows of unequal lengths, or nothing that an array can be made of.

    Examples
    --------
    >>> import torch
    >>> plain(torch.ones(2, dtype=torch.bfloat16, requires_grad=True), "x")
    array([1., 1.])
    """
    if hasattr(values, "detach"):  # a tensor, on whatever device
        check_dense(values, name)
        values = values.detach().cpu().resolve_neg()
        return (values.double() if values.is_floating_point() else values).numpy()
    check_order(values, name)
    if np.ma.is_masked(values):
        raise UserError(f"{name} has masked values; drop their rows, or pass {name}.filled(...)")
    if hasattr(values, "toarray") and not hasattr(values, "__array__"):  # of scipy
        raise UserError(f"{name} is a sparse {type(values).__name__}; pass {name}.toarray()")
    if isinstance(values, list | tuple) and any(hasattr(each, "detach") for each in values):
        values = [plain(each, name) for each in values]
    try:
        return np.asarray(values)
    except (ValueError, TypeError, RuntimeError):
        ragged = ragged or f"{name} has rows of different lengths; give each the same"
        raise UserError(ragged) from None


def rounding(values: Any) -> float:
    """By how much numbers of one type may differ for rounding alone, relative to their size.

    Twice the type's machine epsilon: two numbers that differ by one unit in the last place are
    nearer than that. 0 for integers. Of numbers that were of a coarser type before, nobody knows.

    Parameters
    ----------
    values : array_like or torch.Tensor

    Examples
    --------
    >>> rounding(np.ones(2, np.float32)) == 2 * 2.0**-23, rounding([1, 2]), rounding([1.5]) < 1e-15
    (True, 0.0, True)
    """
    if hasattr(values, "detach"):
        import torch

        return 2 * torch.finfo(values.dtype).eps if values.is_floating_point() else 0.0
    kind = np.dtype(getattr(values, "dtype", None) or plain(values, "values").dtype)
    return 2 * float(np.finfo(kind).eps) if kind.kind == "f" else 0.0


def check_order(values: Any, name: str) -> None:
    """Refuse a recording that was transposed, whose units would be taken for its samples.

    Examples
    --------
    >>> import xarray as xr
    >>> check_order(xr.DataArray(np.ones((3, 2)), dims=("unit", "sample")), "activations")
    Traceback (most recent call last):
        ...
    neuronbasis.errors.UserError: activations has the axes ('unit', 'sample'): pass activations.T
    """
    if getattr(values, "dims", None) == ("unit", "sample"):
        raise UserError(f"{name} has the axes {values.dims}: pass {name}.T")


def check_dense(tensor: Any, name: str) -> None:
    """Refuse a tensor that is no plain array of values, and say how to make it one.

    Examples
    --------
    >>> import torch
    >>> check_dense(torch.ones(2), "x")
    """
    if tensor.is_nested:
        raise UserError(f"{name} is a nested tensor: pass torch.nested.to_padded_tensor(...) of it")
    if str(tensor.layout) != "torch.strided":
        raise UserError(f"{name} is a tensor of layout {tensor.layout}: pass {name}.to_dense()")
    if tensor.is_quantized:
        raise UserError(f"{name} is a quantised tensor: pass {name}.dequantize()")
    if tensor.is_meta:
        raise UserError(f"{name} is a tensor on the device meta, without values: pass one with")


def numbers(values: Any, name: str, dimensions: int) -> Floats:
    """An array of finite real numbers as float64, not empty, of so many dimensions.

    Parameters
    ----------
    values, name
        As of `plain`.
    dimensions : int
        1 or 2.

    Raises
    ------
    UserError
        If they are not such an array.

    Examples
    --------
    >>> numbers([1, float("nan")], "bias", 1)
    Traceback (most recent call last):
        ...
    neuronbasis.errors.UserError: bias holds nan; all numbers must be finite: mend or drop it
    """
    array = plain(values, name)
    if array.dtype.kind not in "iuf":
        raise UserError(f"{name} is of type {array.dtype}; it must be real: pass floats")
    if array.ndim != dimensions or 0 in array.shape:
        legal = "(rows, columns)" if dimensions == 2 else "(m,)"
        raise UserError(
            f"{name} has shape {array.shape}; it must be {legal}, none of them 0: reshape it"
        )
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        bad = array[~np.isfinite(array)][0]
        raise UserError(f"{name} holds {bad}; all numbers must be finite: mend or drop it")
    return array


def matrix(values: Any, name: str, rows: str = "sample") -> Floats:
    """Activations that are held whole: finite real numbers, shape (samples, n), as float64.

    Parameters
    ----------
    values, name
        As of `plain`; the name in the plural.
    rows : str
        What one row is of.

    Examples
    --------
    >>> matrix([[1, 2]], "activations")
    array([[1., 2.]])
    """
    array = plain(values, name)
    if array.dtype.kind not in "iuf" or array.ndim != 2 or 0 in array.shape:
        raise UserError(
            f"{name} are of type {array.dtype} and shape {array.shape}; they must be real and "
            f"({rows}s, width), neither 0: pass one row a {rows}"
        )
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        raise UserError(f"{name} hold NaN or inf; all must be finite: mend or drop these {rows}s")
    return array


def labels(values: Any, rows: int, each: str = "a row") -> NDArray[np.int64]:
    """Whole numbers, one a row, as int64.

    Examples
    --------
    >>> labels([1, 0], 2).tolist()
    [1, 0]
    """
    array = plain(values, "labels")
    if array.dtype.kind not in "iu" or array.shape != (rows,):
        raise UserError(
            f"labels are of type {array.dtype} and shape {array.shape}; they must be whole numbers "
            f"of shape ({rows},): pass one {each}"
        )
    return array.astype(np.int64)
