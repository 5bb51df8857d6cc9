"""Image folders as people have them: splits, wrappers, hidden things, links, endings, names."""

import os
import unicodedata
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from neuronbasis import datasets
from neuronbasis.errors import UserError

Fill = Callable[..., Path]


@pytest.fixture
def fill(tmp_path: Path) -> Fill:
    """Make folders of five grey pictures, each folder of another level."""
    levels = iter(range(40, 256, 5))

    def make(*folders: str, root: Path = tmp_path / "mine", name: str = "{}.png") -> Path:
        for folder in folders:
            (root / folder).mkdir(parents=True, exist_ok=True)
            level = next(levels)
            for k in range(5):
                Image.new("L", (4, 3), level).save(root / folder / name.format(k))
        return root

    return make


def _both(*classes: str, train: str = "train", test: str = "test") -> list[str]:
    return [f"{half}/{name}" for half in (train, test) for name in classes]


# ---- splits and wrappers


@pytest.mark.parametrize(
    ("train", "test"), [("Train", "Test"), ("TRAIN", "test"), ("training", "Testing")]
)
def test_splits_are_known_in_capitals_too(fill: Fill, train: str, test: str) -> None:
    found = datasets.load(fill(*_both("a", "b", train=train, test=test)))
    assert (found.classes, found.sizes) == (("a", "b"), {"train": 10, "test": 10})
    assert found.x_train.max() < found.x_test.min()  # which is which


