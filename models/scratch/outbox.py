"""The outbox: messages with login codes, put there by the API (`models/scratch/codes.py`) and sent by workers.

| key                   | type              | what                                                                  |
|-----------------------|-------------------|-----------------------------------------------------------------------|
| `outbox:due`          | sorted set        | id of a message → when it is due, ms since 1970 by the workers' clock |
| `outbox:message:<id>` | hash, as its code | `message` (JSON: kind, to, nonce, contest, language), `tries`         |
| `outbox:trouble:<kind>` | string, 2 min   | the mail server or the SMS gateway did not answer at the last try     |
| `outbox:demo`         | list, 10 min      | what the demo would have sent, newest first                           |

A message that cannot be sent goes with its code: nobody wants it later. Sent twice, it is the same code.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from models.identity import Kind
from models.scratch.connection import AsyncScratchClient, scratch_errors

DUE = "outbox:due"
MESSAGE = "outbox:message:"
TROUBLE = "outbox:trouble:"
TROUBLE_S = 120
DEMO = "outbox:demo"
DEMO_KEPT = 20
DEMO_LIFE_S = 600
LEASE_S = 60.0
"""How long a sender has for what it was handed; then another may."""

_HAND_OUT = Path(__file__).with_name("hand_out_messages.lua").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Message:
    """A code on its way. `tries`: this one included."""

    id: str
    kind: Kind
    to: str
    nonce: str
    contest: str
    tries: int
    language: str = "vi"
    """`vi` or `en`."""


async def hand_out(client: AsyncScratchClient, now: float, limit: int) -> tuple[list[Message], int]:
    """Up to `limit` messages that are due, and how many have expired unsent. `now`: seconds since 1970.

    Errors: ScratchAway.
    """
    with scratch_errors():
        found = await client.register_script(_HAND_OUT)(
            keys=[DUE], args=[int(now * 1000), int(LEASE_S * 1000), limit, MESSAGE]
        )
    messages = []
    for message_id, message, tries in found:
        if message is not None:
            messages.append(Message(message_id.decode(), **orjson.loads(message), tries=tries))
    return messages, len(found) - len(messages)


async def done(client: AsyncScratchClient, message: Message) -> None:
    """The message was sent, or never can be. Errors: ScratchAway."""
    with scratch_errors():
        async with client.pipeline(transaction=True) as pipe:
            pipe.zrem(DUE, message.id)
            pipe.delete(MESSAGE + message.id)
            await pipe.execute()


async def put_back(client: AsyncScratchClient, message: Message, due: float) -> None:
    """The message is due again at `due` (seconds since 1970). Errors: ScratchAway."""
    with scratch_errors():
        await client.zadd(DUE, {message.id: int(due * 1000)}, xx=True)


async def note_trouble(client: AsyncScratchClient, kind: Kind, *, away: bool) -> None:
    """Whether the way of this kind is away, as the last try found it. Errors: ScratchAway."""
    with scratch_errors():
        if away:
            await client.set(TROUBLE + kind, 1, ex=TROUBLE_S)
        else:
            await client.delete(TROUBLE + kind)


async def is_in_trouble(client: AsyncScratchClient, kind: Kind) -> bool:
    """Whether codes of this kind may come late, for the page that waits for one. Errors: ScratchAway."""
    with scratch_errors():
        return bool(await client.exists(TROUBLE + kind))


async def keep_for_demo(client: AsyncScratchClient, to: str, text: str) -> None:
    """Keeps what the demo would have sent. Errors: ScratchAway."""
    with scratch_errors():
        async with client.pipeline(transaction=True) as pipe:
            kept = orjson.dumps({"at": int(time.time() * 1000), "to": to, "text": text})
            pipe.lpush(DEMO, kept)
            pipe.ltrim(DEMO, 0, DEMO_KEPT - 1)
            pipe.expire(DEMO, DEMO_LIFE_S)
            await pipe.execute()


async def read_demo(client: AsyncScratchClient) -> list[dict[str, Any]]:
    """`{"at" (ms), "to", "text"}` of the demo's last messages, newest first. Errors: ScratchAway."""
    with scratch_errors():
        return [orjson.loads(kept) for kept in await client.lrange(DEMO, 0, DEMO_KEPT - 1)]
