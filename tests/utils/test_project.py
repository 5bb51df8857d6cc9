"""The project is told from other books, and found from wherever one stands."""

import subprocess
import sys
from pathlib import Path

import pytest

from neuronbasis import records
from neuronbasis.errors import UserError
from neuronbasis.training._store import kept_store
from neuronbasis.utils import project

BOOK = {
    "_config.yml": "title: Mine\n",
    "_toc.yml": "root: index\n",
    "notebooks/mine.md": "# Mine\n",
}
NAMES = {
    "no name": None,
    "another": '[project]\nname = "mine"\n',
    "damaged": "[project",
    "a list": "project = [3]\n",
    "no text": b"\xff\xfe",
}


@pytest.fixture(params=NAMES)
def book(request, tmp_path, monkeypatch):
    """Another Jupyter Book, with a notebook and records of its own."""
    for name, text in BOOK.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    name = NAMES[request.param]
    if name is not None:
        (tmp_path / "pyproject.toml").write_bytes(
            name if isinstance(name, bytes) else name.encode()
        )
    (tmp_path / "results" / "paper" / "method").mkdir(parents=True)
    (tmp_path / "results" / "networks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    return tmp_path


def test_another_book_is_not_taken_for_the_project(book):
    assert project.root() != book
    assert "autoencoder_alignment" in project.notebooks()
    assert "mine" not in project.notebooks()
    assert records.frozen("method") is not None
    assert not kept_store().folder.is_relative_to(book)


def test_a_notebook_s_ending_may_be_in_capitals(tmp_path):
    (tmp_path / "MINE.MD").write_text("# Mine\n")
    assert project.notebook(str(tmp_path / "MINE.MD")) == (tmp_path / "MINE.MD").resolve()


def test_without_a_checkout_the_package_has_what_is_needed(tmp_path, monkeypatch):
    monkeypatch.setattr(project, "checkout", lambda folder: None)
    monkeypatch.chdir(tmp_path)
    assert project.source() == project.CARRIED
    assert project.notebook("method").parent == project.CARRIED / "notebooks"
    assert records.frozen("method") is not None
    assert kept_store() is None
    with pytest.raises(UserError, match=r"no checkout of neuronbasis here; change to its folder"):
        project.root()


def test_a_project_without_notebooks_says_so(tmp_path, monkeypatch):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "neuronbasis"\n')
    monkeypatch.chdir(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "neuronbasis", "list"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert (
        done.stderr
        == f"error: {tmp_path}/notebooks: no notebooks (.md) there; install the project anew\n"
    )


def test_what_cannot_be_printed_is_told_in_one_line():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "neuronbasis", "list"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 2
    told = "error: cannot write (No space left on device); free space on the disk\n"
    assert done.stderr.startswith(told)
    assert "Traceback" not in done.stderr


def test_a_path_that_is_not_there_is_not_the_projects_notebook_of_that_name(tmp_path):
    assert project.notebook("method.md") == project.notebook("method")
    for ending in ("md", "MD"):
        with pytest.raises(UserError, match=rf"nowhere/method\.{ending}: no such file; pass a not"):
            project.notebook(str(tmp_path / "nowhere" / f"method.{ending}"))
