"""The classroom's server: what it confirms is kept, what is no answer is refused."""

import asyncio
import errno
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_study_build import files_of, made_rows
from typer.testing import CliRunner

from neuronbasis import study
from neuronbasis.errors import UserError
from neuronbasis.study import answers, server
from neuronbasis.study.answers import Answer
from neuronbasis.study.journal import Journal
from neuronbasis.workflow import cli

CSV = {"content-type": "text/csv"}
# The command as a user runs it, telling every path that is opened for writing, made or moved.
AUDITED = """
import os, sys
def told(event, args):
    if event == "open" and isinstance(args[2], int):
        if args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and isinstance(args[0], (str, bytes)):
            os.write(2, f"WRITES {os.path.abspath(args[0])}\\n".encode())
    elif event in ("os.mkdir", "os.rename", "os.remove", "os.symlink", "os.link"):
        os.write(2, f"WRITES {os.path.abspath(args[0])}\\n".encode())
sys.addaudithook(told)
from neuronbasis.workflow.cli import main
main()
"""


@pytest.fixture
def built(tmp_path):
    study.build(made_rows(2), tmp_path / "study", catches=2, practice=1)
    return tmp_path / "study"


SOMEBODY = "0000000000000001"


def answer_of(found, session, number, place, side="top", **changes):
    fields = {
        "study": found.id, "participant": number, "session": session,
        "trial": found.trials[place].id, "position": place + 1, "answer": side,
        "milliseconds": 900, "interruptions": 0, "time": "2026-01-02T03:04:05Z",
    }  # fmt: skip
    return Answer(**{**fields, **changes})


def body(*given):
    return "\n".join([answers.HEADER, *(each.line() for each in given), ""])


def patient(**options):
    """A client that waits as long as a busy machine takes."""
    return httpx.Client(timeout=None, **options)


def session_of(number):
    return f"{number:016x}"


def kept(folder, found):
    """The collected answers; every line must be whole."""
    lines = (folder / "answers" / server.COLLECTED).read_text().split("\n")
    assert (lines[0], lines[-1]) == (answers.HEADER, "")
    return [answers.parse(line, found) for line in lines[1:-1]]


@contextmanager
def inside(folder):
    """The application without a socket: a function from (method, path, ...) to the reply."""
    app = server.application(folder)
    with asyncio.Runner() as runner:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
        client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")
        yield lambda *args, **kw: runner.run(client.request(*args, **kw))
        runner.run(client.aclose())
    app.state.collector.close()


@contextmanager
def running(folder, log, before=""):
    """The command in a process of its own; yields it and its address."""
    command = [sys.executable, "-c", AUDITED, "study", "serve", str(folder), "--port", "0"]
    if before:
        command = ["bash", "-c", f'{before}; exec "$0" "$@"', *command]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "HOME": str(log.parent)}
    with log.open("a+") as stderr:
        start = stderr.tell()
        process = subprocess.Popen(command, stderr=stderr, cwd=log.parent, env=environment)
        try:
            while not (found := re.search(r"open (http://\S+/)", log.read_text()[start:])):
                assert process.poll() is None, log.read_text()
                time.sleep(0.02)
            yield process, found[1]
        finally:
            process.kill()
            process.wait()


def registered(request, number):
    reply = request("POST", "/participants", json={"session": session_of(number)})
    assert reply.status_code == 200, reply.text
    return reply.json()["participant"]


# ---- confirmed, once ---------------------------------------------------------------------------


def test_an_answer_is_kept_once_however_often_it_comes(built):
    found = study.load(built)
    with inside(built) as request:
        number = registered(request, 1)
        assert registered(request, 1) == number == 1
        assert registered(request, 2) == 2
        first, second = (answer_of(found, session_of(1), number, place) for place in (0, 1))
        for given_ones in ([first], [first], [first, second], [second, second]):
            reply = request("POST", "/answers", content=body(*given_ones), headers=CSV)
            assert (reply.status_code, reply.json()) == (200, {"stored": len(given_ones)})
        assert kept(built, found) == [first, second]


def test_numbers_and_answers_outlive_the_server(built):
    found = study.load(built)
    answer = answer_of(found, session_of(1), 1, 0)
    for _ in range(3):
        with inside(built) as request:
            assert registered(request, 1) == 1
            assert request("POST", "/answers", content=body(answer), headers=CSV).is_success
    with inside(built) as request:
        assert registered(request, 2) == 2
    assert kept(built, found) == [answer]


