"""The prose of a page: what is left without code, formulas, roles, links and settings of cells."""

import ast
import re

# Directives whose body is prose; that of any other is code or is made by a program.
_PROSE = ("admonition", "note", "warning", "tip", "exercise", "solution", "epigraph", "list-table")
_PROSE += ("figure", "glossary", "dropdown")
_FENCE = re.compile(r"\s*(`{3,}|:{3,}|~{3,})(?:\{([\w-]+)\})?(.*)")
_NO_PROSE = [
    re.compile(pattern, re.DOTALL)
    for pattern in (
        r"\A---\n.*?\n---\n",  # front matter
        r"\$\$.*?\$\$|\$[^$]*?\$",  # formulas
        r"\{[\w:-]+\}`[^`]*`|`[^`]*`",  # roles and code
        r"\]\([^)]*\)|</?[a-z][^>\n]*>",  # targets of links, markup
        r"^\(.*?\)=$|^:\w+:.*?$",  # labels and options
    )
]
# With decimals, or a percentage; intervals and bands of 95% are what this book has throughout.
_NUMBER = re.compile(
    r"(?<![\w.])(?!95% (?:interval|band))(?:\d+(?:\.\d+)?\s?%|\d+\.\d+(?!\w|\.\d))"
)


def of_page(text):
    """The prose of a page in MyST, that of its code cells included."""
    prose, cells, fences = [], [], []
    for line in text.splitlines():
        match = _FENCE.match(line)
        inside = fences[-1] if fences else ("", True, "")
        if match and fences and match[1] == inside[0] and not (match[2] or match[3].strip()):
            fences.pop()
        elif match and inside[1]:
            fences.append((match[1], match[2] in _PROSE, match[2] or ""))
            if match[2] == "code-cell":
                cells.append([])
            prose.append(match[3] if match[2] in _PROSE else "")  # a title
        elif inside[1]:
            prose.append(line)
        elif inside[2] == "code-cell" and not line.startswith(":"):
            cells[-1].append(line)
    assert not fences, f"not closed: {fences}"
    said = [text for cell in cells for text in of_cell("\n".join(cell))]
    said = [re.sub(r"(?<!\n)\n +", " ", text) for text in said]  # as `style.prose` joins lines
    return _bare("\n".join(prose) + "".join(f"\n\n{text}" for text in said))


def of_cell(code):
    """What a code cell says to the reader: the texts in its calls of `style.prose` and `show`.

    So do its tables: what stands in the call of `style.table`, and what its names were set to.
    """
    tree, tables = ast.parse(code), set()
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and ast.unparse(call.func) in ("style.prose", "style.show"):
            yield from _texts(call)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "style.table":
            tables |= {each.id for each in ast.walk(call) if isinstance(each, ast.Name)}
    for each in ast.walk(tree):
        if isinstance(each, ast.Assign | ast.AugAssign):
            targets = each.targets if isinstance(each, ast.Assign) else [each.target]
            if tables & {ast.unparse(target) for target in targets}:
                yield from _texts(each.value)


def _texts(node):
    """Texts in an expression, each formatted one whole, with a dash for what it puts in."""
    if isinstance(node, ast.JoinedStr):
        yield "".join(each.value if isinstance(each, ast.Constant) else "–" for each in node.values)
        for each in node.values:
            yield from _texts(each.value) if isinstance(each, ast.FormattedValue) else ()
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    else:
        for child in ast.iter_child_nodes(node):
            yield from _texts(child)


def numbers(prose):
    """Numbers with decimals, and percentages, as they stand there."""
    return [match[0] for match in _NUMBER.finditer(prose)]


def _bare(text):
    for pattern in _NO_PROSE:
        text = re.sub(pattern.pattern, "–", text, flags=re.DOTALL | re.MULTILINE)
    return text
