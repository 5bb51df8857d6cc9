"""Building a study: what a trial shows, on which side, and what the folder holds."""

import io
import json
import re
import subprocess
import sys
from collections import Counter
from itertools import permutations
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

from neuronbasis import study
from neuronbasis.errors import UserError
from neuronbasis.study import building, trials
from neuronbasis.study.row import shuffles
from neuronbasis.workflow import cli


def made_rows(count=3, layers=("conv1", "fc1"), bases=("pc", "neuron"), points=5, seed=0):
    """Rows of random pictures, all different."""
    rng = np.random.default_rng(seed)
    return [
        study.Row(layer, basis, vector, rng.integers(0, 256, (points, 2, 6, 6), dtype=np.uint8))
        for layer in layers
        for basis in bases
        for vector in range(count)
    ]


def files_of(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def built(tmp_path):
    study.build(made_rows(), tmp_path / "study", seed=3)
    return tmp_path / "study"


# ---- shuffles ----------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 2), min_size=3, max_size=6).filter(lambda c: len(set(c)) > 1))
def test_a_shuffle_looks_neither_ordered_nor_reversed(columns):
    pictures = np.array(columns, dtype=np.uint8).reshape(-1, 1, 1, 1)
    row = study.Row("a", "pc", 0, pictures)
    seen = {tuple(pictures[o].ravel()) for o in shuffles(row, 2000, np.random.default_rng(0))}
    assert seen == set(permutations(columns)) - {tuple(columns), tuple(columns[::-1])} or (
        # 2000 draws need not meet all of up to 718 orders, yet no other
        len(set(permutations(columns))) > 40
        and seen < set(permutations(columns)) - {tuple(columns), tuple(columns[::-1])}
    )


def test_shuffles_are_even_among_the_legal_orders():
    row = study.Row("a", "pc", 0, np.arange(4, dtype=np.uint8).reshape(4, 1, 1, 1))
    orders = shuffles(row, 22_000, np.random.default_rng(1))
    counts = Counter(map(tuple, orders.tolist()))
    assert len(counts) == 22
    assert max(abs(count - 1000) for count in counts.values()) < 5 * 1000**0.5


# ---- what is built -----------------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=6),
    st.integers(0, 5),
    st.integers(0, 3),
    st.integers(0, 99),
)
def test_sides_are_balanced_in_every_cell_and_over_all(sizes, catches, practice, seed):
    cells = [cell for cell, size in enumerate([*sizes, catches, practice]) for _ in range(size)]
    sides = building._balanced(cells, np.random.default_rng(seed))
    for cell in [*set(cells), None]:
        top = sum(side == "top" for side, c in zip(sides, cells, strict=True) if cell in (c, None))
        count = len(cells) if cell is None else cells.count(cell)
        assert abs(2 * top - count) <= 1


def test_one_row_is_the_ordered_one_and_the_other_the_same_points(built):
    """Read back from the pictures alone."""
    found = study.load(built)
    by_vector = {(row.layer, row.basis, row.vector): row.pictures for row in made_rows()}
    times, cell = 8, 6 * 8 + 4
    for trial in found.of_kind("main"):
        pictures = by_vector[trial.layer, trial.basis, trial.vector]
        shown = {}
        for side in ("top", "bottom"):
            image = np.array(Image.open(built / "pictures" / f"{trial.id}-{side}.png"))
            assert image.shape == (2 * cell - 4, 5 * cell - 4)
            small = [
                [image[p * cell : p * cell + 48 : times, q * cell : q * cell + 48 : times]
                 for p in range(2)] for q in range(5)
            ]  # fmt: skip
            shown[side] = np.array(small)
        right = found.right[trial.id]
        wrong = {"top": "bottom", "bottom": "top"}[right]
        assert np.array_equal(shown[right], pictures)
        assert not np.array_equal(shown[wrong], pictures)
        assert not np.array_equal(shown[wrong], pictures[::-1])
        assert sorted(p.tobytes() for p in shown[wrong]) == sorted(p.tobytes() for p in pictures)


def test_colour_pictures_keep_their_colours():
    pictures = np.random.default_rng(0).integers(0, 256, (3, 2, 50, 60, 3), dtype=np.uint8)
    image = building.strip(pictures)
    assert image.shape == (104, 188, 3)
    assert np.array_equal(image[54:, 128:], pictures[2, 1])
    assert (image[50:54] == building.GREY).all()


def test_every_row_is_asked_once_and_the_counts_are_as_wanted(tmp_path):
    study.build(made_rows(), tmp_path / "s", catches=5, practice=2)
    found = study.load(tmp_path / "s")
    assert Counter(t.kind for t in found.trials) == {"main": 12, "catch": 5, "practice": 2}
    asked = [(t.layer, t.basis, t.vector) for t in found.of_kind("main")]
    assert sorted(asked) == sorted((r.layer, r.basis, r.vector) for r in made_rows())
    assert (found.layers, found.bases) == (("conv1", "fc1"), ("pc", "neuron"))


