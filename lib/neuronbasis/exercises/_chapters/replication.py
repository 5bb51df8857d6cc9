"""Every figure, with ten networks."""

from typing import Any

import numpy as np

from neuronbasis import records
from neuronbasis.exercises._check import Answer, NotYet, array, called, expect
from neuronbasis.uncertainty import mean_interval


def other_sign(answer: Answer) -> str:
    """The fraction of the slopes with another sign than the mean slope."""
    slopes = _slopes()
    right = float(np.mean(np.sign(slopes) != np.sign(slopes.mean())))
    for given in (slopes, -slopes):
        expect(
            called(answer, given),
            right,
            "the fraction for the networks of Fig. 1",
            "Compare the sign of each slope with the sign of their mean, and average.",
            [(1 - right, "That is the fraction with the *same* sign.")],
        )
    return (
        f"{right:.0%} of the {len(slopes)} networks of Fig. 1 have another sign than their mean. "
        "So often a single run would have shown the opposite."
    )


def interval(answer: Answer) -> str:
    """The two ends of the 95% Student t interval of the mean."""
    slopes = _slopes()
    _, low, high = mean_interval(list(slopes))
    found = array(called(answer, slopes), (2,))
    half = (found[1] - found[0]) / 2
    spread, n = float(slopes.std(ddof=1)), len(slopes)
    slips = [
        (1.96 * spread / np.sqrt(n), "1.96 is for many networks; ten need Student's t."),
        ((high - low) / 2 * np.sqrt(n), "Divide the standard deviation by the root of n."),
        ((high - low) / 2 * np.sqrt((n - 1) / n), "Use `ddof=1`: the mean is estimated too."),
    ]
    if not np.allclose(found, [low, high], atol=1e-4):
        hint = next((said for value, said in slips if np.isclose(half, value)), "")
        raise NotYet(
            f"The interval of the slopes of Fig. 1 is {low:.3f} to {high:.3f}, and yours is "
            f"{found[0]:.3f} to {found[1]:.3f}. {hint}".strip()
        )
    outside = int(np.sum((slopes < low) | (slopes > high)))
    return (
        f"{n} networks of Fig. 1 give {low:.2f} to {high:.2f}, and {outside} of the {n} slopes lie "
        "outside: the interval is that of the mean, and not of the next network."
    )


def _slopes() -> np.ndarray[Any, np.dtype[np.float64]]:
    frozen = records.frozen("autoencoder_alignment")
    if frozen is None:
        raise NotYet("This cannot be checked here: the record of Fig. 1 is missing.")
    return np.array(frozen.values["slopes.after"])
