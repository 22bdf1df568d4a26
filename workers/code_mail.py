"""Login codes by e-mail: the mail, in the language of the page that it was asked from, and the way to the mail server.

The mail says whom the code is for and what it is not: scammers ask voters for it under the name “mã bình chọn”.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

import aiosmtplib

from models.identity import Identity
from models.mail import MailServer
from models.scratch.codes import code_of
from models.scratch.outbox import Message
from models.secrets import KeyRing
from workers.delivery import LaterError, NeverError, Send

MAIL_TIMEOUT_S = 8.0

SUBJECTS = {"vi": "Mã đăng nhập trang bình chọn", "en": "Your login code for the voting website"}
_TEXTS = {
    "vi": """Mã đăng nhập của {masked}: {code}

Dùng mã này để đăng nhập trang bình chọn của {contest}. Mã có hiệu lực trong 5 phút và chỉ dùng được một lần.

Đây KHÔNG phải là “mã bình chọn”. Mã này chỉ dành cho bạn: không đọc, không gửi mã này cho bất kỳ ai, kể cả người tự \
xưng là ban tổ chức. Ai có mã này đều có thể bình chọn thay bạn.

Nếu bạn không yêu cầu mã, hãy bỏ qua thư này.
""",
    "en": """Login code of {masked}: {code}

Use this code to log in to the voting website of {contest}. It is good for 5 minutes and for one login.

This is NOT a “voting code”. It is for you alone: do not read it out or send it to anybody, not even to somebody who \
says they are the organisers. Whoever has this code can vote in your place.

If you did not ask for a code, ignore this mail.
""",
}


def code_text(message: Message, code: str) -> str:
    contest = " ".join(message.contest.split())
    masked = Identity(message.kind, message.to).masked
    return _TEXTS[message.language].format(masked=masked, code=code, contest=contest)


def code_mail(sender: str, message: Message, code: str) -> EmailMessage:
    """The whole mail. Errors: ValueError for addresses that are none."""
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = message.to
    mail["Subject"] = SUBJECTS[message.language]
    mail["Date"] = formatdate()
    mail["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday replies
    mail.set_content(code_text(message, code))
    return mail


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
        try:
            mail = code_mail(server.sender, message, code_of(keys, message.nonce))
        except (ValueError, LookupError) as error:
            raise NeverError(f"no mail can be made of it: {type(error).__name__}") from None
        try:
            async with asyncio.timeout(MAIL_TIMEOUT_S):
                if not smtp.is_connected:
                    await smtp.connect()
                await smtp.send_message(mail, sender=server.sender, recipients=[message.to])
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            smtp.close()
            if _refuses_recipient(error):
                raise NeverError(_in_words(error)) from None
            one_mailbox = isinstance(error, aiosmtplib.SMTPRecipientsRefused)
            raise LaterError(_in_words(error), trouble=not one_mailbox) from None

    try:
        yield send
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
