"""What stands twice in the project says the same twice."""

import json
import re
import subprocess
import sys
import tomllib

import pytest
import yaml

from neuronbasis import records
from neuronbasis.errors import UserError
from neuronbasis.utils import project
from neuronbasis.workflow import build, run

ROOT = project.root()


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lines):
    found = (re.fullmatch(r"([A-Za-z0-9._-]+)==(\S+)", line.strip()) for line in lines)
    return {canonical(match[1]): match[2] for match in found if match}


@pytest.fixture(scope="module")
def lock():
    return pins((ROOT / "requirements.lock").read_text().splitlines())


@pytest.fixture(scope="module")
def direct():
    content = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = content["optional-dependencies"]
    wanted = [*content["dependencies"], *extras["book"], *extras["dev"]]
    return {canonical(re.match(r"[A-Za-z0-9._-]+", each)[0]) for each in wanted}


def test_every_direct_dependency_is_locked(lock, direct):
    assert direct - lock.keys() == set()


def test_environment_yml_is_in_step_with_the_lock(lock, direct):
    content = yaml.safe_load((ROOT / "environment.yml").read_text())
    (pip,) = (each["pip"] for each in content["dependencies"] if isinstance(each, dict))
    named = pins(pip)
    assert named.keys() == direct
    assert named == {name: lock[name] for name in direct}


def test_the_lock_names_versions_only(lock):
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    assert len([line for line in lines if not line.startswith("#")]) == len(lock)
    assert (lock["torch"], lock["torchvision"]) == ("2.14.1", "0.29.1")


def test_the_installed_versions_are_the_locked_ones(lock, direct):
    from importlib.metadata import version

    assert {name: version(name) for name in direct} == {name: lock[name] for name in direct}


@pytest.mark.parametrize("profile", ["book", "paper", "tiny"])
def test_a_profile_makes_every_computed_page_of_the_book(profile):
    runs = build.runs(profile)
    toc = (ROOT / "book" / "_toc.yml").read_text()
    assert set(re.findall(r"notebooks/(\w+)\.ipynb", toc)) <= set(runs)


@pytest.mark.parametrize("name", project.notebooks())
def test_a_notebook_declares_its_parameters_with_help(name):
    declared = records.declared(run.source(name), name)
    assert declared
    assert [each.name for each in declared if not each.help] == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("runs: 3", "write runs: with notebook: and parameters: for each"),
        ("runs: {a: {notebook: 3}}", "no notebook '3': there are "),
        ("runs: {a: null}", "write runs: with notebook: and parameters: for each"),
        ("runs: {a: {notebook: method, parameters: 3}}", "write runs: with notebook: and"),
        ("runs: {a: {notebook: method, parameters: {3: 4}}}", "has no parameter '3'"),
        ("runs: {3: {notebook: method}}", r"run 3; it must be text of at most 100 letters"),
        ("runs: {../a: {notebook: method}}", r"run '../a'; it must be text of at most 100"),
        (f"runs: {{{'x' * 101}: {{notebook: method}}}}", r"run 'x+'; it must be text of"),
        ("runs: {a: {notebook: method}, a: {notebook: errata}}", "'a' stands there twice; give"),
        ("runs: {a: {notebook: method, parameters: {n: 3, n: 4}}}", "'n' stands there twice; g"),
        (b"\xff\xfe", "write runs: with notebook: and parameters: for each"),
        ("{", "write runs: with notebook: and parameters: for each"),
        ("runs: {a: {notebook: nothing}}", "no notebook 'nothing': there are "),
        (
            "runs: {a: {notebook: autoencoder_alignment, parameters: {epsilon: 2}}}",
            r"epsilon is 2; it must be a number in \(0, 1\]",
        ),
    ],
)
def test_a_faulty_profile_is_refused(tmp_path, monkeypatch, content, message):
    for name in ("notebooks", "pyproject.toml"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "profiles").mkdir()
    content = content if isinstance(content, bytes) else content.encode()
    (tmp_path / "profiles" / "mine.yaml").write_bytes(content)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message):
        build.runs("mine")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "nothing"], "error: no notebook 'nothing': there are "),
        (
            ["run", "autoencoder_alignment", "-p", "epoch=3"],
            "error: notebook autoencoder_alignment has no parameter 'epoch'",
        ),
        (
            ["run", "autoencoder_alignment", "-p", "epsilon=0"],
            "error: epsilon is '0'; it must be a number in (0, 1]",
        ),
        (
            ["run", "autoencoder_alignment", "-p", "epsilon"],
            "error: parameter 'epsilon': write name=value",
        ),
        (
            ["run", "autoencoder_alignment", "-p", "n=3", "-p", "n=4"],
            "error: parameter 'n' is given twice",
        ),
        (["run", "autoencoder_alignment", "-p", "dataset=nothing"], "error: no dataset"),
        (
            ["run", "autoencoder_alignment", "--out", "/proc/nowhere"],
            "error: /proc/nowhere: cannot write there",
        ),
        (
            ["book", "--profile", "boook"],
            "error: no profile 'boook': did you mean book? There are book, paper, tiny",
        ),
    ],
)
def test_a_mistake_on_the_command_line_is_one_line(words, message):
    done = subprocess.run(
        [sys.executable, "-m", "neuronbasis", *words], capture_output=True, text=True, cwd=ROOT
    )
    lines = [line for line in done.stderr.splitlines() if not line.startswith("running ")]
    assert done.returncode == 2
    assert len(lines) == 1
    assert lines[0].startswith(message)


def test_list_shows_every_parameter():
    done = subprocess.run(
        [sys.executable, "-m", "neuronbasis", "list"], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0
    assert "autoencoder_alignment: The alignment of an autoencoder" in done.stdout
    assert (
        "  epsilon: float = 0.9  cosine of the spotlight's opening angle (in (0, 1])" in done.stdout
    )


FROZEN = sorted(path.parent for path in (ROOT / "results" / "paper").glob("*/record.json"))


@pytest.mark.parametrize("folder", FROZEN, ids=[folder.name for folder in FROZEN])
def test_a_frozen_record_is_that_of_its_profile(folder):
    asked = build.runs("paper")[folder.name]
    declared = records.declared(run.source(asked["notebook"]), asked["notebook"])
    wanted = records.validated(declared, asked.get("parameters", {}), asked["notebook"])
    left = records.read(folder)
    assert left["parameters"] == wanted
    kept = [path.name.split(".nc") for path in folder.iterdir() if path.suffix != ".json"]
    assert left["curves"] == sorted(name for name, _ in kept)
    assert {suffix for _, suffix in kept} <= {"", ".gz"}
    about = json.loads((folder / "provenance.json").read_text())
    assert about["command"] == run.command(asked["notebook"], wanted)
