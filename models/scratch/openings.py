"""Who has logged in today: an account's opening stands in the log at most once a day.

| key                          | type               | what                                                    |
|------------------------------|--------------------|---------------------------------------------------------|
| `opened:<contest>:<account>` | string, 30 s / 1 d | the account's opening is on its way, or it was recorded |

Who reserves and then dies leaves the key for 30 s only: the next login records it.
"""

from collections.abc import Iterable

from models.scratch.connection import AsyncScratchClient, scratch_errors

RESERVED_S = 30
DAY_S = 86_400


async def reserve(client: AsyncScratchClient, contest_id: int, accounts: Iterable[int]) -> list[bool]:
    """Whether this caller is to record the opening: for each account, in one round trip. Errors: ScratchAway."""
    with scratch_errors():
        async with client.pipeline(transaction=False) as pipe:
            for account in accounts:
                pipe.set(_key(contest_id, account), 1, nx=True, ex=RESERVED_S)
            return [bool(reply) for reply in await pipe.execute()]


async def keep(client: AsyncScratchClient, contest_id: int, accounts: Iterable[int]) -> None:
    """These were reserved and are recorded: not again for a day. Errors: ScratchAway."""
    with scratch_errors():
        async with client.pipeline(transaction=False) as pipe:
            for account in accounts:
                pipe.set(_key(contest_id, account), 1, ex=DAY_S)
            await pipe.execute()


async def release(client: AsyncScratchClient, contest_id: int, accounts: Iterable[int]) -> None:
    """These were reserved and could not be recorded: the next login may. Errors: ScratchAway."""
    with scratch_errors():
        await client.delete(*(_key(contest_id, account) for account in accounts))


def _key(contest_id: int, account: int) -> str:
    return f"opened:{contest_id}:{account}"
