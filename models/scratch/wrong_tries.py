"""Wrong passwords and codes at the console's login, of everybody together: how it is noticed that somebody guesses.

| key                        | type           | what                                    |
|----------------------------|----------------|-----------------------------------------|
| `wrong_tries:<half hours>` | string, LIFE_S | how many there were in this half hour    |

Names and addresses do not stand here: tries are shut out by name (`operator_attempts.py`), a guesser who takes another
name each time is seen by the sum alone.
"""

from typing import Any

from models.scratch.connection import AsyncScratchClient, ScratchClient, scratch_errors

HALF_HOUR_S = 1800
LIFE_S = 2 * HALF_HOUR_S


def note_wrong(client: ScratchClient, now: float) -> int:
    """One more; returns how many there were in this half hour. `now`: seconds since 1970. Errors: ScratchAway."""
    with scratch_errors():
        pipe = client.pipeline(transaction=True)
        pipe.incr(_key(now))
        pipe.expire(_key(now), LIFE_S)
        number: Any = pipe.execute()[0]
    return int(number)


async def wrong_lately(client: AsyncScratchClient, now: float) -> int:
    """How many there were in this half hour and the one before. Errors: ScratchAway."""
    with scratch_errors():
        found = await client.mget(_key(now), _key(now - HALF_HOUR_S))
    return sum(int(one) for one in found if one)


def _key(now: float) -> str:
    return f"wrong_tries:{int(now // HALF_HOUR_S)}"
