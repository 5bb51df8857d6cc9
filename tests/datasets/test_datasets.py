"""Datasets by name and by path: what is read, and what is refused and how."""

import gzip
import hashlib
import struct
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sklearn.datasets import load_digits
from torchvision.datasets import MNIST

from neuronbasis import datasets
from neuronbasis.datasets import Dataset, _mnist
from neuronbasis.datasets._files import KEYS
from neuronbasis.errors import UserError
from neuronbasis.utils.folders import cache_folder


def _arrays(count: int = 6, **changes: Any) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (2, count, 4, 3), np.uint8), np.arange(2 * count) % 3
    arrays = {"x_train": x[0], "y_train": y[:count], "x_test": x[1], "y_test": y[count:]}
    return {key: value for key, value in (arrays | changes).items() if value is not None}


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., Path]:
    def save(**changes: Any) -> Path:
        np.savez(tmp_path / "mine.npz", **_arrays(**changes))
        return tmp_path / "mine.npz"

    return save


# ---- what is read


def test_digits_are_scikit_learns_split_once_and_for_all() -> None:
    digits, bunch = datasets.load("digits"), load_digits()
    both = np.concatenate([digits.x_train, digits.x_test]).reshape(1797, 64)
    assert sorted(map(bytes, both)) == sorted(map(bytes, bunch.data.astype(np.uint8)))
    whole = {bytes(x): y for x, y in zip(bunch.data.astype(np.uint8), bunch.target, strict=True)}
    assert [whole[bytes(x)] for x in digits.x_test.reshape(-1, 64)] == digits.y_test.tolist()
    shares = np.bincount(digits.y_test) / np.bincount(bunch.target)
    np.testing.assert_allclose(shares, 0.2, atol=0.005)
    # Stored networks and frozen records are keyed by it: a change of the split must be meant.
    assert digits.checksum == datasets.load("digits").checksum
    assert digits.checksum[:16] == "76bb213fe13e03bd"


def test_scaled_hits_both_ends_exactly() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    labels = np.zeros(1, np.int64)
    d = datasets.Dataset("levels", levels, labels, levels, labels, ("0",))
    x = d.scaled("train")
    assert x.dtype == np.float32
    assert x.shape == (1, 256)
    assert (x[0, 0], x[0, 255]) == (-1.0, 1.0)
    assert (x[0] == -x[0, ::-1]).all()
    np.testing.assert_allclose(np.diff(x[0].astype(float)), 2 / 255, rtol=1e-4)
    with pytest.raises(UserError, match=r"split is 'val'; there are 'train' and 'test'"):
        d.scaled("val")


def test_digits_are_scaled_by_their_own_range() -> None:
    digits = datasets.load("digits")
    assert digits.pixel_range == (0, 16)
    expected = digits.x_test.reshape(360, 64) / 8.0 - 1.0
    np.testing.assert_array_equal(digits.scaled("test"), expected.astype(np.float32))


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.int64])
def test_npz_by_path_and_its_checksum_depends_on_the_content_only(
    saved: Callable[..., Path], kind: type
) -> None:
    plain = datasets.load(saved())
    arrays = _arrays()
    same = {key: arrays[key].astype(kind) for key in ("y_train", "y_test")}
    other = datasets.load(saved(**same, x_train=np.asfortranarray(arrays["x_train"])))
    assert (other.name, other.classes, other.image_shape) == ("mine", ("0", "1", "2"), (4, 3))
    np.testing.assert_array_equal(other.x_train, arrays["x_train"])
    assert other.y_train.dtype == np.int64
    assert other.checksum == plain.checksum


@given(key=st.sampled_from(KEYS), place=st.integers(0, 5), step=st.integers(1, 255))
def test_checksum_sees_every_value(key: str, place: int, step: int) -> None:
    arrays = _arrays()
    before = datasets.Dataset("d", **arrays, classes=())
    changed = arrays[key].copy()
    changed[place] += np.asarray(step, changed.dtype)
    after = datasets.Dataset("d", **(arrays | {key: changed}), classes=())
    assert before.checksum != after.checksum


