"""Provenance names the commit of the library that computed, or none."""

import os
import subprocess
from pathlib import Path

import pytest

from neuronbasis.utils import project
from neuronbasis.workflow import run

AS = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "protocol.file.allow=always"]


def git(folder, *words):
    command = ["git", "-C", str(folder), *AS, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def repository(folder):
    """A checkout of a project of this name, in a repository of its own."""
    package = folder / "lib" / "neuronbasis"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (folder / "notebooks").mkdir()
    (folder / "notebooks" / "one.md").touch()
    (folder / "pyproject.toml").write_text('[project]\nname = "neuronbasis"\n')
    (folder / ".gitignore").write_text(".venv/\n")
    git(folder.parent, "init", "-q", str(folder))
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", f"the first of {folder.name}")
    return folder


@pytest.fixture
def computes(monkeypatch):
    """Say which library computes and where one stands; what is the commit then?"""

    def commit(package, here):
        monkeypatch.setattr(project, "PACKAGE", Path(package).resolve())
        monkeypatch.chdir(here)
        return run._commit()

    return commit


@pytest.fixture
def mine(tmp_path):
    return repository(tmp_path / "mine")


def test_a_checkout_names_its_commit_from_wherever_one_stands(mine, tmp_path, computes):
    head = git(mine, "rev-parse", "HEAD")
    for here in (mine, mine / "notebooks", tmp_path):
        assert computes(mine / "lib" / "neuronbasis", here) == head


def test_a_library_of_another_checkout_is_not_the_one_one_stands_in(mine, tmp_path, computes):
    other = repository(tmp_path / "other")
    assert computes(other / "lib" / "neuronbasis", mine) is None


def test_an_installed_library_has_no_commit(mine, tmp_path, computes):
    for folder in (mine / ".venv", tmp_path / "venv"):
        package = folder / "lib" / "python3" / "site-packages" / "neuronbasis"
        package.mkdir(parents=True)
        assert computes(package, mine) is None


def test_worktrees_have_commits_of_their_own(mine, tmp_path, computes):
    tree = tmp_path / "tree"
    git(mine, "worktree", "add", "-q", str(tree))
    package = tree / "lib" / "neuronbasis"
    assert computes(package, mine) == computes(package, tree) == git(mine, "rev-parse", "HEAD")
    git(tree, "commit", "-qm", "further", "--allow-empty")
    assert computes(package, tree) == git(tree, "rev-parse", "HEAD")
    assert computes(package, mine) is None


def test_a_submodule_has_its_own_commit(mine, tmp_path, computes):
    around = repository(tmp_path / "around")
    git(around, "submodule", "--quiet", "add", str(mine), "part")
    git(around, "commit", "-qm", "with a part")
    package = around / "part" / "lib" / "neuronbasis"
    assert computes(package, around / "part") == git(mine, "rev-parse", "HEAD")


def test_a_project_unpacked_in_another_repository_has_none(mine, tmp_path, computes):
    around = repository(tmp_path / "around")
    inside = around / "mine"
    mine.rename(inside)
    (inside / ".git").rename(tmp_path / "aside")
    assert computes(inside / "lib" / "neuronbasis", inside) is None


@pytest.mark.parametrize("change", ["a tracked file", "a new file"])
def test_changes_are_marked_whatever_the_users_settings_hide(mine, computes, change):
    git(mine, "config", "status.showUntrackedFiles", "no")
    (
        mine / "lib" / "neuronbasis" / ("__init__.py" if "tracked" in change else "new.py")
    ).write_text("x = 1\n")
    head = git(mine, "rev-parse", "HEAD")
    assert computes(mine / "lib" / "neuronbasis", mine) == f"{head}+changes"


def test_a_state_that_git_cannot_tell_is_not_called_clean(mine, computes):
    (mine / ".git" / "index").write_bytes(b"damaged")
    assert computes(mine / "lib" / "neuronbasis", mine) is None


def test_the_environment_of_another_repositorys_hook_counts_for_nothing(
    mine, tmp_path, computes, monkeypatch
):
    other = repository(tmp_path / "other")
    head = git(mine, "rev-parse", "HEAD")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    assert computes(mine / "lib" / "neuronbasis", mine) == head


def test_a_folder_whose_name_is_no_text(tmp_path, computes):
    home = repository(Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")))
    assert len(computes(home / "lib" / "neuronbasis", home)) == 40
