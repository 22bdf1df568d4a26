"""Refused requests (403) in the log: what was asked for and why not, never by whom it was sent or what it held.

At most LINES of them a minute in one process: whoever is refused all day does not fill the disk that the box needs.
"""

import time

import structlog
from fastapi import Request

log = structlog.get_logger()

LINES = 30
MINUTE_S = 60.0


class Refusals:
    """The lines of one process."""

    def __init__(self) -> None:
        self._since = float("-inf")
        self._written = 0
        self._left_out = 0

    def note(self, reason: str, route: str, *, operator: int | None = None) -> None:
        """`route`: as it is declared, without what was filled in. `operator`: their number, who is no voter."""
        now = time.monotonic()
        if now - self._since >= MINUTE_S:
            if self._left_out:
                log.warning("more requests were refused", requests=self._left_out)
            self._since, self._written, self._left_out = now, 0, 0
        if self._written >= LINES:
            self._left_out += 1
            return
        self._written += 1
        log.warning("a request was refused", reason=reason, route=route, **({"operator": operator} if operator else {}))


REFUSALS = Refusals()


def route_of(request: Request) -> str:
    """The route of a request as it is declared: `/operator/accounts/{account}`."""
    return f"{request.method} {getattr(request.scope.get('route'), 'path', '')}"
