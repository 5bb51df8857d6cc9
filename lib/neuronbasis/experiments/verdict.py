"""One verdict a claim: what the records of the source's own settings say, by one stated rule."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scipy import stats

from neuronbasis.errors import UserError
from neuronbasis.uncertainty import mean_interval

SUPPORTED = "supported"
DIRECTION = "supported in sign only"
PARTLY = "partly supported"
MIXED = "mixed"
NOT = "not supported"
UNSEEN = "uninformative"
NOT_RUN = "not run"
#: In the order in which a legend lists them.
VERDICTS = (SUPPORTED, DIRECTION, PARTLY, MIXED, NOT, UNSEEN, NOT_RUN)
#: What `Setting.network` says of networks that are the source's, as far as its text tells.
OWN = ("yes", "our reading", "none")
#: Share of the activations that the spotlight must hold somewhere, on average over planes.
LEAST_HELD = 0.001


@dataclass(frozen=True)
class Setting:
    """One setting in which a claim is put to the test, and where its evidence lies.

    Attributes
    ----------
    run : str
        The frozen record.
    says : str
        What the claim says of this setting.
    effect : str
        Where the effect stands in the record: ``claims.<id>`` (with its interval), or
        ``values.<name>`` of a list with a number a network, or of three values ``.mean``,
        ``.low`` and ``.high``.
    floor : float
        Smallest effect that counts, set beforehand; it is told from `zero`.
    at : str
        The figure of the source that has this setting; empty where it has none.
    network, data : str
        Whether the network and the data are the source's own: "yes", or what they are.
        "our reading": the source's, as far as its text tells; "none": the claim is of no network.
    zero : float
        The effect if there is nothing.
    sign : int
        -1 where the claim is of a negative effect.
    absent : bool
        Whether the claim is that there is no effect.
    agree : str
        Where the number of networks (or layers) stands that significantly show it, each by a test
        of its own; empty where the interval alone decides.
    of : int
        How many there are; 0: as many as the effect is over.
    unit : str
        What is counted.
    held : str
        Where the highest mean fraction in the spotlight stands, if a spotlight decides.
    overlap : bool
        Whether the cones of neighbouring vectors overlap, so that a slope has no sign.
    lacks : str
        What it takes to run it, where there is no record.
    """

    run: str
    says: str
    effect: str
    floor: float
    at: str = ""
    network: str = "yes"
    data: str = "yes"
    zero: float = 0.0
    sign: int = 1
    absent: bool = False
    agree: str = ""
    of: int = 0
    unit: str = "networks"
    held: str = ""
    overlap: bool = False
    lacks: str = ""


@dataclass(frozen=True)
class Outcome:
    """What came out in one setting.

    Attributes
    ----------
    setting : Setting
        The setting.
    verdict : str
        One of `VERDICTS`.
    why : str
        In words, for a reader.
    effect, low, high : float
        The effect with its 95% interval, positive where the claim says so; NaN where nothing ran.
    agree, of : int
        How many networks (or layers) of how many significantly show it; 0 of 0 where none are
        counted.
    """

    setting: Setting
    verdict: str
    why: str
    effect: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    agree: int = 0
    of: int = 0

    @property
    def steps(self) -> tuple[float, float, float]:
        """Effect, low and high on a scale on which 1 is the smallest effect that counts."""
        zero, floor = self.setting.zero, self.setting.floor
        effect, low, high = ((x - zero) / floor for x in (self.effect, self.low, self.high))
        return effect, low, high


def settle(setting: Setting, record: Mapping[str, Any] | None) -> Outcome:
    """Judge one setting by its record.

    The direction is sure when more than half of the networks show it, by the exact binomial 95%
    interval of their share (from 9 of 10 on); layers are no sample, so more than half of those
    that there are will do; where none are counted, the interval of the effect must lie beyond
    zero. The size is sure when this interval lies beyond the floor. Both make the claim
    *supported*, the direction alone *supported in sign only*, also where the size is surely too
    small. It is else *not supported* when surely fewer than half show it, or when the interval
    excludes an effect that counts. Else it is *mixed* where
    networks or layers are counted, and *uninformative* where none are. An absence is supported
    when the interval lies within the floor on both sides, and uninformative when it reaches
    beyond it on both. Where the spotlight holds nothing, or its cones overlap, a slope could not
    have seen anything, and the setting is *uninformative*.

    Parameters
    ----------
    setting : Setting
        What to look at.
    record : mapping, or None
        Content of the run's `record.json`; None if it has not run.

    Raises
    ------
    UserError
        If the record lacks what the setting names.

    Examples
    --------
    >>> setting = Setting("run", "aligned", "values.cosines", 0.05, agree="sure")
    >>> cosines = [0.2, 0.3, 0.25, 0.2, 0.3, 0.22, 0.28, 0.31, 0.19, 0.24]
    >>> settle(setting, {"values": {"cosines": cosines, "sure": 10}, "claims": {}}).verdict
    'supported'
    >>> settle(setting, {"values": {"cosines": cosines, "sure": 4}, "claims": {}}).why
    '4 of 10 networks'
    """
    if record is None:
        return Outcome(setting, NOT_RUN, setting.lacks)
    values = record["values"]
    effect, low, high, n = _effect(setting, record)
    agree, of = 0, 0
    if setting.agree:
        agree, of = int(_value(setting, values, setting.agree)), setting.of or n
    judge = _absence if setting.absent else _presence
    verdict = judge(setting, low, high, agree, of)
    why = f"{agree} of {of} {setting.unit}" if of else ""
    if setting.overlap:
        verdict, why = UNSEEN, "neighbouring cones overlap, so a slope has no sign"
    elif setting.held and _value(setting, values, setting.held) < LEAST_HELD:
        verdict, why = UNSEEN, "the spotlight holds no activations"
    return Outcome(setting, verdict, why, effect, low, high, agree, of)


def together(outcomes: Sequence[Outcome]) -> str:
    """The verdict of a claim from those of its settings; what has not run is left out.

    It is supported only if all are; in sign only if some lack the size; not supported if none
    is, uninformative ones aside. Whatever else is there makes it partly supported.

    Examples
    --------
    >>> setting = Setting("run", "aligned", "claims.S2", 0.05)
    >>> together([Outcome(setting, SUPPORTED, ""), Outcome(setting, NOT, "")])
    'partly supported'
    """
    found = {each.verdict for each in outcomes} - {NOT_RUN}
    if not found:
        return NOT_RUN
    if len(found) == 1 and found != {MIXED}:
        return found.pop()
    if found == {SUPPORTED, DIRECTION}:
        return DIRECTION
    return NOT if found == {NOT, UNSEEN} else PARTLY


def elsewhere(outcomes: Sequence[Outcome]) -> bool:
    """Whether a verdict rests on other networks than the source's alone."""
    ran = [each for each in outcomes if each.verdict != NOT_RUN]
    return bool(ran) and all(each.setting.network not in OWN for each in ran)