@pytest.mark.parametrize("val", ["val", "Valid", "Validation"])
def test_pictures_for_validation_are_left_out_and_told(fill: Fill, val: str) -> None:
    root = fill(*_both("a", "b"), f"{val}/a", "notes")
    with pytest.warns(UserWarning, match=rf"mine: left out the folders .*{val}.* \(read are"):
        found = datasets.load(root)
    assert found.sizes == {"train": 10, "test": 10}


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (["Train/a", "Val/a"], r"there is Train and Val and no test; it must hold one folder"),
        (["train/a", "test"], r"there is train and no test \(in test is no class folder\)"),
        (["train", "Test"], r"mine: no class folder in Test and train; it must hold"),
        (["train/a", "Train/a", "test/a"], r"Train and train are two folders for train; leave one"),
    ],
)
def test_splits_of_which_one_is_missing_are_no_classes(
    fill: Fill, folders: list[str], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        datasets.load(fill(*folders))


def test_a_class_may_be_called_train(fill: Fill) -> None:
    assert datasets.load(fill("bus", "train")).classes == ("bus", "train")


@pytest.mark.parametrize("inner", [["a", "b"], _both("a", "b")])
@pytest.mark.parametrize("above", ["mine", "mine/deeper"])
def test_the_folder_that_an_archive_was_unpacked_to_is_passed_through(
    fill: Fill, above: str, inner: list[str]
) -> None:
    root = fill(*(f"{above}/{each}" for each in inner))
    (root / "__MACOSX" / "mine").mkdir(parents=True)
    (root / "README.txt").write_text("unpacked")
    found = datasets.load(root)
    assert (found.name, found.classes) == ("mine", ("a", "b"))


def test_one_class_is_no_wrapper(fill: Fill) -> None:
    assert datasets.load(fill("a")).classes == ("a",)
    found = datasets.load(fill("a/deeper"))
    assert (found.classes, sum(found.sizes.values())) == (("a",), 10)


# ---- what is hidden, what leads in circles


@pytest.mark.parametrize(
    "hidden", [".ipynb_checkpoints", "__MACOSX", ".git/objects", "deeper/.thumbnails"]
)
def test_hidden_folders_in_a_class_do_not_count(fill: Fill, hidden: str) -> None:
    root = fill("a", "b", f"a/{hidden}")
    assert sum(datasets.load(root).sizes.values()) == 10


def test_hidden_files_do_not_count_and_are_not_told(fill: Fill) -> None:
    root = fill("a", "b")
    for name in ("._0.png", ".hidden.jpg", "Thumbs.db", "desktop.ini", ".DS_Store"):
        (root / "a" / name).write_bytes(b"none")
    assert sum(datasets.load(root).sizes.values()) == 10
    assert [path.name for path in datasets.photographs(root / "a").files] == [
        f"{k}.png" for k in range(5)
    ]


@pytest.mark.parametrize("target", [".", "..", "../..", "../b"])
def test_links_are_followed_once_and_never_upwards(fill: Fill, target: str) -> None:
    root = fill("a", "b", "c")
    (root / "a" / "link").symlink_to(target)
    (root / "a" / "same").symlink_to(target)
    count = sum(datasets.load(root).sizes.values())
    assert count == (20 if target == "../b" else 15)


def test_a_wrapper_that_holds_itself_ends(tmp_path: Path) -> None:
    (tmp_path / "mine" / "deeper").mkdir(parents=True)
    (tmp_path / "mine" / "deeper" / "loop").symlink_to(tmp_path / "mine")
    with pytest.raises(UserError, match=r"class '\w+' has no picture \(it is empty\)"):
        datasets.load(tmp_path / "mine")


def test_a_folder_that_is_a_link_has_the_links_name(fill: Fill, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(fill("a", "b"))
    assert datasets.load(tmp_path / "link").name == "link"


def test_the_folder_where_one_is_has_its_name(fill: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(fill("a", "b"))
    assert datasets.load(".").name == "mine"
    assert datasets.load(Path("a", "..")).name == "mine"


def test_home_is_known_wherever_a_path_is_taken(
    fill: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(fill("a", "b").parent))
    assert datasets.load("~/mine").classes == ("a", "b")
    files = datasets.photographs("~/mine/a").files
    assert datasets.checksum([Path("~/mine/a/0.png")]) == datasets.checksum(files[:1])
    model = _plain()
    assert (datasets.transformed(model, ["~/mine/a/0.png"]) == 40).all()


def _plain() -> "object":
    import torch
    from torchvision.transforms.functional import pil_to_tensor

    model = torch.nn.Identity()
    model.transforms = lambda image: pil_to_tensor(image).float()
    return model


# ---- endings


@pytest.mark.parametrize("ending", ["gif", "jfif", "JPG", "Png", "avif", "tga", "jp2", "TIFF"])
def test_pictures_of_other_endings_are_read(fill: Fill, ending: str) -> None:
    root = fill("a", "b", name=f"{{}}.{ending}")
    assert sum(datasets.load(root).sizes.values()) == 10
    assert len(datasets.photographs(root / "a").files) == 5


def test_what_is_left_out_is_told_in_one_line_with_the_place_of_the_call(fill: Fill) -> None:
    root = fill("a", "b")
    for name in ("a/1.heic", "a/2.HEIC", "b/3.heic", "b/notes.txt", "b/LICENSE"):
        (root / name).write_bytes(b"x")
    Image.new("L", (4, 3)).save(root / "loose.png")
    told = (
        r"^\S+/mine: left out 3 files of \.heic, 1 without an ending, 1 of \.txt, 1 picture in no "
        r"class folder \(read are jpg, jpeg, .*\)$"
    )
    with pytest.warns(UserWarning, match=told) as caught:
        datasets.load(root)
    assert [warning.filename for warning in caught] == [__file__]
    with pytest.warns(UserWarning, match=r"b: left out 1 file without an ending, ") as caught:
        datasets.photographs(root / "b")
    assert [warning.filename for warning in caught] == [__file__]


def test_the_endings_that_are_read_are_documented() -> None:
    from neuronbasis.datasets._decoded import KINDS

    documented = " ".join((datasets.load.__doc__ or "").split())
    assert ", ".join(kind.removeprefix(".") for kind in KINDS) in documented


# ---- classes


def test_a_class_without_pictures_is_named_with_what_it_holds(fill: Fill) -> None:
    root = fill("a")
    (root / "b").mkdir()
    with pytest.raises(UserError, match=r"mine: class 'b' has no picture \(it is empty\); add"):
        datasets.load(root)
    (root / "b" / "0.heic").write_bytes(b"x")
    with pytest.raises(UserError, match=r"class 'b' has no picture \(1 file of \.heic\); add"):
        datasets.load(root)


def test_a_class_of_one_picture_is_named(fill: Fill) -> None:
    root = fill("a", "b")
    for k in range(1, 5):
        (root / "b" / f"{k}.png").unlink()
    with pytest.raises(UserError, match=r"too few images to split \(1 of class 'b'; The least"):
        datasets.load(root)


def test_pictures_in_no_class_folder_are_counted(tmp_path: Path) -> None:
    Image.new("L", (4, 3)).save(tmp_path / "0.png")
    with pytest.raises(UserError, match=r"no class folder \(1 picture lies in none\); it must"):
        datasets.load(tmp_path)


def test_a_name_is_one_however_its_letters_are_encoded(fill: Fill) -> None:
    whole, parts = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))
    root = fill(f"train/{whole}", f"test/{parts}")
    if len(list(root.glob("t*/caf*"))) == 2:  # a file system may make them one
        assert datasets.load(root).classes == (whole,)
    fill(f"train/{parts}")
    if len(list((root / "train").iterdir())) == 2:
        with pytest.raises(UserError, match=r"two class folders are called 'café', their letters"):
            datasets.load(root)


def test_classes_that_differ_in_capitals_only_are_told(fill: Fill) -> None:
    root = fill("Cat", "cat", "dog")
    if len(os.listdir(root)) == 3:
        with pytest.warns(
            UserWarning, match=r"classes 'Cat' and 'cat' differ in capitals only"
        ) as w:
            found = datasets.load(root)
        assert found.classes == ("Cat", "cat", "dog")
        assert w[0].filename == __file__


@pytest.mark.skipif(os.geteuid() == 0, reason="the root user may read everything")
def test_a_folder_that_may_not_be_read_is_told(fill: Fill) -> None:
    root = fill("a", "b", "a/deeper")
    (root / "a" / "deeper").chmod(0)
    try:
        with pytest.raises(UserError, match="Permission denied"):
            datasets.load(root)
    finally:
        (root / "a" / "deeper").chmod(0o755)


def test_the_order_is_that_of_torchvision(fill: Fill) -> None:
    from torchvision.datasets import ImageFolder

    root = fill(*_both("b", "a", "a/z", "a/b", "a-b"), "train/a/b/c")
    theirs = ImageFolder(str(root / "train"))
    with warnings.catch_warnings():
        ours = datasets.load(root)
    assert ours.classes == tuple(theirs.classes)
    assert ours.y_train.tolist() == theirs.targets
    for image, (path, _) in zip(ours.x_train, theirs.samples, strict=True):
        assert image[0, 0] == Image.open(path).getpixel((0, 0))
