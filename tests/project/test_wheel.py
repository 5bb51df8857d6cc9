"""The package installed from a wheel, away from any checkout."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import numpy as np
import pytest

from neuronbasis.utils import project

ROOT = project.root()
pytest.importorskip("setuptools", minversion="77", reason="builds the wheel without a download")


def said(*words, **more):
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def pip(*words, **more):
    return said(sys.executable, "-m", "pip", *words, "--no-deps", "--no-index", **more)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from an sdist, so that what either leaves out is missed."""
    place = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, place)
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", ".ipynb_checkpoints")
    for name in ("lib", "notebooks", "profiles", "results/paper"):
        shutil.copytree(ROOT / name, place / name, symlinks=True, ignore=ignored)
    build = "from setuptools import build_meta as b; b.build_sdist('dist')"
    said(sys.executable, "-c", build, cwd=place)
    (sdist,) = (place / "dist").iterdir()
    pip("wheel", "--no-build-isolation", "--wheel-dir", place / "wheels", sdist)
    (found,) = (place / "wheels").iterdir()
    return found


@pytest.fixture(scope="module")
def away(wheel, tmp_path_factory):
    """A command that runs the installed package in a folder, which sees no checkout."""
    home = tmp_path_factory.mktemp("away")
    venv.create(home / "venv", symlinks=True)
    pip("--python", home / "venv" / "bin" / "python", "install", wheel)
    (packages,) = (home / "venv" / "lib").glob("python*/site-packages")
    (packages / "others.pth").write_text(sysconfig.get_path("purelib"))  # what it depends on
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(folder, *words):
        command = home / "venv" / "bin" / "neuronbasis"
        return subprocess.run(
            [command, *map(str, words)],
            cwd=folder,
            capture_output=True,
            text=True,
            env=kept | {"HOME": str(home)},
        )

    return run


def test_the_package_is_the_installed_one_and_lists_its_notebooks(away, tmp_path):
    done = away(tmp_path, "list")
    assert done.returncode == 0, done.stderr
    names = {line.split(":")[0] for line in done.stdout.splitlines() if line[:1] != " "}
    assert names == project.notebooks().keys()
    assert "venv" in done.stderr  # it says where the notebooks lie
    assert os.listdir(tmp_path) == []


def test_a_report_on_a_file_of_ones_own(away, tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "acts.npy", np.eye(6)[rng.integers(0, 6, 400)] + 0.1 * rng.normal(size=6))
    done = away(tmp_path, "report", "acts.npy", "-p", "rotations=19", "-p", "epsilon=0.8")
    assert done.returncode == 0, done.stderr
    assert "raw: aligned" in done.stdout
    assert done.stderr.splitlines()[-1] == f"the report: {tmp_path}/acts.report/report.html"
    assert (
        "400 activations in 6 dimensions" in (tmp_path / "acts.report" / "report.html").read_text()
    )


def test_a_run_leaves_its_result_in_the_callers_folder(away, tmp_path):
    words = ["-p", "n=3", "-p", "samples=100", "-p", "seeds=2", "-p", "rotations=19"]
    done = away(tmp_path, "run", "method", *words)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1].endswith(f"{tmp_path}/method.run")
    assert os.listdir(tmp_path) == ["method.run"]
    about = json.loads((tmp_path / "method.run" / "provenance.json").read_text())
    assert about["commit"] is None
    assert about["command"].startswith("neuronbasis run method -p n=3")


def test_a_chapter_finds_the_frozen_records_that_it_draws(away, tmp_path):
    words = ["-p", "layers=conv2, fc3", "-p", "images=60", "-p", "width=3", "-p", "seeds=2"]
    done = away(tmp_path, "run", "completeness", *words)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words", [["book"], ["networks"], ["sweep", "a", "method", "-p", "n=3,4"]])
def test_what_needs_a_checkout_says_so(away, tmp_path, words):
    done = away(tmp_path, *words)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {tmp_path}: no checkout of neuronbasis here; change to")
    assert len(done.stderr.splitlines()) == 1
    assert os.listdir(tmp_path) == []


def test_the_wheel_holds_the_notebooks_and_no_networks_but_the_small_one(wheel):
    done = said(sys.executable, "-m", "zipfile", "-l", wheel)
    names = {line.split()[0] for line in done.stdout.splitlines()[1:]}
    carried = {name.removeprefix("neuronbasis/carried/") for name in names if "/carried/" in name}
    wanted = [*ROOT.glob("notebooks/*.md"), *ROOT.glob("profiles/*.yaml")]
    wanted += [path for path in (ROOT / "results" / "paper").rglob("*") if path.is_file()]
    assert carried == {path.relative_to(ROOT).as_posix() for path in wanted}
    model = (ROOT / "lib" / "neuronbasis" / "networks" / "stories260k").iterdir()
    assert {f"neuronbasis/networks/stories260k/{path.name}" for path in model} <= names
    assert Path(wheel).stat().st_size < 10_000_000
