"""What a published page offers, with a repository named and without, on a book of three pages."""

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml
from bs4 import BeautifulSoup
from nbformat import v4

from neuronbasis.utils import project
from neuronbasis.workflow import lab

ROOT = project.root()
BIN = Path(sys.executable).parent
REPOSITORY, PUBLISHED = "https://github.com/someone/directions", "https://someone.example/book"
ISSUE = "title=Issue%20on%20page%20%2F{}.html&body=Your%20issue%20content%20here."
SOURCE = """---
kernelspec: {name: python3, display_name: Python 3, language: python}
---

# Tiny

```{code-cell}
:tags: [parameters]
count: int = 3  # how many
mode: str = "a"
```
"""
TOC = "format: jb-book\nroot: index.md\nchapters:\n"
TOC += "".join(f"  - file: {each}\n" for each in ("notebooks/wide.ipynb", "provenance.md"))
DATA = "# A book\n\n(data-digits)=\n## Digits\n\nText.\n\n(data-own-net)=\n## Net\n\nText.\n"
VERSIONS = {"numpy": "2.4.6", "torch": "2.14.1"}


def executed():
    """The notebook `tiny`, run as `wide` with another count."""
    text = (
        "# Tiny\n\nTwice is {recorded}`wide:twice:.1f`.\n\n```{exercise}\n:label: why\nWhy?\n```\n"
    )
    shown = v4.new_output("stream", text="printed by the run\n")
    cells = [
        v4.new_markdown_cell(text),
        v4.new_code_cell('count: int = 3  # how many\nmode: str = "a"'),
        v4.new_code_cell("count = 4", metadata={"tags": ["injected-parameters"]}),
        v4.new_code_cell("print(count)", outputs=[shown], execution_count=3),
    ]
    cells[1].metadata["tags"] = ["parameters"]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    language = {"name": "python", "pygments_lexer": "python"}
    return v4.new_notebook(cells=cells, metadata={"kernelspec": kernel, "language_info": language})


def provenance(**other):
    about = {"command": "", "commit": "0123456789abcdef+changes", "device": "cpu", "threads": 1}
    about |= {"finished": "2026-01-02T03:04:05Z", "machine": "Linux", "python": "3.11.7"}
    return json.dumps(about | {"seconds": 4.2, "versions": VERSIONS} | other)


def record(count, mode="a"):
    parameters = {"count": count, "mode": mode}
    left = {"notebook": "tiny", "parameters": parameters, "values": {"twice": 2.0 * count}}
    return json.dumps(left | {"data": {"digits": "76bb213fe13e03bd"}, "weights": {"own_net": "ab"}})


def small_book(folder, url):
    """Its sources: a computed page, a plain one, the list of runs; a frozen run of old versions."""
    (folder / "notebooks").mkdir()
    (folder / "notebooks" / "tiny.md").write_text(SOURCE)
    shutil.copy(ROOT / "pyproject.toml", folder)
    settings = yaml.safe_load((ROOT / "_config.yml").read_text())
    settings["repository"]["url"] = url
    settings["html"]["baseurl"] = PUBLISHED if url else ""
    (folder / "_config.yml").write_text(yaml.safe_dump(settings))
    book = folder / "book"
    (book / "notebooks").mkdir(parents=True)
    (book / "_ext").symlink_to(ROOT / "book" / "_ext")
    (book / "references.bib").touch()
    (book / "_toc.yml").write_text(TOC)
    (book / "index.md").write_text(DATA)
    (book / "provenance.md").write_text("# The runs\n\n```{versions}\n```\n\n```{runs}\n```\n")
    nbformat.write(executed(), book / "notebooks" / "wide.ipynb")
    (book / "notebooks" / "wide.json").write_text(record(4))
    (book / "notebooks" / "wide.provenance.json").write_text(provenance())
    frozen = folder / "results" / "paper" / "old"
    frozen.mkdir(parents=True)
    (frozen / "record.json").write_text(record(3, mode="b|c"))
    old = provenance(seconds=7300, versions=VERSIONS | {"torch": "2.0.0"})
    (frozen / "provenance.json").write_text(old)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """A function from the address of a repository to the pages of the book that names it."""
    made = {}

    def build(url):
        if url not in made:
            folder = tmp_path_factory.mktemp("book")
            small_book(folder, url)
            command = [BIN / "jupyter-book", "build", "book", "--path-output", "out", "-q", "-W"]
            command += ["-n", "--keep-going"]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr[-3000:]
            made[url] = folder / "out" / "_build" / "html"
        return made[url]

    return build


def page(folder, name):
    return BeautifulSoup((folder / name).read_text(encoding="utf-8"), "html.parser")


def buttons(folder, name):
    """Where the links at the top of a page lead."""
    return [each["href"] for each in page(folder, name).select(".article-header-buttons a[href]")]


def test_a_computed_page_of_a_repository_leads_to_the_text_of_its_notebook(rendered):
    assert sorted(buttons(rendered(REPOSITORY), "notebooks/wide.html")) == sorted(
        [
            "https://mybinder.org/v2/gh/someone/directions/main?urlpath=lab/tree/notebooks/tiny.md",
            REPOSITORY,
            f"{REPOSITORY}/edit/main/notebooks/tiny.md",
            f"{REPOSITORY}/issues/new?{ISSUE.format('notebooks/wide')}",
            "wide.ipynb",
        ]
    )


