"""Networks trained by others: weights from a file or a cache, pictures, and all that goes wrong."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor, nn

from neuronbasis.datasets import samples, transformed
from neuronbasis.errors import UserError
from neuronbasis.networks import accuracy, pretrained
from neuronbasis.networks._torchvision import published_weights

NAME = "squeezenet1_0"
PUBLISHED = "squeezenet1_0-b66bff10.pth"
State = dict[str, Tensor]


@pytest.fixture(scope="module")
def state() -> State:
    """Weights of SqueezeNet that no other network has."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        return torchvision.models.squeezenet1_0(weights=None).state_dict()


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of downloaded weights, empty; and no way to download any."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # the port that discards
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


def _same(model: nn.Module, state: State) -> bool:
    found = model.state_dict()
    return list(found) == list(state) and all(torch.equal(found[k], state[k]) for k in state)


def _picture(mode: str = "RGB", size: tuple[int, int] = (40, 30), seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels).convert(mode)


# ---- weights


def test_weights_from_a_file_of_either_form(tmp_path: Path, state: State) -> None:
    torch.save(state, tmp_path / "a.pt")
    for name in ("a.safetensors", "A.SAFETENSORS"):
        safetensors.torch.save_file(state, tmp_path / name)
    before = torch.get_rng_state()
    models = [
        pretrained(NAME, tmp_path / "a.pt"),
        pretrained(NAME, str(tmp_path / "a.safetensors")),
        pretrained(NAME, tmp_path / "A.SAFETENSORS"),
    ]
    assert torch.equal(torch.get_rng_state(), before)
    for model in models:
        assert _same(model, state)
        assert not any(module.training for module in model.modules())
        assert "transforms" not in dict(model.named_modules())
        theirs = torchvision.models.SqueezeNet1_0_Weights.IMAGENET1K_V1.transforms()
        assert torch.equal(model.transforms(_picture()), theirs(_picture()))


def test_weights_from_the_data_folder(
    tmp_path: Path, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save(state, tmp_path / "mine.pt")
    monkeypatch.delenv("NEURONBASIS_DATA", raising=False)
    with pytest.raises(UserError, match=r"^mine\.pt: no such file; pass the path of one that exis"):
        pretrained(NAME, "mine.pt")
    monkeypatch.setenv("NEURONBASIS_DATA", str(tmp_path))
    assert _same(pretrained(NAME, "mine.pt"), state)
    with pytest.raises(
        UserError, match=r"^b\.pt: no such file, neither here nor in NEURONBASIS_DA"
    ):
        pretrained(NAME, "b.pt")


def test_weights_once_downloaded_need_no_network(
    offline: Path, state: State, capfd: pytest.CaptureFixture[str]
) -> None:
    torch.save(state, offline / PUBLISHED)
    assert _same(pretrained(NAME), state)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("alexnet", "alexnet-owt-7be5be79.pth"),
        ("torchvision:resnet18", "resnet18-f37072fd.pth"),
        (
            "torchvision:resnet50",
            "resnet50-0676ba61.pth",
        ),  # the first ones, not torchvision's default
        ("vit_b_16", "vit_b_16-c867db91.pth"),
        (NAME, PUBLISHED),
    ],
)
def test_missing_download_says_which_file_goes_where(offline: Path, name: str, file: str) -> None:
    with torch.device("meta"), pytest.raises(UserError) as error:  # no first weights: quick
        pretrained(name)
    message = str(error.value)
    assert message.startswith(f"{name.rpartition(':')[2]}: its weights cannot be downloaded (")
    remedy = f"connect to the network, put {file} into {offline}, or pass weights=<file>"
    assert message.endswith(f"); {remedy}")
    assert "\n" not in message
    assert not list(offline.iterdir())


def test_damaged_download_is_named(offline: Path) -> None:
    (offline / PUBLISHED).write_bytes(b"half a file")
    with pytest.raises(UserError, match=rf"{PUBLISHED}: not the weights of {NAME} \(.*\); remove"):
        pretrained(NAME)


def test_every_classifier_has_its_file_and_its_transforms() -> None:
    for name in torchvision.models.list_models(module=torchvision.models):
        published = published_weights(name)
        assert published.url.endswith(".pth")
        assert published.transforms()(_picture()).shape[0] == 3


