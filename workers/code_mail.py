"""The text of a mail with a login code. It says whom the code is for and what it is not: scammers ask voters for it
under the name “mã bình chọn”.
"""

from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from models.identity import Identity

SUBJECT = "Mã đăng nhập trang bình chọn"


def code_text(to: str, code: str, contest: str) -> str:
    """The text for the normalised address `to`."""
    return (
        f"Mã đăng nhập của {Identity('email', to).masked}: {code}\n"
        "\n"
        f"Dùng mã này để đăng nhập trang bình chọn của {' '.join(contest.split())}. Mã có hiệu lực trong 5 phút và chỉ"
        " dùng được một lần.\n"
        "\n"
        "Đây KHÔNG phải là “mã bình chọn”. Mã này chỉ dành cho bạn: không đọc, không gửi mã này cho bất kỳ ai, kể cả"
        " người tự xưng là ban tổ chức. Ai có mã này sẽ bình chọn thay bạn.\n"
        "\n"
        "Nếu bạn không yêu cầu mã, hãy bỏ qua thư này.\n"
    )


def code_mail(sender: str, to: str, code: str, contest: str) -> EmailMessage:
    """The whole mail. Errors: ValueError for addresses that are none."""
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = to
    mail["Subject"] = SUBJECT
    mail["Date"] = formatdate()
    mail["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday replies
    mail.set_content(code_text(to, code, contest))
    return mail
