"""Sending login codes: the outbox → the mail server or the SMS gateway, in slices, a few at a time.

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
from collections.abc import Callable, Iterator, Mapping
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

CONNECTIONS = 4
BATCH = 20  # messages; with 8 s for each, a connection's share stays within the lease
INTERVAL_S = 0.2  # between looks into an empty outbox
LONGEST_BACK_OFF_S = 30.0


async def send_slice(
    scratch_url: str, keys: KeyRing, channels: Channels, *, seconds: float, stopping: Callable[[], bool]
) -> int:
    """Sends what is due for a slice of time. Returns how many messages were sent. Errors: ScratchAway."""
    sent = 0
    until = time.monotonic() + seconds
    async with async_scratch(scratch_url) as scratch, AsyncExitStack() as stack:
        senders = [await _senders(stack, scratch, keys, channels) for _ in range(CONNECTIONS)]
        while time.monotonic() < until and not stopping():
            messages, expired = await outbox.hand_out(scratch, time.time(), BATCH)
            if expired:
                log.error("ALARM: login codes expired before they could be sent", codes=expired)
            waiting = iter(messages)
            sent += sum(await asyncio.gather(*(_send_all(scratch, waiting, ways) for ways in senders)))
            if len(messages) < BATCH:
                await asyncio.sleep(INTERVAL_S)
    return sent


async def _senders(
    stack: AsyncExitStack, scratch: AsyncScratchClient, keys: KeyRing, channels: Channels
) -> dict[Kind, Send]:
    """One sender of each kind."""
    senders: dict[Kind, Send] = {}
    if channels.mail:
        senders["email"] = await stack.enter_async_context(smtp_sender(channels.mail, keys))
    if channels.sms:
        senders["sms"] = await stack.enter_async_context(sms_sender(scratch, channels.sms, keys))
    if channels.shown:
        senders["email"] = _demo_sender(scratch, keys)
    return senders


async def _send_all(scratch: AsyncScratchClient, waiting: Iterator[Message], senders: Mapping[Kind, Send]) -> int:
    """One share: it takes the next message whenever it is free."""
    sent = 0
    for message in waiting:
        try:
            await senders.get(message.kind, _no_way)(message)
        except NeverError as error:
            log.warning("a login code was refused for good", to=_masked(message), problem=str(error))
            await outbox.done(scratch, message)
        except LaterError as error:
            log.warning("a login code waits", kind=message.kind, tries=message.tries, problem=str(error))
            await outbox.put_back(scratch, message, time.time() + min(LONGEST_BACK_OFF_S, 2.0**message.tries))
            if error.trouble:
                await outbox.note_trouble(scratch, message.kind, away=True)
        else:
            await outbox.done(scratch, message)
            await outbox.note_trouble(scratch, message.kind, away=False)
            sent += 1
    return sent


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
