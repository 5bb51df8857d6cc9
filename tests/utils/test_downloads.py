"""What must be downloaded, without a network: one try, no waiting, one line."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from neuronbasis.utils.downloads import check_connection, is_of_hub

NOBODY = "http://127.0.0.1:9"  # the port that discards, where nothing listens
CALLS = {
    "networks.pretrained('torchvision:resnet18')": "put resnet18-f37072fd.pth into {folder}",
    "networks.pretrained('timm:resnet18')": "timm/resnet18.a1_in1k is not in the cache {folder}",
    "networks.pretrained('transformers:gpt2')": "gpt2: not in the cache {folder}",
    "datasets.load('cifar10')": "cifar10: there is no {folder}/cifar10.npz",
}
# Python tells of each connection that is tried, of each name looked up, and of each wait.
TOLD = f"""
import sys
events = []
sys.addaudithook(lambda event, args: events.append(event))
from neuronbasis import datasets, networks
import timm, transformers
for call in {list(CALLS)!r}:
    events.clear()
    try: eval(call)
    except ValueError as error: print(error)
    print([events.count(kind) for kind in ("socket.connect", "socket.getaddrinfo", "time.sleep")])
"""


def test_a_proxy_that_refuses_is_tried_once_and_the_remedy_told(tmp_path: Path) -> None:
    pytest.importorskip("timm"), pytest.importorskip("transformers")
    homes = ("HF_HOME", "TORCH_HOME", "XDG_CACHE_HOME", "NEURONBASIS_DATA")
    own = {name: str(tmp_path) for name in homes} | {"HF_HUB_OFFLINE": "", "no_proxy": ""}
    done = subprocess.run(
        [sys.executable, "-c", TOLD],
        env=os.environ | own | {"http_proxy": NOBODY, "https_proxy": NOBODY},
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[1::2] == ["[1, 1, 0]"] * len(CALLS)
    for line, sought in zip(lines[::2], CALLS.values(), strict=True):
        assert sought.format(folder=tmp_path) in line
        assert " by the proxy 127.0.0.1: Connection refused); connect to " in line


def test_a_server_without_an_address_is_named() -> None:
    with pytest.raises(ConnectionError, match=r"^no connection to nowhere\.invalid: "):
        check_connection("http://nowhere.invalid")


def test_one_server_of_several_will_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        check_connection(NOBODY, f"http://127.0.0.1:{server.getsockname()[1]}/file")
    with pytest.raises(
        ConnectionError, match=r"^no connection to 127\.0\.0\.1: Connection refused$"
    ):
        check_connection(NOBODY, NOBODY)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    huggingface_hub = pytest.importorskip("huggingface_hub")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    return tmp_path / "models--an--example" / "snapshots" / "1a2b"


def test_a_configuration_without_weights_is_no_download(cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / "config.json").write_text("{}")
    assert not is_of_hub("an/example")
    (cache / "model.safetensors").touch()
    assert is_of_hub("an/example")
