"""Voters' sessions that were ended before they expire: every API process reads them, and refuses their tokens.

| key     | type   | what                                                                                              |
|---------|--------|---------------------------------------------------------------------------------------------------|
| `ended` | stream | `account`; `from`: its sessions issued before this second are over; or `one`: those issued in it  |

Seconds are since 1970, by the box's clock, as tokens name them. A stream, so that a process reads only what is new to
it; bounded, so that log-outs cannot fill scratch: of more than MOST the oldest are forgotten, and their tokens then
last until they expire.
"""

from typing import Any, NamedTuple

from models.scratch.connection import AsyncScratchClient, ScratchClient, scratch_errors

MOST = 200_000
"""Ends that are kept: some MB."""
PAGE = 5_000
FIRST = "0-0"
_KEY = "ended"


class End(NamedTuple):
    """`before`: sessions of `account` issued before this second are over; 0: only those issued in the second `one`."""

    account: int
    before: int
    one: int


async def end(client: AsyncScratchClient, ended: End) -> None:
    """Errors: ScratchAway."""
    with scratch_errors():
        await client.xadd(_KEY, _fields(ended), maxlen=MOST, approximate=True)


def end_now(client: ScratchClient, ended: End) -> None:
    """The same for the console, which does not run in a loop. Errors: ScratchAway."""
    with scratch_errors():
        client.xadd(_KEY, _fields(ended), maxlen=MOST, approximate=True)


async def ended_since(client: AsyncScratchClient, last: str) -> tuple[list[End], str]:
    """At most PAGE ends after the id `last`, in order, and the id to go on from. Errors: ScratchAway."""
    with scratch_errors():
        found: Any = await client.xrange(_KEY, min=f"({last}", count=PAGE)
    ends = [
        End(int(fields[b"account"]), int(fields.get(b"from", 0)), int(fields.get(b"one", 0))) for _, fields in found
    ]
    return ends, found[-1][0].decode() if found else last


def _fields(ended: End) -> dict[Any, Any]:
    return {"account": ended.account} | ({"from": ended.before} if ended.before else {"one": ended.one})
