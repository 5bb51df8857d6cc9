"""Picture files: which ones a result comes from."""

import hashlib
from pathlib import Path

import pytest
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
