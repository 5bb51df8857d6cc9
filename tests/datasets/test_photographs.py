"""The photographs of the package: each credited, none doubtful; a folder of one's own."""

import re
from pathlib import Path

import pytest
from PIL import Image

from neuronbasis import datasets
from neuronbasis.errors import UserError


def test_every_file_is_credited_and_every_credit_has_its_file():
    found = datasets.photographs()
    home = found.files[0].parent
    assert sorted(path.name for path in home.glob("*.jpg")) == [path.name for path in found.files]
    assert len({*found.titles}) == len(found.titles) == len(found.credits) == len(found.files)
    for credit in found.credits:
        assert all(vars(credit).values()), credit
        assert re.fullmatch(r"public domain|CC0 1\.0|CC BY [234]\.0", credit.licence), credit
        assert credit.source.startswith("http")
        assert re.search(r"\((PyPI|Debian)\)", credit.package)


def test_they_are_coloured_pictures_as_large_as_a_network_takes_them_and_small_together():
    found = datasets.photographs()
    for path in found.files:
        with Image.open(path) as opened:
            assert opened.mode == "RGB"
            assert 224 <= min(opened.size) <= 256, path.name
    assert sum(path.stat().st_size for path in found.files) < 2.5e6
    assert all(path.suffix == ".jpg" for path in found.files)


def test_a_folder_of_ones_own_is_listed_without_credits_and_without_other_files(tmp_path):
    for name in ("b.JPG", "a.png", "notes.txt"):
        Image.new("RGB", (4, 4)).save(tmp_path / name, format="PNG")
    (tmp_path / "deeper.jpg").mkdir()
    with pytest.warns(UserWarning, match=r"left out 1 file of \.txt"):
        found = datasets.photographs(tmp_path)
    assert [path.name for path in found.files] == ["a.png", "b.JPG"]
    assert (found.name, found.titles, found.credits) == (tmp_path.name, ("a", "b"), ())


def test_a_folder_without_pictures_or_no_folder_is_one_line(tmp_path):
    with pytest.raises(UserError, match="no picture in it; put some there") as error:
        datasets.photographs(tmp_path)
    assert "\n" not in str(error.value)
    with pytest.raises(UserError, match="pass a folder of pictures that exists"):
        datasets.photographs(Path(tmp_path, "absent"))
