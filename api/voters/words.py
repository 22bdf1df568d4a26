"""The texts that scripts say: they come with the page, in its language. `{name}` is filled in by the script."""

import orjson

from api.outcomes import REFUSALS, Code
from api.voters.language import N_, Language

_WORDS = {
    "sending": N_("Đang gửi phiếu…"),
    "waiting": N_("Chưa gửi được phiếu. Hệ thống sẽ tự thử lại, bạn không cần bấm nữa."),
    "inSeconds": N_("Thử lại sau {seconds} giây."),
    "counted": N_("Đã nhận phiếu, mã {receipt}."),
    "lookUpLink": N_("Tra cứu"),
    "expired": N_("Phiên đăng nhập đã hết nên phiếu chưa được gửi."),
    "again": N_("Mời bạn bình chọn lại"),
    "oneKept": N_("1 phiếu chưa gửi được, đang thử lại."),
    "manyKept": N_("{count} phiếu chưa gửi được, đang thử lại."),
    "oneLocked": N_("1 phiếu chưa gửi được trên trình duyệt này, đang chờ đăng nhập."),
    "manyLocked": N_("{count} phiếu chưa gửi được trên trình duyệt này, đang chờ đăng nhập."),
    "logIn": N_("Đăng nhập"),
    "oneVote": N_("1 phiếu"),
    "manyVotes": N_("{count} phiếu"),
    "close": N_("Đóng"),
    "voted": N_("Đã bình chọn"),
    "votedShow": N_("Đã bình chọn – xem mã phiếu"),
    "left": N_("Còn {time}"),
    "over": N_("Đã đến giờ."),
    "copied": N_("Đã sao chép liên kết."),
    "notCopied": N_("Chưa sao chép được. Mời bạn tự chọn và sao chép liên kết."),
    "proving": N_("Đang kiểm tra tự động, mã sẽ được gửi ngay sau đó…"),
}
_ADDRESSES = {"login": "/dang-nhap", "lookUp": "/tra-cuu"}
_REFUSALS = (
    *(Code.NOT_OPEN_YET, Code.CLOSED, Code.PAUSED, Code.BLOCKED, Code.CROSS_SITE, Code.UNKNOWN_ENTRY),
    *(Code.OTHER_ACCOUNT, Code.INVALID),
)


def script_words(language: Language) -> str:
    """The texts and addresses that the scripts in `static/` use, as JSON."""
    words: dict[str, object] = {name: language.text(text) for name, text in _WORDS.items()}
    words |= {name: language.path(path) for name, path in _ADDRESSES.items()}
    words["refused"] = {code.value: language.text(REFUSALS[code].detail) for code in _REFUSALS}
    return orjson.dumps(words).decode()
