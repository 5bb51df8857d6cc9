"""Where things stand in the library: floors, doors and names."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

import neuronbasis
from neuronbasis.utils import project

ROOT = project.root()
LIBRARY = ROOT / "lib" / "neuronbasis"
FILES = sorted(LIBRARY.rglob("*.py"))
DOORS = sorted(
    path.parent.name
    for path in LIBRARY.glob("*/__init__.py")
    if any(
        each.name.startswith("_") and each.name != "__init__.py"
        for each in path.parent.glob("*.py")
    )
)


def linted(folder):
    """What import-linter says of a copy of the library."""
    environment = {"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin", "NO_COLOR": "1"}
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(LIBRARY, tmp_path / "neuronbasis", ignore=shutil.ignore_patterns("*pycache*"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_floors_hold(copy):
    said = linted(copy)
    assert said.returncode == 0, said.stdout + said.stderr


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("utils/seeds.py", "from neuronbasis.basis import Basis"),  # upward
        ("spotlight/_null.py", "from neuronbasis import decomposition"),  # a neighbour
        ("spotlight/_null.py", "import neuronbasis.figures.style"),
    ],
)
def test_a_forbidden_import_is_told(copy, file, line):
    path = copy / "neuronbasis" / file
    path.write_text(path.read_text() + f"\n{line}\n")
    said = linted(copy)
    assert said.returncode == 1
    assert "arrows point down BROKEN" in said.stdout


def imports(path):
    """Modules of the library that a file imports, and names taken from them."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("neuronbasis"):
            for each in node.names:
                yield f"{node.module}.{each.name}"
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name.startswith("neuronbasis."))


def test_only_the_door_is_imported_from_outside():
    wrong = []
    for path in FILES:
        home = path.relative_to(LIBRARY).parts[0]
        for name in imports(path):
            _, package, *inner = name.split(".")
            if package in DOORS and package != home and any(part[0] == "_" for part in inner):
                wrong.append(f"{path.relative_to(LIBRARY)}: {name}")
    assert wrong == []


def test_notebooks_know_doors_only():
    wrong = [
        f"{name}: {line}"
        for name, path in project.notebooks().items()
        for line in path.read_text().splitlines()
        if line.startswith("from neuronbasis") and ("._" in line or "import _" in line)
    ]
    assert wrong == []


@pytest.mark.parametrize("door", DOORS)
def test_a_door_states_its_names(door):
    module = import_module(f"neuronbasis.{door}")
    assert len(module.__all__) == len(set(module.__all__))
    for name in module.__all__:
        found = getattr(module, name)
        if callable(found) and getattr(found, "__module__", "").startswith("neuronbasis"):
            assert found.__module__.startswith(f"neuronbasis.{door}."), name
            assert found.__doc__, name


def test_the_library_says_what_there_is():
    there = {path.name for path in LIBRARY.iterdir() if (path / "__init__.py").exists()}
    there |= {path.stem for path in LIBRARY.glob("*.py") if not path.stem.startswith("__")}
    assert set(neuronbasis.__all__) == there
    said = [line.split()[0] for line in neuronbasis.__doc__.splitlines() if "   " in line]
    assert sorted(said) == sorted(there)
    assert all(import_module(f"neuronbasis.{name}") is getattr(neuronbasis, name) for name in there)


def test_files_and_functions_are_short():
    long = []
    for path in FILES:
        text = path.read_text()
        if len(text.splitlines()) > 400:
            long.append(path.name)
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                doc = node.body[0] if ast.get_docstring(node) is not None else node
                start = doc.end_lineno if doc is not node else node.lineno
                if node.end_lineno - start > 60:
                    long.append(f"{path.name}:{node.name}")
    assert long == []


def test_the_top_listing_is_short():
    files = list(LIBRARY.glob("*.py"))
    folders = [path for path in LIBRARY.iterdir() if (path / "__init__.py").exists()]
    assert len(files) <= 8
    assert len(folders) <= 16


def test_import_linter_names_every_floor():
    content = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (contract,) = content["contracts"]
    floors = {name.strip() for floor in contract["layers"] for name in floor.split("|")}
    assert floors == set(neuronbasis.__all__)


def test_what_contributors_are_told_is_there():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    told = re.findall(r"^\| [^|]+\? \| `([a-z_]+)\.(\w+)` \|$", text, re.M)
    assert len(told) >= 33
    for module, name in told:
        assert hasattr(import_module(f"neuronbasis.{module}"), name), f"{module}.{name}"
        assert name in getattr(import_module(f"neuronbasis.{module}"), "__all__", [name])
