"""Picture files: which ones a result comes from."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from PIL import Image

from neuronbasis import datasets
from neuronbasis.errors import UserError


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    made = []
    for level in (0, 128, 255):
        made.append(tmp_path / f"{level}.png")
        Image.new("L", (2, 2), level).save(made[-1])
    return made


def test_checksum_is_that_of_the_files_checksums_in_their_order(files: list[Path]) -> None:
    literal = hashlib.sha256(b"".join(hashlib.sha256(f.read_bytes()).digest() for f in files))
    assert datasets.checksum(files) == literal.hexdigest()
    assert datasets.checksum(files[::-1]) != datasets.checksum(files)


def test_one_byte_changes_it_and_a_name_does_not(files: list[Path]) -> None:
    before = datasets.checksum(files)
    moved = files[0].rename(files[0].with_name("other.png"))
    assert datasets.checksum([moved, *files[1:]]) == before
    moved.write_bytes(moved.read_bytes()[:-1] + b"\0")
    assert datasets.checksum([moved, *files[1:]]) != before


def test_no_file_and_a_missing_one_are_refused(files: list[Path]) -> None:
    with pytest.raises(UserError, match=r"^there are no picture files; pass one or more$"):
        datasets.checksum([])
    files[1].unlink()
    with pytest.raises(UserError, match=r"128\.png: cannot be read \(.*No such file.*\); mend it$"):
        datasets.checksum(files)


def _samples(folder: Path, content: bytes) -> Any:
    (folder / "labels.csv").write_bytes(content)
    return datasets.samples(folder)


def test_a_spreadsheets_byte_order_mark_and_quotes_are_taken(files: list[Path]) -> None:
    found = _samples(
        files[0].parent, '\ufefffile,class_index,label\n0.png,7,"crane, bird"\n'.encode()
    )
    assert found.names == ("crane, bird",)
    assert found.files == (files[0],)


def test_an_index_is_taken_as_pandas_writes_it_beside_an_empty_cell(files: list[Path]) -> None:
    content = b"file,class_index,label\n0.png,7.0,crane\n128.png,1e2,cock\n"
    assert _samples(files[0].parent, content).labels.tolist() == [7, 100]
    with pytest.raises(UserError, match=r"class_index is '7\.5', no whole number; it must be"):
        _samples(files[0].parent, content.replace(b"7.0", b"7.5"))


def test_every_kind_of_array_gives_the_same_pictures() -> None:
    levels = np.arange(256, dtype=np.float32).reshape(1, 1, 16, 16)
    inputs = (levels * 2 / 255 - 1).astype(np.float16).astype(np.float32)  # as exact in halves
    wanted = datasets.pictures(inputs)
    assert wanted[0].max() == 255
    for given in (
        torch.tensor(inputs).half(),
        inputs.astype(np.float16),
        inputs.astype(">f4"),
        inputs[:, :, ::-1].copy()[:, :, ::-1],
        inputs.astype(np.longdouble),
        inputs.tolist(),
        xr.DataArray(inputs),
        torch.tensor(inputs, requires_grad=True),
    ):
        assert np.array_equal(datasets.pictures(given), wanted)
    assert datasets.pictures(torch.zeros(1, 1, 2, 2, dtype=torch.bfloat16)).max() == 128
    for given in (inputs.astype(int), None, [["a"]], torch.zeros(1, 1, 2, 2).to_sparse()):
        with pytest.raises(UserError, match=r"^inputs (are|is) "):
            datasets.pictures(given)


def test_a_comma_without_quotes_is_told_with_its_line(files: list[Path]) -> None:
    content = b"file,class_index,label\n128.png,3,cock\n0.png,7,crane, bird\n"
    message = r"labels\.csv: line 3 has more fields .* put a label with a comma into quotes"
    with pytest.raises(UserError, match=message):
        _samples(files[0].parent, content)


@pytest.mark.parametrize("hidden", [".ipynb_checkpoints", "__pycache__"])
def test_hidden_folders_are_no_classes(tmp_path: Path, hidden: str) -> None:
    for name in ("cat", "dog", hidden):
        (tmp_path / name).mkdir()
        for k in range(5):
            Image.new("L", (4, 3)).save(tmp_path / name / f"{k}.png")
    found = datasets.load(tmp_path)
    assert found.classes == ("cat", "dog")
    assert sum(found.sizes.values()) == 10


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (b'0.png,7,"cock\n128.png,3,hen\n', r"labels\.csv: unexpected end of data"),
        (b'0.png,7,"cock\n128.png,3,hen"\n', r"line 2 has a label of several lines; close"),
        (b"0.png,7,cock\n0.png,3,hen\n", r"0\.png stands in two lines; leave one"),
        (b"0.png,99999999999999999999,cock\n", r"labels\.csv: .*; it must be UTF-8 lines of"),
    ],
)
def test_a_list_that_contradicts_itself_is_refused(files, lines, message) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UserError, match=message):
        _samples(files[0].parent, b"file,class_index,label\n" + lines)