def test_easy_trials_are_easy(tmp_path):
    """The observer of smoothness is never wrong on them, and they are shuffled far."""
    pictures = building._discs(7, 2)
    told = study.tell_apart([study.Row("discs", "random", 0, pictures)], shuffles=300)
    assert float(told["accuracy"][0]) == 1
    easy = study.Row("discs", "random", 0, pictures)
    for seed in range(20):
        order = building._far_from_ordered(easy, np.random.default_rng(seed))
        assert np.abs(np.diff(order)).sum() > 15  # ordered: 6; mean over all orders: 16


def test_same_seed_same_bytes_and_another_seed_other_answers(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        study.build(made_rows(), tmp_path / name, seed=seed)
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")
    assert study.load(tmp_path / "a").id != study.load(tmp_path / "c").id


def test_the_id_covers_the_pictures(tmp_path):
    study.build(made_rows(), tmp_path / "a")
    changed = made_rows()
    pictures = changed[4].pictures.copy()
    pictures[0, 0, 0, 0] ^= 1
    changed[4] = study.Row(changed[4].layer, changed[4].basis, changed[4].vector, pictures)
    study.build(changed, tmp_path / "b")
    assert study.load(tmp_path / "a").id != study.load(tmp_path / "b").id


def test_no_answer_stands_in_plain_sight(built):
    text = (built / "trials.json").read_text()
    assert not re.search(r"top|bottom|right|answer", text.replace("least_answered", ""))
    kinds = [(t.kind, t.id) for t in study.load(built).trials]
    assert [name for _, name in kinds] != sorted(name for _, name in kinds)
    for path in (built / "pictures").iterdir():
        assert Image.open(io.BytesIO(path.read_bytes())).info == {}


def test_the_page_is_self_contained(built):
    page = (built / "index.html").read_text()
    assert sorted(path.name for path in built.iterdir()) == [
        "index.html",
        "pictures",
        "trials.json",
    ]
    assert not re.search(r"https?:|//[a-z]+\.|<link [^>]*stylesheet|<script [^>]*src=", page)
    inside = re.search(r'id="study">(.*?)</script>', page)[1]
    content = json.loads(inside)
    assert content.pop("inside") == {}
    assert content == json.loads((built / "trials.json").read_text())


def test_texts_are_the_experimenters_and_the_title_is_text_only(tmp_path):
    texts = {"instructions": "<p>Look!</p>", "consent": "<p>Sign &amp; go</p>"}
    study.build(made_rows(), tmp_path / "s", title="</script><b>A & B", **texts)
    page = (tmp_path / "s" / "index.html").read_text()
    assert "<p>Look!</p>" in page
    assert "<p>Sign &amp; go</p>" in page
    assert page.count("</script>") == 2
    assert "<h1>&lt;/script&gt;&lt;b&gt;A &amp; B</h1>" in page


def test_a_single_page_holds_every_picture(built):
    page = study.single_page(built)
    inside = json.loads(re.search(r'id="study">(.*?)</script>', page)[1])["inside"]
    assert sorted(inside) == sorted(path.name for path in (built / "pictures").iterdir())


# ---- what is refused ---------------------------------------------------------------------------


def test_an_earlier_study_is_replaced_unless_it_holds_answers(built):
    before = study.load(built).id
    study.build(made_rows(), built, seed=9)
    assert study.load(built).id != before
    study.simulate(built, {"pc": 1, "neuron": 1})
    with pytest.raises(UserError, match="holds answers, which would be lost; choose another"):
        study.build(made_rows(), built)


def test_a_folder_of_other_things_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("dear")
    with pytest.raises(UserError, match="holds no earlier result"):
        study.build(made_rows(), tmp_path)
    assert (tmp_path / "thesis.tex").read_text() == "dear"


GOOD = np.arange(3 * 4, dtype=np.uint8).reshape(3, 1, 2, 2)
BAD_ROWS = [
    (("", "pc", 0, GOOD), "layer is ''"),
    (("a\nb", "pc", 0, GOOD), "printable"),
    (("a", "pca", 0, GOOD), "basis is 'pca'; it must be one of pc, neuron, random"),
    (("a", "pc", -1, GOOD), "vector is -1"),
    (("a", "pc", 0.5, GOOD), "vector is 0.5"),
    (("a", "pc", 0, GOOD / 255), "pictures are of float64; scale them to uint8"),
    (("a", "pc", 0, GOOD[:, 0]), r"pictures have shape \(3, 2, 2\)"),
    (("a", "pc", 0, GOOD[:0]), r"pictures have shape \(0, 1, 2, 2\)"),
    (("a", "pc", 0, np.zeros((3, 1, 2, 2, 4), np.uint8)), r"shape \(3, 1, 2, 2, 4\)"),
    (("a", "pc", 0, GOOD[:2]), "2 points of 2 kinds have no shuffled order"),
    (("a", "pc", 0, np.zeros((9, 1, 2, 2), np.uint8)), "9 points of 1 kinds have no shuffled"),
    (("a", "pc", 0, [[GOOD[0, 0]], [GOOD[0, 0, :1]], [GOOD[0, 0]]]), "pictures differ in size"),
]


@pytest.mark.parametrize(("fields", "message"), BAD_ROWS)
def test_a_bad_row_is_refused_in_one_line(fields, message):
    with pytest.raises(UserError, match=message) as caught:
        study.Row(*fields)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": []}, "there are no rows"),
        ({"rows": [3]}, "no Row"),
        ({"rows": made_rows() + made_rows()[:1]}, "row conv1 pc 0 is there twice"),
        ({"seed": -1}, "seed is -1"),
        ({"title": " "}, "title is ' '"),
        ({"catches": -1}, "catches is -1"),
        ({"practice": 2.5}, "practice is 2.5"),
        ({"catches": 3000}, "3016 trials; at most 2000"),
        ({"catch_pass": 85}, "catch_pass is 85; it must be a number in"),
        ({"least_answered": float("nan")}, "least_answered is nan"),
    ],
)
def test_bad_settings_are_refused_before_anything_is_written(tmp_path, change, message):
    with pytest.raises(UserError, match=message):
        study.build(**{"rows": made_rows(), "folder": tmp_path / "s", **change})
    assert not (tmp_path / "s").exists()