def test_numbers_are_not_given_twice_when_their_list_is_lost(built):
    found = study.load(built)
    with inside(built) as request:
        registered(request, 1)
        request(
            "POST", "/answers", content=body(answer_of(found, session_of(1), 1, 0)), headers=CSV
        )
    (built / "answers" / server.NUMBERS).unlink()
    with inside(built) as request:
        assert registered(request, 9) == 2
        assert registered(request, 1) == 1


def test_many_at_once_lose_and_double_nothing(built):
    """Twenty participants in one loop, each sending every answer twice at the same moment."""
    found = study.load(built)
    app = server.application(built)

    async def one(client, person):
        session = session_of(person)
        replies = await asyncio.gather(
            *(client.post("/participants", json={"session": session}) for _ in range(2))
        )
        (number,) = {reply.json()["participant"] for reply in replies}
        for place in range(len(found.trials)):
            content = body(answer_of(found, session, number, place))
            sent = (client.post("/answers", content=content, headers=CSV) for _ in range(2))
            assert [r.status_code for r in await asyncio.gather(*sent)] == [200, 200]
        return number

    async def everyone():
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await asyncio.gather(*(one(client, person) for person in range(20)))

    assert sorted(asyncio.run(everyone())) == list(range(1, 21))
    app.state.collector.close()
    rows = kept(built, found)
    assert len(rows) == 20 * len(found.trials) == len({(r.session, r.trial) for r in rows})


