"""Login codes by e-mail: the mail, in the language of the page that it was asked from, and the way to the mail server.

The mail says whom the code is for and what it is not: scammers ask voters for it under the name “mã bình chọn”.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from models.identity import Identity
from models.mail import MailServer
from models.scratch.codes import code_of
from models.scratch.outbox import Message
from models.secrets import KeyRing
from workers.delivery import NeverError, Send
from workers.smtp import mail_sender

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
    """Sends codes over one connection."""
    async with mail_sender(server) as deliver:

        async def send(message: Message) -> None:
            try:
                mail = code_mail(server.sender, message, code_of(keys, message.nonce))
            except (ValueError, LookupError) as error:
                raise NeverError(f"no mail can be made of it: {type(error).__name__}") from None
            await deliver(mail, message.to)

        yield send
