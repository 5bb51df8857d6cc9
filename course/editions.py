"""The book in two editions for a course: ``python course/editions.py`` after ``make book``.

`build/course/student` is a whole project without any solution: pages, notebooks, library and kept
networks. `build/course/instructor` has every solution open, with a page of all answers.
"""

import copy
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import yaml

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "book" / "_ext"))

from answers import answers
from plain import plain

from neuronbasis.errors import UserError
from neuronbasis.utils import project
from neuronbasis.workflow import editions, leaks

HERE = Path(__file__).parent
CARRIED = ("lib", "profiles", "results", "book/claims.yml", "book/interactive")
FILES = ("pyproject.toml", "requirements.lock", "LICENSE")
NAMED = {"repository": "url", "html": "baseurl"}  # where `_config.yml` names the book's places
PAGES = "../html/"  # as seen from the notebooks
FOLDED = {"hide-input", "remove-input", "hide-cell", "remove-cell"}  # tags that pages know
IGNORED = shutil.ignore_patterns("__pycache__", "*.egg-info", "carried", ".ipynb_checkpoints")
_FOLDED = re.compile(r"(\{solution(?:-start)?\}[^\n]*\n)(?::class:[^\n]*\n)+")


def make(root: Path, out: Path) -> None:
    """Write both editions below a folder, in place of earlier ones."""
    if not [*(root / "book" / "notebooks").glob("*.ipynb")]:
        raise UserError(f"{root / 'book' / 'notebooks'}: no executed notebooks; `make book` first")
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".making-", dir=out) as made:
        with ThreadPoolExecutor() as pool:
            jobs = [pool.submit(each, root, Path(made)) for each in (student, instructor)]
            faults = [fault for job in jobs if (fault := job.exception())]
        for fault in faults:
            if not isinstance(fault, UserError):
                raise fault
        if faults:
            raise UserError("; ".join(map(str, faults)))
        check_no_leak(root, Path(made) / "student")
        for name in ("student", "instructor"):
            shutil.rmtree(out / name, ignore_errors=True)
            (Path(made) / name).rename(out / name)


def student(root: Path, made: Path) -> None:
    """A project of its own, in which no solution stands."""
    folder, book = made / "student", staged(root, made / "of-student")
    for path in book.rglob("*.md"):
        path.write_text(editions.page(path.read_text(encoding="utf-8")), encoding="utf-8")
    for path in (book / "notebooks").glob("*.ipynb"):
        nbformat.write(editions.student(nbformat.read(path, as_version=4)), path)
    shutil.copy(HERE / "student.md", book / "teach.md")
    render(root, book, folder / "html", "student edition", hide_solutions=True)
    for name in CARRIED:
        copy = shutil.copytree if (root / name).is_dir() else shutil.copyfile
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        copy(root / name, folder / name, **({"ignore": IGNORED} if copy is shutil.copytree else {}))
    for name in FILES:
        shutil.copyfile(root / name, folder / name)
    shutil.copyfile(HERE / "README.student.md", folder / "README.md")
    (folder / "requirements.txt").write_text(
        "-c requirements.lock\n-e .[book]\njupyterlab\n", encoding="utf-8"
    )
    (folder / "notebooks").mkdir()
    for path in chapters(root):
        notebook = editions.student(jupytext.read(path, fmt="md:myst"))
        jupytext.write(notebook, folder / "notebooks" / path.name, fmt="md:myst")
        to_open(root, notebook, folder / "notebooks" / f"{path.stem}.ipynb")


