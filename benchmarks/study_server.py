"""Load the classroom's server as no class will, kill it on the way, and count the answers.

    python benchmarks/study_server.py [participants] [seconds]

One run of the real command on loopback: the participants answer as fast as their answers are
confirmed, a twentieth of them is sent twice at once, and in the middle the server is killed
(SIGKILL) and started again. Then the collected file is held against what was confirmed. Last come
thousands of malformed requests, made by hypothesis, and every path that was opened for writing.
"""

import asyncio
import json
import os
import random
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx
import numpy as np
from hypothesis import HealthCheck, given, settings

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
import test_study_server as tests
from test_study_build import files_of, made_rows

from neuronbasis import study

PARTICIPANTS, SECONDS, MALFORMED = 200, 30, 5000
SECONDS_PER_ANSWER = 1.5  # faster than people who look at both rows


class Line:
    """One kept-alive connection: the pool of a client library would cost more than the server."""

    def __init__(self):
        self.streams = None

    async def post(self, address, path, kind, content):
        """Status and body of the reply; ConnectionError where there is none."""
        url = httpx.URL(address)
        if self.streams is None:
            self.streams = await asyncio.open_connection(url.host, url.port)
        reader, writer = self.streams
        head = f"POST /{path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {kind}\r\n"
        writer.write(f"{head}content-length: {len(content)}\r\n\r\n{content}".encode())
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            size = int(re.search(rb"content-length: (\d+)", head)[1])
            return int(head.split()[1]), await reader.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            writer.close()
            self.streams = None
            raise ConnectionError from error


class Load:
    """What the participants sent, what was confirmed, and how long each answer took."""

    def __init__(self, found):
        self.found, self.end, self.address = found, 0.0, ""
        self.confirmed, self.seconds, self.retries, self.sent = [], [], 0, set()

    async def insist(self, line, *request):
        """Post until it is confirmed, as the page does."""
        while True:
            try:
                status, content = await line.post(self.address, *request)
                if status == 200:
                    return json.loads(content)
                if status != 503:
                    raise SystemExit(f"refused: {status} {content}")
            except OSError:
                pass
            self.retries += 1
            await asyncio.sleep(0.2)

    async def participant(self, person):
        rng, lines, turn = random.Random(person), (Line(), Line()), 0
        while time.monotonic() < self.end:  # one session after another
            session = tests.session_of(person * 1000 + turn)
            turn += 1
            asked = json.dumps({"session": session})
            reply = await self.insist(lines[0], "participants", "application/json", asked)
            for place in range(len(self.found.trials)):
                if time.monotonic() > self.end:
                    return
                answer = tests.answer_of(self.found, session, reply["participant"], place)
                self.sent.add(answer)
                copies = lines if rng.random() < 0.05 else lines[:1]
                sent = [
                    self.insist(each, "answers", "text/csv", tests.body(answer)) for each in copies
                ]
                start = time.perf_counter()
                await asyncio.gather(*sent)
                self.seconds.append(time.perf_counter() - start)
                self.confirmed.append(answer)


async def loaded(folder, log, participants, seconds):
    """Run the load over a kill; returns it and the seconds for which the server was away."""
    load = Load(study.load(folder))
    with tests.running(folder, log) as (_, load.address):
        load.end = time.monotonic() + seconds
        tasks = [asyncio.create_task(load.participant(each)) for each in range(1, participants + 1)]
        await asyncio.sleep(seconds / 2)
    away = time.monotonic()  # leaving the block killed it
    again = tests.running(folder, log)
    _, load.address = await asyncio.to_thread(again.__enter__)
    away = time.monotonic() - away
    load.end += away
    await asyncio.gather(*tasks)
    again.__exit__(None, None, None)
    return load, away


def bare_flush(folder):
    """Seconds of one write and fsync of a row on this disk, the median of 100."""
    times = []
    with (folder / "bare").open("ab", buffering=0) as file:
        for _ in range(100):
            start = time.perf_counter()
            file.write(b"x" * 90)
            os.fsync(file.fileno())
            times.append(time.perf_counter() - start)
    (folder / "bare").unlink()
    return float(np.median(times))


def holds(fine):
    return "holds" if fine else "DOES NOT HOLD"


def report_load(load, away, folder, participants, seconds, flush):
    kept = Counter(tests.kept(folder, load.found))
    lost = sum(kept[answer] == 0 for answer in load.confirmed)
    doubled = sum(count - 1 for count in kept.values())
    strange = len(kept.keys() - load.sent)
    rate = len(load.confirmed) / seconds
    need = participants / SECONDS_PER_ANSWER
    middle, late = np.quantile(load.seconds, (0.5, 0.99))
    print(f"{participants} participants for {seconds} s, killed once ({away:.1f} s until back)")
    print(f"  confirmed {len(load.confirmed)} answers, {load.retries} tries repeated")
    fine = holds(not (lost or doubled or strange))
    print(f"  lost {lost}, doubled {doubled}, never sent {strange}: all 0 {fine}")
    print(f"  {rate:.0f} answers/s, a class needs {need:.0f}: ratio {rate / need:.2f}", end="")
    print(f", at least 1 {holds(rate >= need)}")
    print(f"  confirmed after {middle * 1e3:.0f} ms (median), {late * 1e3:.0f} ms (99%)", end="")
    print(", the outage included")
    print(f"  one bare flush takes {flush * 1e3:.2f} ms: {1 / flush:.0f} a second at most")


def report_malformed(folder, log):
    home = log.parent
    before = files_of(home)
    tally = Counter()
    with tests.running(folder, log) as (process, address):

        @settings(
            max_examples=MALFORMED, deadline=None, database=None,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(tests.RAW)
        def malformed(content):
            status = re.match(rb"HTTP/1.1 (\d)", tests.raw_exchange(address, content))
            tally[f"{status[1].decode()}xx" if status else "closed"] += 1

        malformed()
        alive = process.poll() is None and httpx.get(address).status_code == 200
    after = files_of(home)
    changed = [name for name in before | after if before.get(name) != after.get(name)]
    print(f"{sum(tally.values())} malformed requests: {dict(sorted(tally.items()))}")
    print(f"  still answers, no 5xx: {holds(alive and not tally['5xx'])}")
    print(f"  files changed: {changed}; nothing but the log {holds(changed == [log.name])}")
    tests.assert_only_its_folder(log, folder)
    print("  every path it opened for writing lies in its folder for answers: holds")


def main():
    participants, seconds = (
        int(sys.argv[i]) if len(sys.argv) > i else default
        for i, default in ((1, PARTICIPANTS), (2, SECONDS))
    )
    with tempfile.TemporaryDirectory() as home:
        folder, log = Path(home) / "study", Path(home) / "log"
        study.build(made_rows(10), folder, catches=8, practice=2)
        flush = bare_flush(Path(home))
        load, away = asyncio.run(loaded(folder, log, participants, seconds))
        report_load(load, away, folder, participants, seconds, flush)
        report_malformed(folder, log)


if __name__ == "__main__":
    main()
