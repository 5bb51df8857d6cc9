"""The reading ease of a page, on a page whose words are known."""

import subprocess
import sys

import pytest

import prose
import reading

# Words of this book's own, for which CONTRIBUTING.md names the field's.
PRIVATE = (
    "taken off", "mean off", "surely", "hangs on", "hang on", "shun", "section but one",
    "first weights", "made unit length", "keep away from", "in the dark",
)  # fmt: skip
LONG = "The long one " + "goes on and on " * 9 + "to its end."
PAGE = f"""---
kernelspec: {{name: python3}}
---

# A heading of characteristically unreadable terminology

The cat sat on the mat. It $x = 0.5$ ran, as Fig. 2 of App. F says.

| incomprehensible | administration |
|---|---|
| unsatisfactory | responsibilities |

- {LONG}

```{{code-cell}}
internationalisation = 0.5
style.prose(f"So {{x:.2f}} it is.")
```
"""


@pytest.fixture
def sentences():
    return reading.sentences(prose.of_page(PAGE))


def test_sentences_are_those_of_the_prose(sentences):
    first, second, long, said = sentences
    assert first == "The cat sat on the mat."
    assert second.startswith("It ")
    assert second.endswith("ran, as Fig. 2 of App. F says.")
    assert long == LONG
    assert said == "So – it is."


def test_the_ease_is_flesch_s_formula():
    # Two sentences, eight words, eleven syllables, counted by hand.
    ease = reading.ease(["The network learns.", "A neuron is not alone."])
    assert ease == pytest.approx(206.835 - 1.015 * 8 / 2 - 84.6 * 11 / 8)


@pytest.mark.parametrize(
    ("word", "count"),
    [("cat", 1), ("neuron", 2), ("neuron's", 2), ("idea,", 3), ("set-up", 2), ("orthoplex", 3)],
)
def test_syllables(word, count):
    assert reading.syllables(word) == count


def test_plain_words_read_more_easily_than_long_ones():
    plain = reading.ease(["We cut the mean and look at what is left."])
    heavy = reading.ease(["Subtraction precedes the examination of residual activations."])
    assert plain > 80 > 30 > heavy


def test_a_long_sentence_is_counted_and_listed_and_stops_nothing(tmp_path):
    page = tmp_path / "planted.md"
    page.write_text(PAGE)
    command = [sys.executable, reading.__file__, "--sentences", str(page)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    _, counted, listed = done.stdout.splitlines()
    assert counted.split()[0] == "planted"
    assert counted.split()[-1] == "1"
    assert listed == f"    42 words: {LONG}"


def test_a_page_without_prose_is_said_to_have_none(tmp_path):
    page = tmp_path / "empty.md"
    page.write_text("# Bibliography\n\n```{bibliography}\n```\n")
    assert reading.line(page).split() == ["empty", "no", "prose"]


@pytest.mark.parametrize("path", reading.PAGES, ids=lambda path: path.stem)
def test_a_page_has_no_private_words(path):
    text = " ".join(prose.of_page(path.read_text(encoding="utf-8")).split()).lower()
    assert [word for word in PRIVATE if word in text] == []
