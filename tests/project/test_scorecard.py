"""The scorecard as the book's builder makes it, and numbers in prose that come from no record."""

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest
from test_claims import content

import prose
from neuronbasis.utils import project
from neuronbasis.workflow import claims

ROOT = project.root()
CONFIGURATION = """
import sys
sys.path.insert(0, {ext!r})
extensions = ["myst_nb", "sphinx_design", "sphinx.ext.autodoc", "sphinxcontrib.bibtex", "bookext"]
myst_enable_extensions = ["colon_fence"]
nb_execution_mode = "off"
exclude_patterns = ["_build"]
bibtex_bibfiles = ["references.bib"]
"""
REST = "## Each\n\n```{findings}\n```\n\n```{bibliography}\n```\n"


@pytest.fixture
def page(tmp_path):
    """A function that builds a book of one scorecard and returns what it says, or the faults."""
    book = tmp_path / "book"
    (book / "notebooks").mkdir(parents=True)
    (book / "conf.py").write_text(CONFIGURATION.format(ext=str(ROOT / "book" / "_ext")))
    (book / "references.bib").write_bytes((ROOT / "book" / "references.bib").read_bytes())
    toctree = "```{toctree}\n:glob:\nnotebooks/*\n```\n"
    (book / "index.md").write_text(f"# Scorecard\n\n{toctree}\n```{{scorecard}}\n```\n\n{REST}")

    def build(frozen, fresh, pages=(), said=""):
        if said:
            (book / "index.md").write_text(f"# Page\n\n{said}\n{REST}")
        for run, record in frozen.items():
            folder = tmp_path / "results" / "paper" / run
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "record.json").write_text(json.dumps(record))
        for run, record in fresh.items():
            (book / "notebooks" / f"{run}.json").write_text(json.dumps(record))
            (book / "notebooks" / f"{run}.provenance.json").write_text("{}")
        for run in pages or fresh:
            (book / "notebooks" / f"{run}.md").write_text(f"# Page of {run}\n")
        out = tmp_path / "out"
        command = [sys.executable, "-m", "sphinx", "-b", "xml", "-n", "-W", "-q", "-E", book, out]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            return done.stderr
        return ET.parse(out / "index.xml").getroot()

    return build


def text(element):
    return " ".join("".join(element.itertext()).split())


def rows(table):
    return [[text(cell) for cell in row] for row in table.find("tgroup/tbody")]


def kind_of(name):
    return claims.row_of(name).kind


def text_of(name):
    return claims.row_of(name).statement


def sections(document):
    return {text(each.find("title")): each for each in document.iter("section")}


def test_a_claim_has_a_row_and_each_run_that_settles_it_a_part_of_it(page):
    frozen = {
        "big": content({"S2": "mixed"}, dataset="mnist", size="small", n=24, seeds=10, rate=0.1),
        "wide": content({"S2.raw": "reproduced"}, dataset="cifar10", size="large", n=10, rate=0.2),
        "method": content({"S7": "reproduced"}, "method", seeds=12),
    }
    frozen["big"]["claims"]["S2"] |= {"effect": 0.26837, "interval": [-0.0578, 0.4789]}
    frozen["big"]["claims"]["S2"]["control"] = "rotated | copies *of* $x$ <b> {a} – [1]"
    frozen["method"]["claims"]["S7"] |= {"effect": 1.0, "interval": [1.0, 1.0], "n": 12}
    fresh = {
        "big": content({"S2": "not reproduced", "S9": "mixed"}, dataset="digits", size="small", n=3)
    }
    document = page(frozen, fresh)
    of = {title.split(":")[0]: each for title, each in sections(document).items()}
    ids = [claim.id for claim in claims.CLAIMS]
    assert list(of) == ["Scorecard", "Each", *ids]
    by_kind = [kind for kind in claims.KINDS for claim in claims.CLAIMS if claim.kind == kind]
    overview = {row[0]: row for each in of["Scorecard"].findall("table") for row in rows(each)}
    assert list(overview) == sorted(ids, key=lambda id: by_kind.index(kind_of(id)))
    assert overview["S2"][1] == "not run: needs its run"
    assert overview["S7"][1:] == ["supported", text_of("S7"), "1 supported", "none", "simulated"]
    assert overview["P3"][1] == "not run: needs about 140 people with 80 trials each"
    decides, everything = (rows(each) for each in of["S2"].iter("table"))
    assert decides[0] == [
        "small MNIST n = 24 (Fig. 1)",
        "not run",
        "",
        "needs",
        "0.05",
        "our reading",
        "yes",
    ]
    assert everything == [
        [
            "big (paper): MNIST, small, n = 24, rate = 0.1",
            "mixed",
            "0.27 (−0.06 to 0.48)",
            "10",
            "rotated | copies *of* $x$ <b> {a} – [1]",
        ],
        [
            "wide, raw (paper): CIFAR-10, large, n = 10, rate = 0.2",
            "reproduced",
            "0.50 (0.40 to 0.60)",
            "10",
            "rotated copies",
        ],
        [
            "big (live): digits, small, n = 3",
            "not reproduced",
            "0.50 (0.40 to 0.60)",
            "10",
            "rotated copies",
        ],
    ]
    assert "Source: Bird [" in text(of["S2"])
    assert "Refuted by: a mean curve that is flat" in text(of["S2"])
    decides, everything = (rows(each) for each in of["S7"].iter("table"))
    assert decides == [
        [
            "simulated directions (Eq. 18)",
            "supported",
            "1.000 (1.000 to 1.000)",
            "",
            "1 ± 0.03",
            "none",
            "simulated",
        ]
    ]
    assert len(everything) == 1
    assert len(list(of["P5"].iter("table"))) == 1


