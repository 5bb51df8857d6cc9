"""The runner, on notebooks so small that the kernel's start is most of the time."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jupytext
import nbformat
import papermill
import pytest

from neuronbasis import records
from neuronbasis.errors import UserError
from neuronbasis.workflow import run

TEXT = """\
---
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

# A tiny notebook

```{code-cell}
:tags: [parameters]

count: int = 3  # how many, in [1, 10]
mode: str = "good"  # one of good, mistake, fault, sleep, silent
```

```{code-cell}
import os
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr

from neuronbasis.errors import UserError
from neuronbasis.figures import style
from neuronbasis.records import Record

print(np.random.default_rng(0).normal(), {"a", "b"})
```

```{code-cell}
figure, axes = plt.subplots()
axes.plot(range(count))
style.show(figure, name="a-line", alt=f"A line through {count} points.", caption="A line.")
```

```{code-cell}
if mode == "mistake":
    raise UserError("count is odd; it must be even: add one")
if mode == "fault":
    raise ZeroDivisionError("a fault of the notebook")
if mode == "sleep":
    started = Path(os.environ["NEURONBASIS_RECORD"]).with_name("started")
    started.touch()
    while started.exists():  # until whoever killed the run clears up
        time.sleep(0.05)
```

```{code-cell}
record = Record("tiny", globals())
record.value("twice", 2 * count)
record.curves("line", xr.Dataset({"y": ("x", np.arange(count) / 2)}))
if mode != "silent":
    record.write()
```
"""


@pytest.fixture
def tiny(tmp_path):
    path = tmp_path / "tiny.md"
    path.write_text(TEXT)
    return path


def command(*words):
    return [sys.executable, "-m", "neuronbasis", "run", *map(str, words)]


def test_a_run_leaves_notebook_record_curves_and_provenance(tiny, tmp_path):
    folder = run.run(str(tiny), {"count": "4"}, tmp_path / "out")
    assert sorted(os.listdir(folder)) == ["line.nc", "provenance.json", "record.json", "tiny.ipynb"]
    assert records.read(folder)["values"] == {"twice": 8}
    assert records.read(folder)["parameters"] == {"count": 4, "mode": "good"}
    provenance = json.loads((folder / "provenance.json").read_text())
    assert provenance["command"] == f"neuronbasis run {tiny} -p count=4 -p mode=good"
    assert provenance["versions"]["numpy"]
    assert sorted(os.listdir(tmp_path)) == ["out", "tiny.md"]


def test_the_figure_carries_its_alt_text_and_caption(tiny, tmp_path):
    folder = run.run(str(tiny), out=tmp_path / "out")
    notebook = nbformat.read(folder / "tiny.ipynb", as_version=4)
    nbformat.validate(notebook)
    (settings,) = [c.metadata["mystnb"] for c in notebook.cells if "mystnb" in c.metadata]
    assert settings["image"]["alt"] == "A line through 3 points."
    assert settings["figure"] == {"caption": "A line.", "name": "a-line"}


def test_a_rerun_gives_the_same_bytes(tiny, tmp_path):
    one, two = (run.run(str(tiny), {"count": 5}, tmp_path / name) for name in ("one", "two"))
    for file in ("tiny.ipynb", "record.json", "line.nc"):
        assert (one / file).read_bytes() == (two / file).read_bytes()
    assert str(tmp_path) not in (one / "tiny.ipynb").read_text()


def test_a_users_mistake_in_the_notebook_is_one_line_and_the_old_result_stays(tiny, tmp_path):
    run.run(str(tiny), out=tmp_path / "out")
    with pytest.raises(UserError) as refused:
        run.run(str(tiny), {"mode": "mistake"}, tmp_path / "out")
    assert str(refused.value) == "count is odd; it must be even: add one"
    assert records.read(tmp_path / "out")["values"] == {"twice": 6}


def test_a_fault_of_the_notebook_keeps_it_to_look_at(tiny, tmp_path):
    with pytest.raises(run.NotebookError, match="a fault of the notebook") as failed:
        run.run(str(tiny), {"mode": "fault"}, tmp_path / "out")
    kept = tmp_path / "out.failed.ipynb"
    assert str(failed.value).endswith(f"The notebook as far as it came: {kept}")
    assert "ZeroDivisionError" in kept.read_text()
    assert not (tmp_path / "out").exists()


def test_a_run_without_a_record_is_refused(tiny, tmp_path):
    with pytest.raises(UserError, match="no record there"):
        run.run(str(tiny), {"mode": "silent"}, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_run_past_its_limit_is_given_up(tiny, tmp_path):
    with pytest.raises(UserError, match="ran past its limit of 4 s"):
        run.run(str(tiny), {"mode": "sleep"}, tmp_path / "out", time_limit=4)
    assert os.listdir(tmp_path) == ["tiny.md"]


def test_wrong_parameters_are_refused_before_a_kernel_starts(tiny, tmp_path):
    with pytest.raises(UserError, match=r"count is 11; it must be a whole number in \[1, 10\]"):
        run.run(str(tiny), {"count": 11}, tmp_path / "out")
    assert os.listdir(tmp_path) == ["tiny.md"]


@pytest.mark.parametrize(
    ("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -9)]
)
def test_a_killed_run_leaves_the_earlier_result(tiny, tmp_path, sent, status):
    out = tmp_path / "out"
    run.run(str(tiny), out=out)
    job = subprocess.Popen(command(tiny, "-p", "mode=sleep", "--out", out), stderr=subprocess.PIPE)
    while not (started := list(tmp_path.glob(".out.partial-*/started"))):
        assert job.poll() is None
        time.sleep(0.05)
    job.send_signal(sent)
    errors = job.communicate()[1].decode()
    assert job.returncode == status
    assert "Traceback" not in errors
    assert records.read(out)["values"] == {"twice": 6}
    if sent != signal.SIGKILL:
        assert errors.splitlines()[-1].startswith("interrupted: nothing half-done is left")
        assert not started[0].parent.exists()
    run.run(str(tiny), {"count": 2}, out)
    assert records.read(out)["values"] == {"twice": 4}
    assert sorted(os.listdir(tmp_path)) == ["out", "tiny.md"]


def test_runs_side_by_side_do_not_meet(tiny, tmp_path):
    jobs = [
        subprocess.Popen(
            command(tiny, "-p", f"count={n}", "--out", tmp_path / f"{n}"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for n in range(1, 5)
    ]
    for n, job in enumerate(jobs, start=1):
        assert job.wait() == 0
        assert records.read(tmp_path / f"{n}")["values"] == {"twice": 2 * n}


def test_bare_papermill_runs_the_same_notebook(tiny, tmp_path, monkeypatch):
    monkeypatch.delenv(records.FOLDER_VARIABLE, raising=False)
    path = tmp_path / "tiny.ipynb"
    jupytext.write(jupytext.read(tiny, fmt="md:myst"), path)
    papermill.execute_notebook(
        path, tmp_path / "done.ipynb", {"count": 7}, cwd=tmp_path, progress_bar=False
    )
    assert records.read(tmp_path / "tiny.record")["values"] == {"twice": 14}


@pytest.mark.parametrize("line", ["{", "{count}"])
def test_braces_in_a_path_are_no_template(tiny, tmp_path, line):
    folder = run.run(str(tiny), out=tmp_path / line / "out")
    assert Path(folder, "record.json").is_file()


@pytest.mark.parametrize("name", ["input", "output", "record", "-", "ä %s {x} 'b'", "x" * 240])
def test_a_notebook_may_have_any_name(tmp_path, monkeypatch, name):
    (tmp_path / f"{name}.md").write_text(TEXT)
    monkeypatch.chdir(tmp_path)
    folder = run.run(f"{name}.md", out="out")
    assert f"{name}.ipynb" in os.listdir(folder)
    assert records.read(folder)["values"] == {"twice": 6}


def test_a_name_that_leaves_no_room_for_its_result_is_told(tmp_path):
    (tmp_path / f"{'x' * 252}.md").write_text(TEXT)
    with pytest.raises(UserError, match=r"cannot write there \(File name too long\)"):
        run.run(str(tmp_path / f"{'x' * 252}.md"), out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["other things", "file", "root", "working folder"])
def test_what_is_no_earlier_result_is_never_replaced(tiny, tmp_path, monkeypatch, kind):
    target = tmp_path / "thesis"
    if kind == "file":
        target.write_text("mine")
    else:
        target.mkdir()
        (target / "chapter.tex").write_text("mine")
    monkeypatch.chdir(target if kind == "working folder" else tmp_path)
    out = {"root": Path("/"), "working folder": Path()}.get(kind, target)
    with pytest.raises(UserError, match="exists and holds no earlier result; choose another"):
        run.run(str(tiny), out=out)
    assert (target if kind == "file" else target / "chapter.tex").read_text() == "mine"


def test_a_relative_path_is_the_users(tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = TEXT.replace("print(np.random", 'assert Path("mine.txt").exists()\nprint(np.random')
    tiny.write_text(text)
    (tmp_path / "mine.txt").touch()
    assert run.run("tiny.md", out="out") == tmp_path / "out"


@pytest.mark.parametrize("limit", [0, -1, float("nan"), float("inf")])
def test_a_time_limit_is_a_number_of_seconds(tiny, tmp_path, limit):
    with pytest.raises(
        UserError, match=r"time limit is .*; it must be a number of seconds above 0"
    ):
        run.run(str(tiny), out=tmp_path / "out", time_limit=limit)


def test_a_kernel_that_dies_is_told(tiny, tmp_path):
    tiny.write_text(
        TEXT.replace('raise ZeroDivisionError("a fault of the notebook")', "os._exit(1)")
    )
    with pytest.raises(run.NotebookError, match="its kernel died"):
        run.run(str(tiny), {"mode": "fault"}, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_kernel_of_the_users_does_not_compute(tiny, tmp_path, monkeypatch):
    spec = tmp_path / "jupyter" / "kernels" / "python3"
    spec.mkdir(parents=True)
    other = {"argv": ["/bin/false"], "display_name": "Mine", "language": "python"}
    (spec / "kernel.json").write_text(json.dumps(other))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    folder = run.run(str(tiny), out=tmp_path / "out")
    assert records.read(folder)["values"]
    assert os.environ["JUPYTER_PATH"] == str(tmp_path / "jupyter")


def test_a_notebook_of_ones_own_leaves_its_result_beside_it(tiny, tmp_path, monkeypatch):
    """Not in the folder that the project's notebook of the same name has."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    mine = tiny.rename(tmp_path / "mine" / "method.md")
    folder = run.run("mine/method.md")
    assert folder == mine.with_suffix(".run")
    assert records.read(folder)["values"] == {"twice": 6}


