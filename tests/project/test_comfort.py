"""Captions of tables from a line above them, and a head without what no page needs."""

import pytest
from docutils import nodes
from docutils.utils import new_document

from neuronbasis.utils import project


@pytest.fixture
def comfort(monkeypatch):
    monkeypatch.syspath_prepend(str(project.root() / "book" / "_ext"))
    import comfort

    return comfort


def captioned(comfort, *above):
    """The table, and the document, after the transform, with these nodes above the table."""
    document = new_document("page")
    table = nodes.table("", nodes.tgroup())
    document += [*above, table]
    comfort.Captions(document).apply()
    return table, document


def test_a_line_above_a_table_is_its_caption_with_its_markup(comfort):
    line = nodes.paragraph("", "", nodes.Text("Table: what "), nodes.strong("", "counts"))
    table, document = captioned(comfort, nodes.paragraph("", "before"), line)
    assert [type(each) for each in table] == [nodes.title, nodes.tgroup]
    assert table[0].astext() == "what counts"
    assert isinstance(table[0][1], nodes.strong)
    assert [each.astext() for each in document[:-1]] == ["before"]


@pytest.mark.parametrize("above", [(), ("The table shows it.",), ("Table: of another", "between")])
def test_no_other_line_is_a_caption(comfort, above):
    table, document = captioned(comfort, *(nodes.paragraph("", each) for each in above))
    assert [type(each) for each in table] == [nodes.tgroup]
    assert [each.astext() for each in document[:-1]] == list(above)


def test_the_head_keeps_the_font_of_icons_and_loses_their_script(comfort):
    style = '<link href="_static/vendor/fontawesome/css/all.min.css" rel="stylesheet" />'
    script = '<script src="_static/vendor/fontawesome/js/all.min.js?digest=1"></script>'
    fonts = '<link rel="preload" as="font" crossorigin href="_static/fontawesome/brands.woff2" />'
    other = '<script src="_static/book.js"></script>'
    assert comfort.lightened(style + script + fonts + other) == style + other
