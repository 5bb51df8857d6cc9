"""Which files of the library a notebook uses: what makes its results stale when it changes.

Imports are read, nothing is imported, so that asking costs a fraction of a second.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

LIBRARY = Path(__file__).resolve().parents[1]
_CELL = re.compile(r"^(`{3,})\{code-cell\}[^\n]*\n(.*?)^\1\s*$", re.MULTILINE | re.DOTALL)
_OPTIONS = re.compile(
    r"\A(?:---\n.*?^---\n|(?::[^\n]*\n)+)|^[ \t]*[%!][^\n]*$", re.MULTILINE | re.DOTALL
)
_CHECKED = re.compile(r'\bcheck\(\s*"(\w+)\.')
_PAGES = (".html", ".css", ".js")


def needs(notebook: str | Path, library: Path = LIBRARY) -> list[Path]:
    r"""Files of the library that a notebook uses, by its imports and theirs, sorted.

    A name taken from a folder's door leads to the file that defines it and not to the others of
    the folder; a door that is used whole leads to all. A file that names a page (.html, .css, .js)
    of its folder needs that page too, and a call such as ``check("method.arc", ...)`` the checks of
    that chapter.

    Parameters
    ----------
    notebook
        A text notebook.
    library
        The library's folder.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "example.md"
    >>> cell = "from neuronbasis import regions\nregions.count"
    >>> _ = file.write_text(f"```{{code-cell}}\n{cell}\n```\n")
    >>> [path.name for path in needs(file) if path.parent.name == "regions"][:2]
    ['__init__.py', '_arrangement.py']
    """
    text = Path(notebook).read_text(encoding="utf-8")
    code = "\n".join(_OPTIONS.sub("", cell[2]) for cell in _CELL.finditer(text))
    try:
        names = list(_used(ast.parse(code), library.name))
    except SyntaxError:  # it says so when it runs; until then anything may matter
        names = [library.name]
    found: set[Path] = set()
    waiting = [path for name in names for path in _files(name, library)]
    chapters = library / "exercises" / "_chapters"
    waiting += [chapters / f"{chapter}.py" for chapter in {*_CHECKED.findall(code)}]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _next(path, library)
    return sorted(found)


@cache
def _next(path: Path, library: Path) -> tuple[Path, ...]:
    """What a file leads to: what it imports and the pages that it names. A door leads nowhere."""
    if path.suffix != ".py" or path.name == "__init__.py":
        return ()
    tree = _parsed(path)
    texts = [
        each.value
        for each in ast.walk(tree)
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    ]
    ends = tuple({text.rpartition("/")[2] for text in texts if text.endswith(_PAGES)})
    pages = path.parent.rglob("*") if ends and path.parent != library else ()
    return (
        *(file for name in _used(tree, library.name) for file in _files(name, library)),
        *(page for page in pages if page.suffix in _PAGES and page.name.endswith(ends)),
    )


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _used(tree: ast.Module, package: str) -> Iterator[str]:
    """Dotted names of the package that code uses: "neuronbasis.spotlight.alignment"."""
    bound = dict(_imports(tree, package))
    inner = set()
    for node in ast.walk(tree):  # the outer of two attributes comes first
        if id(node) in inner:
            continue
        chain, base = [], node
        while isinstance(base, ast.Attribute):
            chain.append(base.attr)
            base = base.value
            inner.add(id(base))
        if isinstance(base, ast.Name) and base.id in bound:
            yield ".".join((bound[base.id], *reversed(chain)))
    # Imported for what else it does, or only named in a text; a door alone says nothing yet.
    yield from (name for name in bound.values() if name.count(".") > 1)


def _imports(tree: ast.Module, package: str) -> Iterator[tuple[str, str]]:
    """The names that imports of the package bind, each with what it stands for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                if each.name.split(".")[0] == package:
                    yield (each.asname, each.name) if each.asname else (package, package)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == package:
            for each in node.names:
                yield each.asname or each.name, f"{node.module}.{each.name}"


@cache
def _files(name: str, library: Path) -> tuple[Path, ...]:
    """The doors that a dotted name passes and the file that defines it."""
    folder, passed = library, [library / "__init__.py"]
    for part in name.split(".")[1:]:
        if (folder / part / "__init__.py").is_file():
            folder = folder / part
            passed.append(folder / "__init__.py")
        elif (folder / f"{part}.py").is_file():
            return (*passed, folder / f"{part}.py")
        elif folder == library:  # such as __version__
            return tuple(passed)
        else:
            home = dict(_imports(_parsed(folder / "__init__.py"), library.name)).get(part)
            return (*passed, *(_files(home, library) if home else folder.rglob("*.py")))
    return (*passed, *folder.rglob("*.py"))