def test_anything_with_a_rows_attributes_will_do(tmp_path):
    alike = [SimpleNamespace(layer="a", basis="pc", vector=np.int64(0), pictures=GOOD)]
    study.build(alike, tmp_path / "s")
    assert study.load(tmp_path / "s").of_kind("main")[0].vector == 0


@pytest.mark.parametrize("change", ["{", "[]", "edit", "extra"])
def test_a_changed_study_is_refused(built, change):
    path = built / "trials.json"
    content = json.loads(path.read_text())
    if change == "edit":
        content["catch_pass"] = 0.1
        change = json.dumps(content)
    if change == "extra":
        content["trials"].pop()
        change = json.dumps(content)
    path.write_text(change)
    with pytest.raises(UserError, match="changed since the study was built"):
        study.load(built)


def test_no_study_there(tmp_path):
    with pytest.raises(UserError, match="no such file; pass the folder of a study"):
        study.load(tmp_path)


def test_fingerprints_are_fnv1a():
    """Known values of the published test suite of FNV-1a, 32 bits."""
    known = {"": "811c9dc5", "a": "e40c292c", "foobar": "bf9cf968"}
    assert {text: trials.fingerprint(text) for text in known} == known


# ---- rows from files ---------------------------------------------------------------------------


def saved(path, found):
    np.savez(
        path,
        layer=[r.layer for r in found],
        basis=[r.basis for r in found],
        vector=[r.vector for r in found],
        pictures=np.array([r.pictures for r in found]),
    )


def test_rows_come_back_from_a_file(tmp_path):
    saved(tmp_path / "rows.npz", made_rows())
    found = study.read_rows([tmp_path / "rows.npz"])
    assert [r.name for r in found] == [r.name for r in made_rows()]
    assert all(
        np.array_equal(a.pictures, b.pictures) for a, b in zip(found, made_rows(), strict=True)
    )


def test_the_command_builds_what_the_function_builds(tmp_path):
    saved(tmp_path / "rows.npz", made_rows())
    words = ["study", "build", str(tmp_path / "a"), str(tmp_path / "rows.npz"), "--seed", "4"]
    assert CliRunner().invoke(cli.app, words, catch_exceptions=False).exit_code == 0
    study.build(made_rows(), tmp_path / "b", seed=4)
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")


def test_every_public_name_is_there_and_the_command_line_starts_without_them():
    assert all(getattr(study, name).__name__ == name for name in study.__all__)
    with pytest.raises(AttributeError, match="no attribute 'built'"):
        _ = study.built
    light = "import sys, neuronbasis.workflow.cli; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", light], check=False).returncode == 0


def test_bad_files_of_rows_are_refused(tmp_path):
    path = tmp_path / "rows.npz"
    with pytest.raises(UserError, match=r"rows\.npz: not an \.npz file of layer"):
        study.read_rows([path])
    saved(path, made_rows())
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(UserError, match="write it anew"):
        study.read_rows([path])
    np.savez(path, layer=["a"], basis=["pc"], vector=[0, 1], pictures=GOOD[None])
    with pytest.raises(UserError, match=r"differ in length \[1, 2\]"):
        study.read_rows([path])


def test_pictures_of_levels_0_and_1_are_not_shown_black(tmp_path):
    pictures = np.random.default_rng(0).integers(0, 2, (1, 4, 2, 8, 8), np.uint8)
    np.savez(tmp_path / "a.npz", layer=["a"], basis=["pc"], vector=[0], pictures=pictures)
    with pytest.raises(UserError, match=r"brighter than 1 of 255, so all would look black: scale"):
        study.read_rows([tmp_path / "a.npz"])
