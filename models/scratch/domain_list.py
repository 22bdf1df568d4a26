"""The operators' own throw-away domains (`models/signal_lists.py`), where login looks them up for each code.

| key                  | type | what                                        |
|----------------------|------|---------------------------------------------|
| `disposable_domains` | set  | domains, in the form of normalised addresses |

It has no end. The ledger is what counts: the console writes the set after each change, and each search for signals
writes it again, so that a scratch that lost it has it back.
"""

from collections.abc import Collection

from models.disposable import parents_of
from models.scratch.connection import AsyncScratchClient, ScratchClient, scratch_errors

DOMAINS = "disposable_domains"


def publish_domains(client: ScratchClient, domains: Collection[str]) -> None:
    """Makes `domains` the list, in one step. Errors: ScratchAway."""
    with scratch_errors(), client.pipeline(transaction=True) as pipe:
        pipe.delete(DOMAINS)
        if domains:
            pipe.sadd(DOMAINS, *domains)
        pipe.execute()


async def is_listed(client: AsyncScratchClient, domain: str) -> bool:
    """Whether `domain`, or one that it is a subdomain of, is on the list. Errors: ScratchAway."""
    parents = parents_of(domain)
    if not parents:
        return False
    with scratch_errors():
        found = await client.smismember(DOMAINS, parents)
    return any(found)