def test_a_sentence_quotes_a_verdict_and_the_picture_draws_all(page):
    said = "It is {verdict}`S7`, and this is not: {verdict}`X1`.\n\n```{answer}\n```\n"
    frozen = {"method": content({"S7": "reproduced"}, "method")}
    frozen["method"]["claims"]["S7"] |= {"effect": 1.0, "interval": [1.0, 1.0]}
    assert "verdict: claim 'X1': there are S1" in page(frozen, {}, said=said)
    document = page({}, {}, said=said.replace("X1", "S2"))
    first = document.find(".//paragraph")
    assert text(first) == "It is supported, and this is not: not run."
    assert {each.get("refuri") or each.get("refid") for each in first.iter("reference")} == {
        "claim-s7",
        "claim-s2",
    }
    (figure,) = document.iter("figure")
    drawn = text(figure.find("raw"))
    assert 'role="img" aria-label="Do activations align with the axes? Before' in drawn
    assert "S8, S9, P5, P6 and B3 are stricter tests of our own." in text(figure.find("caption"))


def test_a_row_leads_to_the_page_of_its_run_or_of_its_notebook(page):
    settled = content({"S2": "mixed"})
    document = page({"swept": settled}, {"example": content({})}, ["example"])
    (link,) = [each for each in document.iter("reference") if text(each) == "swept"]
    assert link.get("refuri").endswith("notebooks/example")


def test_a_claim_that_is_not_in_the_table_stops_the_build(page):
    faults = page({"run": content({"X1": "mixed"})}, {"example": content({})})
    assert "scorecard: claim 'X1': there are S1, S2" in faults


