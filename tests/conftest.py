"""What all tests share: the folder of real data, and a store and cache that are not the user's."""

import os
import signal

# Where Ctrl-C is ignored, as in a job in the background, child processes would ignore it as well.
signal.signal(signal.SIGINT, signal.default_int_handler)

# One thread a test process: several stand side by side, and tiny networks are slower on more.
for _name in ("OMP", "MKL", "OPENBLAS", "NUMBA"):
    os.environ.setdefault(f"{_name}_NUM_THREADS", "1")

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How long a busy machine takes is no fault of what is tested.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

FOLDER, REQUIRED = "NEURONBASIS_DATA", "NEURONBASIS_REQUIRE_DATA"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test writes into the caches of the person who runs it."""
    monkeypatch.setenv("NEURONBASIS_STORE", str(tmp_path_factory.getbasetemp() / "store"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


def _missing(reason: str) -> None:
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{reason}, and {REQUIRED}=1 asks for it")
    pytest.skip(reason)


@pytest.fixture
def data_folder() -> Path:
    """The folder that NEURONBASIS_DATA names; the test is skipped where it names none."""
    named = os.environ.get(FOLDER)
    if not named or not Path(named).is_dir():
        _missing(f"{FOLDER} names no data folder (it is {named!r})")
    return Path(str(named))


@pytest.fixture
def data_file(data_folder: Path) -> Callable[[str], Path]:
    """A function from a file's name to its path; the test is skipped where there is none."""

    def find(name: str) -> Path:
        if not (data_folder / name).exists():
            _missing(f"{data_folder} has no {name}")
        return data_folder / name

    return find
