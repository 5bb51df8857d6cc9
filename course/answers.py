"""One page of all exercises with their expected answers, for those who teach."""

import re
from collections.abc import Sequence
from pathlib import Path

_EXERCISE = re.compile(
    r"^(`{3,}|:{3,})\{exercise\}[^\n]*\n:label: (?P<label>\S+)\n"
    r"\((?P<about>[^)]*)\)\s*(?P<asks>.*?)^\1$",
    re.MULTILINE | re.DOTALL,
)
_ONE = r"^(`{{3,}}|:{{3,}})\{{solution\}} {label}\n(?P<body>.*?)^\1$"
_GATED = r"^```\{{solution-start\}} {label}\n.*?^```\n(?P<body>.*?)^```\{{solution-end\}}\n```$"
_OPTION = re.compile(r"^:[\w-]+:.*\n", re.MULTILINE)
HEAD = """# All answers

For those who teach: every exercise with its minutes, its expected answer and, where classes go
wrong, the common mistakes. This page is only in the instructor edition.
"""


def answers(sources: Sequence[Path], order: Sequence[str]) -> str:
    """The page in MyST, chapter by chapter in the order of the table of contents."""
    by_name = {path.stem: path.read_text(encoding="utf-8") for path in sources}
    parts = [HEAD]
    for file in order:
        name = Path(file).stem
        found = list(_EXERCISE.finditer(by_name.get(name, "")))
        if found:
            parts.append(f"## {{doc}}`/{Path(file).with_suffix('')}`\n")
        parts += [_told(each, by_name[name]) for each in found]
    return "\n".join(parts)


def _told(exercise: re.Match[str], text: str) -> str:
    label = exercise["label"]
    body = next(
        match["body"]
        for pattern in (_ONE, _GATED)
        if (match := re.search(pattern.format(label=label), text, re.MULTILINE | re.DOTALL))
    )
    body = _OPTION.sub("", body.replace("```{code-cell}", "```python"))
    return (
        f"**{{ref}}`{label}`.** *{exercise['about']}* {exercise['asks'].strip()}\n\n"
        f"**Expected answer.** {body.strip()}\n"
    )
