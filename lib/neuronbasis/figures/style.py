"""One look for every figure of the book, and the one way to put a figure on a page."""

import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from IPython.display import Markdown, display
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from neuronbasis.errors import UserError

PALETTE = sns.color_palette("colorblind")
"""Colours that stay apart for colour-blind readers."""

_SETTINGS: dict[Any, Any] = {
    "figure.dpi": 100,
    "savefig.dpi": 160,
    "figure.constrained_layout.use": True,
    "svg.fonttype": "path",
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}


def use() -> None:
    """Set the look of every figure drawn from here on."""
    mpl.rcdefaults()  # a person's own matplotlibrc would change every figure
    sns.set_theme(style="ticks", palette="colorblind")
    mpl.rcParams.update(_SETTINGS)


def show(figure: Figure, *, name: str, alt: str, caption: str) -> None:
    """Put a figure on the page, with its alt text and its caption.

    Parameters
    ----------
    figure
        The figure; it is closed afterwards.
    name
        What other pages refer to it by: small letters, digits and hyphens.
    alt
        What the picture shows, for those who do not see it.
    caption
        What stands below it. In both, line breaks and indents are spaces.

    Raises
    ------
    UserError
        When the alt text, the caption or a well-formed name is missing.
    """
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        raise UserError(f"figure name {name!r}: use small letters, digits and hyphens")
    alt, caption = " ".join(alt.split()), " ".join(caption.split())
    if not alt or not caption:
        raise UserError(f"figure {name}: give it an alt text and a caption")
    bundle = {"image/svg+xml": svg(figure), "text/plain": alt}
    said: dict[str, Any] = {"neuronbasis": {"name": name, "alt": alt, "caption": caption}}
    display(bundle, raw=True, metadata=said)
    plt.close(figure)


