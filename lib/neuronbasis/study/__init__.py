"""A study with people: which of two rows of pictures shows a coherent transition.

Each trial shows the pictures along a basis vector in their order, and the same pictures shuffled,
one row above the other (Dey et al. 2025, Fig. 14). `build` writes a study as a folder whose page
runs in any browser, `neuronbasis study serve` collects the answers of a class, and `analyse` says
how often people were right along each kind of vector. `tell_apart` is a stand-in without people.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neuronbasis.study.analysis import Analysis, analyse
    from neuronbasis.study.building import build, single_page
    from neuronbasis.study.observer import by_basis, difference, tell_apart
    from neuronbasis.study.planning import participants_needed, power, simulate
    from neuronbasis.study.row import Row, along, read_rows
    from neuronbasis.study.trials import Study, Trial, load

__all__ = [
    "Analysis",
    "Row",
    "Study",
    "Trial",
    "along",
    "analyse",
    "build",
    "by_basis",
    "difference",
    "load",
    "participants_needed",
    "power",
    "read_rows",
    "simulate",
    "single_page",
    "tell_apart",
]
_FILES = {
    "analysis": ("Analysis", "analyse"),
    "building": ("build", "single_page"),
    "observer": ("by_basis", "difference", "tell_apart"),
    "planning": ("participants_needed", "power", "simulate"),
    "row": ("Row", "along", "read_rows"),
    "trials": ("Study", "Trial", "load"),
}
_HOME = {name: file for file, names in _FILES.items() for name in names}


def __getattr__(name: str) -> Any:
    """A public name, found when it is first asked for: the command line starts without them."""
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
