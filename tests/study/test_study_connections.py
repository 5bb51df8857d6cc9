"""The classroom's connections: held ones cost nobody an answer, none stays, the log stays small."""

import asyncio
import logging
import os
import re
import resource
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from test_study_build import made_rows
from test_study_server import CSV, answer_of, body, inside, kept, patient, running, session_of

from neuronbasis import study
from neuronbasis.study import connections, server

SILENT = b""
HALF_A_HEADER = b"GET / HTTP/1.1\r\nhost: 127."
HALF_A_BODY = (
    b"POST /answers HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: text/csv\r\n"
    b"content-length: 900\r\n\r\nstudy,"
)
A_PAGE = b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"

UNUSED = ssl.create_default_context()  # else made for each client, slowly


@pytest.fixture
def built(tmp_path):
    study.build(made_rows(2), tmp_path / "study", catches=2, practice=1)
    return tmp_path / "study"


@pytest.fixture
def many_handles():
    """This process holds the other ends."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 3000 if hard == resource.RLIM_INFINITY else min(3000, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def held(address, count):
    """Connections of four kinds that say no more."""
    url, kinds = httpx.URL(address), (SILENT, HALF_A_HEADER, HALF_A_BODY, A_PAGE)

    async def one(kind):
        _, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(kind)
        return writer

    return [await one(kinds[number % len(kinds)]) for number in range(count)]


async def participant(address, found, person):
    """As the page does: what is not confirmed is sent again."""

    async def insist(method, path, **content):
        while True:
            try:
                reply = await client.request(method, path, **content)
                if reply.status_code < 500:
                    assert reply.status_code == 200, reply.text
                    return reply
            except httpx.TransportError:
                await asyncio.sleep(0)

    async with httpx.AsyncClient(base_url=address, timeout=None, verify=UNUSED) as client:
        assert 'data-served="yes"' in (await insist("GET", "/")).text
        session = session_of(person)
        number = (await insist("POST", "/participants", json={"session": session})).json()
        given = []
        picture = await insist("GET", f"/pictures/{found.trials[0].id}-top.png")
        assert picture.content.startswith(b"\x89PNG")
        for place in range(len(found.trials)):
            given.append(answer_of(found, session, number["participant"], place))
            await insist("POST", "/answers", content=body(given[-1]), headers=CSV)
        return given


def test_participants_beside_held_connections_lose_nothing(built, tmp_path, many_handles):
    """200 of them beside 1,000 connections, where the server may open 256 files."""
    found, log = study.load(built), tmp_path / "log"

    async def everyone():
        silent = await held(address, 1000)
        given = await asyncio.gather(*(participant(address, found, p) for p in range(200)))
        for each in silent:
            each.transport.abort()
        return [answer for each in given for answer in each]

    with running(built, log, before="ulimit -n 256") as (process, address):
        confirmed = asyncio.run(everyone())
        assert process.poll() is None
    assert len(confirmed) == 200 * len(found.trials)
    assert Counter(kept(built, found)) == Counter(confirmed)
    assert "Too many open files" not in log.read_text()
    assert log.stat().st_size < 10_000


@contextmanager
def served(folder, seconds, most=50):
    """The same server in a thread, with other bounds; yields its address."""
    brief = type("Brief", (connections.Bounded,), {"seconds": seconds})
    with socket.create_server(("127.0.0.1", 0)) as listener:
        at_work = connections.server(server.application(folder), most, brief)
        thread = threading.Thread(target=at_work.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()
        finally:
            at_work.should_exit = True
            thread.join()


def rest(connection):
    """All that comes until the server ends it."""
    found = b""
    try:
        while part := connection.recv(65536):
            found += part
    except ConnectionResetError:
        pass
    return found


@pytest.mark.parametrize("kind", [SILENT, HALF_A_HEADER, HALF_A_BODY])
def test_whoever_says_no_more_is_let_go(built, kind):
    with served(built, 0.1) as address, socket.create_connection(address) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):  # ended before: a busy machine
            connection.sendall(kind)
        assert rest(connection) == b""


def test_a_header_that_trickles_is_let_go(built):
    with served(built, 0.1) as address, socket.create_connection(address) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):
            while True:
                connection.sendall(b"x")
                time.sleep(0.005)  # or the header grows too long before
        assert rest(connection) == b""


def asking(address):
    """A connection on which the page begins to come, however often a busy machine is too late."""
    while True:
        connection = socket.create_connection(address)
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(A_PAGE)
            if connection.recv(1):
                return connection
        connection.close()


def test_whoever_reads_nothing_is_let_go(built):
    """A page larger than what the system keeps for a reader."""
    page, comment = built / "index.html", 30_000_000
    page.write_text(page.read_text() + "<!--" + "x" * comment + "-->")
    with served(built, 0.1) as address, asking(address) as connection:
        with socket.create_connection(address) as later:
            assert rest(later) == b""  # it began after the page went out, and is gone
        assert len(rest(connection)) < comment


def test_the_longest_silent_gives_way_and_whoever_is_answered_does_not(built, monkeypatch):
    """The disk keeps an answer waiting; silent ones come and go meanwhile."""
    found, flush = study.load(built), os.fsync
    waits, goes_on = threading.Event(), threading.Event()

    def slowly(descriptor):
        waits.set()
        goes_on.wait()
        flush(descriptor)

    with served(built, 3600, most=3) as address, ExitStack() as opened:

        def connected(content):
            opened.enter_context(connection := socket.create_connection(address))
            connection.sendall(content)
            return connection

        with patient(base_url=f"http://127.0.0.1:{address[1]}") as client:
            client.post("/participants", json={"session": session_of(1)})
        content = body(answer_of(found, session_of(1), 1, 0)).encode()
        header = b"POST /answers HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: text/csv\r\n"
        monkeypatch.setattr(os, "fsync", slowly)
        answered = connected(b"%scontent-length: %d\r\n\r\n%s" % (header, len(content), content))
        waits.wait()
        silent = [connected(kind) for kind in (SILENT, HALF_A_HEADER)]
        for kind in (HALF_A_BODY, SILENT, SILENT, SILENT):
            silent.append(connected(kind))
            assert rest(silent.pop(0)) == b""
        goes_on.set()
        assert answered.recv(15) == b"HTTP/1.1 200 OK"


# ---- handles -----------------------------------------------------------------------------------


def shell(limit, *command):
    return subprocess.run(
        ["bash", "-c", f'{limit}; exec "$0" "$@"', sys.executable, *command],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_soft_limit_of_handles_is_raised():
    code = "from neuronbasis.study import connections; print(connections.most())"
    assert 300 < int(shell("ulimit -Sn 100; ulimit -Hn 500", "-c", code).stdout) < 500


def test_too_few_handles_are_told_in_one_line(built):
    command = ("-m", "neuronbasis", "study", "serve", str(built), "--port", "0")
    said = shell("ulimit -n 70", *command)
    assert said.returncode
    assert re.fullmatch(
        r"error: this system allows 70 open files, too few for a class; allow \d+ or more: "
        r"ulimit -n 1024\n", said.stderr,
    )  # fmt: skip


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="no file here that nobody can read")
def test_a_picture_that_cannot_be_read_is_asked_for_again(built):
    name = f"{study.load(built).trials[0].id}-top.png"
    (built / "pictures" / name).unlink()
    (built / "pictures" / name).symlink_to("/proc/self/mem")
    with inside(built) as request:
        reply = request("GET", f"/pictures/{name}")
        assert (reply.status_code, reply.text) == (
            503, "cannot read it (Input/output error): try again",
        )  # fmt: skip


# ---- the log -----------------------------------------------------------------------------------


def test_a_fault_that_repeats_is_told_once(built, tmp_path):
    log = tmp_path / "log"
    with running(built, log) as (_, address):
        url = httpx.URL(address)
        for _ in range(300):
            with socket.create_connection((url.host, url.port)) as connection:
                connection.sendall(b"no request\r\n\r\n")
                assert rest(connection).startswith(b"HTTP/1.1 400 ")
    assert log.read_text().count("Invalid HTTP request received.") < 5


def test_other_faults_are_told_meanwhile():
    seldom = connections.Seldom()
    records = [
        logging.LogRecord("x", logging.ERROR, path, line, "fault", (), (kind, kind(), None))
        for path, line, kind in [
            ("a.py", 1, OSError), ("a.py", 1, OSError), ("a.py", 1, KeyError), ("a.py", 2, OSError),
            ("b.py", 1, OSError), ("b.py", 1, OSError),
        ]
    ]  # fmt: skip
    assert [seldom.filter(each) for each in records] == [True, False, True, True, True, False]


def test_a_clock_that_was_set_back_silences_nothing():
    seldom = connections.Seldom()
    told = [seldom.filter(logging.makeLogRecord({"created": at})) for at in (5000, 5001, 100, 101)]
    assert told == [True, False, True, False]
