"""The classroom's connections: each ends in time, and all together leave handles for the answers.

Phones fall asleep, scanners say nothing, and each connection holds a file handle. Where handles run
out nobody is let in any more, so whoever is silent longest gives way to who comes.
"""

import asyncio
import logging
import resource
import socket
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from neuronbasis.errors import UserError

MOST = 2000
_LEAST = 16
_SPARE = 64  # handles for all else: answers, pictures, what libraries open
_QUEUE = 1024  # of connections that the system holds until they are accepted
_REPEATED = 60.0  # seconds after a message in the log for which its like are only counted


class Bounded(H11Protocol):
    """A connection that ends, and one of a bounded number.

    It ends when a request with its reply takes longer than `seconds`, the silence before included,
    however its bytes are spread. One more than ``limit_concurrency - 1`` takes the place of
    whichever is silent longest; those that are being answered go last.
    """

    seconds = 60.0
    since = 0.0
    _end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin the time it has, and end the first in turn if it is one too many."""
        super().connection_made(transport)
        self._begin()
        assert self.limit_concurrency is not None
        while len(self.connections) >= self.limit_concurrency:
            first = min(self.connections, key=_turn)
            self.connections.discard(first)  # the system tells of its end a little later
            first.transport.abort()

    def on_response_complete(self) -> None:
        """Begin the time anew, in which also the reply must be fetched."""
        super().on_response_complete()
        self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget its time."""
        if self._end:
            self._end.cancel()
        super().connection_lost(exc)

    @property
    def answering(self) -> bool:
        """Whether a whole request is here, and its reply not made: nothing waits for the peer."""
        asked = self.cycle
        return asked is not None and not asked.more_body and not asked.response_complete

    def _begin(self) -> None:
        if self._end:
            self._end.cancel()
        self.since = self.loop.time()
        self._end = self.loop.call_later(self.seconds, self.transport.abort)


def _turn(connection: Any) -> tuple[bool, float]:
    return connection.answering, connection.since


class Seldom(logging.Filter):
    """Lets a message pass once a minute from each place of the code, with how many were held back.

    Examples
    --------
    >>> log = Seldom()
    >>> again = [logging.makeLogRecord({"msg": "no!", "created": at}) for at in (0, 1, 59, 61)]
    >>> [each.getMessage() for each in again if log.filter(each)]
    ['no!', 'no! (2 more like it before)']
    """

    def __init__(self) -> None:
        super().__init__()
        self._told: dict[Any, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the message is told."""
        kind = record.pathname, record.lineno, record.exc_info and record.exc_info[0]
        last, held = self._told.get(kind, (-_REPEATED, 0))
        if 0 <= record.created - last < _REPEATED:  # a clock that was set back holds nothing up
            self._told[kind] = last, held + 1
            return False
        self._told[kind] = record.created, 0
        if held:
            record.msg, record.args = f"{record.getMessage()} ({held} more like it before)", ()
        return True


def most() -> int:
    """How many connections may be open at once, once the limit of handles is raised.

    Raises
    ------
    UserError
        If the system allows too few handles for a class.
    """
    unlimited, ample = resource.RLIM_INFINITY, MOST + 2 * _SPARE
    allowed, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    reachable = ample if hard == unlimited else min(ample, hard)
    if allowed != unlimited and allowed < reachable:
        resource.setrlimit(resource.RLIMIT_NOFILE, (reachable, hard))
        allowed = reachable
    open_now = len(list(Path("/dev/fd").iterdir()))
    found = MOST if allowed == unlimited else min(MOST, allowed - open_now - _SPARE)
    if found < _LEAST:
        few = f"this system allows {allowed} open files, too few for a class"
        raise UserError(f"{few}; allow {open_now + _SPARE + _LEAST} or more: ulimit -n 1024")
    return found


def server(application: Starlette, most: int, protocol: type[Bounded] = Bounded) -> uvicorn.Server:
    """What serves an application with at most so many connections, and a log that stays small.

    Parameters
    ----------
    application : Starlette
    most : int
        Connections open at once.
    protocol : type
        Of each connection.

    Returns
    -------
    uvicorn.Server
        Its ``run(sockets=[listener])`` serves on a listening socket until Ctrl-C, which it raises
        as KeyboardInterrupt once what was being answered is.
    """
    handler = logging.StreamHandler()
    handler.addFilter(Seldom())
    logging.basicConfig(handlers=[handler], format="%(levelname)s: %(message)s")
    config = uvicorn.Config(
        application,
        http=protocol,
        ws="none",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=most + 1,
        backlog=1,  # accepted at a time, before others give way: no burst uses up the handles
        timeout_graceful_shutdown=5,
    )
    return _Server(config)


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for each in sockets or []:
            each.listen(_QUEUE)  # or the system's queue is as short as the backlog above
