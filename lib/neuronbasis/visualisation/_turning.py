"""The page on which a reader turns a direction."""

import base64
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuronbasis.basis import Basis
from neuronbasis.visualisation import _gallery

_PLACE = '<script type="application/json" id="data">null</script>'
_COLUMNS = 20


def turning_page(
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
    stream = io.BytesIO()
    _gallery.sheet(pictures, _COLUMNS).save(stream, format="PNG")
    content = {
        "images": len(pictures),
        "columns": _COLUMNS,
        "sheet": _gallery.address(stream.getvalue(), "png"),
        "labels": np.asarray(labels).tolist(),
        "classes": list(classes),
        "shared": len(np.unique(labels)) < len(labels),
        "top": top,
        "floor": floor,
        "layers": [_layer(name, *each) for name, each in layers.items()],
    }
    source = _gallery.filled("directions.html", "dial.css", "dial.js")
    before, found, after = source.partition(_PLACE)
    assert found, "the page has no place for data"
    # No "</script>" in a name may end the element early.
    text = json.dumps(content).replace("<", "\\u003c")
    return f"{before}{_PLACE.replace('null', text)}{after}"


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