def test_checksum_sees_shapes_splits_and_pixel_range() -> None:
    a = _arrays()
    turned = a | {k: a[k].reshape(6, 3, 4) for k in ("x_train", "x_test")}
    swapped = {k: a[o] for k, o in zip(a, ("x_test", "y_test", "x_train", "y_train"), strict=True)}
    sums = {datasets.Dataset("d", **x, classes=()).checksum for x in (a, turned, swapped)}
    sums.add(datasets.Dataset("d", **a, classes=(), pixel_range=(0, 16)).checksum)
    assert len(sums) == 4


def test_arrays_cannot_be_changed_behind_the_checksum(saved: Callable[..., Path]) -> None:
    with pytest.raises(ValueError, match="read-only"):
        datasets.load(saved()).x_test[0] = 0


def test_colours_class_names_and_the_data_folder(
    saved: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    x = np.zeros((6, 5, 4, 3), np.uint8)
    path = saved(x_train=x, x_test=x, classes=np.array(["a", "b", "c", "d"]))
    monkeypatch.setenv("NEURONBASIS_DATA", str(path.parent))
    d = datasets.load("mine.npz")
    assert d.classes == ("a", "b", "c", "d")
    assert d.scaled("test").shape == (6, 60)
    assert repr(d) == "Dataset('mine', 6 train and 6 test images of 5x4x3, 4 classes)"


@pytest.mark.parametrize(
    ("name", "shape", "third"), [("mnist", (28, 28), "2"), ("cifar10", (32, 32, 3), "bird")]
)
def test_known_file_is_taken_from_the_folder_named(
    tmp_path: Path, name: str, shape: tuple[int, ...], third: str
) -> None:
    x = np.zeros((6, *shape), np.uint8)
    np.savez(tmp_path / f"{name}.npz", **_arrays(x_train=x, x_test=x))
    d = datasets.load(name, folder=tmp_path)
    assert (d.name, d.image_shape, d.classes[2], len(d.classes)) == (name, shape, third, 10)


@pytest.mark.parametrize("levels", [(0, 1), (0, 16), (1, 2), (0, 255)])
def test_levels_that_a_file_states_fill_the_scale(
    saved: Callable[..., Path], levels: tuple[int, int]
) -> None:
    x = np.random.default_rng(0).choice(np.array(levels, np.uint8), (6, 4, 3))
    d = datasets.load(saved(x_train=x, x_test=x, pixel_range=np.array(levels)))
    assert d.pixel_range == levels
    assert set(d.scaled("test").ravel()) == {-1, 1}


@pytest.mark.parametrize("split", ["x_train", "x_test"])
@pytest.mark.parametrize("brightest", [1, 15, 31])
def test_images_of_a_few_levels_are_not_taken_for_black(
    saved: Callable[..., Path], split: str, brightest: int
) -> None:
    x = np.random.default_rng(0).integers(0, brightest + 1, (6, 4, 3), np.uint8)
    x[0, 0, 0] = brightest
    told = rf"than {brightest} of 255, so all .* add pixel_range=\[0, {brightest}\] to the file"
    with pytest.raises(UserError, match=told):
        datasets.load(saved(**{split: x}))
    d = datasets.load(saved(**{split: x}, pixel_range=np.array([0, 255])))
    assert getattr(d, split).max() == brightest


def test_pictures_of_levels_0_and_1_are_not_taken_for_black(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for k in range(5):
            Image.fromarray(np.eye(4, dtype=np.uint8)).save(tmp_path / name / f"{k}.png")
    with pytest.raises(UserError, match=r"no pixel of a split is brighter than 1 of 255, so all"):
        datasets.load(tmp_path)


@pytest.mark.parametrize("key", KEYS)
def test_what_a_dataset_cannot_hold_exactly_is_refused(key: str) -> None:
    with pytest.raises(UserError, match=rf"{key} holds 0.5; it must hold whole"):
        datasets.Dataset("d", **_arrays(**{key: np.full(_arrays()[key].shape, 0.5)}), classes=())
    if key.startswith("x"):
        for bad in (-1, 256, np.nan):
            with pytest.raises(UserError, match=rf"{key} holds {bad}; it must hold whole levels"):
                datasets.Dataset("d", **_arrays(**{key: np.full((6, 4, 3), bad)}), classes=())


# ---- what is refused

LABELS = np.arange(6) % 3
FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "key missing": ({"y_test": None}, "it holds x_train, y_train, x_test; it must be an .npz of"),
    "float pixels": (
        {"x_train": np.zeros((6, 4, 3))},
        "x_train is of type float64, pixels must be whole levels 0 to 255 in uint8; it must be",
    ),
    "flat images": ({"x_test": np.zeros((6, 12), np.uint8)}, r"x_test has shape \(6, 12\); it"),
    "channels first": (
        {"x_train": np.zeros((6, 3, 8, 8), np.uint8)},
        r"x_train has shape \(6, 3, 8, 8\); it must be an .npz of .* \(N, H, W, 1 or 3\)",
    ),
    "empty": (
        {"x_test": np.zeros((0, 4, 3), np.uint8), "y_test": LABELS[:0]},
        r"x_test has shape \(0, 4, 3\)",
    ),
    "float labels": ({"y_train": LABELS / 1}, "y_train is of type float64; it must be"),
    "boolean labels": ({"y_train": LABELS > 1}, "y_train is of type bool; it must be"),
    "too few labels": ({"y_train": LABELS[:5]}, r"y_train has shape \(5,\) for 6 images"),
    "one-hot labels": ({"y_test": np.eye(6, dtype=int)}, r"y_test has shape \(6, 6\) for 6 images"),
    "sizes differ": (
        {"x_test": np.zeros((6, 3, 4), np.uint8)},
        r"the images of x_train are \(4, 3\), those of x_test \(3, 4\)",
    ),
    "objects": ({"x_train": np.array([None] * 6)}, "Object arrays cannot be loaded when"),
    "object labels": ({"y_test": np.array([0, "a"] * 3, object)}, "Object arrays cannot be"),
    "range of one": (
        {"pixel_range": np.array([1])},
        r"pixel_range is of type int64 and shape \(1,\)",
    ),
    "range of parts": ({"pixel_range": np.array([0.0, 1.0])}, "pixel_range is of type float64 and"),
    "no range": ({"pixel_range": np.array([1, 1])}, "pixel_range is 1 to 1, not two levels of 0"),
    "range too small": (
        {"pixel_range": np.array([0, 9])},
        r"x_train holds \d+, outside its pixel_ra",
    ),
    "class bytes": ({"classes": np.array([b"a", b"b", b"c"])}, r"classes is of type \|S1 and"),
    "negative label": ({"y_test": LABELS - 1}, "a label is -1; it must lie in 0 to 11: mend it"),
    "label beyond classes": (
        {"classes": np.array(["a", "b"])},
        "a label is 2; it must lie in 0 to 1: mend it",
    ),
    "absurd label": ({"y_train": LABELS + 10**12}, "a label is 1000000000000; it must lie in 0"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faulty_npz_is_named_with_what_is_wrong(saved: Callable[..., Path], fault: str) -> None:
    changes, message = FAULTS[fault]
    path = saved(**changes)
    with pytest.raises(UserError, match=message) as caught:
        datasets.load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.999])
def test_truncated_npz(saved: Callable[..., Path], share: float) -> None:
    path = saved()
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UserError, match=r"mine.npz: damaged \(no archive, or its end is missing\)"):
        datasets.load(path)


