"""The book's live numbers are those of the frozen records wherever both were computed."""

import pytest

from neuronbasis import records
from neuronbasis.utils import project
from neuronbasis.workflow import frozen

FROZEN, LIVE = (project.root() / "results" / "paper", project.root() / "build" / "book")


def _repeated():
    """Runs of the book with the parameters of a frozen record, each with both folders."""
    if not LIVE.is_dir():
        return []
    of = {}
    for name, folder in frozen.runs(FROZEN).items():
        content = records.read(folder)
        of[content["notebook"], str(content["parameters"])] = (name, folder)
    found = []
    for name, folder in frozen.runs(LIVE).items():
        content = records.read(folder)
        key = content["notebook"], str(content["parameters"])
        if key in of:
            found.append(pytest.param(of[key][1], folder, id=f"{name} and {of[key][0]}"))
    return found


@pytest.mark.parametrize(("old", "new"), _repeated() or [pytest.param(None, None, id="none")])
def test_a_live_number_is_the_frozen_one(old, new):
    if old is None:
        pytest.skip("the book has not been built here: `make book`")
    was, now = records.read(old), records.read(new)
    assert now["values"].keys() >= was["values"].keys()
    for difference in frozen.compare(old, new).differences:
        assert not difference.verdict, str(difference)
        # No page shows more than four digits.
        assert difference.relative is not None, str(difference)
        assert difference.relative < 1e-5, str(difference)
