"""The way to the mail server, for every kind of mail."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from email.message import EmailMessage

import aiosmtplib

from models.mail import MailServer
from workers.delivery import LaterError, NeverError

MAIL_TIMEOUT_S = 8.0

Deliver = Callable[[EmailMessage, str], Awaitable[None]]
"""Hands a mail for one address to the server. Errors: NeverError, LaterError."""


@asynccontextmanager
async def mail_sender(server: MailServer) -> AsyncIterator[Deliver]:
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

    async def deliver(mail: EmailMessage, to: str) -> None:
        try:
            async with asyncio.timeout(MAIL_TIMEOUT_S):
                if not smtp.is_connected:
                    await smtp.connect()
                await smtp.send_message(mail, sender=server.sender, recipients=[to])
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            smtp.close()
            if _refuses_recipient(error):
                raise NeverError(_in_words(error)) from None
            one_mailbox = isinstance(error, aiosmtplib.SMTPRecipientsRefused)
            raise LaterError(_in_words(error), trouble=not one_mailbox) from None

    try:
        yield deliver
    finally:
        if smtp.is_connected:
            try:
                await smtp.quit(timeout=1.0)
            except (aiosmtplib.SMTPException, OSError):
                smtp.close()


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
