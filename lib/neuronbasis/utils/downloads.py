"""Downloads by other libraries, without their noise."""

import contextlib
import io
import socket
import sys
from collections.abc import Iterator

_SILENCE_S = 60.0


@contextlib.contextmanager
def patient_and_quiet() -> Iterator[None]:
    """Give up on a silent server; show torchvision's progress to a terminal only."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_SILENCE_S)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.ExitStack() as stack:
            if not sys.stderr.isatty():
                stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
            yield
    finally:
        socket.setdefaulttimeout(before)
