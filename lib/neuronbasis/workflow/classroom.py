"""The study with a class, from start to picture: `neuronbasis study class`."""

from pathlib import Path
from typing import Any

from neuronbasis import study
from neuronbasis.study import trials
from neuronbasis.utils import files

PICTURE = "result.png"
VECTORS, IMAGES = 3, 2000  # of each kind in each layer: 72 trials, under ten minutes
CHANCES = {"pc": 0.85, "neuron": 0.7, "random": 0.7}  # of right answers in a rehearsal


def prepare(folder: Path) -> bool:
    """Build the study of the chapter's convnet, if the folder holds none; say whether.

    Raises
    ------
    UserError
        As `study.build`; if the folder holds something else.
    """
    if (folder / trials.FILE).exists():
        trials.load(folder)
        return False
    from neuronbasis import datasets
    from neuronbasis.experiments import subjects

    it = subjects.convnet(datasets.load("digits"), images=IMAGES)
    layers: Any = it.model.layers
    rows, _ = study.along(it.model, layers, it.inputs, vectors=VECTORS)
    study.build(rows, folder, seed=0)
    return True


def simulate(folder: Path, participants: int) -> None:
    """Answers of simulated participants, for a rehearsal: the picture says what they are.

    Raises
    ------
    UserError
        As `study.simulate`.
    """
    study.simulate(folder, CHANCES, participants, spread=0.1)


def report(folder: Path) -> list[str]:
    """What the answers say, line by line.

    Raises
    ------
    UserError
        As `study.analyse`; if there are fewer than two participants.
    """
    return study.analyse(folder).report()


def draw(folder: Path) -> Path:
    """Draw the class's result beside the source's, as a picture in the folder.

    Raises
    ------
    UserError
        As `study.analyse`; if the picture cannot be written.
    """
    from matplotlib import pyplot as plt

    from neuronbasis.figures import study as pictures
    from neuronbasis.figures import style

    style.use()
    figure = pictures.beside_the_source(study.analyse(folder))
    target = folder / PICTURE
    partial = target.with_name(f".{PICTURE}.partial")
    try:
        figure.savefig(partial, format="png")
        return partial.replace(target)
    except OSError as error:
        raise files.cannot_write(target, error) from None
    finally:
        plt.close(figure)
