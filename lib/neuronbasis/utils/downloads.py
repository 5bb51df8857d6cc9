"""Downloads by other libraries: no retries without a connection, and no noise."""

import contextlib
import io
import logging
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

_SILENCE_S = 60.0
_CONNECTING_S = 4.0
_TALKING = ("huggingface_hub", "transformers", "timm")
_PORTS = {"http": 80, "https": 443}
_SUFFIXES = (".safetensors", ".bin", ".pt", ".pth")  # of weights on the hub


@contextlib.contextmanager
def patient_and_quiet() -> Iterator[None]:
    """Give up on a silent server; show progress to a terminal only, and no retries."""
    before, loggers = socket.getdefaulttimeout(), [logging.getLogger(name) for name in _TALKING]
    levels = [logger.level for logger in loggers]
    socket.setdefaulttimeout(_SILENCE_S)
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.ExitStack() as stack:
            if not sys.stderr.isatty():
                stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
            yield
    finally:
        socket.setdefaulttimeout(before)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def check_connection(*urls: str) -> None:
    """See in one try whether a server can be reached, by its proxy where there is one.

    The libraries that download try a server again and again where there is no network at all.

    Parameters
    ----------
    urls : str
        Of several, one that can be reached will do.

    Raises
    ------
    OSError
        If none can be reached; it names the last one.

    Examples
    --------
    >>> check_connection("http://127.0.0.1:9/file.gz")
    Traceback (most recent call last):
        ...
    ConnectionError: no connection to 127.0.0.1: Connection refused
    """
    for url in urls:
        host, port, way = _first_hop(url)
        try:
            _connect(host, port)
            return
        except OSError as error:
            reason = f"no connection to {way}: {error.strerror or error}"
    raise ConnectionError(reason)


def _first_hop(url: str) -> tuple[str, int, str]:
    """Host and port to connect to, and what to call them: a server, or the proxy before it."""
    server, proxies = urlsplit(url), getproxies()
    proxy = proxies.get(server.scheme) or proxies.get("all", "")
    if proxy_bypass(server.netloc):
        proxy = ""
    hop = urlsplit(proxy if "//" in proxy else f"http://{proxy}") if proxy else server
    host = hop.hostname or ""
    way = f"{server.hostname} by the proxy {host}" if proxy else host
    return host, hop.port or _PORTS.get(hop.scheme, 1080), way


def _connect(host: str, port: int) -> None:
    """Try one address of each family: a server may have a dozen, each silent for seconds."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = {family: address for family, *_, address in reversed(found)}
    for family, address in addresses.items():
        try:
            with socket.socket(family, socket.SOCK_STREAM) as tried:
                tried.settimeout(_CONNECTING_S)
                tried.connect(address)
                return
        except OSError as error:
            failure = error
    raise failure


def check_hub() -> None:
    """See whether the hub of transformers and timm may be asked, and can be reached.

    Raises
    ------
    OSError
        If HF_HUB_OFFLINE forbids it, or there is no connection.
    """
    import huggingface_hub  # part of the extras

    if huggingface_hub.constants.HF_HUB_OFFLINE:
        raise ConnectionError("HF_HUB_OFFLINE forbids to ask the hub")
    check_connection(huggingface_hub.constants.ENDPOINT)


def hub_folder() -> Path:
    """The cache folder of what was downloaded from the hub."""
    import huggingface_hub

    return Path(huggingface_hub.constants.HF_HUB_CACHE)


def is_of_hub(name: str) -> bool:
    """Whether some weights of that name were downloaded from the hub earlier."""
    copies = hub_folder() / f"models--{name.replace('/', '--')}" / "snapshots"
    return any(file.suffix in _SUFFIXES for file in copies.glob("*/*"))
