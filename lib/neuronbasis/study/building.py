"""Build a study: a folder with one page, the pictures, and the trials."""

import base64
import hashlib
import html
import io
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from neuronbasis.errors import UserError
from neuronbasis.study import trials
from neuronbasis.study.row import Row, as_rows, shuffles
from neuronbasis.study.trials import SIDES, Study, Trial
from neuronbasis.utils import files
from neuronbasis.utils.checks import whole_number

GREY = 95  # of the gaps; the page's background has the same
_LEAST_WIDTH, _GAP = 48, 4  # pixels
_EASY_SIZE, _EASY_TRIES = 32, 50
_MOST_TRIALS = 2000

INSTRUCTIONS = """\
<p>You will see two rows of pictures, one above the other. Both rows hold the same pictures. In one
of them the pictures change step by step from left to right; in the other they are shuffled.</p>
<p><strong>Which row shows a coherent transition from left to right?</strong> Press <kbd>↑</kbd> for
the upper row or <kbd>↓</kbd> for the lower one, or tap the row. If you cannot tell, make your best
guess. You can pause at any time with <kbd>P</kbd>.</p>
"""
CONSENT = """\
<p>Taking part is voluntary, and you may stop at any time without giving a reason. What is kept is
your participant number, your answers and how long each took: no name, and nothing else about you.
</p>
"""


def build(
    rows: Iterable[Row],
    folder: str | Path,
    seed: int = 0,
    *,
    title: str = "Which row is in order?",
    catches: int = 8,
    practice: int = 4,
    catch_pass: float = 0.85,
    least_answered: float = 0.8,
    demo: bool = False,
    instructions: str = INSTRUCTIONS,
    consent: str = CONSENT,
) -> Path:
    """Write a study: one trial for each row, with catch and practice trials, as a folder.

    A trial shows the row in order and the same points shuffled, one above the other (Dey et al.
    2025, Fig. 14; that the second row is a shuffled one is our reading). Which is on top is
    balanced within each layer and basis. The order of the trials is drawn anew for each
    participant, in the browser.

    Parameters
    ----------
    rows : iterable of Row
        The rows to ask about, each vector once.
    folder
        Becomes ``index.html`` (the page; the texts in it may be edited), ``pictures/`` and
        ``trials.json``, where the right answers do not stand in plain sight. An earlier study is
        replaced, unless it holds answers.
    seed : int
        Decides shuffles, sides and ids: same rows and seed, same bytes.
    title : str
        What the page is called.
    catches, practice : int
        How many easy trials are mixed in, and how many come first, with feedback. Both show drawn
        discs that grow, so that no row of the study is spent on them.
    catch_pass, least_answered : float in [0, 1]
        The rule for whom to count, which becomes part of the study: see `Study`.
    demo : bool
        For a reader to try: no participant number is asked for, and the score is shown at the end.
    instructions, consent : str
        HTML of the first screen.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    UserError
        If the rows or settings are not legal, or the folder holds something else or answers.

    Examples
    --------
    >>> import tempfile
    >>> pictures = np.arange(4 * 2 * 8 * 8, dtype=np.uint8).reshape(4, 2, 8, 8)
    >>> rows = [Row("conv1", basis, 0, pictures) for basis in ("pc", "neuron")]
    >>> folder = Path(tempfile.mkdtemp()) / "study"
    >>> build(rows, folder, seed=1).name
    'index.html'
    >>> trials.load(folder).bases
    ('pc', 'neuron')
    """
    if not isinstance(title, str) or not title.strip():
        raise UserError(f"title is {title!r}; it must be a text that is not empty: pass one")
    rule = {
        "catch_pass": _share(catch_pass, "catch_pass"),
        "least_answered": _share(least_answered, "least_answered"),
    }
    rng = np.random.default_rng([whole_number(seed, "seed", 0), *b"study"])
    asked = _asked(as_rows(rows), catches, practice, rng)
    target = Path(folder)
    _refuse_answers(target)
    study, pictures = _drawn(asked, {"title": title, "demo": bool(demo), **rule}, rng)
    with files.partial_folder(target) as partial:
        (partial / trials.PICTURES).mkdir()
        for name, content in pictures.items():
            (partial / trials.PICTURES / name).write_bytes(content)
        files.write_json(partial / trials.FILE, study.as_json())
        page = _page(study, instructions, consent)
        (partial / trials.PAGE).write_text(page, encoding="utf-8")
    return target / trials.PAGE


def single_page(folder: str | Path) -> str:
    """The page of a study with its pictures inside: one file, for instance to embed elsewhere.

    Examples
    --------
    >>> import tempfile
    >>> row = Row("conv1", "pc", 0, np.arange(3, dtype=np.uint8).reshape(3, 1, 1, 1))
    >>> folder = build([row], Path(tempfile.mkdtemp()) / "study").parent
    >>> single_page(folder).count("data:image/png;base64,")
    26
    """
    study = trials.load(folder)
    inside = {
        name: "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
        for name in picture_names(study)
        if (path := Path(folder) / trials.PICTURES / name)
    }
    page = (Path(folder) / trials.PAGE).read_text(encoding="utf-8")
    return page.replace('"inside": {}', f'"inside": {json.dumps(inside)}', 1)


def picture_names(study: Study) -> list[str]:
    """Names of the picture files: one for each row of each trial."""
    return [f"{trial.id}-{side}.png" for trial in study.trials for side in SIDES]


