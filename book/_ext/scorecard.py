"""What the book says of its claims: ``{answer}``, ``{scorecard}``, ``{findings}``, ``{verdict}``.

A picture, a table, a section a claim and, in a sentence, the verdict of one. Nothing there is
typed by hand but the claims themselves, which stand in `book/claims.yml` with the settings that
decide them: effects, intervals, controls and verdicts come from the records frozen under
`results/paper/` and from those of the runs of this build.
"""

import json
import math
import re
from html import escape
from pathlib import Path

import matplotlib.pyplot as plt
from bookext import pages_of
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.roles import XRefRole
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole

from neuronbasis.errors import UserError
from neuronbasis.experiments import verdict
from neuronbasis.figures import claims as pictures
from neuronbasis.figures import style
from neuronbasis.utils import project
from neuronbasis.workflow import claims

logger = logging.getLogger(__name__)

_NO_SIGN = re.compile(r"-(0\.0+)\b")  # a rounded zero has none

# What tells one experiment from another, where a run has it; then whatever else differs.
SETTINGS = ("dataset", "size", "n", "m", "epsilon", "epochs")
NO_SETTINGS = ("data_folder", "device", "seeds", "angles", "rotations")
NAMES = {"mnist": "MNIST", "cifar10": "CIFAR-10"}
KINDS = {
    "source": "What the sources claim",
    "book": "Stricter tests of our own",
    "mathematics": "Theorems, checked by computation",
}
QUESTIONS = {
    "align": "Do activations align with the axes?",
    "cause": "What makes them align?",
    "hold": "Do neurons hold what is in a layer?",
    "read": "Are neurons easier for people to read?",
}
ANSWER = (
    "Every claim, and what came out. A mark is one setting, such as ten networks of one kind, with "
    "its 95% interval. Grey is where the claim says that it lies; from 1 on an effect is large "
    "enough to count. *Mixed*: some of the networks or layers show it. † On other networks than "
    "the source's. {} are stricter tests of our own."
)


class _OfRecords(SphinxDirective):
    """Puts MyST made of all findings on the page."""

    def run(self):
        pages = Path(self.env.srcdir)
        fresh = [
            path
            for path in sorted(pages.glob("notebooks/*.json"))
            if not path.name.endswith(".provenance.json")
        ]
        for path in fresh:
            self.env.note_dependency(str(path))
        try:
            self.frozen = kept(self.env)
            found = claims.findings(
                self.frozen,
                {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in fresh},
            )
            said = self.text(found)
        except UserError as error:
            logger.warning("scorecard: %s", error, location=self.get_location())
            return []
        return self.parse_text_to_nodes(said, allow_section_headings=True)


class Scorecard(_OfRecords):
    """One row a claim, in a table for each kind of claim."""

    def text(self, found):
        parts = []
        for kind, title in KINDS.items():
            rows = [self.overview(claim) for claim in claims.CLAIMS if claim.kind == kind]
            names = ("", "verdict", "claim", "settings", "same network?", "same data?")
            parts.append(f":::{{table}} {title}\n{table(names, rows)}\n:::")
        return "\n\n".join(parts)

    def overview(self, claim):
        said, outcomes = claims.outcomes(claim, self.frozen)
        ran = [each for each in outcomes if each.verdict != verdict.NOT_RUN]
        settings = [each.setting for each in ran]
        return (
            f"{{ref}}`{claim.id} <{target(claim)}>`",
            f"**{said}**" + (where(outcomes) if ran else f": needs {lacks(outcomes)}"),
            plain(claim.statement),
            tally(each.verdict for each in ran),
            same(each.network for each in settings),
            same(each.data for each in settings),
        )


