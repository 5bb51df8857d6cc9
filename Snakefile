# The graph: notebooks -> results -> book. `neuronbasis book` calls it; jobs are plain commands.
from pathlib import Path
import shlex
import sys

import yaml

from neuronbasis.workflow.needs import LIBRARY as INSTALLED, needs

PROFILE = config.get("profile", "book")
PYTHON = shlex.quote(sys.executable)
BOOK = shlex.quote(str(Path(sys.executable).with_name("jupyter-book")))
ASKED = yaml.safe_load(Path(config.get("runs", f"profiles/{PROFILE}.yaml")).read_text(encoding="utf-8"))
RUNS = ASKED["runs"]
# Where the paths of parameters start: a profile's in the project, a sweep's where it was asked for.
HERE = shlex.quote(ASKED.get("here", "."))
RESULTS = config.get("results", f"build/{PROFILE}")
# Runs that the table of contents does not name leave records only.
TOC = Path("book/_toc.yml").read_text(encoding="utf-8")
SHOWN = [run for run in RUNS if f"notebooks/{run}.ipynb" in TOC]
# The book quotes the whole library; a run hangs on what its notebook uses.
LIBRARY = sorted(str(path) for path in Path("lib/neuronbasis").rglob("*") if path.suffix in (".py", ".html", ".css", ".js", ".csv") or path.name == "README.md")
PAGES = sorted(
    str(path)
    for path in [Path("_config.yml"), *Path("book").rglob("*"), *Path("results").rglob("*")]
    if path.is_file() and "__pycache__" not in path.parts and path.parts[:2] != ("book", "notebooks")
)


def read(wildcards):
    """The files that a run says it reads, and those of the folders."""
    named = [Path(each) for each in RUNS[wildcards.run].get("reads", [])]
    found = [path for each in named for path in ([each] if each.is_file() else each.rglob("*"))]
    return sorted(str(path) for path in found if path.is_file())


def used(wildcards):
    """The notebook of a run, unless a sweep watches it, and the files of the library that it uses."""
    library = Path("lib/neuronbasis")
    name = RUNS[wildcards.run]["notebook"]
    own = [] if name.endswith(".md") else [f"notebooks/{name}.md"]
    notebook = own[0] if own else name
    return own + [str(path) for path in needs(notebook, library if library.is_dir() else INSTALLED)]


def words(wildcards):
    parameters = RUNS[wildcards.run].get("parameters", {})
    return " ".join(f"-p {shlex.quote(f'{name}={value}')}" for name, value in parameters.items())


# From scratch each time (seconds), because a page that is not read again does not repeat its
# warnings; the earlier book stays until the new one is whole.
rule book:
    input:
        PAGES,
        LIBRARY,
        expand("book/notebooks/{run}.{kind}", run=SHOWN, kind=["ipynb", "json", "provenance.json"]),
    output:
        touch("build/book.done"),
    shell:
        "rm -rf build/pages && {BOOK} build book --path-output build/pages -q -W -n --keep-going >/dev/null"
        " && rm -rf build/old && if [ -e _build ]; then mv _build build/old; fi"
        " && mv build/pages/_build _build && rm -rf build/old"


rule results:
    input:
        expand(RESULTS + "/{run}/record.json", run=RUNS),


# `update`: an earlier result stays until a new one has taken its place.
rule run:
    input:
        read,
        used,
        "requirements.lock",
    output:
        update(RESULTS + "/{run}/record.json"),
    params:
        notebook=lambda wildcards: RUNS[wildcards.run]["notebook"],
        words=words,
        paths=lambda wildcards: RUNS[wildcards.run].get("paths", []),
        out=RESULTS + "/{run}",
    threads: 1
    # The longest first, so that no core is idle at the end.
    priority: lambda wildcards: RUNS[wildcards.run].get("seconds", 0)
    # What matters on a cluster only: runs that share a job there, and what one of them needs.
    group:
        "runs"
    resources:
        mem_mb=6000,
        runtime=240,
    shell:
        'home="$PWD" && cd {HERE} && {PYTHON} -m neuronbasis run {params.notebook:q} {params.words}'
        ' --out "$home/{params.out}" --threads {threads}'


# The book's computed pages are those of the profile that was asked for last.
rule page:
    input:
        RESULTS + "/{run}/record.json",
    output:
        page="book/notebooks/{run}.ipynb",
        record="book/notebooks/{run}.json",
        provenance="book/notebooks/{run}.provenance.json",
    params:
        folder=RESULTS + "/{run}",
        notebook=lambda wildcards: RUNS[wildcards.run]["notebook"],
    shell:
        "cp {params.folder}/{params.notebook:q}.ipynb {output.page}"
        " && cp {input} {output.record}"
        " && cp {params.folder}/provenance.json {output.provenance}"
