"""The page on data and the bibliography: nothing that the book uses is left without an origin."""

import json
import re

import pytest
from pybtex.database import parse_file

from neuronbasis.networks import _weights
from neuronbasis.utils import project

ROOT = project.root()
PAGE = (ROOT / "book" / "data.md").read_text(encoding="utf-8")
RECORDS = [*ROOT.glob("results/paper/*/record.json"), *ROOT.glob("book/notebooks/*.json")]
ENTRIES = parse_file(str(ROOT / "book" / "references.bib")).entries
# Where each kind of work was published, in one of these fields.
VENUES = {
    "article": ("journal",),
    "inproceedings": ("booktitle",),
    "techreport": ("institution",),
    "misc": ("howpublished", "eprint", "url"),
}


@pytest.fixture
def sheets(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "book" / "_ext"))
    import datasheets
    import runs

    return datasheets, runs


def named():
    """Names of the data and weights in all records that are here."""
    left = [json.loads(path.read_text()) for path in RECORDS]
    return {name for each in left for part in ("data", "weights") for name in each.get(part, {})}


def sections():
    """The text below each label of the page."""
    _, *parts = re.split(r"^\((data-[\w-]+)\)=\n", PAGE, flags=re.M)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_all_data_and_weights_of_the_records_have_a_section(sheets):
    _, runs = sheets
    assert {"mnist", "cifar10", "imagenet_samples", "stories260k"} <= named()
    assert {runs.target(name) for name in named()} <= sections().keys()


def test_each_section_says_where_its_data_lie_and_who_may_use_them():
    for label, text in sections().items():
        if "{carried}" in text:
            (path,) = re.findall(r"\{carried\} (\S+)", text)
            text += (project.PACKAGE / path).read_text(encoding="utf-8")
        assert re.search("licen[cs]e", text, re.IGNORECASE), label
        assert "*Where:*" in text, label


@pytest.mark.parametrize("package", _weights.PACKAGES)
def test_a_package_of_weights_has_the_licence_that_the_library_tells(package):
    (text,) = (each for each in sections().values() if f"`{package}`" in each)
    assert f"*Licence:* {_weights.PACKAGES[package].licence}." in text


def test_a_checksum_is_listed_once_with_all_chapters_that_read_it(sheets):
    datasheets, runs = sheets
    common = {"parameters": {}, "about": {}}
    found = [
        runs.Run("a", "one", data={"digits": "12"}, weights={}, **common),
        runs.Run("b", "two", data={"digits": "12"}, weights={"net": "34"}, **common),
        runs.Run("c", "one", data={"digits": "56"}, weights={}, **common),
        runs.Run("d", "one", data={"digits": "12"}, weights={}, **common),
    ]
    assert {k: list(v) for k, v in datasheets.readers(found, {"notebooks/one"}).items()} == {
        ("digits", "12"): ["{doc}`one </notebooks/one>`", "`two`"],
        ("digits", "56"): ["{doc}`one </notebooks/one>`"],
        ("net", "34"): ["`two`"],
    }


@pytest.mark.parametrize("key", ENTRIES)
def test_an_entry_has_all_authors_a_year_and_a_venue(key):
    entry = ENTRIES[key]
    assert entry.persons["author"]
    assert not any("others" in each.last_names for each in entry.persons["author"])
    assert entry.fields["year"].isdigit()
    assert any(field in entry.fields for field in VENUES[entry.type])


def test_every_entry_is_cited():
    pages = [*ROOT.glob("book/*.md"), *ROOT.glob("notebooks/*.md"), ROOT / "book" / "claims.yml"]
    text = "\n".join(path.read_text(encoding="utf-8") for path in pages)
    assert [key for key in ENTRIES if key not in text] == []
