"""The networks of the papers' figures that are kept with the project."""

from neuronbasis.datasets import Dataset
from neuronbasis.experiments.functional_form import FACTORS, specifications
from neuronbasis.training import Specification

#: What a configuration is for -> size, n, m, whether the mean image is taken off.
AUTOENCODERS = {
    "Fig. 1": ("small", 24, 48, False),
    "Fig. 1, mean image taken off": ("small", 24, 48, True),
    "Fig. 2": ("small", 10, 20, False),
    "Fig. 2, mean image taken off": ("small", 10, 20, True),
    "Fig. 4 and 6": ("large", 10, 20, False),
    "Fig. 4 and 6, mean image taken off": ("large", 10, 20, True),
    "App. B.4, small simplex": ("small", 24, 25, False),
    "App. B.4, small simplex, mean image taken off": ("small", 24, 25, True),
    "App. B.4, large simplex": ("large", 24, 25, False),
    "Fig. 8": ("large", 10, 40, False),
    "Fig. 9": ("large", 24, 96, False),
}
SEEDS, FACTOR_SEEDS = 10, 5


def configurations(mnist: Dataset) -> dict[str, list[Specification]]:
    """Specify the kept networks, by what they are for in Bird (2025), arXiv 2505.13471.

    Parameters
    ----------
    mnist : Dataset
        ``datasets.load("mnist")``.

    Returns
    -------
    dict of str to list of Specification
        Those of one configuration differ in their seeds only. Only the networks of *through
        training* have snapshots, which take most of the room.

    Examples
    --------
    >>> from neuronbasis import datasets
    >>> found = configurations(datasets.load("mnist"))
    >>> [(spec.size, spec.n, spec.m, spec.seed) for spec in found["Fig. 1"][:2]]
    [('small', 24, 48, 0), ('small', 24, 48, 1)]
    """
    found = {
        name: [
            Specification.of(
                mnist, size=size, n=n, m=m, centre=centre, seed=seed, basis_seed=seed, snapshots=()
            )
            for seed in range(SEEDS)
        ]
        for name, (size, n, m, centre) in AUTOENCODERS.items()
    }
    found["through training"] = [
        Specification.of(mnist, n=10, m=20, seed=seed, basis_seed=seed) for seed in range(SEEDS)
    ]
    for key, factor in FACTORS.items():
        if factor.settings:  # without any it is the network of Fig. 2
            seeds = SEEDS if key in ("isotropic", "elementwise") else FACTOR_SEEDS
            found[f"App. G, {factor.name}"] = specifications(factor, mnist, 10, seeds, snapshots=())
    return found
