"""The text of a mail with a login code, in the language of the page that it was asked from. It says whom the code is
for and what it is not: scammers ask voters for it under the name “mã bình chọn”.
"""

from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from models.identity import Identity
from models.scratch.outbox import Message

SUBJECTS = {"vi": "Mã đăng nhập trang bình chọn", "en": "Your login code for the voting website"}
_TEXTS = {
    "vi": """Mã đăng nhập của {masked}: {code}

Dùng mã này để đăng nhập trang bình chọn của {contest}. Mã có hiệu lực trong 5 phút và chỉ dùng được một lần.

Đây KHÔNG phải là “mã bình chọn”. Mã này chỉ dành cho bạn: không đọc, không gửi mã này cho bất kỳ ai, kể cả người tự \
xưng là ban tổ chức. Ai có mã này sẽ bình chọn thay bạn.

Nếu bạn không yêu cầu mã, hãy bỏ qua thư này.
""",
    "en": """Login code of {masked}: {code}

Use this code to log in to the voting website of {contest}. It is good for 5 minutes and for one login.

This is NOT a “voting code”. It is for you alone: do not read it out or send it to anybody, not even to somebody who \
says they are the organisers. Whoever has this code votes in your place.

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
