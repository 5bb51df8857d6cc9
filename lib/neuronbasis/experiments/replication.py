"""What the kept records of many configurations of one chapter say together."""

from collections.abc import Mapping
from typing import Any

from neuronbasis.errors import UserError

#: The smallest effect that counts, as in the chapter that made the records.
SMALLEST = 0.05
#: Claims about trained networks, of which a configuration settles one at most.
MAIN = ("S2", "S5", "S6")

Runs = Mapping[str, Mapping[str, Any]]


def standing(runs: Runs, claim: str) -> list[str]:
    """Names of the configurations in which a claim is reproduced.

    Parameters
    ----------
    runs : mapping of str to mapping
        Content of each configuration's record, of `records.read`.
    claim : str
        Which each of them settles.

    Raises
    ------
    UserError
        If one of them does not.

    Examples
    --------
    >>> small = {"claims": {"S9": {"verdict": "reproduced", "interval": [0.1, 0.3]}}}
    >>> large = {"claims": {"S9": {"verdict": "not reproduced", "interval": [-0.4, -0.1]}}}
    >>> standing({"small": small, "large": large}, "S9")
    ['small']
    """
    return [name for name in runs if _settled(runs, name, claim)["verdict"] == "reproduced"]


def turned(runs: Runs, claim: str, smallest: float = SMALLEST) -> list[str]:
    """Names of the configurations in which the whole interval speaks for the claim's reverse.

    Parameters
    ----------
    runs, claim
        As of `standing`.
    smallest : float
        The interval must lie below its negative.

    Raises
    ------
    UserError
        As `standing`.

    Examples
    --------
    >>> small = {"claims": {"S9": {"verdict": "reproduced", "interval": [0.1, 0.3]}}}
    >>> large = {"claims": {"S9": {"verdict": "not reproduced", "interval": [-0.4, -0.1]}}}
    >>> turned({"small": small, "large": large}, "S9")
    ['large']
    """
    return [name for name in runs if _settled(runs, name, claim)["interval"][1] < -smallest]


def extremes(runs: Runs, value: str) -> tuple[str, str]:
    """Names of the configurations whose records hold the smallest and the largest of a value.

    Raises
    ------
    UserError
        If there is none, or one of them does not hold it.

    Examples
    --------
    >>> extremes({"a": {"values": {"loss": 0.2}}, "b": {"values": {"loss": 0.1}}}, "loss")
    ('b', 'a')
    """
    lacking = [name for name, run in runs.items() if value not in run["values"]]
    if lacking or not runs:
        raise UserError(
            f"no value {value!r} in {', '.join(lacking) or 'any record'}: run the notebook again"
        )
    held = {name: run["values"][value] for name, run in runs.items()}
    return min(held, key=held.__getitem__), max(held, key=held.__getitem__)


def _settled(runs: Runs, name: str, claim: str) -> Mapping[str, Any]:
    claims = runs[name]["claims"]
    if claim not in claims:
        raise UserError(
            f"{name} settles no claim {claim!r}, only {', '.join(claims) or 'none'}: run it again"
        )
    found: Mapping[str, Any] = claims[claim]
    return found