def _share(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise UserError(f"{name} is {value!r}; it must be a number in [0, 1]: pass such as 0.85")
    return float(value)


def _refuse_answers(folder: Path) -> None:
    files.check_replaceable(folder, trials.FILE)
    answers = folder / trials.ANSWERS
    if answers.is_dir() and any(answers.iterdir()):
        raise UserError(f"{answers}: holds answers, which would be lost; choose another folder")


def _asked(
    rows: list[Row], catches: int, practice: int, rng: np.random.Generator
) -> list[tuple[str, Row, NDArray[np.intp], str]]:
    """Kind, row, shuffled order and the ordered row's side of every trial."""
    whole_number(catches, "catches", 0)
    whole_number(practice, "practice", 0)
    if len(rows) + catches + practice > _MOST_TRIALS:
        count = len(rows) + catches + practice
        raise UserError(f"{count} trials; at most {_MOST_TRIALS} fit a study: pass fewer rows")
    points, patches = rows[0].pictures.shape[:2]
    easy = Row("discs", "random", 0, _discs(points, patches))
    kinds = ["main"] * len(rows) + ["catch"] * catches + ["practice"] * practice
    shown = rows + [easy] * (catches + practice)
    cells = [(k, r.layer, r.basis) for k, r in zip(kinds, shown, strict=True)]
    orders = [
        shuffles(row, 1, rng)[0] if kind == "main" else _far_from_ordered(row, rng)
        for kind, row in zip(kinds, shown, strict=True)
    ]
    return list(zip(kinds, shown, orders, _balanced(cells, rng), strict=True))


def _balanced(cells: Sequence[Any], rng: np.random.Generator) -> list[str]:
    """A side for each trial: in each cell as often top as bottom, the odd ones in turn."""
    sides = [""] * len(cells)
    first = int(rng.integers(2))
    for cell in dict.fromkeys(cells):
        members = rng.permutation([i for i, each in enumerate(cells) if each == cell])
        for place, member in enumerate(members):
            sides[member] = SIDES[(first + place) % 2]
        first = (first + len(members)) % 2
    return sides


def _discs(points: int, patches: int) -> NDArray[np.uint8]:
    """A row that nobody mistakes: discs that grow from point to point."""
    half = (_EASY_SIZE - 1) / 2
    y, x = np.ogrid[:_EASY_SIZE, :_EASY_SIZE]
    radii = np.linspace(1, half, points)[:, None, None]
    grown = np.clip(radii - np.hypot(x - half, y - half) + 0.5, 0, 1)
    column = np.round(40 + 200 * grown).astype(np.uint8)
    return np.repeat(column[:, None], patches, axis=1)


def _far_from_ordered(row: Row, rng: np.random.Generator) -> NDArray[np.intp]:
    """Of some shuffles the one with the largest steps, so that an easy trial is easy."""
    return max(shuffles(row, _EASY_TRIES, rng), key=lambda order: np.abs(np.diff(order)).sum())


def _drawn(
    asked: list[tuple[str, Row, NDArray[np.intp], str]],
    settings: dict[str, Any],
    rng: np.random.Generator,
) -> tuple[Study, dict[str, bytes]]:
    """The study and its pictures by file name."""
    salt = rng.bytes(8).hex()
    width = len(str(len(asked)))
    made: list[Trial] = []
    pictures: dict[str, bytes] = {}
    for (kind, row, order, side), number in zip(asked, rng.permutation(len(asked)), strict=True):
        name = f"t{number + 1:0{width}d}"
        mark = trials.fingerprint(f"{salt}:{name}:{side}")
        where = (row.layer, row.basis, row.vector) if kind == "main" else ("", "", len(made))
        made.append(Trial(name, kind, *where, mark))
        for each in SIDES:
            shown = row.pictures if each == side else row.pictures[order]
            pictures[f"{name}-{each}.png"] = _png(strip(shown))
    whole = hashlib.sha256(b"".join(hashlib.sha256(each).digest() for each in pictures.values()))
    study = Study("", salt=salt, pictures=whole.hexdigest(), trials=tuple(made), **settings)
    return replace(study, id=trials.identified(study.as_json())), pictures


def strip(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """One picture of a row: points side by side, the pictures of a point below one another.

    Small pictures are enlarged by a whole factor, so that no browser blurs them.

    Examples
    --------
    >>> strip(np.zeros((3, 2, 28, 28), np.uint8)).shape
    (116, 176)
    """
    times = -(-_LEAST_WIDTH // pictures.shape[3])
    large = pictures.repeat(times, axis=2).repeat(times, axis=3)
    gap = ((0, 0), (0, 0), (0, _GAP), (0, _GAP), (0, 0))[: large.ndim]
    framed = np.pad(large, gap, constant_values=GREY)
    points, patches, height, width = framed.shape[:4]
    across = framed.swapaxes(0, 1).swapaxes(1, 2)  # patches, height, points, width
    return across.reshape(patches * height, points * width, *framed.shape[4:])[:-_GAP, :-_GAP]


def _png(picture: NDArray[np.uint8]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, format="PNG", optimize=False)
    return stream.getvalue()


def _page(study: Study, instructions: str, consent: str) -> str:
    """The page with style, script, texts and trials inside."""
    assets = package_files("neuronbasis.study") / "page"
    content = json.dumps({**study.as_json(), "inside": {}}).replace("</", "<\\/")
    parts = {
        "{title}": html.escape(study.title),
        "{instructions}": instructions.strip(),
        "{consent}": consent.strip(),
        "/*style*/": (assets / "page.css").read_text(encoding="utf-8"),
        "/*script*/": (assets / "page.js").read_text(encoding="utf-8"),
        "/*study*/": content,
    }
    page = (assets / "page.html").read_text(encoding="utf-8")
    places = "|".join(map(re.escape, parts))
    return re.sub(places, lambda place: parts[place[0]], page)
