import warnings
import zipfile
from contextlib import suppress

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from neuronbasis import basis, datasets, spotlight
from neuronbasis.datasets._matrices import SUFFIXES
from neuronbasis.errors import UserError

MATRIX = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)


def written(folder, kind):
    path = folder / f"layer{kind}"
    if kind == ".npy":
        np.save(path, MATRIX)
    elif kind == ".npz":
        np.savez(path, acts=MATRIX, labels=np.arange(20))
    else:
        save_file({"acts": torch.tensor(MATRIX), "labels": torch.arange(20)}, path)
    return path


@pytest.mark.parametrize("kind", SUFFIXES)
def test_the_only_matrix_of_a_file_is_read(tmp_path, kind):
    found = datasets.read_matrix(written(tmp_path, kind))
    np.testing.assert_array_equal(np.asarray(found), MATRIX)
    fraction = spotlight.resonance(found, basis.standard(3)).fraction
    np.testing.assert_array_equal(fraction, spotlight.resonance(MATRIX, basis.standard(3)).fraction)


@pytest.mark.parametrize("kind", SUFFIXES)
def test_an_ending_in_capitals_is_the_same_ending(tmp_path, kind):
    path = written(tmp_path, kind).rename(tmp_path / f"LAYER{kind.upper()}")
    np.testing.assert_array_equal(np.asarray(datasets.read_matrix(path)), MATRIX)
    (tmp_path / "TEXT.NPY").write_text("1,2,3")
    with pytest.raises(UserError, match=r"not a readable \.NPY file \(its content is of another"):
        datasets.read_matrix(tmp_path / "TEXT.NPY")


def test_half_precision_that_numpy_lacks(tmp_path):
    save_file({"acts": torch.tensor(MATRIX).bfloat16()}, tmp_path / "a.safetensors")
    found = datasets.read_matrix(tmp_path / "a.safetensors")
    assert spotlight.resonance(found, basis.standard(3)).attrs["samples"] == 20


def test_a_large_file_is_mapped_and_not_loaded(tmp_path):
    assert isinstance(datasets.read_matrix(written(tmp_path, ".npy")), np.memmap)


@pytest.mark.parametrize("kind", [".npz", ".safetensors"])
def test_a_file_of_several_matrices_wants_a_key(tmp_path, kind):
    path = tmp_path / f"two{kind}"
    two = {"a": MATRIX, "b": 2 * MATRIX}
    if kind == ".npz":
        np.savez(path, **two)
    else:
        save_file({name: torch.tensor(array) for name, array in two.items()}, path)
    np.testing.assert_array_equal(np.asarray(datasets.read_matrix(path, "b")), 2 * MATRIX)
    with pytest.raises(UserError, match=r"2 matrices .* it holds a \(20, 3\), b \(20, 3\): name"):
        datasets.read_matrix(path)
    with pytest.raises(UserError, match=r"no array 'c'; it holds a \(20, 3\), b \(20, 3\)"):
        datasets.read_matrix(path, "c")


EXTRAS = {
    "objects": np.array([{"layer": 3}, None], dtype=object),
    "names": np.array([["a", "b"], ["c", "d"]]),
    "chosen": np.ones((20, 4), dtype=bool),
    "rows": np.zeros((2, 2), dtype=[("x", "f4"), ("ä", "i4")]),
    "waves": np.ones((20, 3), dtype=complex),
    "step": np.array(7),
}


@pytest.mark.parametrize("key", [None, "acts"])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_what_else_an_npz_holds_is_not_read(tmp_path, save, key):
    path = tmp_path / "a.npz"
    save(path, **EXTRAS, acts=MATRIX)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("README.txt", "no array")
        archive.writestr("acts", "no array of this name")
    np.testing.assert_array_equal(datasets.read_matrix(path, key), MATRIX)
    with pytest.raises(
        UserError, match=r"0 matrices .* objects \(2,\) of object, names \(2, 2\) of"
    ):
        datasets.read_matrix(path, "objects")
    with pytest.raises(UserError, match=r"no array 'README.txt'; it holds objects"):
        datasets.read_matrix(path, "README.txt")


def test_an_archive_of_other_things_is_told(tmp_path):
    torch.save({"acts": torch.tensor(MATRIX)}, tmp_path / "a.npz")
    with pytest.raises(UserError, match=r"a file of torch.save"):
        datasets.read_matrix(tmp_path / "a.npz")


def test_what_else_a_safetensors_file_holds_is_not_read(tmp_path):
    path = tmp_path / "a.safetensors"
    save_file({"acts": torch.tensor(MATRIX), "mask": torch.ones(20, 3, dtype=torch.bool)}, path)
    np.testing.assert_array_equal(datasets.read_matrix(path), MATRIX)
    with pytest.raises(UserError, match=r"0 matrices .* mask \(20, 3\) of BOOL"):
        datasets.read_matrix(path, "mask")


@pytest.mark.parametrize("said", SUFFIXES)
@pytest.mark.parametrize("kind", [".npy", ".npz"])
def test_a_file_is_read_by_what_it_holds(tmp_path, kind, said):
    path = written(tmp_path, kind).rename(tmp_path / f"other{said}")
    np.testing.assert_array_equal(np.asarray(datasets.read_matrix(path)), MATRIX)


@pytest.mark.parametrize("said", [".npy", ".npz"])
def test_a_safetensors_file_of_another_ending_is_refused(tmp_path, said):
    path = written(tmp_path, ".safetensors").rename(tmp_path / f"other{said}")
    with pytest.raises(UserError, match=rf"not a readable {said} file"):
        datasets.read_matrix(path)


@pytest.mark.parametrize("kind", SUFFIXES)
def test_no_damage_of_a_file_is_a_raw_error(tmp_path, kind):
    path, rng = written(tmp_path, kind), np.random.default_rng(0)
    content = path.read_bytes()
    for _ in range(300):
        broken = bytearray(content)
        for place in rng.integers(0, min(len(content), 400), 3):
            broken[place] = rng.integers(256)
        path.write_bytes(broken)
        with suppress(UserError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            datasets.read_matrix(path)


@pytest.mark.parametrize("kind", SUFFIXES)
@pytest.mark.parametrize("damage", ["empty", "cut", "other"])
def test_a_damaged_file_is_named(tmp_path, kind, damage):
    path = written(tmp_path, kind)
    content = path.read_bytes()
    path.write_bytes({"empty": b"", "cut": content[:100], "other": b"text" * 99}[damage])
    with pytest.raises(UserError, match=f"not a readable {kind} file") as refused:
        datasets.read_matrix(path)
    assert "\n" not in str(refused.value)


def test_what_would_need_pickle_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[1, "a"]], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match=r"not a readable \.npy file"):
        datasets.read_matrix(tmp_path / "a.npy")


def test_a_missing_file_or_another_kind_is_named(tmp_path):
    with pytest.raises(UserError, match=r"layer\.npy: no such file"):
        datasets.read_matrix(tmp_path / "layer.npy")
    with pytest.raises(UserError, match=r"files of \.npy, \.npz, \.safetensors can be read"):
        datasets.read_matrix(tmp_path / "layer.csv")


def test_whole_numbers_beside_feature_maps_are_not_taken_for_activations(tmp_path):
    path = tmp_path / "maps.npz"
    np.savez(path, acts=np.zeros((6, 3, 8, 8)), idx=np.zeros((6, 2), int))
    with pytest.raises(UserError, match=r"1 matrices .* acts \(6, 3, 8, 8\), idx \(6, 2\)"):
        datasets.read_matrix(path)
    assert datasets.read_matrix(path, "idx").shape == (6, 2)
