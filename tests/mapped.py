"""How much of a mapped file counts as this process's memory."""

from pathlib import Path

SMAPS = Path("/proc/self/smaps")


def resident(path):
    """Kilobytes of the file that lie in memory for this process; Linux only."""
    lines = iter(SMAPS.read_text().splitlines())
    return sum(
        int(next(line for line in lines if line.startswith("Rss:")).split()[1])
        for header in lines
        if header.endswith(str(path))
    )