def test_a_network_with_further_heads_is_the_published_one(tmp_path: Path) -> None:
    plain = torchvision.models.googlenet(weights=None, aux_logits=False, init_weights=False)
    torch.save(plain.state_dict(), tmp_path / "a.pt")
    model = pretrained("googlenet", tmp_path / "a.pt")
    assert _same(model, plain.state_dict())
    assert model.transform_input  # as torchvision sets it with the published weights


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "squeezenet",
            r"^no network 'squeezenet' in neuronbasis, torchvision, .*: did you mean squeezenet",
        ),
        ("fcn_resnet50", r"^no network 'fcn_resnet50' in neuronbasis, .*: did you mean \w*resn"),
        (
            "",
            r"^no network '' in neuronbasis, .* transformers: pass one such as squeezenet1_0; what",
        ),
        (None, r"^no network 'None' in neuronbasis, torchvision"),
    ],
)
def test_unknown_names_are_refused(name: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        pretrained(name)


@settings(max_examples=8, deadline=None)
@given(share=st.floats(0, 0.999), suffix=st.sampled_from([".pt", ".safetensors"]))
def test_file_cut_short_is_one_clear_error(
    tmp_path_factory: pytest.TempPathFactory, state: State, share: float, suffix: str
) -> None:
    file = tmp_path_factory.mktemp("cut") / f"a{suffix}"
    if suffix == ".pt":
        torch.save(state, file)
    else:
        safetensors.torch.save_file(state, file)
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(UserError, match=r"no readable file of weights \(.+\); write mod") as error:
        pretrained(NAME, file)
    assert "\n" not in str(error.value)
    shutil.rmtree(file.parent)


def _nan(state: State) -> State:
    return {k: t * float("nan") if k == "classifier.1.bias" else t for k, t in state.items()}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: nn.Linear(2, 2), r"no readable file of weights \(Weights only load failed"),
        (lambda s: {"state_dict": s}, r"not the weights of squeezenet1_0 \(it holds other things"),
        (
            lambda s: [1, 2],
            r"not the weights of squeezenet1_0 \(it holds other things than tensors",
        ),
        (lambda s: {}, r"not the weights of squeezenet1_0 \(Error\(s\) in loading .* Missing key"),
        (
            lambda s: s | {"fc.bias": torch.zeros(2)},
            r"Unexpected key\(s\) in state_dict: \"fc.bias",
        ),
        (
            lambda s: s | {"classifier.1.bias": torch.zeros(7)},
            r"size mismatch for classifier\.1\.bias: .* torch\.Size\(\[7\]\)",
        ),
        (_nan, r"classifier\.1\.bias holds NaN or inf; all must be finite: get it anew$"),
    ],
)
def test_wrong_files_are_refused(
    tmp_path: Path, state: State, change: Callable[[State], Any], message: str
) -> None:
    torch.save(change(state), tmp_path / "a.pt")
    with pytest.raises(UserError, match=message) as error:
        pretrained(NAME, tmp_path / "a.pt")
    assert str(error.value).startswith(str(tmp_path / "a.pt: ").rstrip())
    assert "\n" not in str(error.value)


def test_weights_of_another_network_are_refused(tmp_path: Path, state: State) -> None:
    torch.save(state, tmp_path / "a.pt")
    message = r"a\.pt: not the weights of resnet18 \(.*\); pass that network's state dict$"
    with pytest.raises(UserError, match=message):
        pretrained("torchvision:resnet18", tmp_path / "a.pt")
    with pytest.raises(UserError, match=r"^3 is no path; pass the path of a file$"):
        pretrained("torchvision:resnet18", 3)  # type: ignore[arg-type]


# ---- pictures


@pytest.fixture
def model(tmp_path: Path, state: State) -> nn.Module:
    torch.save(state, tmp_path / "weights.pt")
    return pretrained(NAME, tmp_path / "weights.pt")


def test_pictures_become_what_the_networks_transforms_give(
    model: nn.Module, tmp_path: Path
) -> None:
    pictures = [_picture(size=(300, 260), seed=1), _picture(size=(60, 90), seed=2)]
    pictures[1].save(tmp_path / "b.png")
    found = transformed(model, [pictures[0], tmp_path / "b.png", str(tmp_path / "b.png")])
    assert found.shape == (3, 3, 224, 224)
    assert found.dtype == torch.float32
    assert torch.equal(found[0], model.transforms(pictures[0]))
    assert torch.equal(found[1], model.transforms(pictures[1]))
    assert torch.equal(found[1], found[2])


