"""The runs of the book, as they lie beside the pages.

``{runs}`` puts all of them in tables, ``{versions}`` says which software they had in common.
"""

import json
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from neuronbasis import records
from neuronbasis.errors import UserError
from neuronbasis.workflow import run

ENDING = ".provenance.json"
COLUMNS = ("run", "parameters that differ", "data and weights", "time", "versions that differ")


@dataclass(frozen=True)
class Run:
    """What a run says of itself: its record and its provenance."""

    name: str
    notebook: str
    parameters: dict
    data: dict  # name -> checksum, as `weights`
    weights: dict
    about: dict

    @property
    def changed(self):
        """The parameters that are not the notebook's defaults."""
        defaults = defaults_of(self.notebook)
        return {k: v for k, v in self.parameters.items() if k not in defaults or defaults[k] != v}

    @property
    def command(self):
        """What repeats the run, without what the notebook takes by itself."""
        return run.command(self.notebook, self.changed, self.about.get("threads", 1))

    @property
    def versions(self):
        return {"Python": self.about["python"], **self.about["versions"]}


def read(name, record, provenance):
    """A run from its two files."""
    left, about = (json.loads(path.read_text(encoding="utf-8")) for path in (record, provenance))
    data, weights = (left.get(each, {}) for each in ("data", "weights"))
    return Run(name, left["notebook"], left["parameters"], data, weights, about)


def of_page(pages, name):
    """The run that a computed page shows; None where the page is another one."""
    notebook, record, about = (Path(pages) / f"{name}{end}" for end in (".ipynb", ".json", ENDING))
    if not all(path.is_file() for path in (notebook, record, about)):
        return None
    return read(notebook.stem, record, about)


def of_book(pages):
    """The runs of all computed pages, with their provenance files."""
    found = sorted(Path(pages).glob(f"notebooks/*{ENDING}"))
    named = {path.name.removesuffix(ENDING): path for path in found}
    return [read(name, path.with_name(f"{name}.json"), path) for name, path in named.items()]


def frozen(pages):
    """The runs whose records are frozen."""
    found = sorted(Path(pages).parent.glob("results/paper/*/provenance.json"))
    return [read(path.parent.name, path.with_name("record.json"), path) for path in found]


@cache
def defaults_of(notebook):
    """A notebook's parameters as it declares them; none where its source is not here."""
    try:
        declared = records.declared(run.source(notebook), notebook)
    except UserError:
        return {}
    return {each.name: each.default for each in declared}


class _OfRuns(SphinxDirective):
    """Puts MyST made of this book's runs and of the frozen ones on the page."""

    def run(self):
        pages = Path(self.env.srcdir)
        for path in [*pages.glob("notebooks/*.json"), *pages.parent.glob("results/paper/*/*.json")]:
            self.env.note_dependency(str(path))
        said = self.text(of_book(pages), frozen(pages))
        return self.parse_text_to_nodes(said, allow_section_headings=True)


class Versions(_OfRuns):
    """``{versions}``: those that most runs had, in a sentence."""

    def text(self, live, kept):
        common = common_versions([*live, *kept])
        return ", ".join(f"{name} {number}" for name, number in common.items()) + "."


class Runs(_OfRuns):
    """``{runs}``: a table of this book's runs and one of the frozen ones, their details folded."""

    def text(self, live, kept):
        common, parts = common_versions([*live, *kept]), []
        for title, found in {"Runs of this build": live, "Frozen runs": kept}.items():
            rows = [row(each, common, self.env.found_docs) for each in found]
            parts.append(f"## {title}\n\n{table(rows)}\n\n{folded(title, found)}")
        return "\n\n".join(parts)


def common_versions(found):
    """Of each package the version that most runs had."""
    counts = {}
    for each in found:
        for name, number in each.versions.items():
            counts.setdefault(name, Counter())[number] += 1
    return {name: several.most_common(1)[0][0] for name, several in counts.items()}


def row(each, common, pages):
    """One line of a table."""
    notebook = chapter(each.notebook, pages)
    changed = ", ".join(f"`{name}={value}`" for name, value in each.changed.items())
    used = [f"{{ref}}`{target(name)}`" for name in (*each.data, *each.weights)]
    other = [f"{k} {v}" for k, v in each.versions.items() if common[k] != v]
    return (
        notebook if each.name == each.notebook else f"`{each.name}` of {notebook}",
        changed.replace("|", r"\|"),
        ", ".join(used),
        duration(each.about["seconds"]),
        ", ".join(other),
    )


def chapter(notebook, pages):
    """A link to the page of a notebook."""
    page = f"notebooks/{notebook}"
    return f"{{doc}}`{notebook} </{page}>`" if page in pages else f"`{notebook}`"


def table(rows, columns=COLUMNS):
    """Rows in MyST, without a column that says nothing."""
    told = [k for k in range(len(columns)) if any(each[k] for each in rows)]
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(str(line[k]) for k in told)} |" for line in lines)


def folded(title, found):
    """Command, commit and machine of each run, to be opened."""
    parts = []
    for each in found:
        about = each.about
        commit, _, changed = (about["commit"] or "unknown").partition("+")
        parts.append(
            f"**{each.name}**\n\n```console\n{broken(each.command)}\n```\n\n"
            f"Finished {about['finished']} on {about['machine']}, {about['device']}, threads: "
            f"{about['threads']}; commit {commit[:12]}{' with changes' if changed else ''}."
        )
    body = "\n\n".join(parts)
    return f":::{{dropdown}} {title}: commands, machines and commits\n{body}\n:::"


def broken(command):
    """A command with one parameter a line."""
    return command.replace(" -p ", " \\\n    -p ")


def duration(seconds):
    """Rounded to what a reader plans with."""
    if seconds < 90:
        return f"{seconds:.0f}\N{NO-BREAK SPACE}s"
    if seconds < 5400:
        return f"{seconds / 60:.0f}\N{NO-BREAK SPACE}min"
    return f"{seconds / 3600:.1f}\N{NO-BREAK SPACE}h"


def target(name):
    """Where the page on data speaks of a data set or of weights."""
    return "data-" + "".join(c if c.isalnum() else "-" for c in name.lower())


def setup(app: Sphinx):
    app.add_directive("runs", Runs)
    app.add_directive("versions", Versions)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