def test_startup_files_of_the_users_change_no_number(tiny, tmp_path, monkeypatch):
    startup = tmp_path / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    text = "from neuronbasis import records\nrecords.Record.value = lambda *_: None\n"
    (startup / "00.py").write_text(text)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    assert records.read(run.run(str(tiny), out=tmp_path / "out"))["values"] == {"twice": 6}


def test_a_link_to_a_folder_stays_and_what_it_leads_to_is_replaced(tiny, tmp_path):
    real, link = tmp_path / "real", tmp_path / "link"
    real.mkdir()
    link.symlink_to(real)
    for count in (4, 5):
        run.run(str(tiny), {"count": count}, link)
        assert link.is_symlink()
        assert records.read(real)["values"] == {"twice": 2 * count}
    assert sorted(os.listdir(tmp_path)) == ["link", "real", "tiny.md"]


def test_a_folder_for_temporary_files_may_have_a_long_name(tiny, tmp_path, monkeypatch):
    long = tmp_path / ("scratch" * 16)
    long.mkdir()
    monkeypatch.setattr(run.tempfile, "tempdir", str(long))
    assert records.read(run.run(str(tiny), out=tmp_path / "out"))["values"] == {"twice": 6}


def test_what_a_shell_sets_changes_no_byte(tiny, tmp_path, monkeypatch):
    """Neither a person's startup file, their look of figures, nor what a warning is to them."""
    begins = "style.use()\nimport warnings\nwarnings.warn('old', ImportWarning)\nprint(np.random"
    tiny.write_text(TEXT.replace("print(np.random", begins))
    plain = run.run(str(tiny), out=tmp_path / "plain")
    (tmp_path / "startup.py").write_text(
        "from neuronbasis import records\nrecords.Record.value = lambda *_: None\n"
    )
    (tmp_path / "matplotlibrc").write_text("axes.facecolor: red\nfigure.figsize: 2, 2\n")
    for name, value in {
        "PYTHONSTARTUP": tmp_path / "startup.py",
        "PYTHONWARNINGS": "error",
        "MPLBACKEND": "none that there is",
        "MATPLOTLIBRC": tmp_path / "matplotlibrc",
        "OMP_NUM_THREADS": "many",
        "NUMBA_NUM_THREADS": "many",
    }.items():
        monkeypatch.setenv(name, str(value))
    set_otherwise = run.run(str(tiny), out=tmp_path / "set otherwise")
    for file in ("tiny.ipynb", "record.json", "line.nc"):
        assert (plain / file).read_bytes() == (set_otherwise / file).read_bytes()
