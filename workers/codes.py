"""Sending login codes: the outbox → the mail server or the SMS gateway, in slices, a few at a time.

A message is handed out when a connection is free for it, and no sooner: sending takes one some 8 s at most, its lease
is 60 s, so that however slow the server is nobody else is handed what this worker still means to send.

| dies …                          | then                                                                         |
|---------------------------------|------------------------------------------------------------------------------|
| before the server took it       | the message is due again when its lease ends                                  |
| after that, before `done`       | the same: the voter gets the same code twice                                  |
| server away, or “later”         | put back, due again after 2, 4, 8 … 30 s; given up when the code has expired,  |
|                                 | an SMS after four tries                                                       |
| server says “never”             | given up at once; the voter can ask again after the cool-down                 |
| SMS are switched off            | what still waits is given up                                                  |
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack

import structlog

from models.channels import Channels
from models.identity import Identity, Kind
from models.scratch import outbox
from models.scratch.codes import code_of
from models.scratch.connection import AsyncScratchClient, async_scratch
from models.scratch.outbox import Message
from models.secrets import KeyRing
from workers.code_mail import code_text, smtp_sender
from workers.code_sms import sms_sender
from workers.delivery import LaterError, NeverError, Send

log = structlog.get_logger()

INTERVAL_S = 0.2  # between looks into an empty outbox
LONGEST_BACK_OFF_S = 30.0

Ways = Mapping[Kind, Send]
"""What one connection at a time can send: kind → its sender."""


async def send_slice(
    scratch_url: str,
    keys: KeyRing,
    channels: Channels,
    *,
    connections: int,
    seconds: float,
    stopping: Callable[[], bool],
) -> int:
    """Sends what is due for a slice of time, over `connections` at a time at most. Returns how many messages were sent.

    Errors: ScratchAway.
    """
    sent = 0
    until = time.monotonic() + seconds
    async with async_scratch(scratch_url) as scratch, AsyncExitStack() as stack:
        free = deque(await _all_ways(stack, scratch, keys, channels, connections))
        underway: set[asyncio.Task[bool]] = set()
        try:
            while time.monotonic() < until and not stopping():
                for message in await _handed_out(scratch, len(free)):
                    underway.add(asyncio.create_task(_send_over(free, free.pop(), scratch, message)))
                if underway:
                    await asyncio.wait(underway, timeout=INTERVAL_S, return_when=asyncio.FIRST_COMPLETED)
                    for task in [one for one in underway if one.done()]:
                        sent += task.result()
                        underway.remove(task)
                else:
                    await asyncio.sleep(INTERVAL_S)
        finally:
            ends = await asyncio.gather(*underway, return_exceptions=True)
    for end in ends:
        if isinstance(end, BaseException):
            raise end
        sent += end
    return sent


async def _handed_out(scratch: AsyncScratchClient, limit: int) -> list[Message]:
    if not limit:
        return []
    messages, expired = await outbox.hand_out(scratch, time.time(), limit)
    if expired:
        log.error("ALARM: login codes expired before they could be sent", codes=expired)
    return messages


async def _all_ways(
    stack: AsyncExitStack, scratch: AsyncScratchClient, keys: KeyRing, channels: Channels, connections: int
) -> list[Ways]:
    """Each with a mail connection of its own; the gateway's client has as many as are called for by itself."""
    shared: dict[Kind, Send] = {}
    if channels.sms:
        shared["sms"] = await stack.enter_async_context(sms_sender(scratch, channels.sms, keys))
    if channels.shown:
        shared["email"] = _demo_sender(scratch, keys)
    if channels.mail is None:
        return [shared] * connections
    stacks = [AsyncExitStack() for _ in range(connections)]
    stack.push_async_callback(lambda: asyncio.gather(*(one.aclose() for one in stacks)))  # a server may be slow to part
    return [{**shared, "email": await one.enter_async_context(smtp_sender(channels.mail, keys))} for one in stacks]


async def _send_over(free: deque[Ways], ways: Ways, scratch: AsyncScratchClient, message: Message) -> bool:
    """Sends the message and gives the connection back: the last that worked is taken first, so that a few messages
    open one connection alone, and one that failed last, so that a server that admits fewer has the others used.
    Returns whether it was sent. Errors: ScratchAway.
    """
    worked = False
    try:
        worked = await _send(scratch, message, ways)
    finally:
        if worked:
            free.append(ways)
        else:
            free.appendleft(ways)
    return worked


async def _send(scratch: AsyncScratchClient, message: Message, ways: Ways) -> bool:
    """Whether the message was sent; what the outbox is to know of it is noted. Errors: ScratchAway."""
    try:
        await ways.get(message.kind, _no_way)(message)
    except NeverError as error:
        log.warning("a login code was refused for good", to=_masked(message), problem=str(error))
        await outbox.done(scratch, message)
        return False
    except LaterError as error:
        log.warning("a login code waits", kind=message.kind, tries=message.tries, problem=str(error))
        await outbox.put_back(scratch, message, time.time() + min(LONGEST_BACK_OFF_S, 2.0**message.tries))
        if error.trouble:
            await outbox.note_trouble(scratch, message.kind, away=True)
        return False
    await outbox.done(scratch, message)
    await outbox.note_trouble(scratch, message.kind, away=False)
    return True


async def _no_way(_message: Message) -> None:
    raise NeverError("there is no way for this kind any more")


def _demo_sender(scratch: AsyncScratchClient, keys: KeyRing) -> Send:
    async def send(message: Message) -> None:
        text = code_text(message, code_of(keys, message.nonce))
        await outbox.keep_for_demo(scratch, message.to, text)
        log.info("demo, no mail server: this would have been sent", to=message.to, text=text)

    return send


def _masked(message: Message) -> str:
    return Identity(message.kind, message.to).masked