# Numbers in prose that no run has measured: settings of the sources, of examples and of rules.
# Whatever a run has measured belongs into its record, and on the page by the role {recorded}, or
# in a notebook by an f-string.
SETTINGS = {
    "index": {"4.0": "the licence"},
    "findings": {
        "80%": "share of the variance at which Dey et al. count",
        "99%": "share of the variance at which Dey et al. count",
    },
    "ablation": {"95%": "the level of binomial intervals"},
    "autoencoder_alignment": {
        "0.8": "radius beyond which projections are counted",
    },
    "beyond_pca": {
        "80%": "share of the variance at which Dey et al. count",
        "95%": "the level of binomial intervals",
        "99%": "share of the variance at which Dey et al. count",
    },
    "both_measures": {
        "80%": "share of the variance at which Dey et al. count",
        "95%": "a quantile of rotated copies",
        "99%": "share of the variance at which Dey et al. count",
    },
    "completeness": {
        "80%": "share of the variance at which Dey et al. count",
        "99%": "share of the variance at which Dey et al. count",
    },
    "glossary": {"80%": "share of the variance at which Dey et al. count"},
    "errata": {"0.9": "the light of Bird (2025), Fig. 1"},
    "guide": {
        "0.9": "the light of an exercise",
        "19.2": "exercise: end of a wrong arc, arccos(0.9) from 45°",
        "19.5": "exercise: arccos(0.8 / 0.849)",
        "2.83": "exercise: 4 / sqrt(2)",
        "25.5": "exercise: end of an arc, asserted in method",
        "3.54": "exercise: 5 / sqrt(2)",
        "64.5": "exercise: end of an arc, asserted in method",
        "70.8": "exercise: end of a wrong arc, arccos(0.9) from 45°",
        "80%": "share of the variance at which Dey et al. count",
    },
    "many_neurons": {
        "0.01": "example of a small output",
        "0.3": "an input of Park (2023)",
        "0.7": "an input of Park (2023)",
        "95%": "a quantile of Park (2023)",
    },
    "measures": {"0.01": "a unit, explained"},
    "method": {
        "0.1": "end of an axis on which an exact formula is drawn",
        "0.29": "exercise: sqrt(2/24)",
        "0.5": "what the printed formula is off by, a factor of two",
        "0.8": "the light of an example",
        "0.82": "exercise: sqrt(2/3)",
        "0.9": "the light of Bird (2025), Fig. 1",
        "1%": "the null fraction that the light is chosen for",
        "25.5": "exercise: end of an arc, asserted in the cell below it",
        "3%": "the rule of S7, set beforehand",
        "64.5": "exercise: end of an arc, asserted in the cell below it",
    },
    "own_activations": {
        "0.71": "cos 45°",
        "5%": "a quantile",
        "95%": "a quantile",
    },
    "privileged_bases": {
        "0%": "the end of a scale, explained",
        "0.5": "a length",
        "100%": "the end of a scale, explained",
    },
    "replication": {"1.96": "exercise: a quantile of the normal distribution"},
    "scale": {
        "0.9%": "share of pairs in the cone at a null fraction of one in a thousand, exact",
        "8.4": "million planes of 4,096 vectors, exact",
    },
    "teach": {"4.0": "the licence"},
    "data": {"4.0": "a licence", "2.0": "a licence", "1.0": "SqueezeNet's version"},
    "through_training": {"0.7": "about cos 45°", "0.71": "cos 45°"},
    "transformer": {
        "5%": "a quantile",
        "80%": "share of the variance at which Dey et al. count",
        "95%": "a quantile",
        "99%": "share of the variance at which Dey et al. count",
    },
}
# The level of tests, and the smallest effect that counts: the rules of all verdicts.
EVERYWHERE = {"0.05"}
PAGES = sorted([*(ROOT / "book").glob("*.md"), *(ROOT / "notebooks").glob("*.md")])


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_prose_quotes_no_number_that_no_record_holds(path):
    allowed = SETTINGS.get(path.stem, {})
    found = set(prose.numbers(prose.of_page(path.read_text(encoding="utf-8")))) - EVERYWHERE
    assert found - allowed.keys() == set(), "record it and quote the record, or name its source"
    assert allowed.keys() - found == set(), "no longer on the page: take it off the list"


@pytest.mark.parametrize(
    ("page", "numbers"),
    [
        ("It rose to 0.27 and 98 % of 10 networks, version 3.11.2.", ["0.27", "98 %"]),
        ("A 95% interval; 95% of all; from 0.3.", ["95%", "0.3"]),
        ("In $x = 0.5$ and `0.7` and {recorded}`run:name:.2f` and [x](a0.5b.md).", []),
        ("$$\n0.5\n$$\n\n```python\nx = 0.7\n```\n\n<iframe style='width:100%'></iframe>", []),
        ("```{solution} x\n:class: w0.5\nIt is 0.25.\n```\n", ["0.25"]),
        (":::{note}\nIt is 0.25.\n```console\nrun 0.7\n```\n:::\nAnd 0.3.", ["0.25", "0.3"]),
        ('```{code-cell}\n:tags: [x]\nx = 0.5\nstyle.prose(f"up to 0.31, {x:.2f}")\n```', ["0.31"]),
        (
            '```{code-cell}\nstyle.show(f, alt=f"{0.5:.1f}" + "0.4 up", caption="at "\n"12%")\n```',
            ["0.4", "12%"],
        ),
        (
            '```{code-cell}\nhead = ["at 7%"]\nx = "8%"\nprint(style.table("Of.", head, []))\n```',
            ["7%"],
        ),
        ('```{code-cell}\nprint("0.5")\n```', []),
    ],
)
def test_what_counts_as_prose(page, numbers):
    assert prose.numbers(prose.of_page(page)) == numbers


FROZEN = [
    (path.name, quoted)
    for path in PAGES
    for quoted in re.findall(r"\{recorded\}`paper/([^`]+)`", path.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize(("page", "quoted"), sorted(set(FROZEN)))
def test_a_frozen_record_holds_what_is_quoted_of_it(page, quoted, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "book" / "_ext"))
    from bookext import lookup

    run, name, *form = quoted.split(":")
    held = json.loads((ROOT / "results" / "paper" / run / "record.json").read_text())
    assert format(lookup(held, name), *form)