def test_killed_and_restarted_nothing_confirmed_is_lost(built, tmp_path):
    """Eight participants against the real command, killed in the midst of it and at the end."""
    found = study.load(built)
    address, stop, confirmed, lock = [""], threading.Event(), [], threading.Lock()

    def insist(client, *args, **kw):
        while not stop.is_set():
            try:
                reply = client.post(address[0] + args[0], **kw)
                if reply.status_code == 200:
                    return reply.json()
                assert reply.status_code == 503, reply.text
            except httpx.TransportError:
                time.sleep(0.02)
        raise AssertionError("the server did not come back")

    def participant(person):
        with patient() as client:
            session = session_of(person)
            number = insist(client, "participants", json={"session": session})["participant"]
            for place in range(len(found.trials)):
                answer = answer_of(found, session, number, place)
                insist(client, "answers", content=body(answer), headers=CSV)
                with lock:
                    confirmed.append(answer)

    threads = [threading.Thread(target=participant, args=(person,)) for person in range(8)]
    wanted = len(threads) * len(found.trials)
    for enough in (wanted // 2, wanted):
        with running(built, tmp_path / "log") as (process, at):
            address[0] = at
            for thread in threads:
                if thread.ident is None:
                    thread.start()
            while len(confirmed) < enough and any(thread.is_alive() for thread in threads):
                time.sleep(0.002)
            process.send_signal(signal.SIGKILL)
            with lock:
                before = list(confirmed)
        assert len(before) >= enough
        counts = Counter(kept_whole(built, found))
        assert all(counts[answer] == 1 for answer in before)
    stop.set()
    for thread in threads:
        thread.join()
    assert Counter(kept(built, found)) == Counter(confirmed)
    assert len({answer.participant for answer in confirmed}) == len(threads)


def kept_whole(folder, found):
    """The whole lines of a file whose last one a kill may have cut."""
    content = (folder / "answers" / server.COLLECTED).read_text()
    return [answers.parse(line, found) for line in content.split("\n")[1:-1]]


@pytest.mark.parametrize("works", [True, False])
def test_nobody_is_told_before_the_row_is_flushed(built, monkeypatch, works):
    """Two tries of the same answer at once, on a disk that takes its time, and may then fail."""
    found, flush, sizes = study.load(built), os.fsync, []
    app = server.application(built)
    path = built / "answers" / server.COLLECTED
    content = body(answer_of(found, SOMEBODY, 1, 0))

    def slowly(descriptor):
        time.sleep(0.05)
        if not works:
            raise OSError(errno.EIO, "no disk")
        flush(descriptor)
        sizes.append(os.fstat(descriptor).st_size)

    async def two():
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            await client.post("/participants", json={"session": SOMEBODY})
            monkeypatch.setattr(os, "fsync", slowly)

            async def one():
                reply = await client.post("/answers", content=content, headers=CSV)
                return reply.status_code, sizes[-1:]

            told = await asyncio.gather(one(), one())
            monkeypatch.setattr(os, "fsync", flush)
            again = await client.post("/answers", content=content, headers=CSV)
            return told, again.status_code

    told, again = asyncio.run(two())
    app.state.collector.close()
    size = path.stat().st_size
    assert told == [(200, [size])] * 2 if works else told == [(503, [])] * 2
    assert again == 200
    assert len(kept(built, found)) == 1


# ---- refused -----------------------------------------------------------------------------------

REFUSED = [
    ({"study": "000000000000"}, 422, "which is not"),
    ({"trial": "t99"}, 422, "trial 't99' is not one of this study"),
    ({"participant": 2}, 403, "has no such number"),
    ({"session": session_of(5)}, 403, "has no such number"),
    ({"session": "simulated-1"}, 403, "has no such number"),
    ({"answer": "bottom"}, 409, "has another answer already"),
    ({"milliseconds": 901}, 409, "has another answer already"),
    ({"answer": "left"}, 422, "answer is 'left'"),
    ({"position": 12}, 422, "position 12 of 11 trials"),
]


@pytest.mark.parametrize(("change", "status", "reason"), REFUSED)
def test_what_is_no_answer_of_this_study_is_refused_whole(built, change, status, reason):
    found = study.load(built)
    with inside(built) as request:
        registered(request, 1)
        good = answer_of(found, SOMEBODY, 1, 0)
        assert request("POST", "/answers", content=body(good), headers=CSV).is_success
        bad = Answer(**{**vars(good), **change})
        content = body(answer_of(found, SOMEBODY, 1, 1), bad)
        reply = request("POST", "/answers", content=content, headers=CSV)
        assert (reply.status_code, kept(built, found)) == (status, [good])
        assert reason in reply.text


def test_a_changed_row_is_refused(built):
    found = study.load(built)
    line = answer_of(found, SOMEBODY, 1, 0).line().replace(",top,", ",bottom,")
    with inside(built) as request:
        registered(request, 1)
        reply = request("POST", "/answers", content=line, headers=CSV)
        assert reply.text == "line 1: its check does not fit: changed after it was saved"


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("POST", "/answers", {"content": b"x", "headers": {"content-type": "text/plain"}}, 415),
        ("POST", "/answers", {"content": b"x"}, 415),
        ("POST", "/answers", {"content": b"", "headers": CSV}, 422),
        ("POST", "/answers", {"content": b"\xff\xfe\x00", "headers": CSV}, 422),
        ("POST", "/answers", {"content": b"x" * 2401, "headers": CSV}, 413),
        ("POST", "/participants", {"json": {"session": "0" * 15}}, 422),
        ("POST", "/participants", {"json": {"session": "A" * 16}}, 422),
        ("POST", "/participants", {"json": ["0" * 16]}, 422),
        ("POST", "/participants", {"json": {"session": "0" * 300}}, 413),
        ("POST", "/", {}, 405),
        ("GET", "/answers", {}, 405),
        ("GET", "/trials.json", {}, 404),
        ("GET", "/answers/collected.csv", {}, 404),
        ("GET", "/pictures/../trials.json", {}, 404),
        ("GET", "/pictures/..%2ftrials.json", {}, 404),
        ("GET", "/pictures/%00", {}, 404),
        ("GET", "/", {"headers": {"host": "elsewhere.example"}}, 400),
    ],
)
def test_other_requests_are_refused(built, method, path, options, status):
    with inside(built) as request:
        assert request(method, path, **options).status_code == status


def test_the_page_and_its_pictures_are_handed_out(built):
    with inside(built) as request:
        page = request("GET", "/")
        assert 'data-served="yes"' in page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]
        for path in (built / "pictures").iterdir():
            assert request("GET", f"/pictures/{path.name}").content == path.read_bytes()


def test_there_is_an_end_to_participants(built, monkeypatch):
    monkeypatch.setattr(server, "MOST_PARTICIPANTS", 2)
    with inside(built) as request:
        registered(request, 1)
        registered(request, 2)
        reply = request("POST", "/participants", json={"session": session_of(3)})
        assert (reply.status_code, reply.text) == (403, "there are 2 participants already")
        assert registered(request, 1) == 1


