"""Activations of any layers of any torch model, by name, over any number of images."""

import logging
import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from neuronbasis.errors import UserError
from neuronbasis.recording import _hooks, _values
from neuronbasis.recording._forms import UnitsAxis, forms, joined, modules
from neuronbasis.recording._hooks import Names, Site, the_call
from neuronbasis.recording._images import LARGEST, Images
from neuronbasis.recording._inference import inference
from neuronbasis.recording._padding import real_tokens
from neuronbasis.recording._positions import Form, Positions, choose, coordinates, read
from neuronbasis.recording._rows import Rows
from neuronbasis.recording._steady import check_steady
from neuronbasis.utils import files
from neuronbasis.utils.checks import number, whole_number

_log = logging.getLogger(__name__)
_MARKER = "recording.json"  # every folder of recordings holds it


def record(
    model: nn.Module,
    layers: Names,
    images: Any,
    positions: str = "random",
    seed: int = 0,
    batch: int = 32,
    device: str | torch.device | None = None,
    what: str = "output",
    draws: int = 1,
    memory: float = 4e9,
    to: str | Path | None = None,
    largest: float = LARGEST,
    progress: bool = True,
    units_axis: UnitsAxis = None,
    mask: Any = None,
) -> dict[str, xr.DataArray]:
    """Record what layers give (or take) for images, in evaluation mode.

    Values are those at the moment when the layer ran: an in-place activation function after it
    changes nothing. They do not depend on the batch beyond rounding, the positions not at all: a
    model whose values depend on which images stand together, or on chance, is refused.

    Parameters
    ----------
    model : nn.Module
        Left as it was: no hooks, the same mode of each module, on its device.
    layers : str, sequence of str, or mapping of str to str or sequence of str
        Names of ``model.named_modules()``; of a module that is called several times in a forward
        pass, "name#1", "name#2" is its first, second call. A mapping gives names of one's own,
        and joins several modules along their units:
        ``{"fire2": ["features.3.expand1x1", "features.3.expand3x3"]}``.
    images : Tensor or ndarray, shape (N, C, H, W) or as the model takes them, or dataset
        Floating-point, or whole numbers such as token ids; several inputs as a tuple, or by name
        as a mapping; labels of a dataset are ignored. See `recording.Images`.
    positions : str
        Which vectors of feature maps, (N, units, H, W) or (N, H, W, units), of tokens
        (N, T, units) and of signals (N, units, T) are read:
        "random": `draws` an image, drawn independently, the same fraction of height and width in
        every layer; "all"; "centre" (maps: row H // 2, column W // 2); "cls" or "last" (tokens:
        the first, the last); or "mean", the average of all. Outputs (N, units) are read whole; a
        signal's places count as tokens. Padding is never read, see `mask`.
    seed : int
        Decides the random positions: those of an image are the same for any other images after
        it, layers and batch.
    batch : int
        Images in one forward pass.
    device : str or torch.device, optional
        Where the model runs meanwhile. Default: where it is.
    what : str
        "output", or "input" of the modules: the first tensor that they give, or are given.
    draws : int
        Random positions an image, with replacement.
    memory : float
        Limit, in bytes, for results and recorded batches (the model's own needs come on top).
    to : str or Path, optional
        A folder to write the results to, one ``<name>.npy`` each, and not to memory. It appears
        when all is recorded, and may replace an earlier recording.
    largest : float
        Largest absolute value that images may have, a guard against levels of 0 to 255.
    progress : bool
        Show a progress bar, on a terminal only.
    units_axis : int or mapping of str to int, optional
        Which axis holds the units, that of the images being 0: of all layers, or by name. By
        default what the network tells is followed: convolutions, batch and group normalisation
        and pooling have their units along axis 1, linear layers, embeddings, layer normalisation
        and recurrent layers along the last, and what comes after them along that of what they
        are given. Images are (N, C, H, W).
    mask : array_like, shape (N, T), optional
        1 (True) where a text has a token, 0 (False) where it is padded. Default: the input that
        is called ``attention_mask``, if there is one.

    Returns
    -------
    dict of str to DataArray (sample, unit), float32
        By name, image after image, positions in row-major order or as drawn. Coordinates along
        the samples: ``image`` and, where there are positions, ``row`` and ``col`` or ``token``.
        Settings are in ``attrs``, with ``shape``, that of the whole layer for one image, and
        ``units_axis``.

    Raises
    ------
    UserError
        If a layer is unknown (the closest are named), is not called or called several times, gives
        no vectors, tokens or maps, or nothing tells which axis holds its units; joined modules
        differ in height and width; the values of an image depend on those beside it or on chance
        (two small passes show it, and the cause is named); images are empty, of a shape that the
        model does not take, or out of range; a mask does not fit them; the result is beyond the
        memory, the disk or not finite; or a setting is illegal.

    Examples
    --------
    >>> net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(inplace=True))
    >>> found = record(net, ["0"], torch.ones(5, 1, 8, 8), positions="all")
    >>> found["0"].sizes
    Frozen({'sample': 180, 'unit': 4})
    >>> found["0"].attrs["shape"]
    [4, 6, 6]
    """
    if what not in ("output", "input"):
        raise UserError(f"what is {what!r}; legal are 'output' and 'input': pass one of them")
    batch = whole_number(batch, "batch", 1)
    wanted, stream = _hooks.sites(model, layers), Images(images, largest)
    chosen = choose(positions, len(stream), seed, draws, real_tokens(stream, mask))
    settings = {"positions": positions, "seed": seed, "draws": draws, "what": what}
    with inference(model, device) as like:
        parts = forms(model, wanted, _values.on(stream.read(0, 1), like), what, units_axis)
        made = {name: joined(name, each) for name, each in parts.items()}
        shapes = {name: (_samples(chosen, each), each.units) for name, each in made.items()}
        _check_space(shapes, min(batch / len(stream), 1), memory, to)
        places = [site for several in wanted.values() for site in several]
        check_steady(model, places, stream, like, batch, what)
        attrs = {name: _attrs(wanted[name], parts[name]) | settings for name in wanted}
        reader = _Reader(model, wanted, parts, what)
        _log.info("recording %d images on %s in %s", len(stream), like.device, like.dtype)
        with nullcontext() if to is None else _folder(Path(to), attrs) as folder:
            results = {name: Rows(shape, name, folder) for name, shape in shapes.items()}
            disable = None if progress else True  # None: silent unless it is a terminal
            with tqdm(total=len(stream), desc="recording", unit="image", disable=disable) as bar:
                for start, part in stream.batches(batch):
                    here = chosen.part(start, start + batch)
                    for name, found in reader.vectors(_values.on(part, like), here).items():
                        kept = here.kept(made[name].grid)
                        results[name].append(_finite(found, kept, name, start))
                    bar.update(len(here.chances))
    return {
        name: _labelled(
            rows.matrix(None if to is None else Path(to)),
            name,
            chosen,
            made[name].grid,
            attrs[name],
        )
        for name, rows in results.items()
    }


