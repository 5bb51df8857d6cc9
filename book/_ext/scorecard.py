"""The directives ``{scorecard}`` and ``{findings}``: every claim, and what all records say of it.

Nothing on that page is typed by hand but the claims themselves, which stand in
`book/claims.yml`: effects, intervals, controls and verdicts come from the records frozen under
`results/paper/` and from those of the runs of this build.
"""

import json
import math
import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from neuronbasis.errors import UserError
from neuronbasis.utils import project
from neuronbasis.workflow import claims

logger = logging.getLogger(__name__)

# What tells one experiment from another, where a run has it; then whatever else differs.
SETTINGS = ("dataset", "size", "n", "m", "epsilon", "epochs")
NO_SETTINGS = ("data_folder", "device", "seeds", "angles", "rotations")
NO_PAPER_RUN = "no run at the paper's scale yet"


class _OfRecords(SphinxDirective):
    """Puts MyST made of all findings on the page."""

    def run(self):
        pages = Path(self.env.srcdir)
        frozen = sorted((pages.parent / "results" / "paper").glob("*/record.json"))
        fresh = [
            path
            for path in sorted(pages.glob("notebooks/*.json"))
            if not path.name.endswith(".provenance.json")
        ]
        table_of_claims = project.root() / "book" / "claims.yml"
        for path in (table_of_claims, *frozen, *fresh):
            self.env.note_dependency(str(path))
        try:
            found = claims.findings(
                {path.parent.name: json.loads(path.read_text()) for path in frozen},
                {path.stem: json.loads(path.read_text()) for path in fresh},
            )
        except UserError as error:
            logger.warning("scorecard: %s", error, location=self.get_location())
            return []
        return self.parse_text_to_nodes(self.text(found), allow_section_headings=True)


class Scorecard(_OfRecords):
    """One row a claim: how it stands at the papers' scale."""

    def text(self, found):
        return table(
            ("", "claim", "effect (95% interval)", "n", "verdict"),
            [overview(claim, found[claim.id]) for claim in claims.CLAIMS],
        )


class Findings(_OfRecords):
    """A section for each claim: source, what would refute it, and one row a run."""

    def text(self, found):
        return "\n\n".join(self.section(claim, found) for claim in claims.CLAIMS)

    def section(self, claim, found):
        cited = ", ".join(f"{{cite:t}}`{key}`" for key in claim.sources)
        about = (
            f"({target(claim)})=\n## {claim.id}\n\n{plain(claim.statement)}\n\n"
            f"**Source:** {cited}; {plain(claim.where)}.\n\n"
            f"**Refuted by:** {plain(claim.refuted_by[0].lower() + claim.refuted_by[1:])}\n\n"
        )
        if not found[claim.id]:
            return about + f"*{plain(claim.unrecorded[0].upper() + claim.unrecorded[1:])}.*"
        everything = [each for several in found.values() for each in several]
        rows = [
            (
                f"{self.page(each, everything)} ({each.scale}): {settings(each, everything)}",
                effect(each),
                each.n,
                plain(each.control),
                f"**{each.verdict}**",
            )
            for each in found[claim.id]
        ]
        names = ("run and its settings", "effect (95% interval)", "n", "control", "verdict")
        return about + table(names, rows)

    def page(self, finding, everything):
        """A link to the page that shows it: of the run itself, else of one of its notebook."""
        name = f"{finding.run}, {finding.part}" if finding.part else finding.run
        same = [each.run for each in everything if each.notebook == finding.notebook]
        for run in (finding.run, finding.notebook, *same):
            if f"notebooks/{run}" in self.env.found_docs:
                return f"{{doc}}`{name} </notebooks/{run}>`"
        return f"`{name}`"


def overview(claim, findings):
    settled = [each for each in findings if each.scale == "paper"]
    unsettled = NO_PAPER_RUN if findings else claim.unrecorded
    return (
        f"{{ref}}`{claim.id} <{target(claim)}>`",
        plain(claim.statement),
        effect(settled[0]) if len(settled) == 1 else f"{len(settled)} runs" if settled else "",
        ", ".join(dict.fromkeys(str(each.n) for each in settled)),
        f"**{claims.tally(each.verdict for each in settled)}**" if settled else unsettled,
    )


def table(names, rows):
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def target(claim):
    return f"claim-{claim.id.lower()}"


def plain(text):
    """Text that MyST takes as it stands."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text.replace("\n", " "))


def effect(finding):
    """Effect and interval, with as many decimals as half the interval has two figures of."""
    low, high = finding.interval
    half = (high - low) / 2
    decimals = 3 if half <= 0 else 1 - math.floor(math.log10(half))
    form = f".{max(decimals, 0)}f" if decimals <= 6 else ".3g"
    middle, low, high = (f"{x:{form}}".replace("-", "−") for x in (finding.effect, low, high))
    return f"{middle} ({low} to {high})"


def settings(finding, everything):
    """The parameters that tell this run from the others."""
    of_notebook = [each.parameters for each in everything if each.notebook == finding.notebook]
    differ = [
        name
        for name, value in finding.parameters.items()
        if any(other.get(name) != value for other in of_notebook) and name not in NO_SETTINGS
    ]
    named = [name for name in SETTINGS if name in finding.parameters]
    told = [*named, *(name for name in differ if name not in named)]
    return ", ".join(
        plain(finding.parameters[name])
        if name in ("dataset", "size")
        else plain(f"{name} = {finding.parameters[name]}")
        for name in told
    )


def setup(app: Sphinx):
    app.add_directive("scorecard", Scorecard)
    app.add_directive("findings", Findings)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
