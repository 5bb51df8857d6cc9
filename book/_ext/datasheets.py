"""What the page on data takes from the library and from records, so that nothing is typed twice.

``{checksums}`` lists data and weights with the chapters that read them, ``{kept-networks}`` the
papers' networks, ``{licences}`` those of the photographs; ``{carried}`` quotes a text that lies
beside a file.
"""

from collections import Counter
from pathlib import Path

import runs
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from neuronbasis.errors import UserError
from neuronbasis.utils import project

logger = logging.getLogger(__name__)

SHOWN = 12  # digits of a checksum


class _Made(SphinxDirective):
    """Puts MyST made of what the project holds on the page."""

    def run(self):
        try:
            return self.parse_text_to_nodes(self.text())
        except (UserError, OSError) as error:
            logger.warning("%s: %s", self.name, error, location=self.get_location())
            return []


class Checksums(_Made):
    """``{checksums}``: a row for each data set and each trained network that a run names."""

    def text(self):
        pages = Path(self.env.srcdir)
        found = [*runs.of_book(pages), *runs.frozen(pages)]
        rows = [
            (f"{{ref}}`{runs.target(name)}`", f"`{checksum[:SHOWN]}`", ", ".join(read_by))
            for (name, checksum), read_by in readers(found, self.env.found_docs).items()
        ]
        return runs.table(rows, ("what", "SHA-256 begins", "chapters"))


class Kept(_Made):
    """``{kept-networks}``: a row for each configuration of the papers whose networks are kept."""

    def text(self):
        from neuronbasis.workflow import networks  # loads torch, which no other page needs

        found = [each for each in networks.kept() if each.seeds]
        rows = [
            (each.name, each.specs[0].size, each.specs[0].n, each.specs[0].m, len(each.seeds))
            for each in found
        ]
        size = sum(each.size for each in found) / 1e6
        told = f"They are {sum(row[-1] for row in rows)} networks of {size:.0f} MB in all."
        columns = ("for", "size", "neurons $n$", "vectors $m$", "networks")
        return f"{told}\n\n{runs.table(rows, columns)}"


class Licences(_Made):
    """``{licences}``: how many photographs there are under each licence."""

    def text(self):
        from neuronbasis import datasets  # loads torch

        credits = datasets.photographs().credits
        counted = Counter(each.licence for each in credits).most_common()
        told = ", ".join(f"{count} {licence}" for licence, count in counted)
        packages = Counter(each.package.partition(",")[0] for each in credits)
        return (
            f"They are {len(credits)} photographs: {told}. They were taken from the packages "
            f"{', '.join(packages)}, whose files state author and licence of each."
        )


class Carried(_Made):
    """``{carried} PATH``: a text of the package, without its title."""

    required_arguments = 1

    def text(self):
        path = project.PACKAGE / self.arguments[0]
        self.env.note_dependency(str(path))
        return path.read_text(encoding="utf-8").partition("\n\n")[2]


def readers(found, pages):
    """(name, checksum) -> links to the chapters whose runs name it, in the order of the names."""
    by_data = {}
    for each in found:
        for key in (*each.data.items(), *each.weights.items()):
            by_data.setdefault(key, {})[runs.chapter(each.notebook, pages)] = None
    return dict(sorted(by_data.items()))


def setup(app: Sphinx):
    app.add_directive("checksums", Checksums)
    app.add_directive("kept-networks", Kept)
    app.add_directive("licences", Licences)
    app.add_directive("carried", Carried)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
