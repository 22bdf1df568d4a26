"""Logins by OpenID Connect that came back: each counts once, and those that fail have a budget.

| key                      | type           | what                                                          |
|--------------------------|----------------|---------------------------------------------------------------|
| `oidc:<digest>`          | string, 10 min | a login with this state came back from its provider           |
| `oidc:failed:<provider>` | counter, 60 s  | exchanges of anybody's codes with this provider that failed   |

A login that was begun stands in the browser (`api/voters/oidc_flow.py`), so that nobody fills scratch by beginning
many; one that came back was begun by us, and is kept for as long as it could come back again.
"""

import hashlib

from models.scratch.connection import AsyncScratchClient, scratch_errors

LIFE_S = 600
FAILED_LIFE_S = 60
FAILED_MOST = 300
"""Failed exchanges a minute with one provider: with made-up codes a script could have us call it without end."""


async def use_flow(client: AsyncScratchClient, state: str) -> bool:
    """Whether `state` comes back for the first time. Errors: ScratchAway."""
    digest = hashlib.blake2b(state.encode(), digest_size=16).hexdigest()
    with scratch_errors():
        return bool(await client.set(f"oidc:{digest}", 1, nx=True, ex=LIFE_S))


async def may_exchange(client: AsyncScratchClient, provider: str) -> bool:
    """Whether the failures of this minute leave room for one more exchange with `provider`, by its name. Those that are
    on their way are not counted yet, so that no rush of honest voters is stopped. Errors: ScratchAway.
    """
    with scratch_errors():
        return int(await client.get(_failed_key(provider)) or 0) < FAILED_MOST


async def count_failure(client: AsyncScratchClient, provider: str) -> None:
    """Takes note of a failed exchange with `provider`. Errors: ScratchAway."""
    with scratch_errors():
        async with client.pipeline(transaction=True) as together:
            together.set(_failed_key(provider), 0, nx=True, ex=FAILED_LIFE_S)
            together.incr(_failed_key(provider))
            await together.execute()


def _failed_key(provider: str) -> str:
    return f"oidc:failed:{provider}"
