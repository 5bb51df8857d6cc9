"""The worked examples of the page of measures, as a reader would type them."""

import doctest

from neuronbasis.utils import project


def test_the_examples_give_what_the_page_says():
    page = project.root() / "book" / "measures.md"
    text = page.read_text(encoding="utf-8").replace("```", "")  # fences are no output
    test = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    assert len(test.examples) >= 11
    results = doctest.DocTestRunner().run(test)
    assert results.failed == 0
