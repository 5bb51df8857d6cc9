"""Rows of images: what a reader sees."""

import numpy as np
import pytest

from neuronbasis.figures import images as figures


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 3)])
def test_rows_hold_each_image_in_its_place(shape):
    pixels = int(np.prod(shape))
    few = np.random.default_rng(0).uniform(-1, 1, (2, pixels))
    more = np.linspace(-3, 3, 3 * pixels).reshape(3, pixels)  # beyond the range of pictures
    figure = figures.rows({"original": few, "rebuilt": more}, shape)
    grid = np.array(figure.axes).reshape(2, 3)
    assert [line[0].texts[0].get_text() for line in grid] == ["original", "rebuilt"]
    for line, images in zip(grid, (few, more), strict=True):
        for axes, image in zip(line, images, strict=False):
            (shown,) = axes.images
            wanted = ((image + 1) / 2).clip(0, 1).reshape(shape)
            np.testing.assert_allclose(shown.get_array(), wanted)
            assert shown.get_clim() == (0, 1)
            assert not axes.axison
    assert len(grid[0, 2].images) == 0  # no third original
