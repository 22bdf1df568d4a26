"""Sending answers to claims: the ledger → the mail server, one at a time.

An answer is written to the ledger with the claim's new state, in one transaction, before anything is sent; it is sent
at least once. Every try has the same Message-ID, so that a mail program can tell that a second mail is the first.

| what happens                        | then                                                                 |
|-------------------------------------|----------------------------------------------------------------------|
| dies before the server took it      | it is due again when its lease of 90 s ends                          |
| dies after that, before it is noted | the same: the voter gets the same mail twice                         |
| two workers at once                 | each answer is leased to one of them                                 |
| the server is away, or says “later” | tried again after 1, 2, 4 … 60 minutes; after two days it has failed |
| the server says “never”, or no way  | it has failed: the claim is open again and its page says why         |
| the ledger is away                  | nothing is taken; after a sending, as in the second row              |
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime

import structlog

from models.channels import Channels
from models.claim import spelled
from models.claim_answer import GIVE_UP_AFTER, Letter, lease_answer, note_failed, note_later, note_sent
from models.database import Engine, transaction
from models.scratch.connection import ScratchAway, async_scratch
from models.scratch.outbox import keep_for_demo
from workers.delivery import LaterError, NeverError
from workers.smtp import Deliver, mail_sender

log = structlog.get_logger()

BATCH = 50  # answers a job
DEMO_SENDER = "demo@localhost"
SUBJECTS = {"vi": "Trả lời báo mất phiếu {reference}", "en": "Answer to your report {reference} of a lost vote"}


def send_answers(
    engine: Engine, scratch_url: str, channels: Channels, *, stopping: Callable[[], bool], most: int = BATCH
) -> int:
    """Sends what is due. Returns how many were sent. Errors: LedgerAway."""
    return asyncio.run(_send(engine, scratch_url, channels, stopping, most))


async def _send(engine: Engine, scratch_url: str, channels: Channels, stopping: Callable[[], bool], most: int) -> int:
    sent = 0
    sender = channels.mail.sender if channels.mail else DEMO_SENDER
    async with _way(scratch_url, channels) as deliver:
        for _ in range(most):
            if stopping():
                break
            with transaction(engine) as connection:
                letter = lease_answer(connection)
            if letter is None:
                break
            sent += await _try(engine, deliver, sender, letter)
    return sent


async def _try(engine: Engine, deliver: Deliver, sender: str, letter: Letter) -> bool:
    """One try. Whether it went well. Errors: LedgerAway."""
    try:
        await deliver(answer_mail(sender, letter), letter.sent_to)
    except LaterError as error:
        if datetime.now(UTC) - letter.made_at < GIVE_UP_AFTER:
            log.warning("an answer waits", reference=letter.reference, tries=letter.tries, problem=str(error))
            with transaction(engine) as connection:
                note_later(connection, letter, str(error))
            return False
        problem = str(error)
    except NeverError as error:
        problem = str(error)
    except ValueError as error:
        problem = f"no mail can be made of it: {type(error).__name__}"
    else:
        with transaction(engine) as connection:
            note_sent(connection, letter.id)
        return True
    log.error("ALARM: an answer to a claim cannot be sent", reference=letter.reference, problem=problem)
    with transaction(engine) as connection:
        note_failed(connection, letter, problem)
    return False


def answer_mail(sender: str, letter: Letter) -> EmailMessage:
    """The whole mail. Errors: ValueError for addresses that are none."""
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = letter.sent_to
    mail["Subject"] = SUBJECTS.get(letter.language, SUBJECTS["vi"]).format(reference=spelled(letter.reference))
    mail["Date"] = format_datetime(letter.made_at)
    mail["Message-ID"] = f"<claim-answer-{letter.claim_id}-{letter.id}@{sender.rpartition('@')[2]}>"
    mail.set_content(letter.body)
    return mail


@asynccontextmanager
async def _way(scratch_url: str, channels: Channels) -> AsyncIterator[Deliver]:
    """The mail server; the page of the demo's mails where there is none; else no way at all."""
    if channels.mail:
        async with mail_sender(channels.mail) as deliver:
            yield deliver
    elif channels.shown:
        async with async_scratch(scratch_url) as scratch:

            async def show(mail: EmailMessage, to: str) -> None:
                try:
                    await keep_for_demo(scratch, to, f"{mail['Subject']}\n{mail.get_content()}")
                except ScratchAway as error:
                    raise LaterError(str(error)) from None

            yield show
    else:

        async def nowhere(_mail: EmailMessage, _to: str) -> None:
            raise NeverError("this installation has no mail server")

        yield nowhere