def test_a_white_picture_in_normalised_channels(model: nn.Module) -> None:
    found = transformed(model, [Image.new("RGB", (256, 256), "white")])
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    expected = ((1 - mean) / std)[:, None, None].expand(3, 224, 224)
    torch.testing.assert_close(found[0], expected)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK"])
def test_other_kinds_of_pixels_become_coloured(model: nn.Module, mode: str) -> None:
    picture = _picture(mode)
    assert torch.equal(transformed(model, [picture]), transformed(model, [picture.convert("RGB")]))


def test_bad_pictures_are_refused(model: nn.Module, tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    _picture().save(tmp_path / "cut.png")
    content = (tmp_path / "cut.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(content[: len(content) // 2])
    cases: list[tuple[Any, str]] = [
        ([], r"^images are none; pass a list of one or more paths or PIL images$"),
        (str(tmp_path / "text.jpg"), r"^images are a single one; pass a list"),
        (
            [tmp_path / "text.jpg"],
            r"text\.jpg: no readable image of 8 bits a channel \(cannot identify.*\); mend",
        ),
        ([tmp_path / "cut.png"], r"cut\.png: no readable image .* \(.*\); mend or remove it$"),
        ([tmp_path / "none.jpg"], r"none\.jpg: no readable image .*\(.*No such file.*\); mend"),
        ([np.zeros((3, 4, 4))], r"^an image is a ndarray; pass paths or PIL images$"),
        ([_picture(), 3], r"^an image is a int; pass paths"),
        (
            [Image.new("I;16", (9, 9))],
            r"^an image: no readable image .*kind I;16\); mend",
        ),
        ([Image.new("F", (9, 9))], r"^an image: no readable image of 8 bits .*kind F\); mend"),
    ]
    for images, message in cases:
        with pytest.raises(UserError, match=message):
            transformed(model, images)
    with pytest.raises(UserError, match=r"^Linear has no transforms: pass a model of pretrained"):
        transformed(nn.Linear(2, 2), [_picture()])


# ---- labelled pictures


def _folder(folder: Path, listing: str) -> Path:
    (folder / "labels.csv").write_text(listing)
    for name in ("a.png", "b c.png"):
        _picture().save(folder / name)
    return folder


HEAD = "file,wnid,class_index,label"


def test_samples_are_those_of_the_list(tmp_path: Path) -> None:
    found = samples(_folder(tmp_path, f'{HEAD}\nb c.png,n2,134,"crane, bird"\na.png,n1,0,tench\n'))
    assert found.files == (tmp_path / "b c.png", tmp_path / "a.png")
    assert found.labels.tolist() == [134, 0]
    assert found.labels.dtype == np.int64
    assert found.names == ("crane, bird", "tench")


@pytest.mark.parametrize(
    ("listing", "message"),
    [
        ("", r"labels\.csv: no line, one cut short, or a class_index below 0; it must be UTF-8"),
        (f"{HEAD}\n", r"labels\.csv: no line, one cut short"),
        ("file,label\na.png,tench\n", r"labels\.csv: 'class_index'; it must be UTF-8 lines of"),
        (
            f"{HEAD}\na.png,n1,one,tench\n",
            r"labels\.csv: class_index is 'one', no whole number",
        ),
        (f"{HEAD}\na.png,n1,-1,tench\n", r"or a class_index below 0"),
        (f"{HEAD}\na.png,n1,1\n", r"one cut short"),
        (f"{HEAD}\na.png,n1\n", r"labels\.csv: class_index is None, no whole"),
        (f"{HEAD}\nd.png,n1,1,tench\n", r"d\.png: no such file, but .*labels\.csv names it; put"),
    ],
)
def test_bad_lists_are_refused(tmp_path: Path, listing: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        samples(_folder(tmp_path, listing))
    assert "\n" not in str(error.value)


def test_missing_list_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"labels\.csv: no such file"):
        samples(tmp_path)


# ---- the real thing


@pytest.mark.data
def test_squeezenet_knows_its_pictures(data_file: Callable[[str], Path]) -> None:
    found = samples(data_file("imagenet_samples"))
    assert len(found.files) == 1000
    assert sorted(found.labels) == list(range(1000))
    model = pretrained(NAME, data_file("squeezenet1_0_imagenet.pt"))
    some = range(0, 1000, 50)
    x, labels = transformed(model, [found.files[k] for k in some]), found.labels[some]
    # 61.2% of the thousand; of these twenty 13.
    assert accuracy(model, x, labels).value == pytest.approx(0.65, abs=0.051)
    assert accuracy(model, x, (labels + 50) % 1000).value < 0.1
