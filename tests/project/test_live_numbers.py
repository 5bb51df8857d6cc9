"""The book's live numbers are those of the frozen records wherever both were computed."""

import pytest

from neuronbasis import records
from neuronbasis.utils import project
from neuronbasis.workflow import build, frozen, run

FROZEN, LIVE = (project.root() / "results" / "paper", project.root() / "build" / "book")
# Chapters that measure the paper's own networks while the book is built.
REPEATED = (
    "autoencoder_alignment",
    "functional_form",
    "grandmother_neurons",
    "through_training",
    "unique_basis",
)


@pytest.mark.parametrize("name", REPEATED)
def test_the_book_measures_with_the_parameters_of_the_frozen_record(name):
    declared = records.declared(run.source(name), name)
    given = build.runs("book")[name].get("parameters", {})
    assert records.validated(declared, given, name) == records.read(FROZEN / name)["parameters"]


@pytest.mark.parametrize("name", REPEATED)
def test_a_live_number_is_the_frozen_one(name):
    if not (LIVE / name / records.FILE).is_file():
        pytest.skip("the book has not been built here: `make book`")
    for difference in frozen.compare(FROZEN / name, LIVE / name).differences:
        if difference.name == "curves map.point":
            continue  # another processor's last bit makes another map of the same neighbours
        assert not difference.verdict, str(difference)
        # No page shows more than four digits.
        assert difference.relative is not None, str(difference)
        assert difference.relative < 1e-5, str(difference)