def test_a_plain_page_of_a_repository_can_be_edited_and_not_launched(rendered):
    assert sorted(buttons(rendered(REPOSITORY), "index.html")) == sorted(
        [
            REPOSITORY,
            f"{REPOSITORY}/edit/main/book/index.md",
            f"{REPOSITORY}/issues/new?{ISSUE.format('index')}",
        ]
    )


def test_without_a_repository_no_button_leads_anywhere_else(rendered):
    assert buttons(rendered(""), "notebooks/wide.html") == ["wide.ipynb"]
    assert buttons(rendered(""), "index.html") == []
    text = (rendered("") / "notebooks" / "wide.html").read_text()
    assert not any(each in text for each in ("mybinder", "github.com/", "_sources/"))


def test_where_the_book_is_published_stands_in_the_head(rendered):
    found = page(rendered(REPOSITORY), "index.html").select_one('link[rel="canonical"]')
    assert found["href"] == f"{PUBLISHED}/index.html"
    assert page(rendered(""), "index.html").select_one('link[rel="canonical"]') is None


def test_the_notebook_of_a_page_lies_beside_it_to_be_run(rendered):
    made = nbformat.read(rendered("") / "notebooks" / "wide.ipynb", as_version=4)
    nbformat.validate(made)
    prose, *code = (cell.source for cell in made.cells)
    assert prose == "# Tiny\n\nTwice is 8.0.\n\n**Exercise.** Why?\n"
    assert code[1:] == ["count = 4", "print(count)"]  # as the page was computed
    assert not any(cell.get("outputs") for cell in made.cells)


def test_a_computed_page_says_how_it_is_run_again(rendered):
    again = page(rendered(""), "notebooks/wide.html").select_one("details.again")
    assert again.find_previous("h1").get_text() == "Tiny#"
    commands = again.select_one("pre").get_text().splitlines()
    assert commands == ["neuronbasis run tiny \\", "    -p count=4", "neuronbasis lab"]
    assert [each["href"] for each in again.select("a")] == ["wide.ipynb", "../provenance.html"]
    assert page(rendered(""), "index.html").select_one("details.again") is None


def test_the_runs_are_a_table_with_what_differs(rendered):
    found = page(rendered(""), "provenance.html")
    assert found.select("article p")[0].get_text() == "Python 3.11.7, numpy 2.4.6, torch 2.14.1."
    live, frozen = (
        [[" ".join(cell.get_text().split()) for cell in row.select("td")] for row in each]
        for each in (table.select("tbody tr") for table in found.select("article table"))
    )
    assert live == [["wide of tiny", "count=4", "Digits, Net", "4 s"]]
    assert frozen == [["old of tiny", "mode=b|c", "Digits, Net", "2.0 h", "torch 2.0.0"]]
    folded = found.select("details")
    assert len(folded) == 2
    assert "commit 0123456789ab with changes" in folded[0].get_text()
    assert "neuronbasis run tiny \\\n    -p 'mode=b|c'" in folded[1].get_text()


def test_an_edition_for_students_does_not_lead_to_a_repository(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "course"))
    import editions

    settings = yaml.safe_load((ROOT / "_config.yml").read_text())
    named = settings | {"repository": settings["repository"] | {"url": REPOSITORY}}
    named["html"] = settings["html"] | {"baseurl": PUBLISHED}
    titled = settings | {"title": f"{settings['title']} (student edition)"}
    titled["repository"] = settings["repository"] | {"url": ""}  # a fork's own settings name one
    titled["html"] = settings["html"] | {"baseurl": ""}
    assert editions.alone(named, "student edition") == titled


def checked(path):
    command = [BIN / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", path]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_workflow_is_well_formed_and_a_misspelt_one_is_told(tmp_path):
    (path,) = (ROOT / ".github" / "workflows").glob("*.yml")
    assert checked(path).returncode == 0
    wrong = tmp_path / path.name
    wrong.write_text(path.read_text().replace("runs-on:", "run-on:"))
    assert checked(wrong).returncode == 1


def test_the_workflow_publishes_what_the_two_commands_make():
    content = yaml.safe_load((ROOT / ".github" / "workflows" / "publish.yml").read_text())
    book, publish = content["jobs"]["book"], content["jobs"]["publish"]
    assert [each["run"] for each in book["steps"] if "run" in each] == ["make book", "make test"]
    (folder,) = (each["with"]["path"] for each in book["steps"] if "path" in each.get("with", {}))
    assert folder == "_build/html"
    assert publish["needs"] == "book"


def test_binder_opens_the_text_of_a_chapter_as_a_notebook(tmp_path):
    script = ROOT / "postBuild"
    assert script.stat().st_mode & stat.S_IXUSR
    told = {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "JUPYTER_CONFIG_DIR": str(tmp_path)}
    done = subprocess.run([script], env=os.environ | told, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (file,) = tmp_path.rglob("default_setting_overrides.json")
    viewers = json.loads(file.read_text())["@jupyterlab/docmanager-extension:plugin"]
    assert viewers["defaultViewers"].items() >= lab._VIEWERS.items()