class Findings(_OfRecords):
    """A section for each claim: what decides it, setting by setting, and every run beside."""

    def text(self, found):
        return "\n\n".join(self.section(claim, found) for claim in claims.CLAIMS)

    def section(self, claim, found):
        cited = ", ".join(f"{{cite:t}}`{key}`" for key in claim.sources)
        said, outcomes = claims.outcomes(claim, self.frozen)
        title = f"### {claim.id}: {said}{where(outcomes)}"
        about = (
            f"({target(claim)})=\n{title}\n\n{plain(claim.statement)}\n\n"
            f"**Source:** {cited}; {plain(claim.where)}.\n\n"
            f"**Refuted by:** {plain(claim.refuted_by[0].lower() + claim.refuted_by[1:])}\n\n"
        )
        rows = [
            (
                place(each.setting), f"**{each.verdict}**", *told(each), counts_from(each.setting),
                plain(each.setting.network), plain(each.setting.data),
            )
            for each in outcomes
        ]  # fmt: skip
        names = (
            "setting", "verdict", "effect (95% interval)", "significant in", "counts from",
            "same network?", "same data?",
        )  # fmt: skip
        about += f"Table: {claim.id}, one row for each setting that decides.\n\n"
        about += table(names, rows) + "\n\n"
        everything = [each for several in found.values() for each in several]
        quoted = {each.setting.effect for each in outcomes}
        runs = [each for each in everything if f"claims.{name_of(each)}" in quoted]
        if not all(each.startswith("claims.") for each in quoted):
            runs = found[claim.id]
        if not runs:
            return about
        rows = [
            (
                f"{self.page(each, everything)} ({each.scale}): {settings(each, everything)}",
                f"*{each.verdict}*",
                effect((each.effect, *each.interval)),
                each.n,
                plain(_NO_SIGN.sub(r"\1", each.control)),
            )
            for each in runs
        ]
        names = ("run and its settings", "its interval", "effect (95% interval)", "n", "control")
        count = f"All runs ({len(rows)}), with their controls"
        caption = f"Table: {claim.id}, every run with its control."
        return about + f":::{{dropdown}} {count}\n{caption}\n\n{table(names, rows)}\n:::"

    def page(self, finding, everything):
        """A link to the page that shows it: of the run itself, else of one of its notebook."""
        name = f"{finding.run}, {finding.part}" if finding.part else finding.run
        same = [each.run for each in everything if each.notebook == finding.notebook]
        for run in (finding.run, finding.notebook, *same):
            if f"notebooks/{run}" in self.env.found_docs:
                return f"{{doc}}`{name} </notebooks/{run}>`"
        return f"`{name}`"


class Answer(SphinxDirective):
    """The picture of all claims that are no theorems."""

    def run(self):
        try:
            frozen = kept(self.env)
            groups = {
                heading: [
                    pictures.Row(each.id, each.short, *claims.outcomes(each, frozen))
                    for each in claims.CLAIMS
                    if each.question == question and each.kind != "mathematics"
                ]
                for question, heading in QUESTIONS.items()
            }
        except UserError as error:
            logger.warning("answer: %s", error, location=self.get_location())
            return []
        style.use()
        figure = pictures.answer(groups)
        drawn = style.svg(figure).partition("<svg")
        plt.close(figure)
        said = " ".join(
            f"{heading} "
            + "; ".join(f"{row.short}: {row.verdict}{where(row.outcomes)}" for row in rows)
            + "."
            for heading, rows in groups.items()
        )
        opened = f'<svg role="img" aria-label="{escape(said)}"'
        caption = nodes.caption()
        own = [claim.id for claim in claims.CLAIMS if claim.kind == "book"]
        told = ANSWER.format(f"{', '.join(own[:-1])} and {own[-1]}")
        caption += self.parse_inline(told)[0]
        whole = nodes.figure(classes=["answer"])
        whole += nodes.raw("", opened + drawn[2], format="html")
        whole += caption
        return [whole]


