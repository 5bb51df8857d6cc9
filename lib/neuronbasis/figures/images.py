"""Rows of small images."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure


def rows(images: Mapping[str, Any], shape: tuple[int, ...]) -> Figure:
    """Draw images in labelled rows, one column for what belongs together.

    Parameters
    ----------
    images
        Label -> flattened images, shape (columns, pixels), in [-1, 1]; what lies beyond is cut.
    shape
        Of one image, (H, W) or (H, W, C).
    """
    columns = max(len(each) for each in images.values())
    figure, grid = plt.subplots(
        len(images), columns, figsize=(0.9 * columns + 1, 0.95 * len(images)), squeeze=False
    )
    for line, (label, each) in zip(grid, images.items(), strict=True):
        for axes, image in zip(line, each, strict=False):
            pixels = np.clip((np.asarray(image).reshape(shape) + 1) / 2, 0, 1)
            axes.imshow(pixels, cmap="gray", vmin=0, vmax=1)
        for axes in line:
            axes.set_axis_off()
        line[0].text(
            -0.15, 0.5, label, transform=line[0].transAxes, ha="right", va="center", fontsize=11
        )
    return figure
