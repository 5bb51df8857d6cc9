"""One look for every figure of the book, and the one way to put a figure on a page."""

import io
import re
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import seaborn as sns
from IPython.display import Markdown, display
from matplotlib.figure import Figure

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
        What stands below it.

    Raises
    ------
    UserError
        When the alt text, the caption or a well-formed name is missing.
    """
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        raise UserError(f"figure name {name!r}: use small letters, digits and hyphens")
    if not alt.strip() or not caption.strip():
        raise UserError(f"figure {name}: give it an alt text and a caption")
    bundle = {"image/svg+xml": _svg(figure), "text/plain": alt}
    said: dict[str, Any] = {"neuronbasis": {"name": name, "alt": alt, "caption": caption}}
    display(bundle, raw=True, metadata=said)
    plt.close(figure)


def prose(text: str) -> None:
    """Put Markdown with numbers from this run on the page.

    Parameters
    ----------
    text
        GitHub-flavoured Markdown, which Jupyter shows too: no roles or directives of the book.
    """
    display(Markdown(text))


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    # No date and fixed ids: the same figure is the same bytes.
    with mpl.rc_context({"svg.hashsalt": "neuronbasis"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()
