"""The picture that answers: every claim a row, what it says beside what came out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from neuronbasis.errors import UserError
from neuronbasis.experiments import verdict
from neuronbasis.experiments.verdict import Outcome
from neuronbasis.figures.style import PALETTE

#: Mark and colour of each verdict: told apart by shape as well as by colour.
MARKS = {
    verdict.SUPPORTED: ("o", PALETTE[0], PALETTE[0]),
    verdict.DIRECTION: ("o", PALETTE[0], "white"),
    verdict.MIXED: ("D", PALETTE[1], "white"),
    verdict.NOT: ("X", PALETTE[3], PALETTE[3]),
    verdict.UNSEEN: ("s", "0.55", "white"),
}
_COLOURS = {said: edge for said, (_, edge, _) in MARKS.items()} | {verdict.PARTLY: PALETTE[1]}
_ENDS = (-8.0, 45.0)
_TICKS = (-5, -1, 0, 1, 5, 20)
_HEADING, _ROW = 0.36, 0.54  # inches


@dataclass(frozen=True)
class Row:
    """One claim in the picture.

    Attributes
    ----------
    id, short : str
        Its id, and what it says in a few words.
    verdict : str
        One of `experiments.verdict.VERDICTS`.
    outcomes : sequence of Outcome
        What came out in its settings. Where only other networks than the source's ran, the
        verdict bears a dagger.
    """

    id: str
    short: str
    verdict: str
    outcomes: Sequence[Outcome]

    @property
    def words(self) -> str:
        """The verdict as it is drawn."""
        return self.verdict + (" †" if verdict.elsewhere(self.outcomes) else "")


def answer(groups: Mapping[str, Sequence[Row]]) -> Figure:
    """Draw claims in groups: a strip each, with the range that the claim gives and what came out.

    Effects stand in units of the smallest one that counts, so that all claims share one axis:
    beyond 1 the effect is as claimed and large enough, between 0 and 1 it is too small, left of
    0 it is the reverse. A claim that there is nothing gives the range from -1 to 1.

    Parameters
    ----------
    groups : mapping of str to sequence of Row
        The rows under each heading, drawn from top to bottom.

    Raises
    ------
    UserError
        If there is no row.

    Examples
    --------
    >>> from neuronbasis.experiments.verdict import Outcome, Setting
    >>> found = Outcome(Setting("run", "n = 24", "claims.S2", 0.05), "supported", "", 0.3, 0.2, 0.4)
    >>> figure = answer({"Alignment": [Row("S2", "They align", "supported", [found])]})
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['Alignment', 'S2  They align', 'supported']
    >>> plt.close(figure)
    """
    if not any(groups.values()):
        raise UserError("no claims to draw: pass at least one row")
    height = sum(_HEADING + _ROW * len(rows) for rows in groups.values())
    figure, axes = plt.subplots(figsize=(4.7, height + 0.95), layout="constrained")
    place = 0.0
    for heading, rows in groups.items():
        _heading(axes, heading, place)
        place += _HEADING
        for row in rows:
            _strip(axes, row, place)
            place += _ROW
    axes.set_xscale("symlog", linthresh=2, linscale=1.1)
    axes.set(xlim=_ENDS, ylim=(place, -0.05), yticks=[])
    axes.set_xticks(_TICKS, [str(tick).replace("-", "−") for tick in _TICKS], fontsize=9)
    axes.minorticks_off()
    axes.set_xlabel(
        "effect ÷ smallest effect that counts\n← the reverse          as claimed →", fontsize=9
    )
    axes.spines["left"].set_visible(False)
    for x, dash in ((0, "-"), (1, ":")):
        axes.axvline(x, color="0.6", linewidth=0.9, linestyle=dash, zorder=0)
    figure.legend(
        handles=_legend(groups), loc="outside lower center", ncols=2, fontsize=9, handlelength=1.4
    )
    return figure


def _heading(axes: Axes, text: str, place: float) -> None:
    axes.text(
        0, place + 0.2, text, transform=axes.get_yaxis_transform(),
        fontsize=10.5, fontweight="bold", va="center",
    )  # fmt: skip


def _strip(axes: Axes, row: Row, place: float) -> None:
    """The words of a claim, below them its range and one mark a setting."""
    across = axes.get_yaxis_transform()
    axes.text(0, place + 0.1, f"{row.id}  {row.short}", transform=across, fontsize=9, va="center")
    top, tall = place + 0.22, 0.27
    told = [each for each in row.outcomes if each.verdict != verdict.NOT_RUN]
    edges = {(-1.0, 1.0) if each.setting.absent else (1.0, _ENDS[1]) for each in row.outcomes}
    for low, high in edges:
        axes.add_patch(Rectangle((low, top), high - low, tall, color="0.9", linewidth=0, zorder=-1))
    for k, each in enumerate(told):
        y = top + tall * (k + 1) / (len(told) + 1)
        effect, low, high = (min(max(x, _ENDS[0]), _ENDS[1]) for x in each.steps)
        mark, edge, face = MARKS[each.verdict]
        axes.plot([low, high], [y, y], color=edge, linewidth=1.3, zorder=2)
        axes.plot(effect, y, mark, color=edge, markerfacecolor=face, markersize=5.5, zorder=3)
    axes.text(
        1.02, top + tall / 2, _broken(row.words), transform=across, fontsize=9,
        va="center", linespacing=0.9, color=_COLOURS.get(row.verdict, "0.4"),
        clip_on=False,
    )  # fmt: skip


def _broken(words: str) -> str:
    """Two words on two lines; a mark stays beside the last."""
    return words.replace(" ", "\n", 1) if len(words.split(" †")[0].split()) > 1 else words


def _legend(groups: Mapping[str, Sequence[Row]]) -> list[Line2D | Patch]:
    seen = {each.verdict for rows in groups.values() for row in rows for each in row.outcomes}
    marks: list[Line2D | Patch] = [
        Line2D([], [], marker=mark, color=edge, markerfacecolor=face, markersize=5.5, label=name)
        for name, (mark, edge, face) in MARKS.items()
        if name in seen
    ]
    return [*marks, Patch(color="0.9", label="what the claim says")]
