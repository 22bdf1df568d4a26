"""Logins by OpenID Connect that came back: each counts once.

| key            | type           | what                                              |
|----------------|----------------|---------------------------------------------------|
| `oidc:<digest>`| string, 10 min | a login with this state came back from its provider |

A login that was begun stands in the browser (`api/voters/oidc_flow.py`), so that nobody fills scratch by beginning
many; one that came back was begun by us, and is kept for as long as it could come back again.
"""

import hashlib

from models.scratch.connection import AsyncScratchClient, scratch_errors

LIFE_S = 600


async def use_flow(client: AsyncScratchClient, state: str) -> bool:
    """Whether `state` comes back for the first time. Errors: ScratchAway."""
    digest = hashlib.blake2b(state.encode(), digest_size=16).hexdigest()
    with scratch_errors():
        return bool(await client.set(f"oidc:{digest}", 1, nx=True, ex=LIFE_S))
