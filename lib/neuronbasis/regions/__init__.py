"""Cells into which the boundaries of many neurons cut a space, exactly."""

from neuronbasis.regions._arrangement import (
    arrangement,
    count,
    locate,
    most,
    obeyed,
    thresholds,
    vote,
)
from neuronbasis.regions._signs import along, signs_at

__all__ = [
    "arrangement",
    "locate",
    "vote",
    "obeyed",
    "count",
    "most",
    "thresholds",
    "signs_at",
    "along",
]
