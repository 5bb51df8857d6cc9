"""Notebooks before and after execution: the same bytes for the same run."""

from typing import Any

import nbformat

_KEPT = ("kernelspec", "language_info")


def prepared(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook ready to execute: with fixed cell ids and the kernel named."""
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def normalised(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The executed notebook without times and paths, its figures' alt texts in place."""
    notebook.metadata = {k: v for k, v in notebook.metadata.items() if k in _KEPT}
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
        for name in ("papermill", "execution"):
            cell.metadata.pop(name, None)
        for output in cell.get("outputs", []):
            cell.metadata.update(_figure_settings(output))
    return notebook


def _figure_settings(output: Any) -> dict[str, Any]:
    """What `figures.show` said of a figure, in the words of the book's builder."""
    said = output.get("metadata", {}).get("neuronbasis")
    if not said:
        return {}
    return {
        "mystnb": {
            "image": {"alt": said["alt"]},
            "figure": {"caption": said["caption"], "name": said["name"]},
        }
    }
