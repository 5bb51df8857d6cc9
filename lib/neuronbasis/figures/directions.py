"""Pictures of what directions are excited by, and the page on which a reader turns one."""

import base64
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from neuronbasis import gallery, project
from neuronbasis.basis import Basis
from neuronbasis.figures.style import PALETTE

TEMPLATE = "book/interactive/directions.html"
_PLACE = '<script type="application/json" id="data">null</script>'
_COLUMNS = 20
_STYLES = ("-o", "--s", ":^", "-.D", "-v")


def angle_histograms(panels: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Draw distributions of angles, several in each panel.

    Parameters
    ----------
    panels
        Title -> name -> angles in degrees.
    """
    figure, row = plt.subplots(
        1, len(panels), figsize=(4.6 * len(panels), 3.8), squeeze=False, sharex=True
    )
    bins = np.linspace(0, 180, 61)
    for axes, (title, several) in zip(row[0], panels.items(), strict=True):
        for k, (name, values) in enumerate(several.items()):
            weights = np.full(len(values), 1 / len(values))
            axes.hist(
                values, bins, weights=weights, histtype="step", linewidth=1.8, label=name,
                color=PALETTE[k], linestyle=("-", "--", ":")[k % 3],
            )  # fmt: skip
        axes.axvline(90, color="0.5", linewidth=0.8)
        axes.set(title=title, xlabel="angle between two vectors (degrees)")
        axes.set_xticks(range(0, 181, 45))
        axes.legend(loc="upper left", fontsize=10)
        axes.set_ylim(top=axes.get_ylim()[1] * 1.45)  # room for the legend
    row[0][0].set_ylabel("share of pairs")
    return figure


def by_layer(panels: Mapping[str, xr.DataArray], floor: Mapping[str, float]) -> Figure:
    """Draw a measure of each kind of direction along the layers of the networks.

    Parameters
    ----------
    panels
        Label of the measure -> DataArray (network, layer, kind).
    floor
        Label of the measure -> what random images give.
    """
    figure, row = plt.subplots(1, len(panels), figsize=(4.9 * len(panels), 4.2), squeeze=False)
    for axes, (label, values) in zip(row[0], panels.items(), strict=True):
        places = np.arange(values.sizes["layer"])
        for k, kind in enumerate(values.kind.values):
            each = values.sel(kind=kind)
            axes.plot(
                places, each.mean("network"), _STYLES[k], color=PALETTE[k], label=kind, markersize=5
            )
            for network in each:
                axes.plot(places, network, ".", color=PALETTE[k], alpha=0.35, markersize=5)
        axes.axhline(floor[label], color="0.45", linestyle=(0, (1, 2)), label="random images")
        axes.set(ylabel=label, ylim=(min(0, float(values.min())), 1.03))
        axes.set_xticks(places, values.layer.values, rotation=30)
    handles, labels = row[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def threshold_curves(panels: Mapping[str, xr.DataArray], chosen: float, label: str) -> Figure:
    """Draw the share of directions at or above each threshold.

    Parameters
    ----------
    panels
        Title -> DataArray (kind, threshold).
    chosen
        The threshold that was stated in advance.
    label
        What the threshold is of.
    """
    figure, row = plt.subplots(
        1, len(panels), figsize=(4.6 * len(panels), 4.0), squeeze=False, sharey=True
    )
    for axes, (title, shares) in zip(row[0], panels.items(), strict=True):
        for k, kind in enumerate(shares.kind.values):
            axes.plot(
                shares.threshold, shares.sel(kind=kind), _STYLES[k],
                color=PALETTE[k] if kind != "random images" else "0.45",
                label=kind, markersize=4,
            )  # fmt: skip
        axes.axvline(chosen, color="0.5", linewidth=0.8)
        axes.set(title=title, xlabel=f"threshold: {label}", ylim=(-0.03, 1.03))
    row[0][0].set_ylabel("share of directions\nat or above it")
    handles, labels = row[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def page(
    pictures: NDArray[Any],
    labels: NDArray[Any],
    classes: Sequence[str],
    layers: Mapping[str, tuple[NDArray[Any], Basis]],
    top: int,
    floor: float,
) -> str:
    """The page on which a reader turns a direction, with all data in it.

    Parameters
    ----------
    pictures : ndarray, shape (images, H, W) or (images, H, W, 3), uint8
    labels : ndarray of int, shape (images,)
        Places in `classes`.
    classes
        Their names.
    layers
        Name -> the activations, shape (images, n), and the directions that neurons can be turned
        to, besides neurons. Neurons that are the same for all images are left out.
    top
        How many top images are shown.
    floor
        Purity of random images.

    Returns
    -------
    str
        HTML that asks for nothing else.
    """
    content = {
        "images": len(pictures),
        "columns": _COLUMNS,
        "sheet": _sheet(pictures),
        "labels": np.asarray(labels).tolist(),
        "classes": list(classes),
        "shared": len(np.unique(labels)) < len(labels),
        "top": top,
        "floor": floor,
        "layers": [_layer(name, *each) for name, each in layers.items()],
    }
    source = (project.root() / TEMPLATE).read_text(encoding="utf-8")
    before, found, after = source.partition(_PLACE)
    assert found, f"{TEMPLATE} has no place for data"
    # No "</script>" in a name may end the element early.
    text = json.dumps(content).replace("<", "\\u003c")
    return f"{before}{_PLACE.replace('null', text)}{after}"


def framed(document: str, title: str) -> str:
    """HTML of a page inside a page: whatever runs in it stays in it."""
    # In the dark the book's theme puts outputs on a light card; this one has colours of its own.
    bare = ".text_html:has(> iframe) {background: none !important; padding: 0 !important}"
    return f"<style>{bare}</style>{gallery.frame(document, title)}"


def _layer(name: str, activations: NDArray[Any], others: Basis) -> dict[str, Any]:
    """Read-outs less their mean, as 16-bit numbers of one unit; cosines of others with neurons."""
    x = np.asarray(activations, dtype=np.float64)
    x = x - x.mean(axis=0)
    neurons = np.flatnonzero(np.ptp(x, axis=0) > 0)
    rows = np.concatenate([x[:, neurons].T, (x @ others.vectors.T).T])
    unit = float(np.abs(rows).max()) / 32767
    labels = others.labels or tuple(f"direction {k}" for k in range(others.m))
    return {
        "name": name,
        "neurons": neurons.tolist(),
        "names": [*(f"neuron {k}" for k in neurons), *labels],
        "unit": unit,
        "readouts": base64.b64encode(np.round(rows / unit).astype("<i2").tobytes()).decode(),
        "cosines": np.round(others.vectors[:, neurons], 5).tolist(),
    }


def _sheet(pictures: NDArray[Any]) -> str:
    """All pictures in one, row after row, as an address that holds it."""
    count, height, width = pictures.shape[:3]
    rows = -(-count // _COLUMNS)
    sheet = np.zeros((rows * height, _COLUMNS * width, *pictures.shape[3:]), dtype=np.uint8)
    for k, picture in enumerate(pictures):
        y, x = k // _COLUMNS * height, k % _COLUMNS * width
        sheet[y : y + height, x : x + width] = picture
    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, format="PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
