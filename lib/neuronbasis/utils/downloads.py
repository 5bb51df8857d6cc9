"""Downloads by other libraries, without their noise."""

import contextlib
import io
import logging
import socket
import sys
from collections.abc import Iterator

_SILENCE_S = 60.0
_TALKING = ("huggingface_hub", "transformers", "timm")


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
