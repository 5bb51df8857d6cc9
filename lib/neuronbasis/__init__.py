"""Are neurons the right directions in which to read a network? Measurements, a concept a name.

basis           what a basis is; standard, random, simplex, orthoplex, Thompson
spotlight       the Spotlight Resonance Method: do activations gather around the basis?
completeness    which basis explains more, and matters more when it is cut out
decomposition   principal and independent components, sparse codes, random bases of activations
visualisation   what a direction looks like: pictures along it and pictures that excite it most
regions         what many neurons do at once: the cells that their boundaries make
recording       activations of any torch model, by the names of its modules; receptive fields
networks        autoencoders, a convnet, networks trained by others; their accuracy
training        trained networks by specification, kept in a store
nonlinearity    activation functions that privilege a basis, and one that privileges none
datasets        images and activations by name or path
uncertainty     intervals over seeds, and the verdicts that follow from them
study           a study with people: which row of pictures is in order?
experiments     the experiments of the chapters, put together from the above
figures         their pictures
exercises       checks of a reader's own answers to the exercises of the book
records         what a run of a notebook leaves: parameters, numbers, claims, curves
workflow        runs, the book, the command line
utils           for the library itself
errors          what a user's mistake raises

Each is loaded when it is first asked for: ``import neuronbasis; neuronbasis.spotlight``.
"""

from importlib import import_module
from types import ModuleType

__version__ = "0.1.0"
__all__ = [
    "basis",
    "completeness",
    "datasets",
    "decomposition",
    "errors",
    "exercises",
    "experiments",
    "figures",
    "networks",
    "nonlinearity",
    "recording",
    "records",
    "regions",
    "spotlight",
    "study",
    "training",
    "uncertainty",
    "utils",
    "visualisation",
    "workflow",
]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
