"""Sending login codes: the outbox → the mail server, in slices, over a few connections at a time.

| dies …                          | then                                                                         |
|---------------------------------|------------------------------------------------------------------------------|
| before the mail server took it  | the message is due again when its lease ends                                  |
| after that, before `done`       | the same: the voter gets the same code twice                                  |
| mail server away, or “later”    | put back, due again after 2, 4, 8 … 30 s; given up when the code has expired  |
| mail server says “never”        | given up at once; the voter can ask again after the cool-down                 |
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiosmtplib
import structlog

from models.identity import Identity
from models.mail import MailServer
from models.scratch import outbox
from models.scratch.codes import code_of
from models.scratch.connection import AsyncScratchClient, async_scratch
from models.scratch.outbox import Message
from models.secrets import KeyRing
from workers.code_mail import code_mail, code_text

log = structlog.get_logger()

CONNECTIONS = 4
BATCH = 20  # messages; with MAIL_TIMEOUT_S for each, a connection's share stays within the lease
INTERVAL_S = 0.2  # between looks into an empty outbox
MAIL_TIMEOUT_S = 8.0
LONGEST_BACK_OFF_S = 30.0

Send = Callable[[Message], Awaitable[None]]


class NeverError(Exception):
    """The mail server will never take this message."""


async def send_slice(
    scratch_url: str, keys: KeyRing, server: MailServer | None, *, seconds: float, stopping: Callable[[], bool]
) -> int:
    """Sends what is due for a slice of time. Returns how many messages were sent. `server` None: the demo's outbox.

    Errors: ScratchAway.
    """
    sent = 0
    until = time.monotonic() + seconds
    async with async_scratch(scratch_url) as scratch, AsyncExitStack() as stack:
        if server is None:
            senders: list[Send] = [_demo_sender(scratch, keys)]
        else:
            senders = [await stack.enter_async_context(smtp_sender(server, keys)) for _ in range(CONNECTIONS)]
        while time.monotonic() < until and not stopping():
            messages, expired = await outbox.claim(scratch, time.time(), BATCH)
            if expired:
                log.error("ALARM: login codes expired before they could be sent", codes=expired)
            waiting = iter(messages)
            sent += sum(await asyncio.gather(*(_send_all(scratch, waiting, send) for send in senders)))
            if len(messages) < BATCH:
                await asyncio.sleep(INTERVAL_S)
    return sent


async def _send_all(scratch: AsyncScratchClient, waiting: Iterator[Message], send: Send) -> int:
    """One sender's share: it takes the next message whenever it is free."""
    sent = 0
    for message in waiting:
        try:
            await send(message)
        except (NeverError, ValueError, LookupError) as error:  # the last two: no mail can be made of it
            problem = str(error) if isinstance(error, NeverError) else type(error).__name__
            log.warning("a login code was refused for good", to=_masked(message), problem=problem)
            await outbox.done(scratch, message)
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            log.warning("a login code waits", tries=message.tries, problem=_in_words(error))
            await outbox.put_back(scratch, message, time.time() + min(LONGEST_BACK_OFF_S, 2.0**message.tries))
            if not isinstance(error, aiosmtplib.SMTPRecipientsRefused):  # one mailbox that says “later” is no trouble
                await outbox.note_trouble(scratch, away=True)
        else:
            await outbox.done(scratch, message)
            await outbox.note_trouble(scratch, away=False)
            sent += 1
    return sent


@asynccontextmanager
async def smtp_sender(server: MailServer, keys: KeyRing) -> AsyncIterator[Send]:
    """Sends over one connection, made when it is first needed and made anew after an error."""
    smtp = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        username=server.username,
        password=server.password,
        use_tls=server.tls,
        start_tls=True if server.username and not server.tls else None,
        timeout=MAIL_TIMEOUT_S,
    )

    async def send(message: Message) -> None:
        mail = code_mail(server.sender, message, code_of(keys, message.nonce))
        try:
            async with asyncio.timeout(MAIL_TIMEOUT_S):
                if not smtp.is_connected:
                    await smtp.connect()
                await smtp.send_message(mail, sender=server.sender, recipients=[message.to])
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            smtp.close()
            if _refuses_recipient(error):
                raise NeverError(_in_words(error)) from None
            raise

    try:
        yield send
    finally:
        if smtp.is_connected:
            try:
                await smtp.quit(timeout=1.0)
            except (aiosmtplib.SMTPException, OSError):
                smtp.close()


def _demo_sender(scratch: AsyncScratchClient, keys: KeyRing) -> Send:
    async def send(message: Message) -> None:
        text = code_text(message, code_of(keys, message.nonce))
        await outbox.keep_for_demo(scratch, message.to, text)
        log.info("demo, no mail server: this would have been sent", to=message.to, text=text)

    return send


def _refuses_recipient(error: Exception) -> bool:
    """Whether the server says “never” to this very address (RFC 5321, 4.2.1: 5yz). Everything else may be a fault of
    ours or of the server, and another try may go well.
    """
    refused = error.recipients if isinstance(error, aiosmtplib.SMTPRecipientsRefused) else []
    return bool(refused) and all(500 <= one.code < 600 for one in refused)


def _in_words(error: Exception) -> str:
    """The error without the addresses that a server's answer may repeat."""
    refused = error.recipients if isinstance(error, aiosmtplib.SMTPRecipientsRefused) else []
    codes = [str(one.code) for one in refused]
    if isinstance(error, aiosmtplib.SMTPResponseException):
        codes.append(str(error.code))
    return " ".join([type(error).__name__, *codes])


def _masked(message: Message) -> str:
    return Identity(message.kind, message.to).masked