# ---- malformed requests, made by hypothesis ----------------------------------------------------

LINES = st.one_of(
    st.text(max_size=80),
    st.lists(st.text("0123456789abcdeftopbm-:TZ,\"'", max_size=8), min_size=9, max_size=11).map(
        ",".join
    ),
    st.just(answers.HEADER),
)
BODIES = st.one_of(
    st.binary(max_size=300),
    st.lists(LINES, max_size=4).map(lambda lines: "\n".join(lines).encode(errors="replace")),
    st.recursive(st.none() | st.integers() | st.text(max_size=20),
                 lambda inner: st.dictionaries(st.just("session") | st.text(max_size=5), inner))
    .map(lambda content: str(content).replace("'", '"').encode()),
    st.integers(2000, 5000).map(lambda size: b"0" * size),
)  # fmt: skip
KINDS = st.sampled_from(["text/csv", "application/json", "", "text/csv; charset=utf-7", "x/y"])
METHODS = st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE"])
PATHS = st.one_of(
    st.sampled_from(["/", "/answers", "/participants", "/pictures/x", "/pictures/../../x"]),
    st.lists(st.sampled_from(["..", "%2e%2e", "answers", "pictures", "%00", "a", "//", "%ff", "~"]),
             max_size=5).map(lambda parts: "/" + "/".join(parts)),
)  # fmt: skip


def test_malformed_requests_are_refused_and_leave_no_trace(built, tmp_path):
    with inside(built) as request:
        before = files_of(tmp_path)

        @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
        @given(METHODS, PATHS, KINDS, BODIES)
        def malformed(method, path, kind, content):
            url = httpx.URL("http://localhost", raw_path=path.encode())
            reply = request(method, url, content=content, headers={"content-type": kind})
            assert reply.status_code < 500
            if reply.is_success:  # a page or a picture, and no answer
                assert method in ("GET", "HEAD")

        malformed()
        assert files_of(tmp_path) == before


def raw_exchange(address, content):
    """Send bytes as they are; returns what comes back until the server closes, or 5 seconds."""
    url = httpx.URL(address)
    with socket.create_connection((url.host, url.port), timeout=5) as connection:
        try:
            connection.sendall(content)
            connection.shutdown(socket.SHUT_WR)
            return connection.recv(4096)
        except (ConnectionError, TimeoutError):
            return b""


RAW = st.builds(
    lambda method, path, headers, content: (
        f"{method} {path} HTTP/1.1\r\n{headers}\r\n".encode(errors="replace") + content
    ),
    METHODS,
    PATHS | st.text(max_size=20),
    st.lists(
        st.sampled_from(
            ["host: localhost\r\n", "content-length: 9\r\n", "content-length: -1\r\n",
             "transfer-encoding: chunked\r\n", "content-type: text/csv\r\n",
             "expect: 100-continue\r\n", "connection: close\r\n",
             "content-length: 99999999999999999999\r\n", "a" * 300 + "\r\n"]
        )
    ).map("".join),
    BODIES,
) | st.binary(min_size=1, max_size=200)  # fmt: skip


def assert_only_its_folder(log, folder):
    """Every path that the audited process opened for writing lies in the folder for answers."""
    written = set(re.findall(r"WRITES (.*)", log.read_text()))
    allowed = {str(folder / "answers" / name) for name in (server.COLLECTED, server.NUMBERS)}
    assert written - {str(folder / "answers"), os.devnull} == allowed
    assert "Traceback" not in log.read_text()


def test_raw_bytes_do_not_stop_the_server_and_it_writes_in_its_folder_only(built, tmp_path):
    log = tmp_path / "log"
    before = files_of(tmp_path)
    with running(built, log) as (process, address):

        @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
        @given(RAW)
        def malformed(content):
            raw_exchange(address, content)

        malformed()
        assert process.poll() is None
        with patient(base_url=address) as client:
            assert client.get("/").status_code == 200
            reply = client.post("/participants", json={"session": SOMEBODY})
        assert reply.json() == {"participant": 1}
        process.send_signal(signal.SIGINT)
        assert process.wait() == 0
    assert "stopped; every confirmed answer is in the folder" in log.read_text()
    assert_only_its_folder(log, built)
    new = files_of(tmp_path).keys() - before.keys()
    assert new == {"log", "study/answers/collected.csv", "study/answers/participants.txt"}
    assert (built / "answers" / server.NUMBERS).read_text() == f"1 {SOMEBODY}\n"
    assert kept(built, study.load(built)) == []


