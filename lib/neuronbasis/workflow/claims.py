"""The claims that this book settles: one row a claim, and what the records of runs say of each."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from neuronbasis.errors import UserError

NO_RUN = "no run yet"
_ID = re.compile(r"([A-Z]\d+)(?:[._-].+)?\Z")


@dataclass(frozen=True)
class Claim:
    """One row of the scorecard, apart from what our runs say of it.

    Attributes
    ----------
    id : str
        A letter and a number.
    statement : str
        What is claimed.
    sources : tuple of str
        Who says so: keys of `book/references.bib`.
    where : str
        Section and figure there.
    refuted_by : str
        What we would have to see to give it up.
    unrecorded : str
        What stands in the place of a verdict while no run has settled it.
    """

    id: str
    statement: str
    sources: tuple[str, ...]
    where: str
    refuted_by: str
    unrecorded: str = NO_RUN


_BIRD = ("bird2025spotlight",)
_DEY = ("dey2025neuron",)

CLAIMS = (
    Claim(
        "S1",
        "Before training, activations are not aligned with the privileged basis.",
        _BIRD,
        "Fig. 1, 5, 6",
        "Activations of untrained networks that lie nearer to the basis than to rotated copies.",
    ),
    Claim(
        "S2",
        "After training, SRM is in phase with self-SRM on the privileged basis of an elementwise "
        "tanh, m = 2n.",
        _BIRD,
        "Sec. 3, App. B.3, Fig. 1, 2, 5, 6",
        "A mean curve that is flat, or out of phase with self-SRM.",
    ),
    Claim(
        "S3",
        "There is no such signal on a random basis or on the standard one.",
        _BIRD,
        "App. B.1, Fig. 2",
        "The same slope on a basis that the network knows nothing of.",
    ),
    Claim(
        "S4",
        "Some neurons are grandmother neurons: their signed SRM differs between classes far more "
        "than chance, and did not before training.",
        _BIRD,
        "App. B.2, Fig. 3, 4",
        "Differences between classes no larger than between shuffled labels, or as large before "
        "training.",
    ),
    Claim(
        "S5",
        "With a simplex basis, small networks are anti-aligned and large ones aligned.",
        _BIRD,
        "App. B.4, Fig. 7",
        "A slope that is not negative in small networks, or not positive in large ones.",
    ),
    Claim(
        "S6",
        "With an overcomplete basis, networks with n = 10, m = 40 are aligned, and those with "
        "n = 24, m = 96 anti-aligned.",
        _BIRD,
        "App. B.5, Fig. 8, 9",
        "A slope of the other sign, or none, in either.",
    ),
    Claim(
        "S7",
        "On directions without preference, the mean of SRM over angles is a ratio of two volumes.",
        _BIRD,
        "App. F, Eq. 18",
        "A mean that differs from the ratio by more than chance.",
    ),
    Claim(
        "S8",
        "The functional form causes the alignment: with an isotropic activation function it is "
        "gone.",
        _BIRD,
        "Sec. 1 and 4; the test is ours",
        "The same alignment with the tanh of the norm, or none with the elementwise tanh.",
    ),
    Claim(
        "S9",
        "The alignment is more than that of the mean activation.",
        _BIRD,
        "not in the paper: ours",
        "No alignment left once the mean activation is taken off, or in networks trained on inputs "
        "with the mean image subtracted.",
    ),
    Claim(
        "P1",
        "Far fewer principal components than neurons explain 80% and 99% of a layer's variance, in "
        "every layer.",
        _DEY,
        "Fig. 5",
        "A layer in which, on held-out samples, neurons need hardly more, or random bases as few.",
    ),
    Claim(
        "P2",
        "Ablating the components of highest variance hurts accuracy more than ablating the neurons "
        "of highest variance, in most layers; in ascending order it hurts less.",
        _DEY,
        "Fig. 6",
        "Equal accuracy for equal variance removed, or the other order in most layers.",
    ),
    Claim(
        "P3",
        "People tell an ordered visualisation from a shuffled one more often along components than "
        "along neurons, in every layer.",
        _DEY,
        "Fig. 7, 14",
        "Equal accuracy of people on both, in some layer.",
        unrecorded="not testable here: needs people, about 139 of them with 80 trials each to find "
        "ten points in every one of eight layers",
    ),
    Claim(
        "P4",
        "Maximising an activation mixes basis vectors; minimising the distance to a point on the "
        "vector isolates one.",
        _DEY,
        "Fig. 12",
        "Coordinates along other vectors as small after maximising as after minimising.",
    ),
    Claim(
        "B1",
        "The images that most excite a random direction have a meaning in common too, but basis "
        "directions are interpretable more often.",
        ("szegedy2014intriguing", "bau2017network", "olah2017feature"),
        "as told by the third, in its section on combining neurons",
        "Images of random directions no more alike than random images, or as alike as those of "
        "basis directions.",
    ),
    Claim(
        "M1",
        "The signs of m neurons cut the input space into regions; each crossing flips exactly the "
        "signs of the neurons whose boundary is crossed.",
        ("park2023multineuron",),
        "Input Boundary",
        "Two neighbouring regions that differ in the sign of another neuron.",
    ),
)


@dataclass(frozen=True)
class Finding:
    """What one run says of one claim.

    Attributes
    ----------
    claim : str
        Id of the row.
    part : str
        What the run named this part of the claim, such as "large" of "S5.large"; often empty.
    run, notebook : str
        Where it comes from.
    scale : str
        "paper" for a frozen record, at the papers' scale; of this build, "repeated" where the run
        has the parameters of the frozen one, else "demo".
    effect : float
        The measured effect.
    interval : tuple of float
        Its 95% interval.
    n : int
        Seeds (or images, where there is one network) that the interval is over.
    control, verdict : str
        As recorded.
    parameters : dict
        Of the run.
    """

    claim: str
    part: str
    run: str
    notebook: str
    scale: str
    effect: float
    interval: tuple[float, float]
    n: int
    control: str
    verdict: str
    parameters: Mapping[str, Any]


def row_of(claim: str) -> Claim:
    """The row to which a recorded claim belongs: "S2.cifar" is a part of S2.

    Raises
    ------
    UserError
        When the table has no such row.

    Examples
    --------
    >>> row_of("S2.cifar").where
    'Sec. 3, App. B.3, Fig. 1, 2, 5, 6'
    """
    match = _ID.match(claim)
    for row in CLAIMS:
        if match and row.id == match[1]:
            return row
    known = ", ".join(row.id for row in CLAIMS)
    raise UserError(f"claim {claim!r}: there are {known}; a part of one is named as in S2.cifar")


def findings(
    frozen: Mapping[str, Mapping[str, Any]], fresh: Mapping[str, Mapping[str, Any]]
) -> dict[str, list[Finding]]:
    """Gather what all records say: for every claim of the table its findings, frozen ones first.

    Parameters
    ----------
    frozen, fresh : mapping of str to dict
        Content of `record.json` by run: those of `results/`, and those of this build.

    Returns
    -------
    dict of str to list of Finding
        Every claim has its entry, empty where no run has settled it. A fresh finding that is
        equal to the frozen one of its run under the same parameters is left out.

    Raises
    ------
    UserError
        When a record settles a claim that is not in the table.

    Examples
    --------
    >>> said = {"effect": 1.0, "interval": [0.9, 1.1], "n": 12, "control": "", "verdict": "mixed"}
    >>> record = {"notebook": "method", "parameters": {"n": 6}, "claims": {"S7": said}}
    >>> [(each.run, each.scale, each.verdict) for each in findings({}, {"run": record})["S7"]]
    [('run', 'demo', 'mixed')]
    """
    found: dict[str, list[Finding]] = {row.id: [] for row in CLAIMS}
    for run, content in frozen.items():
        for each in _of_record(run, content, "paper"):
            found[each.claim].append(each)
    for run, content in fresh.items():
        earlier = frozen.get(run, {})
        repeated = content["parameters"] == earlier.get("parameters")
        if repeated and content.get("claims") == earlier.get("claims"):
            continue
        for each in _of_record(run, content, "repeated" if repeated else "demo"):
            found[each.claim].append(each)
    return found


def tally(verdicts: Iterable[str]) -> str:
    """Several verdicts in short.

    Examples
    --------
    >>> tally(["reproduced", "mixed", "reproduced"])
    'reproduced (2), mixed (1)'
    >>> tally(["mixed"])
    'mixed'
    """
    listed = list(verdicts)
    kinds = list(dict.fromkeys(listed))
    if len(kinds) == 1:
        return kinds[0]
    return ", ".join(f"{kind} ({listed.count(kind)})" for kind in kinds)


def _of_record(run: str, content: Mapping[str, Any], scale: str) -> list[Finding]:
    return [
        Finding(
            claim=row_of(name).id,
            part=name[len(row_of(name).id) + 1 :],
            run=run,
            notebook=content["notebook"],
            scale=scale,
            effect=said["effect"],
            interval=(said["interval"][0], said["interval"][1]),
            n=said["n"],
            control=said["control"],
            verdict=said["verdict"],
            parameters=content["parameters"],
        )
        for name, said in content.get("claims", {}).items()
    ]
