"""What a change of a file of the library makes stale."""

import json
import re
import subprocess
import sys

import pytest

from neuronbasis.utils import project
from neuronbasis.workflow.needs import LIBRARY, needs

NOTEBOOKS = project.notebooks()


@pytest.fixture(scope="module")
def used():
    return {
        name: {path.relative_to(LIBRARY).as_posix() for path in needs(file)}
        for name, file in NOTEBOOKS.items()
    }


def stale(used, file):
    assert (LIBRARY / file).is_file()
    return {name for name, files in used.items() if file in files}


def write(folder, code):
    file = folder / "example.md"
    file.write_text(f"# Text\n\n```{{code-cell}}\n:tags: [parameters]\n\n{code}\n```\n")
    return {path.relative_to(LIBRARY).as_posix() for path in needs(file)}


def test_a_file_makes_few_notebooks_stale(used):
    files = [path.relative_to(LIBRARY).as_posix() for path in LIBRARY.rglob("*.py")]
    counts = [sum(file in each for each in used.values()) for file in files]
    print({name: len(each) for name, each in used.items()})
    assert sum(counts) / len(files) <= 0.45 * len(NOTEBOOKS)
    assert all(used.values())


def test_files_of_one_subject_make_its_notebooks_stale(used):
    assert stale(used, "regions/_subdivision.py") == {"many_neurons"}
    assert stale(used, "exercises/_chapters/method.py") == {"method"}
    assert stale(used, "errors.py") == set(NOTEBOOKS)
    # Of what runs notebooks none is used by them, but for the table of claims.
    runs = {file for each in used.values() for file in each if file.startswith("workflow/")}
    assert runs == {"workflow/__init__.py", "workflow/claims.py"}
    assert stale(used, "workflow/claims.py") == {"replication"}


def test_a_page_makes_the_notebooks_stale_that_build_it(used):
    for page, by in {
        "visualisation/pages/gallery.html": "visualisation/_gallery.py",
        "visualisation/pages/directions.html": "visualisation/_turning.py",
        "study/page/page.js": "study/building.py",
    }.items():
        assert stale(used, page) == stale(used, by) != set()
    calls = {n for n, file in NOTEBOOKS.items() if "visualisation.gallery(" in file.read_text()}
    assert calls <= stale(used, "visualisation/pages/gallery.html")


def test_names_are_followed_through_doors(tmp_path):
    one = write(tmp_path, "from neuronbasis import spotlight as s\ns.density")
    assert {"__init__.py", "spotlight/__init__.py", "spotlight/_projection.py"} <= one
    assert "spotlight/_survey.py" not in one
    assert write(tmp_path, "from neuronbasis.spotlight import density") == one
    assert write(tmp_path, "import neuronbasis\nneuronbasis.spotlight.density(1).x") == one
    assert write(tmp_path, "import neuronbasis.spotlight as s\ns.density") == one
    for whole in (
        "from neuronbasis import spotlight\nf(spotlight)",
        "from neuronbasis.spotlight import *",
    ):
        assert {"spotlight/_survey.py", "spotlight/_projection.py"} <= write(tmp_path, whole)


def test_what_cannot_be_read_may_need_everything(tmp_path):
    assert "regions/_signs.py" in write(tmp_path, "from neuronbasis import (")
    timed = write(tmp_path, "%matplotlib inline\nfrom neuronbasis import regions as r\nr.count")
    assert {"regions/_arrangement.py", "figures/style.py"} & timed == {"regions/_arrangement.py"}
    assert write(tmp_path, "import numpy as np\n%time np.zeros(3)") == set()


@pytest.mark.parametrize(
    "code",
    [
        "from neuronbasis import spotlight, basis\n"
        "import numpy as np\n"
        "spotlight.alignment(np.random.default_rng(0).normal(size=(99, 4)), basis.standard(4))",
        "from neuronbasis import regions\nimport numpy as np\n"
        "regions.arrangement(np.eye(2), np.zeros(2))",
    ],
)
def test_every_function_that_runs_is_in_a_file_that_is_needed(tmp_path, code):
    """Door files are run whole by an import; what is *called* must stand in a needed file."""
    watch = (
        "import json, sys\nran = set()\n"
        "def note(frame, event, _):\n"
        "    if event == 'call' and frame.f_code.co_name not in ('<module>', '<lambda>'):\n"
        "        ran.add((frame.f_code.co_filename, frame.f_code.co_name))\n"
        "import neuronbasis\n"
        "setup, _, last = CODE.rpartition('\\n')\n"
        "exec(setup)\nsys.setprofile(note)\ntry:\n    exec(last)\nfinally:\n"
        "    sys.setprofile(None)\n    print(json.dumps(sorted(ran)))\n"
    )
    command = [sys.executable, "-c", f"CODE = {code!r}\n{watch}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    ran = {file for file, _ in json.loads(done.stdout) if file.startswith(str(LIBRARY))}
    relative = {re.sub(rf"^{re.escape(str(LIBRARY))}/", "", file) for file in ran}
    assert len(relative) > 1
    assert relative <= write(tmp_path, code)