def test_flipped_byte_never_passes(saved: Callable[..., Path]) -> None:
    path = saved()
    content, good = path.read_bytes(), datasets.load(path).checksum
    refused = 0
    for place in range(0, len(content), 29):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        try:
            assert datasets.load(path).checksum == good  # a byte that says nothing, such as a date
        except UserError:
            refused += 1
    assert refused > 20


def test_other_files_under_the_name_npz(tmp_path: Path) -> None:
    for name, write in {"array.npz": np.save, "text.npz": None}.items():
        path = tmp_path / name
        if write:
            with path.open("wb") as file:
                write(file, np.zeros(3))
        else:
            path.write_text("x,y\n1,2\n")
        with pytest.raises(UserError, match=f"{name}: damaged .* it must be an .npz of x_train"):
            datasets.load(path)


def test_known_name_with_other_images_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "mnist.npz", **_arrays())
    with pytest.raises(UserError, match=r"images are \(4, 3\), those of mnist \(28, 28\); put"):
        _ = datasets.load("mnist", folder=tmp_path).x_train


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("digit", r"no dataset 'digit': pass digits, mnist, cifar10, or .*; did you mean digits\?"),
        ("no/such.npz", "no dataset 'no/such.npz': pass digits, mnist, cifar10, or the path"),
        ("", "no dataset '': pass digits"),
        (7, r"dataset is 7; pass a name \(digits, mnist, cifar10\) or a path"),
    ],
)
def test_unknown_names(name: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        datasets.load(name)


def test_data_folder_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"data folder '.*/no' is no folder; name one that exists"):
        datasets.load("mnist", folder=tmp_path / "no")
    monkeypatch.setenv("NEURONBASIS_DATA", str(tmp_path / "no"))
    with pytest.raises(UserError, match=r"\(from NEURONBASIS_DATA\) is no folder"):
        datasets.load("mnist")
    datasets.load("digits")  # needs none


