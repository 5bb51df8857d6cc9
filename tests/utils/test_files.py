import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from neuronbasis.errors import UserError
from neuronbasis.utils import files


def test_an_error_leaves_the_old_content_and_nothing_else(tmp_path):
    target = tmp_path / "result"
    with files.partial_folder(target) as partial:
        (partial / "a").write_text("old")

    def fail():
        with files.partial_folder(target) as partial:
            (partial / "a").write_text("new")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (target / "a").read_text() == "old"
    assert os.listdir(tmp_path) == ["result"]


def test_new_content_replaces_the_old_whole(tmp_path):
    target = tmp_path / "result"
    for name in ("first", "second"):
        with files.partial_folder(target) as partial:
            (partial / name).touch()
    assert os.listdir(target) == ["second"]
    assert os.listdir(tmp_path) == ["result"]


def in_process(code, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
    )


def test_sigkill_leaves_the_old_content_and_the_next_writer_clears_up(tmp_path):
    target = tmp_path / "result"
    with files.partial_folder(target) as partial:
        (partial / "a").write_text("old")
    writer = in_process(
        """
        import signal, sys
        from neuronbasis.utils import files
        with files.partial_folder(sys.argv[1]) as partial:
            (partial / "a").write_text("new")
            print("ready", flush=True)
            signal.pause()
        """,
        target,
    )
    assert writer.stdout.readline() == "ready\n"
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    assert (target / "a").read_text() == "old"
    assert len(os.listdir(tmp_path)) == 2  # what was begun lies beside and counts for nothing
    with files.partial_folder(target) as partial:
        (partial / "a").write_text("newer")
    assert (target / "a").read_text() == "newer"
    assert os.listdir(tmp_path) == ["result"]


def test_a_kill_between_the_two_renames_is_mended(tmp_path):
    target = tmp_path / "result"
    with files.partial_folder(target) as partial:
        (partial / "a").write_text("old")
    target.rename(tmp_path / ".result.previous")
    files.restore(target)
    assert (target / "a").read_text() == "old"


def test_two_writers_do_not_disturb_each_other(tmp_path):
    target = tmp_path / "result"
    code = """
        import sys
        from neuronbasis.utils import files
        for round in range(50):
            with files.partial_folder(sys.argv[1] + sys.argv[2]) as partial:
                (partial / "a").write_text(sys.argv[2])
        """
    writers = [in_process(code, target, number) for number in range(2)]
    for number, writer in enumerate(writers):
        writer.communicate()
        assert writer.returncode == 0
        assert (tmp_path / f"result{number}" / "a").read_text() == str(number)


def test_a_file_in_the_way_is_told_in_one_line(tmp_path):
    (tmp_path / "file").touch()
    blocked = files.partial_folder(tmp_path / "file" / "result")
    with pytest.raises(UserError, match="cannot write there") as refused:
        blocked.__enter__()
    assert "\n" not in str(refused.value)


def test_a_full_disk_is_told_in_one_line(tmp_path):
    def write():
        with files.partial_folder(tmp_path / "result"):
            Path("/dev/full").write_text("x" * 100_000)

    with pytest.raises(UserError, match="No space left on device"):
        write()
    assert os.listdir(tmp_path) == []
