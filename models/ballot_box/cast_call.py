"""One call with a batch, of votes (`cast`) or of openings: what is sent, what the reply says, and what is certain
without one.
"""

import time
from collections.abc import Sequence
from typing import Any

import hiredis
import redis.asyncio
from redis.exceptions import ClusterDownError, MasterDownError, NoPermissionError, ReadOnlyError, ResponseError

from models.ballot_box import library
from models.ballot_box.connection import TIMEOUT_S, BoxFull, within
from models.ballot_box.keys import ShardKeys
from models.event import LogId
from models.outcomes import BY_LETTER, Outcome

# Refusals of the whole call, given before the function runs: nothing was done.
_NOT_RUN = (BoxFull, ReadOnlyError, NoPermissionError, MasterDownError, ClusterDownError)
_NOT_RUN_PREFIXES = ("BUSY", "MISCONF")

Head = tuple[str, str, str]
"""S, epoch, fingerprint of the identity key."""


class UnclearReplyError(Exception):
    """The reply has the wrong shape: whose answer it is, nobody knows."""


async def ask_box(
    client: redis.asyncio.Redis,
    keys: ShardKeys,
    head: Head,
    batch: Sequence[int | bytes],
    seconds: float,
    *,
    function: str = "cast",
) -> Any:
    """The box's reply, or as a text why it did not run the call (so nothing was changed).

    `batch`: account, entry and body of the event (`models/event.py`) of each vote, one after the other; for
    `open_account` the bodies alone.
    Errors: BoxAway (done or not, nobody knows), ResponseError for what is not understood.
    """
    names = keys.all()
    args = ("FCALL", library.function(function), len(names), *names, *head, *batch)
    deadline = time.monotonic() + seconds

    def left() -> float:
        return min(TIMEOUT_S, deadline - time.monotonic())

    for _attempt in range(2):
        try:
            return await within(left(), lambda: _send(client, args))
        except _NOT_RUN as error:
            return str(error)
        except ResponseError as error:
            if str(error).startswith(_NOT_RUN_PREFIXES):
                return str(error)
            if not library.is_missing(error):
                raise
        # Not known here, so not run: a new or emptied server. Loading the library and asking again is safe.
        if problem := await _load_library(client, left()):
            return problem
    return "the function library cannot be loaded"


async def _send(client: redis.asyncio.Redis, args: tuple[Any, ...]) -> Any:
    """One command on the client's one connection. Packed by hiredis in one go: redis-py would pack it in Python, which
    takes a tenth of a vote's time.
    """
    connection: Any = client.connection
    await connection.send_packed_command([hiredis.pack_command(args)], check_health=False)
    return await connection.read_response(disable_decoding=True)


async def _load_library(client: redis.asyncio.Redis, seconds: float) -> str | None:
    """Returns what stands in the way, or None. Errors: BoxAway."""
    try:
        await within(seconds, lambda: client.function_load(library.CODE))
    except BoxFull as error:
        return str(error)
    except NoPermissionError:
        return library.LOADED_BY_OTHERS
    except ResponseError as error:
        return None if library.is_loaded_already(error) else str(error)
    return None


def read_reply(reply: Any, votes: int) -> tuple[list[Outcome], LogId]:
    """Outcomes and the log's last id from a reply {letters, last id}. Errors: UnclearReplyError."""
    try:
        letters, last = reply
        outcomes = [BY_LETTER[letter] for letter in letters]
        ms, seq = last.split(b"-")
        high = (int(ms), int(seq))
    except (TypeError, ValueError, KeyError, AttributeError):
        raise UnclearReplyError(repr(reply)[:200]) from None
    if len(outcomes) != votes:
        raise UnclearReplyError(f"{len(outcomes)} outcomes for {votes} votes")
    return outcomes, high
