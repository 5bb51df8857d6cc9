"""Every notebook of the book, run whole on parameters so small that it says nothing."""

import nbformat
import pytest

from neuronbasis import records
from neuronbasis.utils import project
from neuronbasis.workflow import run

TINY = {
    "architectures": {"inputs": 9, "n": 3, "m": 6},
    "autoencoder_alignment": {"n": 3, "m": 6, "epochs": 1, "seeds": 2, "rotations": 19},
    "ablation": {"layers": "conv2, fc3", "images": 60, "width": 3, "seeds": 2, "steps": 2},
    "beyond_pca": {
        "layers": "conv2, fc3",
        "images": 60,
        "width": 3,
        "seeds": 2,
        "steps": 2,
        "training_steps": 5,
    },
    "both_measures": {
        "autoencoders": "small 3 6",
        "epochs": 1,
        "seeds": 4,
        "convnet_seeds": 2,
        "images": 60,
        "draws": 1,
        "rotations": 19,
    },
    "completeness": {"layers": "conv2, fc3", "images": 60, "width": 3, "seeds": 2},
    "directions": {"seeds": 1, "directions": 5, "images": 60, "layers": "conv1, fc2, fc3"},
    "errata": {"bases": 1, "samples": 100},
    "many_neurons": {"neurons": 4, "layers": 2, "ways": 1, "epochs": 1, "seeds": 2, "repeats": 1},
    "method": {"n": 3, "samples": 100, "seeds": 2, "rotations": 19},
    "own_activations": {"epsilon": 0.8, "rotations": 19},
    "replication": {},
    "unique_basis": {"n": 3, "epochs": 1, "seeds": 2, "draws": 20, "rotations": 39},
    "functional_form": {"n": 3, "epochs": 1, "seeds": 2, "factors": "dropout", "rotations": 39},
    "grandmother_neurons": {
        "n": 3,
        "m": 6,
        "epochs": 1,
        "seeds": 2,
        "shuffles": 19,
        "rotations": 2,
    },
    "through_training": {"n": 3, "m": 6, "epochs": 3, "seeds": 2, "rotations": 39},
    "what_the_vectors_look_like": {
        "layers": "conv2, fc3",
        "images": 60,
        "points": 3,
        "patches": 1,
        "vectors": 1,
        "starts": 2,
        "steps": 2,
        "toys": 2,
        "seeds": 2,
        "width": 2,
        "epochs": 1,
        "gallery_vectors": 2,
    },
    "user_study": {
        "layers": "conv2, fc3",
        "images": 60,
        "shown": 2,
        "vectors": 2,
        "shuffles": 9,
        "participants": 6,
        "width": 2,
        "epochs": 1,
    },
    "privileged_bases": {"n": 3, "m": 6, "seeds": 2, "directions": 100, "rotations": 19},
}


@pytest.mark.parametrize("name", project.notebooks())
def test_a_notebook_runs_and_leaves_a_record_and_figures_with_alt_texts(name, tmp_path):
    folder = run.run(name, TINY[name], tmp_path / "out")
    left = records.read(folder)
    declared = records.declared(run.source(name), name)
    assert left["parameters"] == records.validated(declared, TINY[name], name)
    assert left["values"]
    notebook = nbformat.read(folder / f"{name}.ipynb", as_version=4)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert [output for output in outputs if output.get("name") == "stderr"] == []
    shown = [output for output in outputs if "image/svg+xml" in output.get("data", {})]
    named = [cell.metadata["mystnb"] for cell in notebook.cells if "mystnb" in cell.metadata]
    assert len(shown) == len(named) > 0  # one figure a cell, each with its alt text
    assert all(len(settings["image"]["alt"]) > 40 for settings in named)
