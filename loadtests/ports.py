"""Ports for servers that are told one before they listen."""

import random
import socket
from contextlib import suppress

_FIRST, _LAST = 10_000, 32_000
"""Below those that Linux gives to outgoing connections (from 32,768 on): none of these is taken by a client before its
server listens on it.
"""
_TRIES = 100


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on. Errors: OSError."""
    for _ in range(_TRIES):
        port = random.randint(_FIRST, _LAST)  # noqa: S311 - so that two who ask at once get two
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise OSError(f"no free port among {_TRIES} from {_FIRST} to {_LAST}")
