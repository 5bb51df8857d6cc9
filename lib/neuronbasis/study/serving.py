"""Serve a study until Ctrl-C, and say where phones find it."""

import io
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import segno

from neuronbasis.errors import UserError
from neuronbasis.utils import files

_NOWHERE = ("192.0.2.1", 9)  # of the addresses kept for documentation: nothing is sent there


def serve(
    folder: Path, host: str, port: int, say: Callable[[str], None], code: bool = False
) -> None:
    """Hand out a study's page and collect the answers in its folder, until Ctrl-C.

    Parameters
    ----------
    folder
        The study.
    host, port
        Where to listen; 0.0.0.0 lets the network in, and port 0 takes a free one.
    say
        Called with each line that the person at the computer should see.
    code
        Whether to draw the address as a code that phones read from the screen.

    Raises
    ------
    UserError
        If there is no study, another server is at work there, or the address is taken.
    """
    from neuronbasis.study import connections, server

    most = connections.most()
    local = host in server.LOCAL
    application = server.application(folder, server.LOCAL if local else ("*",))
    with listening(host, port) as listener:
        name = socket.gethostname() if host in ("0.0.0.0", "::") else host
        addresses = [name] if local else dict.fromkeys([*reached(host), name])
        addresses = [f"[{each.strip('[]')}]" if ":" in each else each for each in addresses]
        links = [f"http://{each}:{listener.getsockname()[1]}/" for each in addresses]
        say(f"open {' or '.join(links)}")
        if code:
            say(f"{drawn(links[0])}the code for phones, as a picture: {kept(links[0], folder)}")
        if not local:
            say("anybody on the network can open it")
        say(f"answers: {folder / 'answers' / server.COLLECTED}")
        try:
            connections.server(application, most).run(sockets=[listener])
        except KeyboardInterrupt:
            say("stopped; every confirmed answer is in the folder")


def reached(host: str) -> list[str]:
    """The number by which the network knows this machine; none where it has no network."""
    if host != "0.0.0.0":
        return []
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(_NOWHERE)
        return [probe.getsockname()[0]]
    return []


def drawn(address: str) -> str:
    """An address as a QR code of characters, for a terminal with light letters on dark."""
    text = io.StringIO()
    segno.make(address, micro=False).terminal(out=text, compact=True, border=2)
    return text.getvalue()


def kept(address: str, folder: Path) -> Path:
    """An address as a QR code in the study's folder, for a projector."""
    target = folder / "address.svg"
    partial = target.with_name(f".{target.name}.partial")
    try:
        with partial.open("wb") as stream:
            segno.make(address, micro=False).save(stream, kind="svg", scale=20, light="white")
        return partial.replace(target)
    except OSError as error:
        raise files.cannot_write(target, error) from None


def listening(host: str, port: int) -> socket.socket:
    """A socket at an address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host.strip("[]"), port), family=family, backlog=1024)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(
            f"cannot listen at {host}:{port} ({reason}); choose another --port or --host"
        ) from None
