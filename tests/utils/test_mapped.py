"""Mapped files: pages are given back, private copies and open files are left alone."""

import mmap

import numpy as np
import pytest
import xarray as xr

from mapped import SMAPS, resident
from neuronbasis.utils.activations import Activations

ROWS = np.random.default_rng(0).standard_normal((50_000, 8))


@pytest.fixture
def path(tmp_path):
    np.save(tmp_path / "rows.npy", ROWS)
    return tmp_path / "rows.npy"


@pytest.mark.skipif(not SMAPS.exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("part", [slice(None), slice(100, None)])
@pytest.mark.parametrize(
    "kind", [lambda x: x, np.asarray, lambda x: xr.DataArray(x, dims=("sample", "unit"))]
)
def test_pages_are_given_back_chunk_by_chunk(path, kind, part):
    mapped = np.load(path, mmap_mode="r")
    for _ in Activations(kind(mapped[part]), m=10_000).raw():
        assert resident(path) < 2500  # of 3,200; the system reads ahead
    assert resident(path) < 200
    np.testing.assert_array_equal(mapped, ROWS)


def test_changes_to_private_maps_stay(path):
    copy = np.load(path, mmap_mode="c")
    copy[0] = 5
    own = mmap.mmap(-1, ROWS.nbytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    anonymous = np.frombuffer(own).reshape(ROWS.shape)
    anonymous[:] = ROWS
    with path.open("rb") as file:
        private = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    changed = np.ndarray(ROWS.shape, buffer=private, offset=path.stat().st_size - ROWS.nbytes)
    changed[0] = 7
    for rows, first in ((copy, 5), (anonymous, ROWS[0]), (changed, 7)):
        for _ in Activations(rows).raw():
            pass
        assert (rows[0] == first).all()


def test_a_file_that_xarray_has_open_is_not_read_whole(tmp_path):
    xr.DataArray(ROWS, dims=("sample", "unit"), name="rows").to_netcdf(tmp_path / "rows.nc")
    with xr.open_dataarray(tmp_path / "rows.nc") as rows:
        for _ in Activations(rows, m=10_000).raw():
            pass
        assert not rows.variable._in_memory
