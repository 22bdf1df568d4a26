"""What was pressed in the console: a form that comes twice is done once.

| key                       | type           | what                                                                   |
|---------------------------|----------------|------------------------------------------------------------------------|
| `operator_press:<digest>` | string, LIFE_S | where the first press led; empty while that is not known               |

The digest is of the session, the address, the page's own number for the form and everything in it: the same form with
other contents is another press. A process that dies between the change and its note leaves an empty one: then nobody
can say whether it was done, and it is not done again.
"""

import hashlib
from collections.abc import Iterable
from typing import Any

from models.scratch.connection import AsyncScratchClient, scratch_errors

LIFE_S = 600


def press_of(session: str, path: str, fields: Iterable[tuple[str, str]]) -> str:
    """Names one press. `session`: the digest of the session; `fields`: everything that was sent."""
    digest = hashlib.blake2b(digest_size=16)
    for part in (session, path, *(part for field in fields for part in field)):
        written = part.encode(errors="surrogatepass")
        digest.update(b"%d:" % len(written) + written)
    return digest.hexdigest()


async def begin(client: AsyncScratchClient, press: str) -> str | None:
    """None: this is the first. Else where the first led, or "" where that is not known. Errors: ScratchAway."""
    with scratch_errors():
        before: Any = await client.set(_key(press), b"", ex=LIFE_S, nx=True, get=True)
    return None if before is None else before.decode()


async def led_to(client: AsyncScratchClient, press: str, address: str) -> None:
    """The first press is done. Errors: ScratchAway."""
    with scratch_errors():
        await client.set(_key(press), address, ex=LIFE_S, xx=True)


async def forget(client: AsyncScratchClient, press: str) -> None:
    """The first press changed nothing: the next one is the first. Errors: ScratchAway."""
    with scratch_errors():
        await client.delete(_key(press))


def _key(press: str) -> str:
    return f"operator_press:{press}"
