"""A small server for a classroom: hands out the page and collects the answers."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from neuronbasis.errors import UserError
from neuronbasis.study import answers, trials
from neuronbasis.study.answers import Answer
from neuronbasis.study.building import picture_names
from neuronbasis.study.journal import Journal

COLLECTED, NUMBERS = "collected.csv", "participants.txt"
LOCAL = ("127.0.0.1", "localhost", "[::1]", "::1")
MOST_PARTICIPANTS = 10_000
_SECONDS_FOR_A_BODY = 15
_SESSION = re.compile(r"[0-9a-f]{16}", re.ASCII)
_NUMBERED = re.compile(r"(\d{1,6}) ([0-9a-f]{16})", re.ASCII)
_HEADERS = {
    "content-security-policy": "default-src 'none'; img-src 'self' data:; connect-src 'self'; "
    "style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'self'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


class Collector:
    """The participants and answers of one study: what is known, and where it is kept.

    Parameters
    ----------
    folder
        The study; answers go to ``answers/`` in it, and nothing is written anywhere else.

    Raises
    ------
    UserError
        If it holds no study, or another server is at work there.
    """

    def __init__(self, folder: Path) -> None:
        self.study = trials.load(folder)
        self.page = _served_page(folder / trials.PAGE)
        self.pictures = {
            name: folder / trials.PICTURES / name for name in picture_names(self.study)
        }
        home = folder / trials.ANSWERS
        if home.is_symlink():
            raise UserError(f"{home}: is a link, so answers would leave the folder; remove it")
        self._numbers = Journal(home / NUMBERS)
        try:
            self._rows = Journal(home / COLLECTED, answers.HEADER)
        except UserError:
            self._numbers.close()
            raise
        self.reading = asyncio.Lock()
        self.participants: dict[str, int] = {}
        self.rows: dict[tuple[str, str], Answer] = {}
        self._pending: dict[object, asyncio.Future[None]] = {}
        self._remember()

    def _remember(self) -> None:
        """What earlier runs collected. Lines that somebody edited the analysis will report."""
        for line in self._numbers.lines():
            if entry := _NUMBERED.fullmatch(line):
                self.participants[entry[2]] = int(entry[1])
        for line in self._rows.lines():
            try:
                answer = answers.parse(line, self.study)
            except UserError:
                continue
            self.rows[answer.session, answer.trial] = answer
            self.participants.setdefault(answer.session, answer.participant)

    def close(self) -> None:
        """Give the files back."""
        self._numbers.close()
        self._rows.close()

    async def number(self, session: str) -> int:
        """The number of a session, the same however often it asks."""
        if session not in self.participants:
            if len(self.participants) >= MOST_PARTICIPANTS:
                raise HTTPException(403, f"there are {MOST_PARTICIPANTS} participants already")
            number = max(self.participants.values(), default=0) + 1
            self.participants[session] = number
            await self._confirmed(
                {session: f"{number} {session}"}, self._numbers, self.participants
            )
        else:
            await self._others([session])
        return self.participants[session]

    async def keep(self, given: list[Answer]) -> None:
        """Store answers, and return when all of them are on the disk, each once."""
        new: dict[tuple[str, str], Answer] = {}
        for answer in given:
            key = answer.session, answer.trial
            if self.participants.get(answer.session) != answer.participant:
                raise HTTPException(403, f"session {answer.session} has no such number here")
            if self.rows.get(key, answer) != answer or new.get(key, answer) != answer:
                raise HTTPException(409, f"trial {answer.trial} has another answer already")
            if key not in self.rows:
                new[key] = answer
        known = [(a.session, a.trial) for a in given if (a.session, a.trial) not in new]
        self.rows |= new
        if new:
            lines = {key: answer.line() for key, answer in new.items()}
            await self._confirmed(lines, self._rows, self.rows)
        await self._others(known)

    async def _confirmed(self, lines: dict, journal: Journal, known: dict) -> None:
        """Write lines that are in `known` already; forget them there if that fails."""
        done = asyncio.get_running_loop().create_future()
        self._pending |= dict.fromkeys(lines, done)
        try:
            await journal.append(lines.values())
        except OSError as error:
            for key in lines:
                del known[key]
            raise HTTPException(503, f"cannot write ({error.strerror}): try again") from None
        finally:
            for key in lines:
                del self._pending[key]
            done.set_result(None)

    async def _others(self, keys: list) -> None:
        """Wait for what another request is writing; fail if it failed."""
        for key in keys:
            if key in self._pending:
                await self._pending[key]
            if key not in self.rows and key not in self.participants:
                raise HTTPException(503, "cannot write: try again")


def application(folder: str | Path, hosts: tuple[str, ...] = LOCAL) -> Starlette:
    """The application that serves a study.

    Parameters
    ----------
    folder
        The study; answers are collected in ``answers/collected.csv`` in it.
    hosts
        Names by which browsers may call this machine; ``("*",)`` for any. Naming them keeps pages
        of other sites from reaching a server that is meant for this machine alone.

    Raises
    ------
    UserError
        If it holds no study, or another server collects its answers.
    """
    collector = Collector(Path(folder))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        collector.close()

    app = Starlette(
        routes=[
            Route("/", _page),
            Route("/pictures/{name}", _picture),
            Route("/participants", _participant, methods=["POST"]),
            Route("/answers", _answers, methods=["POST"]),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))],
        exception_handlers={HTTPException: _refused},
        lifespan=lifespan,
    )
    app.state.collector = collector
    return app


async def _page(request: Request) -> Response:
    page = request.app.state.collector.page
    return Response(page, media_type="text/html", headers={**_HEADERS, "cache-control": "no-cache"})


async def _picture(request: Request) -> Response:
    path = request.app.state.collector.pictures.get(request.path_params["name"])
    if path is None or not path.is_file():
        raise HTTPException(404, "no such picture")
    try:
        async with request.app.state.collector.reading:  # one handle, however many ask
            content = await asyncio.to_thread(path.read_bytes)
    except OSError as error:
        raise HTTPException(503, f"cannot read it ({error.strerror}): try again") from None
    return Response(content, media_type="image/png", headers=_HEADERS)


async def _participant(request: Request) -> Response:
    try:
        asked = json.loads(await _body(request, "application/json", 200))
    except (ValueError, RecursionError):
        asked = None
    session = asked.get("session") if isinstance(asked, dict) else None
    if not isinstance(session, str) or not _SESSION.fullmatch(session):
        raise HTTPException(422, "session must be 16 hexadecimal digits")
    return JSONResponse({"participant": await request.app.state.collector.number(session)})


async def _answers(request: Request) -> Response:
    collector = request.app.state.collector
    limit = answers.LONGEST * (len(collector.study.trials) + 1)
    body = await _body(request, "text/csv", limit)
    given, faults = [], []
    for number, line in enumerate(body.splitlines(), start=1):
        if not line or (number == 1 and line == answers.HEADER.encode()):
            continue
        try:
            given.append(answers.parse(line.decode("ascii"), collector.study))
        except (UserError, UnicodeDecodeError) as fault:
            faults.append(f"line {number}: {fault}")
    if faults or not given:
        raise HTTPException(422, "\n".join(faults[:20]) or "no answers")
    await collector.keep(given)
    return JSONResponse({"stored": len(given)})


async def _body(request: Request, kind: str, limit: int) -> bytes:
    """The body, if it is of the kind, small enough and comes in time."""
    # A page of another site cannot send these kinds without asking first, which is not answered.
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != kind:
        raise HTTPException(415, f"send {kind}")
    content = b""
    try:
        async with asyncio.timeout(_SECONDS_FOR_A_BODY):
            async for part in request.stream():
                content += part
                if len(content) > limit:
                    raise HTTPException(413, f"at most {limit} bytes")
    except TimeoutError:
        raise HTTPException(408, "the body came too slowly") from None
    except ClientDisconnect:
        raise HTTPException(400, "the body was cut off") from None
    return content


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    # A body that was not read to its end would be taken for the next request.
    close = {"connection": "close"} if error.status_code in (408, 413, 415) else {}
    headers = {**_HEADERS, **(error.headers or {}), **close}
    return PlainTextResponse(error.detail, error.status_code, headers=headers)


def _served_page(path: Path) -> str:
    try:
        page = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise UserError(f"{path}: no readable page; build the study anew") from None
    apart, served = 'data-served="no"', 'data-served="yes"'
    if page.count(apart) != 1:
        raise UserError(f"{path}: lacks {apart}; edit only the marked texts, or build it anew")
    return page.replace(apart, served)