class _Reader:
    """Runs a model and reads the vectors that some of its layers give, or get."""

    def __init__(
        self,
        model: nn.Module,
        wanted: Mapping[str, Sequence[Site]],
        parts: Mapping[str, Sequence[Form]],
        what: str,
    ) -> None:
        self._model, self._wanted, self._what = model, wanted, what
        self._axes = {
            (site.module, site.call or 1): form.axis
            for name, places in wanted.items()
            for site, form in zip(places, parts[name], strict=True)
        }

    def vectors(self, images: Any, chosen: Positions) -> dict[str, NDArray[np.float32]]:
        """By name the vectors of a batch of images, shape (images, places, units)."""
        count = len(chosen.chances)

        def take(name: str, call: int, output: Tensor | None) -> Tensor | None:
            axis = self._axes.get((name, call))
            if axis is None or output is None:
                return None
            if len(output) != count:
                raise UserError(
                    f"layer {name!r}: its {self._what} for {count} images is "
                    f"{tuple(output.shape)}; the first axis must be the images: name another "
                    "layer, or pass batch=1"
                )
            grid = (*output.shape[1:axis], *output.shape[axis + 1 :])
            return read(output, axis, chosen.places(grid), chosen.legal(grid))

        taken = _hooks.run(self._model, images, modules(self._wanted), take, self._what)
        return {
            name: torch.cat([the_call(site, taken[site.module]) for site in each], dim=-1)
            .to("cpu", torch.float32)
            .numpy()
            for name, each in self._wanted.items()
        }