def instructor(root: Path, made: Path) -> None:
    """Every solution open, the executed notebooks, and one page of all answers."""
    folder, book = made / "instructor", staged(root, made / "of-instructor")
    contents = yaml.safe_load((book / "_toc.yml").read_text(encoding="utf-8"))
    order = [each["file"] for part in contents["parts"] for each in part["chapters"]]
    (book / "notebooks" / "answers.md").write_text(answers(chapters(root), order), encoding="utf-8")
    for part in contents["parts"]:
        if part["caption"] == "Teaching":
            part["chapters"].append({"file": "notebooks/answers.md"})
    (book / "_toc.yml").write_text(yaml.safe_dump(contents, sort_keys=False))
    (folder / "notebooks").mkdir(parents=True)
    for path in (book / "notebooks").glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        to_open(root, notebook, folder / "notebooks" / path.name)
        for cell in notebook.cells:
            cell.source = _FOLDED.sub(r"\1", cell.source)
        nbformat.write(notebook, path)
    for path in book.glob("*.md"):
        text = path.read_text(encoding="utf-8")
        path.write_text(_FOLDED.sub(r"\1", text), encoding="utf-8")
    render(root, book, folder / "html", "instructor edition")


def chapters(root: Path) -> list[Path]:
    """Text sources with code: the computed chapters, and pages of the book that have exercises."""
    pages = sorted((root / "book").glob("*.md"))
    pages = [each for each in pages if "{code-cell}" in each.read_text(encoding="utf-8")]
    return [*pages, *sorted((root / "notebooks").glob("*.md"))]


def staged(root: Path, place: Path) -> Path:
    """A copy of the book's sources that may be changed, where the builder finds all it needs."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(root / "book", place / "book", ignore=ignored)
    (place / "results").symlink_to(root / "results")
    shutil.copyfile(root / "pyproject.toml", place / "pyproject.toml")
    return place / "book"


def render(root: Path, book: Path, target: Path, edition: str, **more: bool) -> None:
    """Build the pages as strictly as the book's own."""
    settings = alone(yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8")), edition)
    settings["sphinx"]["config"] |= more
    (book.parent / "_config.yml").write_text(yaml.safe_dump(settings, sort_keys=False))
    command = [Path(sys.executable).with_name("jupyter-book"), "build", "book"]
    command += ["--path-output", "pages", "-q", "-W", "-n", "--keep-going"]
    done = subprocess.run(command, cwd=book.parent, capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"{edition}: the pages cannot be built: {done.stderr.strip()[-2000:]}")
    shutil.move(book.parent / "pages" / "_build" / "html", target)


def alone(settings: dict[str, Any], edition: str) -> dict[str, Any]:
    """Settings of the pages without the book's repository, which holds all solutions."""
    unnamed = {part: settings[part] | {key: ""} for part, key in NAMED.items()}
    return settings | unnamed | {"title": f"{settings['title']} ({edition})"}


def to_open(root: Path, notebook: nbformat.NotebookNode, path: Path) -> None:
    """Write a notebook as JupyterLab, Colab and Binder show it."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = plain(cell.source, titles(root), PAGES)
        elif FOLDED & set(cell.metadata.get("tags", [])):
            cell.metadata["jupyter"] = {"source_hidden": True}
    if notebook.cells and notebook.cells[-1].source == "record.write();":
        notebook.cells.pop()
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    notebook.cells = [each for each in notebook.cells if each.source.strip()]
    nbformat.write(notebook, path)


def titles(root: Path) -> dict[str, str]:
    """What each page is called, by its name."""
    pages = [*(root / "book").glob("*.md"), *(root / "notebooks").glob("*.md")]
    headed = {
        path.stem: re.search(r"^# (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        for path in pages
    }
    return {name: match[1] for name, match in headed.items() if match}


def check_no_leak(root: Path, folder: Path) -> None:
    """Refuse an edition for students in which a phrase of a solution stands."""
    shown = [*root.glob("book/*.md"), *root.glob("notebooks/*.md"), *root.glob("lib/**/*.py")]
    secrets = leaks.phrases(path.read_text(encoding="utf-8") for path in shown)
    for name, phrase in leaks.leaks(folder, secrets):
        raise UserError(f"{name} gives a solution away ({phrase!r}); nothing is left for students")


def main() -> None:
    """Make both editions of this checkout."""
    root = project.root()
    try:
        make(root, root / "build" / "course")
    except UserError as error:
        sys.exit(f"error: {error}")
    print(f"the editions: {root / 'build' / 'course'}/student and instructor")


if __name__ == "__main__":
    main()