class Verdict(SphinxRole):
    """``{verdict}`S2` ``: how a claim stands, with a link to its section of the scorecard."""

    def run(self):
        try:
            claim = claims.row_of(self.text)
            said, found = claims.outcomes(claim, kept(self.env))
        except UserError as error:
            logger.warning("verdict: %s", error, location=self.get_location())
            return [], []
        role = XRefRole(innernodeclass=nodes.strong, warn_dangling=True)
        shown = f"{said}{where(found)} <{target(claim)}>"
        return role("std:ref", shown, shown, self.lineno, self.inliner, {}, [])


def kept(env):
    """All frozen records, of which the page is told that it hangs on them."""
    root = pages_of(env).parent / "results" / "paper"
    for path in (project.root() / "book" / "claims.yml", *sorted(root.glob("*/record.json"))):
        env.note_dependency(str(path))
    return claims.frozen_records(root)


def name_of(finding):
    """What the run called the claim that it settled."""
    return f"{finding.claim}.{finding.part}".rstrip(".")


def counts_from(setting):
    """The smallest effect that counts; for an absence, how far it may reach on both sides."""
    if setting.absent:
        return f"{setting.zero:g} ± {setting.floor:g}" if setting.zero else f"± {setting.floor:g}"
    return f"{setting.zero + setting.floor:g}"


def where(outcomes):
    """What to add to a verdict that rests on other networks than the source's."""
    return ", on other networks" if verdict.elsewhere(outcomes) else ""


def told(outcome):
    """Effect and reason of one setting; what it needs if it has not run."""
    if outcome.verdict == verdict.NOT_RUN:
        return "", plain(f"needs {outcome.why}")
    return effect((outcome.effect, outcome.low, outcome.high)), plain(outcome.why)


def place(setting):
    """What a claim says of a setting, and the source's figure of it."""
    return plain(f"{setting.says} ({setting.at})" if setting.at else setting.says)


def tally(verdicts):
    """How many settings came to which verdict."""
    listed = list(verdicts)
    return ", ".join(f"{listed.count(each)} {each}" for each in verdict.VERDICTS if each in listed)


def lacks(outcomes):
    """What it takes to run what has not run."""
    named = dict.fromkeys(each.setting.lacks or "its run" for each in outcomes)
    return plain(", ".join(named) or "a setting")


def same(said):
    """Whether network or data are the source's, or which they are."""
    return plain(", ".join(dict.fromkeys(said)))


def table(names, rows):
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def target(claim):
    return f"claim-{claim.id.lower()}"


def plain(text):
    """Text that MyST takes as it stands."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text.replace("\n", " "))


def effect(found):
    """Effect and interval, with as many decimals as half the interval has two figures of."""
    middle, low, high = found
    half = (high - low) / 2
    decimals = 3 if half <= 0 else 1 - math.floor(math.log10(half))
    decimals = min(max(decimals, 0), 4)
    # Adding zero takes the sign from a rounded zero.
    ends = (round(x, decimals) + 0.0 for x in (middle, low, high))
    middle, low, high = (f"{x:.{decimals}f}".replace("-", "−") for x in ends)
    return f"{middle} ({low} to {high})"


def settings(finding, everything):
    """The parameters that tell this run from the others."""
    of_notebook = [each.parameters for each in everything if each.notebook == finding.notebook]
    differ = [
        name
        for name, value in finding.parameters.items()
        if value
        and any(other.get(name) != value for other in of_notebook)
        and name not in NO_SETTINGS
    ]
    named = [name for name in SETTINGS if name in finding.parameters]
    told = [*named, *(name for name in differ if name not in named)]
    return ", ".join(
        plain(NAMES.get(finding.parameters[name], finding.parameters[name]))
        if name in ("dataset", "size")
        else plain(f"{name} = {finding.parameters[name]}")
        for name in told
    )


def setup(app: Sphinx):
    app.add_directive("scorecard", Scorecard)
    app.add_directive("findings", Findings)
    app.add_directive("answer", Answer)
    app.add_role("verdict", Verdict())
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