def _finite(
    vectors: NDArray[np.float32], kept: NDArray[np.bool_], name: str, start: int
) -> NDArray[np.float32]:
    """The vectors that are kept, one a row, images from number `start` on."""
    found = vectors[kept]
    if not np.isfinite(found).all():
        bad = ~np.isfinite(vectors).all(axis=2) & kept
        raise UserError(
            f"layer {name!r} is NaN or beyond float32 for image "
            f"{start + int(bad.any(axis=1).argmax())}; all must be finite: check the model's "
            "weights"
        )
    return found


def _samples(chosen: Positions, made: Form) -> int:
    return int(chosen.kept(made.grid).sum())


def _attrs(places: Sequence[Site], parts: Sequence[Form]) -> dict[str, Any]:
    made = joined("", parts)
    told = {"modules": [str(site) for site in places], "shape": list(made.shape)}
    return told | {"units_axis": made.axis}


def _labelled(
    matrix: NDArray[np.float32],
    name: str,
    chosen: Positions,
    grid: tuple[int, ...],
    attrs: dict[str, Any],
) -> xr.DataArray:
    coords: dict[str, NDArray[Any]] = {"image": np.nonzero(chosen.kept(grid))[0]}
    coords |= coordinates(grid, chosen.places(grid))
    return xr.DataArray(
        matrix,
        dims=("sample", "unit"),
        coords={key: ("sample", values) for key, values in coords.items()},
        name=name,
        attrs=attrs,
    )


def _check_space(
    shapes: Mapping[str, tuple[int, int]], share: float, memory: float, to: str | Path | None
) -> None:
    """Refuse before the work what would not fit; `share` is that of a batch in all images."""
    memory = number(memory, "memory", "(0, inf]", "a number of bytes")
    result = sum(4 * math.prod(shape) for shape in shapes.values())
    passing = 2 * share * result  # a batch, and the same joined
    if to is not None:
        _check_disk(Path(to), result)
    needed = passing if to is not None else result + passing
    if needed > memory:
        remedy = "a smaller batch" if to is not None else "a folder as `to`"
        raise UserError(
            f"{' + '.join(shapes)}: {needed / 1e9:.3g} GB are needed, the limit is "
            f"{memory / 1e9:.3g} GB: ask for fewer layers, images or positions, pass {remedy}, or "
            "raise `memory`"
        )


def _check_disk(to: Path, result: int) -> None:
    home = next(folder for folder in to.absolute().parents if folder.is_dir())
    free = shutil.disk_usage(home).free
    if result > free:
        raise UserError(
            f"{to}: {result / 1e9:.3g} GB are needed, {free / 1e9:.3g} GB are free: ask for fewer "
            "layers, images or positions, or choose another folder"
        )


@contextmanager
def _folder(to: Path, attrs: Mapping[str, Any]) -> Iterator[Path]:
    """The folder to write to: nothing or an earlier recording until all is written."""
    files.check_replaceable(to.absolute(), _MARKER)
    with files.partial_folder(to) as partial:
        files.write_json(partial / _MARKER, attrs)
        yield partial
