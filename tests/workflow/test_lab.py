"""JupyterLab on the notebooks: what is copied, how it opens, and that the first notebook runs."""

import os
import re
import socket
import subprocess
import sys
import time

import httpx
import jupytext
import nbclient
import pytest
from typer.testing import CliRunner

from neuronbasis.errors import UserError
from neuronbasis.utils import project
from neuronbasis.workflow import cli, lab


def test_all_notebooks_are_copied_and_changed_ones_left_alone(tmp_path):
    folder = tmp_path / "mine"
    first = lab.prepare(folder)
    assert first[0] == lab.START
    assert sorted(first[1:]) == sorted(f"{name}.md" for name in project.notebooks())
    (folder / "method.md").write_text("mine")
    (folder / "errata.md").unlink()
    assert lab.prepare(folder) == ["errata.md"]
    assert (folder / "method.md").read_text() == "mine"
    assert not list(folder.glob(".*.partial"))


def test_a_folder_that_is_a_file_is_told(tmp_path):
    (tmp_path / "mine").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        lab.prepare(tmp_path / "mine")


def test_without_jupyterlab_the_remedy_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(lab, "find_spec", lambda name: None)
    done = CliRunner().invoke(cli.app, ["lab", str(tmp_path / "mine")])
    assert str(done.exception) == "no module jupyterlab; pip install 'neuronbasis[book]'"
    assert not (tmp_path / "mine").exists()


def test_own_settings_come_before_those_of_the_user(tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "/elsewhere")
    told = lab.environment(tmp_path)["JUPYTER_CONFIG_PATH"].split(os.pathsep)
    assert told == [str(tmp_path / ".jupyter"), "/elsewhere"]


def test_the_first_notebook_runs_and_says_a_verdict(tmp_path, monkeypatch):
    lab.prepare(tmp_path)
    notebook = jupytext.read(tmp_path / lab.START)
    for cell in notebook.cells:  # a tiny training: what is tested is that it runs
        cell.source = cell.source.replace("epochs=100", "epochs=2")
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=300, resources=resources).execute()
    said = "".join(
        output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", [])
    )
    assert re.search(r"after training: [a-z-]+, slope -?\d\.\d\d", said)
    pictures = [o for c in notebook.cells for o in c.get("outputs", []) if "data" in o]
    assert any("image/png" in each["data"] for each in pictures)


def until_it_answers(site, server):
    for _ in range(600):
        try:
            return site.get("/api")
        except httpx.TransportError:
            assert server.poll() is None
            time.sleep(0.2)
    raise AssertionError("JupyterLab did not start")


def test_the_server_opens_text_as_notebooks_and_has_this_pythons_kernel(tmp_path):
    folder = tmp_path / "mine"
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    words = ["lab", folder, "--no-browser", "--ip", "127.0.0.1", "--port", port, "--allow-root"]
    words += ["--IdentityProvider.token=abc", "--ServerApp.port_retries=0"]
    own = {"JUPYTER_CONFIG_DIR": str(tmp_path / "c"), "JUPYTER_DATA_DIR": str(tmp_path / "d")}
    server = subprocess.Popen(
        [sys.executable, "-m", "neuronbasis", *map(str, words)],
        env={**os.environ, **own},
        stderr=subprocess.DEVNULL,
    )
    try:
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}",
            headers={"Authorization": "token abc"},
            timeout=60,
        ) as site:
            until_it_answers(site, server)
            listed = site.get("/api/contents").json()["content"]
            kinds = {each["name"]: each["type"] for each in listed}
            assert kinds[lab.START] == kinds["method.md"] == "notebook"
            plugin = "@jupyterlab/docmanager-extension:plugin"
            found = site.get(f"/lab/api/settings/{plugin}").json()
            assert found["schema"]["properties"]["defaultViewers"]["default"] == lab._VIEWERS
            kernel = site.get("/api/kernelspecs").json()["kernelspecs"]["python3"]["spec"]
            assert kernel["argv"][0] in (sys.executable, "python")
            page = site.get("/", follow_redirects=True)
            assert page.url.path == f"/lab/tree/{lab.START}"
    finally:
        server.terminate()
        server.wait(60)