# ---- image folders


def _draw(path: Path, seed: int, size: tuple[int, int] = (5, 4), mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = size[::-1] if mode == "L" else (*size[::-1], 3)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    Image.fromarray(pixels).save(path)


def test_image_folder_is_split_with_equal_shares(tmp_path: Path) -> None:
    for k in range(10):
        _draw(tmp_path / "cat" / f"{k}.png", k)
        _draw(tmp_path / "dog" / f"{k}.png", 10 + k)
    d = datasets.load(tmp_path)
    assert d.classes == ("cat", "dog")
    assert d.image_shape == (4, 5, 3)
    assert np.bincount(d.y_train).tolist() == [8, 8]
    assert np.bincount(d.y_test).tolist() == [2, 2]
    for image, label in zip(d.x_test, d.y_test, strict=True):
        files = (tmp_path / d.classes[label]).iterdir()
        assert any((np.asarray(Image.open(file)) == image).all() for file in files)
    assert d.checksum == datasets.load(str(tmp_path)).checksum


def test_image_folder_with_train_and_test(tmp_path: Path) -> None:
    for half, count in (("train", 3), ("test", 1)):
        for name in ("cat", "dog"):
            for k in range(count):
                _draw(tmp_path / half / name / f"{k}.png", k, mode="L")
    d = datasets.load(tmp_path)
    assert (d.x_train.shape, d.x_test.shape) == ((6, 4, 5), (2, 4, 5))
    assert (d.y_train.tolist(), d.y_test.tolist()) == ([0, 0, 0, 1, 1, 1], [0, 1])
    (tmp_path / "test" / "dog").rename(tmp_path / "test" / "eel")
    with pytest.raises(UserError, match="class 'dog' is in one of train and test only"):
        datasets.load(tmp_path)


def test_faulty_image_folders(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no class folder; it must hold one"):
        datasets.load(tmp_path)
    _draw(tmp_path / "train" / "cat" / "0.png", 0)
    with pytest.raises(UserError, match="there is train and no test; it must hold one folder"):
        datasets.load(tmp_path)
    _draw(tmp_path / "test" / "cat" / "0.png", 0)
    _draw(tmp_path / "test" / "cat" / "1.png", 0, size=(4, 5))
    _draw(tmp_path / "test" / "cat" / "2.png", 0, size=(9, 9))
    with pytest.raises(UserError, match=r"cat/1.png: its pixels are \(5, 4, 3\), those of .*0.png"):
        datasets.load(tmp_path)
    _draw(tmp_path / "test" / "cat" / "1.png", 0, mode="L")
    with pytest.raises(UserError, match=r"1.png: its pixels are \(4, 5\), .* convert or remove"):
        datasets.load(tmp_path)
    (tmp_path / "test" / "cat" / "1.png").write_bytes(b"\x89PNG nonsense")
    with pytest.raises(UserError, match=r"1\.png: no readable image of 8 bits a channel"):
        datasets.load(tmp_path)
    Image.fromarray(np.zeros((4, 5), np.uint16)).save(tmp_path / "test" / "cat" / "1.png")
    with pytest.raises(UserError, match=r"\(its pixels are of kind I;16\); mend or remove it"):
        datasets.load(tmp_path)


def test_image_folder_too_small_to_split(tmp_path: Path) -> None:
    _draw(tmp_path / "cat" / "0.png", 0)
    _draw(tmp_path / "dog" / "0.png", 0)
    with pytest.raises(UserError, match=r"too few images to split .* or make folders train and"):
        datasets.load(tmp_path)


# ---- downloads, by torchvision's own code from a server on this machine


def _idx(array: np.ndarray) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A small MNIST behind HTTP: the folder that is served."""
    site = tmp_path / "site"
    site.mkdir()
    rng = np.random.default_rng(0)
    resources, arrays = [], []
    for split, count in (("train", 20), ("t10k", 10)):
        x, y = rng.integers(0, 256, (count, 28, 28), np.uint8), np.arange(count, dtype=np.uint8)
        arrays += [x, y % 10]
        for name, array in (("images-idx3", x), ("labels-idx1", y % 10)):
            content = gzip.compress(_idx(array))
            (site / f"{split}-{name}-ubyte.gz").write_bytes(content)
            resources.append((f"{split}-{name}-ubyte.gz", hashlib.md5(content).hexdigest()))

    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(site))

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setattr(MNIST, "mirrors", [f"http://127.0.0.1:{http.server_port}/"])
        monkeypatch.setattr(MNIST, "resources", resources)
        small = Dataset("mnist", *arrays, tuple("0123456789"))
        monkeypatch.setattr(_mnist, "CHECKSUM", small.checksum)
        monkeypatch.setenv("no_proxy", "*")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        monkeypatch.delenv("NEURONBASIS_DATA", raising=False)
        yield site
        http.shutdown()
        thread.join()


def _cached() -> list[str]:
    return sorted(path.name for path in cache_folder().glob("*npz"))


def test_download_once_into_the_cache(server: Path, capfd: pytest.CaptureFixture[str]) -> None:
    d = datasets.load("mnist")
    assert not _cached()
    assert len(d.x_train) == 20
    assert _idx(d.x_train) == gzip.decompress((server / "train-images-idx3-ubyte.gz").read_bytes())
    for file in server.iterdir():
        file.unlink()
    assert np.array_equal(datasets.load("mnist").y_train, d.y_train)
    assert not list(cache_folder().glob(".*download*"))
    assert capfd.readouterr() == ("", "")


def test_damaged_download_does_not_count(server: Path) -> None:
    file = server / "t10k-images-idx3-ubyte.gz"
    good = file.read_bytes()
    file.write_bytes(good[:-100])
    with pytest.raises(UserError, match=r"mnist: there is no .*mnist.npz, and its download failed"):
        _ = datasets.load("mnist").x_train
    assert not _cached()
    file.write_bytes(good)
    assert len(datasets.load("mnist").x_train) == 20


def test_what_a_killed_download_left_does_not_count(server: Path) -> None:
    raw = cache_folder() / ".mnist-download" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for file in server.iterdir():  # unpacked halfway: torchvision alone would take these
        (raw / file.stem).write_bytes(gzip.decompress(file.read_bytes())[:-700])
    whole = gzip.decompress((server / "train-images-idx3-ubyte.gz").read_bytes())
    assert _idx(datasets.load("mnist").x_train) == whole


def test_no_network_and_no_file(tmp_path: Path, server: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(MNIST, "mirrors", ["http://127.0.0.1:9/"])
    message = rf"mnist: there is no {tmp_path}/mnist.npz, and its download failed \(.*refused"
    with pytest.raises(UserError, match=message) as caught:
        _ = datasets.load("mnist", folder=tmp_path).x_train
    assert "connect to the network or put the file there (it must be an .npz" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not _cached()