def panels(
    count: int,
    size: tuple[float, float],
    columns: int | None = None,
    margin: tuple[float, float] = (0, 0),
    **settings: Any,
) -> tuple[Figure, list[Axes]]:
    """Lay out a figure with so many panels, row by row.

    Parameters
    ----------
    count
        How many panels.
    size
        Width and height of one, in inches.
    columns
        Panels in a row; all of them when None. What the last row lacks stays empty.
    margin
        What the whole figure gets on top, in inches.
    settings
        Of `matplotlib.pyplot.subplots`, such as ``sharey=True``.

    Raises
    ------
    UserError
        When there is nothing to draw.

    Examples
    --------
    >>> figure, axes = panels(3, (4, 2), columns=2)
    >>> len(axes), figure.get_size_inches().tolist()
    (3, [8.0, 4.0])
    >>> plt.close(figure)
    """
    if count < 1:
        raise UserError(f"{count} panels are no figure: pass what at least one is to show")
    columns = columns or count
    rows = -(-count // columns)
    whole = (size[0] * columns + margin[0], size[1] * rows + margin[1])
    figure, grid = plt.subplots(
        rows, columns, figsize=whole, squeeze=False, layout="constrained", **settings
    )
    for spare in grid.flat[count:]:
        spare.remove()
    return figure, list(grid.flat[:count])


def rows(axes: Axes, names: Sequence[str]) -> None:
    """Name the rows of a panel at the heights 0, 1, ..., the first on top."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)


def intervals(
    axes: Axes,
    y: ArrayLike,
    low: ArrayLike,
    effect: ArrayLike,
    high: ArrayLike,
    *,
    colour: Any,
    marker: str = "o",
    label: str | None = None,
) -> None:
    """Draw effects with their intervals: at each height a bar from low to high, and a mark.

    Parameters
    ----------
    axes
        Where to draw.
    y, low, effect, high : array_like of float, shape (k,), or one number each
        Heights, and what stands there. An effect may lie outside its interval, as that of a
        bootstrap can; where a number is not finite nothing is drawn.
    colour, marker
        Of Matplotlib.
    label
        What the legend calls them; they have no place in it when None.

    Raises
    ------
    UserError
        When the shapes differ, or an interval ends before it starts.

    Examples
    --------
    >>> figure, (axes,) = panels(1, (4, 2))
    >>> intervals(axes, [0, 1], [-1, 0], [0, 2], [1, 3], colour="black", label="mean")
    >>> axes.get_legend_handles_labels()[1]
    ['mean']
    >>> plt.close(figure)
    """
    given = [np.atleast_1d(np.asarray(each, dtype=np.float64)) for each in (y, low, effect, high)]
    if len({each.shape for each in given}) > 1:
        said = ", ".join(str(each.shape) for each in given)
        raise UserError(f"y, low, effect and high have shapes {said}: pass one number a row")
    heights, start, middle, end = given
    if (start > end).any():
        k = int(np.argmax(start > end))
        raise UserError(f"an interval goes from {start[k]:g} to {end[k]:g}: pass low <= high")
    bars = axes.hlines(heights, start, end, color=colour, linewidth=2, zorder=2)
    (marks,) = axes.plot(middle, heights, marker, color=colour, markersize=7)
    # Together, so that the legend shows the bar with its mark.
    axes.add_container(ErrorbarContainer((marks, (), (bars,)), has_xerr=True, label=label))


_LABELS = {"mean taken off": "mean-centred"}  # keys under which records keep their curves


def label(key: str) -> str:
    """What a reader sees in the place of a key of stored curves.

    Examples
    --------
    >>> label("mean taken off"), label("raw")
    ('mean-centred', 'raw')
    """
    return _LABELS.get(key, key)


def prose(text: str) -> None:
    """Put Markdown with numbers from this run on the page.

    Parameters
    ----------
    text
        GitHub-flavoured Markdown, which Jupyter shows too: no roles or directives of the book. In
        the book a paragraph ``Table: ...`` above a table is its caption, see `table`. A line break
        and an indent inside a paragraph are a space, so that a text can be as long as it likes.
    """
    lines = re.sub(r"\s*\n[ \t]*(?=\S)", _joint, text.strip())
    display(Markdown(lines))


def _joint(gap: re.Match[str]) -> str:
    """What stands in the place of a break: rows of a table and items of a list stay lines."""
    if gap[0].count("\n") > 1:
        return "\n\n"
    return "\n" if gap.string.startswith(("|", "- "), gap.end()) else " "


def table(caption: str, head: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown, for `prose`; columns of numbers are aligned to the right.

    Parameters
    ----------
    caption
        What stands above the table, with a full stop.
    head
        Titles of the columns.
    rows
        Their cells, as they are to be shown.

    Raises
    ------
    UserError
        When a row has not as many cells as the head.

    Examples
    --------
    >>> print(table("Two layers.", ["layer", "units"], [["conv1", "16"], ["fc1", "9 (8 to 9)"]]))
    Table: Two layers.
    <BLANKLINE>
    | layer | units |
    | --- | ---: |
    | conv1 | 16 |
    | fc1 | 9 (8 to 9) |
    """
    cells = [[str(each) for each in row] for row in rows]
    for row in cells:
        if len(row) != len(head):
            raise UserError(f"row {row} has {len(row)} cells: give it {len(head)}, as the head has")
    columns = zip(*cells, strict=True) if cells else [()] * len(head)
    sides = ["---:" if all(map(_NUMERIC, each)) and any(each) else "---" for each in columns]
    lines = [" | ".join(row) for row in ([str(each) for each in head], sides, *cells)]
    return f"Table: {caption}\n\n" + "\n".join(f"| {line} |" for line in lines)


# A number with its unit, alone or with an interval; an empty cell is no word either.
_NUMERIC = re.compile(r"(\**[+−-]?\d[^a-z*]*( ?(to|of) [^a-z*]*)?\**)?").fullmatch


def span(effect: float, low: float, high: float, form: str = ".2f") -> str:
    """A number with its interval, each in the same form.

    Examples
    --------
    >>> span(0.5, 0.25, 0.75), span(0.5, -0.25, 0.75, "+.0%")
    ('0.50 (0.25 to 0.75)', '+50% (-25% to +75%)')
    """
    return f"{effect:{form}} ({low:{form}} to {high:{form}})"


def extent(values: ArrayLike, form: str = ".2f") -> str:
    """The smallest and the largest of some numbers.

    Examples
    --------
    >>> extent([0.25, 1, 0.5])
    '0.25 to 1.00'
    """
    return f"{np.min(values):{form}} to {np.max(values):{form}}"


def listed(words: Iterable[object]) -> str:
    """Words with commas between and "and" before the last.

    Examples
    --------
    >>> listed("abc"), listed("ab"), listed("a"), listed("")
    ('a, b and c', 'a and b', 'a', '')
    """
    *most, last = [str(each) for each in words] or [""]
    return f"{', '.join(most)} and {last}" if most else last


def svg(figure: Figure) -> str:
    """A figure as SVG text: the same figure gives the same bytes."""
    buffer = io.StringIO()
    # No date and fixed ids: the same figure is the same bytes.
    with mpl.rc_context({"svg.hashsalt": "neuronbasis"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()