def _presence(setting: Setting, low: float, high: float, agree: int, of: int) -> str:
    excluded = high < setting.zero + setting.floor
    if of:
        least, most = _share(setting, agree, of)
        if most < 0.5 or (least <= 0.5 and excluded) or high < setting.zero:
            return NOT
        if least <= 0.5:
            return MIXED
    elif low <= setting.zero:
        return NOT if excluded else UNSEEN
    return SUPPORTED if low > setting.zero + setting.floor else DIRECTION


def _absence(setting: Setting, low: float, high: float, agree: int, of: int) -> str:
    below, above = setting.zero - setting.floor, setting.zero + setting.floor
    if low > above or high < below:
        return NOT
    if low < below and high > above:
        return UNSEEN
    few = not of or _share(setting, agree, of)[1] < 0.5
    return SUPPORTED if below < low and high < above and few else MIXED


def _share(setting: Setting, agree: int, of: int) -> tuple[float, float]:
    """What share shows it: its 95% interval for networks, itself for the layers of a network."""
    if setting.unit == "layers":
        return agree / of, agree / of
    found = stats.binomtest(agree, of).proportion_ci(method="exact")
    return found.low, found.high


def _effect(setting: Setting, record: Mapping[str, Any]) -> tuple[float, float, float, int]:
    """Effect, interval and number of repetitions, signs turned so that the claim is positive."""
    kind, _, name = setting.effect.partition(".")
    if kind == "claims":
        said = _value(setting, record["claims"], name)
        found = said["effect"], *said["interval"], said["n"]
    elif name in record["values"]:
        found = *mean_interval(record["values"][name]), len(record["values"][name])
    else:
        ends = (
            _value(setting, record["values"], f"{name}.{end}") for end in ("mean", "low", "high")
        )
        found = *ends, record["parameters"]["seeds"]
    effect, low, high, n = found
    if setting.sign < 0:
        effect, low, high = -effect, -high, -low
    return effect, low, high, n


def _value(setting: Setting, values: Mapping[str, Any], name: str) -> Any:
    if name not in values:
        raise UserError(f"{setting.run} records no {name!r}: run it again, or mend claims.yml")
    return values[name]
