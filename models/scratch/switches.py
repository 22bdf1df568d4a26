"""Switches that operators throw while everything runs; each acts on the next request and the next message.

| key             | type   | what                                                       |
|-----------------|--------|-------------------------------------------------------------|
| `switch:<kind>` | string | `off`: no code is sent to identities of this kind; else on   |

They have no end: what an operator has switched off stays off until somebody switches it on.
"""

from models.identity import Kind
from models.scratch.connection import AsyncScratchClient, ScratchClient, scratch_errors

SWITCH = "switch:"
OFF = b"off"


def throw(client: ScratchClient, kind: Kind, *, on: bool) -> None:
    """Errors: ScratchAway."""
    with scratch_errors():
        if on:
            client.delete(SWITCH + kind)
        else:
            client.set(SWITCH + kind, OFF)


def stands_on(client: ScratchClient, kind: Kind) -> bool:
    """Errors: ScratchAway."""
    with scratch_errors():
        return client.get(SWITCH + kind) != OFF


async def is_on(client: AsyncScratchClient, kind: Kind) -> bool:
    """Errors: ScratchAway."""
    with scratch_errors():
        return bool(await client.get(SWITCH + kind) != OFF)