# ---- the disk ----------------------------------------------------------------------------------


def test_a_full_disk_confirms_nothing_and_leaves_whole_lines(built, tmp_path):
    """A limit of 2 KB a file stands in for the disk's end; without it the rest is taken."""
    found = study.load(built)
    sets = [
        [answer_of(found, session_of(person), person, place) for place in range(11)]
        for person in (1, 2, 3)
    ]
    log = tmp_path / "log"
    with running(built, log, before="ulimit -f 2") as (_, address), patient() as client:
        for person in (1, 2, 3):
            client.post(address + "participants", json={"session": session_of(person)})
        for given_ones, status in zip([*sets, sets[2]], (200, 200, 503, 503), strict=True):
            reply = client.post(address + "answers", content=body(*given_ones), headers=CSV)
            assert reply.status_code == status
        assert re.fullmatch(r"cannot write \(.*\): try again", reply.text)
        assert kept(built, found) == sets[0] + sets[1]
    with running(built, log) as (_, address), patient() as client:
        assert client.post(address + "answers", content=body(*sets[2]), headers=CSV).is_success
    assert kept(built, found) == [*sets[0], *sets[1], *sets[2]]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text("abc ", min_size=1, max_size=5), max_size=4), st.integers(0, 30))
def test_a_journal_cut_anywhere_keeps_its_whole_lines(tmp_path_factory, lines, cut):
    path = tmp_path_factory.mktemp("journal") / "j.csv"
    with Journal(path, "head") as journal:
        asyncio.run(journal.append(lines))
    content = path.read_bytes()[:cut]
    path.write_bytes(content)
    with Journal(path, "head") as journal:
        whole = content.decode().split("\n")[1:-1]
        assert journal.lines() == whole
        asyncio.run(journal.append(["next"]))
        assert path.read_text() == "\n".join(["head", *whole, "next", ""])


def test_two_servers_do_not_share_a_folder(built):
    with inside(built), pytest.raises(UserError, match="another server writes there; stop it"):
        server.application(built)
    with inside(built) as request:  # the refused one holds nothing back
        assert registered(request, 1) == 1


def test_a_link_in_place_of_the_answers_is_refused(built, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (built / "answers").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="is a link, so answers would leave the folder"):
        server.application(built)
    (built / "answers").unlink()
    (built / "answers").mkdir()
    (built / "answers" / server.COLLECTED).symlink_to(tmp_path / "elsewhere" / "a.csv")
    with pytest.raises(UserError, match="cannot write there"):
        server.application(built)
    assert list((tmp_path / "elsewhere").iterdir()) == []


# ---- the command -------------------------------------------------------------------------------


def test_the_command_is_bound_to_this_machine(built, tmp_path):
    with running(built, tmp_path / "log") as (process, address):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
        listening = subprocess.run(
            ["cat", f"/proc/{process.pid}/net/tcp", f"/proc/{process.pid}/net/tcp6"],
            capture_output=True, text=True, check=False,
        ).stdout  # fmt: skip
        port = f":{httpx.URL(address).port:04X} "
        assert [w.split()[1] for w in listening.splitlines() if port in w and " 0A " in w] == [
            f"0100007F{port.strip()}"
        ]


def test_mistakes_on_the_command_line_are_one_line(built, tmp_path):
    runner = CliRunner()
    reply = runner.invoke(cli.app, ["study", "serve", str(tmp_path)])
    assert isinstance(reply.exception, UserError)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        reply = runner.invoke(cli.app, ["study", "serve", str(built), "--port", str(port)])
        assert f"cannot listen at 127.0.0.1:{port} (" in str(reply.exception)


def test_a_page_that_cannot_be_served_is_refused(built):
    page = built / "index.html"
    page.write_text(page.read_text().replace("data-served", "data-deserved"))
    with pytest.raises(UserError, match='lacks data-served="no"; edit only the marked texts'):
        server.application(built)
