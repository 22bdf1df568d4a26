"""Operators' sessions, in scratch: server-side, so that each can be seen and ended at once.

| key                      | type   | what                                                                       |
|--------------------------|--------|----------------------------------------------------------------------------|
| `operator:<digest>`      | string | JSON of `OperatorSession`; lives IDLE_S after the latest request            |
| `operator_sessions:<id>` | set    | digests of the operator's sessions; members may be over; lives ABSOLUTE_S    |

The token itself is kept nowhere: its digest names the session. Scratch is lost → everybody logs in again.
"""

import hashlib
import secrets
import time
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from models.operator import Operator, Role
from models.scratch.connection import AsyncScratchClient, ScratchClient, scratch_errors

IDLE_S = 30 * 60
ABSOLUTE_S = 12 * 3600
TOUCH_S = 30.0
"""A session's latest request is noted no more often than this."""


@dataclass(frozen=True)
class OperatorSession:
    """One login of one operator. `full`: the second factor was given too, where the operator has or needs one."""

    digest: str
    operator_id: int
    name: str
    role: Role
    language: str
    full: bool
    began_at: float
    """Seconds since 1970."""
    seen_at: float
    address: str
    agent: str
    """What the browser calls itself."""
    second_factor: bool = False
    """Whether one was given at this login; not full yet where a given password must still be changed."""


def digest_of(token: str) -> str:
    return hashlib.blake2b(token.encode(), digest_size=16).hexdigest()


def _key(digest: str) -> str:
    return f"operator:{digest}"


def _of_operator(operator_id: int) -> str:
    return f"operator_sessions:{operator_id}"


def _packed(session: OperatorSession) -> bytes:
    return orjson.dumps(asdict(session))


def _unpacked(packed: bytes | str, now: float) -> OperatorSession | None:
    values = orjson.loads(packed)
    session = OperatorSession(**(values | {"role": Role(values["role"])}))
    return session if now < session.began_at + ABSOLUTE_S else None


def begin(
    client: ScratchClient,
    operator: Operator,
    *,
    full: bool,
    address: str,
    agent: str,
    now: float,
    second_factor: bool = False,
) -> str:
    """A new session; returns its token, which only the operator's browser keeps. Errors: ScratchAway."""
    token = secrets.token_urlsafe(32)
    session = OperatorSession(
        digest_of(token),
        operator.id,
        operator.name,
        operator.role,
        operator.language,
        full,
        now,
        now,
        address,
        agent[:200],
        second_factor,
    )
    with scratch_errors():
        pipe = client.pipeline(transaction=True)
        pipe.set(_key(session.digest), _packed(session), ex=IDLE_S)
        pipe.sadd(_of_operator(operator.id), session.digest)
        pipe.expire(_of_operator(operator.id), ABSOLUTE_S)
        pipe.execute()
    return token


async def find(
    client: AsyncScratchClient, token: str, now: float, *, keep_alive: bool = True
) -> OperatorSession | None:
    """The session of the token, kept alive by being asked for; None for one that is over. Errors: ScratchAway."""
    key = _key(digest_of(token))
    with scratch_errors():
        packed = await client.get(key)
        session = _unpacked(packed, now) if packed else None
        if session is None:
            return None
        if keep_alive and now - session.seen_at > TOUCH_S:
            seen = OperatorSession(**(vars(session) | {"seen_at": now}))
            # XX: a session that was ended meanwhile does not come back
            await client.set(key, _packed(seen), ex=IDLE_S, xx=True)
            return seen
    return session


def left_s(session: OperatorSession, now: float) -> int:
    """Seconds until the session ends if nothing is done; not below 0."""
    return max(0, int(min(session.seen_at + IDLE_S, session.began_at + ABSOLUTE_S) - now))


def lasts_s(session: OperatorSession, now: float) -> int:
    """Seconds until the session ends whatever is done; not below 0."""
    return max(0, int(session.began_at + ABSOLUTE_S - now))


def is_in_force(client: ScratchClient, digest: str) -> bool:
    """Whether the session has not been ended. Errors: ScratchAway."""
    with scratch_errors():
        return bool(client.exists(_key(digest)))


def end(client: ScratchClient, operator_id: int, digest: str) -> None:
    """Errors: ScratchAway."""
    with scratch_errors():
        pipe = client.pipeline(transaction=True)
        pipe.delete(_key(digest))
        pipe.srem(_of_operator(operator_id), digest)
        pipe.execute()


def sessions_of(client: ScratchClient, operator_id: int, now: float | None = None) -> list[OperatorSession]:
    """The operator's sessions that are in force, newest first. Errors: ScratchAway."""
    moment = time.time() if now is None else now
    with scratch_errors():
        members: Any = client.smembers(_of_operator(operator_id))
        digests = sorted(member.decode() for member in members)
        packed = client.mget([_key(digest) for digest in digests]) if digests else []
    found = [_unpacked(one, moment) for one in packed if one]
    return sorted((one for one in found if one), key=lambda one: -one.began_at)


def end_all(client: ScratchClient, operator_id: int, *, but: str = "") -> int:
    """Ends all the operator's sessions, but the one with the digest `but`. Returns how many. Errors: ScratchAway."""
    ended = [session.digest for session in sessions_of(client, operator_id) if session.digest != but]
    for digest in ended:
        end(client, operator_id, digest)
    return len(ended)
