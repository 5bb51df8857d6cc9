"""The networks of the papers' figures that are kept with the project."""

from neuronbasis import datasets, training
from neuronbasis.datasets import Dataset
from neuronbasis.experiments.functional_form import FACTORS, specifications
from neuronbasis.training import Specification, Trained

#: What a configuration is for -> size, n, m, whether it trains without the mean image.
AUTOENCODERS = {
    "Fig. 1": ("small", 24, 48, False),
    "Fig. 1, without the mean image": ("small", 24, 48, True),
    "Fig. 2": ("small", 10, 20, False),
    "Fig. 2, without the mean image": ("small", 10, 20, True),
    "Fig. 6": ("large", 10, 20, False),
    "Fig. 6, without the mean image": ("large", 10, 20, True),
    "App. B.4, small": ("small", 24, 25, False),
    "App. B.4, small, without the mean image": ("small", 24, 25, True),
    "App. B.4, large": ("large", 24, 25, False),
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


def networks(name: str) -> list[Trained] | None:
    """Give the kept networks of one configuration; None unless all of them are kept.

    Parameters
    ----------
    name : str
        A key of `configurations`.

    Examples
    --------
    >>> [each.spec.seed for each in networks("Fig. 1")][:3], networks("Fig. 3")
    ([0, 1, 2], None)
    """
    mnist = datasets.load("mnist")
    wanted = configurations(mnist).get(name, [])
    kept = training.kept_store()
    if not wanted or kept is None or any(kept.get(spec.entry) is None for spec in wanted):
        return None
    return training.trained_all(wanted, mnist)
