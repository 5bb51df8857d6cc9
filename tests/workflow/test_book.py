"""The graph from notebooks to a rendered book, on a project of one tiny notebook."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_run import TEXT

from neuronbasis.errors import UserError
from neuronbasis.utils import project
from neuronbasis.workflow import build

ROOT = project.root()
TOC = "format: jb-book\nroot: index.md\nchapters:\n  - file: notebooks/tiny.ipynb\n"
INDEX = "# A book\n\nTwice is {recorded}`tiny:twice:.1f`, of {recorded}`tiny:parameters.count`.\n"


@pytest.fixture
def small_project(tmp_path, monkeypatch):
    for name in ("_config.yml", "pyproject.toml", "Snakefile", "requirements.lock"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "tiny.md").write_text(TEXT)
    (tmp_path / "profiles").mkdir()
    write_profile(tmp_path)
    (tmp_path / "book").mkdir()
    for name in ("_ext", "interactive"):
        (tmp_path / "book" / name).symlink_to(ROOT / "book" / name)
    (tmp_path / "book" / "references.bib").touch()
    (tmp_path / "book" / "_toc.yml").write_text(TOC)
    (tmp_path / "book" / "index.md").write_text(INDEX)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_profile(folder, **parameters):
    run = {"notebook": "tiny", "parameters": parameters}
    (folder / "profiles" / "book.yaml").write_text(json.dumps({"runs": {"tiny": run}}))


def rendered(folder):
    return (folder / "_build" / "html" / "index.html").read_text()


def test_a_book_is_built_and_only_what_is_stale_is_built_again(small_project):
    page = build.build("book")
    assert page == small_project / "_build" / "html" / "index.html"
    assert "Twice is <span" in rendered(small_project)
    assert ">6.0</span>" in rendered(small_project)
    made = page.stat().st_mtime_ns
    build.build("book")
    assert page.stat().st_mtime_ns == made

    shutil.rmtree(small_project / "_build")
    assert build.build("book").is_file()

    write_profile(small_project, count=5)  # a parameter changes: the quoted number follows
    build.build("book")
    assert ">10.0</span>" in rendered(small_project)


def test_a_fault_on_a_page_or_in_a_run_leaves_the_earlier_book(small_project, capfd):
    build.build("book")
    (small_project / "book" / "index.md").write_text("# A\n\n{recorded}`tiny:nothing`\n")
    for _ in range(2):  # the second time too: a warning is not forgotten
        with pytest.raises(UserError, match="a job failed, its message stands above"):
            build.build("book")
        assert "no recorded value 'tiny:nothing'" in capfd.readouterr().err
    assert ">6.0</span>" in rendered(small_project)

    (small_project / "book" / "index.md").write_text(INDEX)
    write_profile(small_project, mode="mistake")
    with pytest.raises(UserError, match="a job failed, its message stands above"):
        build.build("book")
    assert "error: count is odd; it must be even: add one" in capfd.readouterr().err
    assert ">6.0</span>" in rendered(small_project)
    kept = json.loads((small_project / "build" / "book" / "tiny" / "record.json").read_text())
    assert kept["parameters"]["mode"] == "good"


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_a_killed_build_goes_on_where_it_was(small_project, sent):
    write_profile(small_project, mode="sleep")
    job = subprocess.Popen(
        [sys.executable, "-m", "neuronbasis", "book"],
        cwd=small_project,
        start_new_session=True,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    while not list(small_project.glob("build/book/.tiny.partial-*/started")):
        assert job.poll() is None
        time.sleep(0.05)
    with pytest.raises(UserError, match="another build is under way"):
        build.build("book")
    os.killpg(job.pid, sent)
    assert job.wait() != 0
    assert not Path("build/book/tiny/record.json").exists()
    write_profile(small_project)
    build.build("book")
    assert ">6.0</span>" in rendered(small_project)
    assert os.listdir("build/book") == ["tiny"]


def test_a_book_is_the_same_in_every_shell(small_project, monkeypatch):
    """Also in one that speaks ASCII alone and has options for every workflow of Snakemake."""
    (small_project / "book" / "index.md").write_text(f"{INDEX}\nCafé – ε.\n", encoding="utf-8")
    (small_project / "book" / "_toc.yml").write_text(f"# Café\n{TOC}", encoding="utf-8")
    (small_project / "mine").mkdir()
    (small_project / "mine" / "config.yaml").write_text("dry-run: true\n")
    for name, value in {
        "SNAKEMAKE_PROFILE": small_project / "mine",
        "MPLBACKEND": "none that there is",
        "LC_ALL": "C",
        "PYTHONUTF8": 0,
        "PYTHONCOERCECLOCALE": 0,
        "PYTHONWARNINGS": "error",
    }.items():
        monkeypatch.setenv(name, str(value))
    build.build("book")
    assert "Café – ε." in (small_project / build.PAGE).read_text(encoding="utf-8")
