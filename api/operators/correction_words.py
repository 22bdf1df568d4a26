"""Corrections in words for operators: how they stand, and what their criteria say."""

from collections.abc import Mapping
from datetime import datetime

from api.operators.access import Acting
from api.operators.correction_form import PROOFS
from api.operators.language import N_
from models.correction import Correction
from models.correction_criteria import Criteria
from models.receipt import Receipts
from models.times import milliseconds

STATES = {
    "counting": (N_("Đang chạy thử"), "warn"),
    "refused": (N_("Không đề nghị được"), "bad"),
    "proposed": (N_("Chờ phê duyệt"), "warn"),
    "rejected": (N_("Không được phê duyệt"), ""),
    "approved": (N_("Đã phê duyệt, chờ chạy"), "warn"),
    "running": (N_("Đang chạy"), "warn"),
    "done": (N_("Đã xong"), ""),
    "cancelled": (N_("Đã dừng"), "bad"),
}
"""State → its words, marked, and how its tag looks."""
_ERASED = N_("đã xoá theo thời hạn lưu giữ")
_SHOWN = 5  # of a list of accounts or receipts


def in_words(
    acting: Acting, correction: Correction, titles: Mapping[int, str], receipts: Receipts
) -> list[tuple[str, str]]:
    """(criterion, what it says) of every criterion that was given."""
    if correction.undoes is not None:
        what = N_("Những phiếu mà đề nghị số %(number)s đã thay đổi")
        return [(acting.say(N_("Những phiếu nào")), acting.say(what, number=correction.undoes))]
    criteria = Criteria.model_validate(correction.criteria)
    codes = [receipts.code(number) for number in criteria.receipts]
    rows = [
        (N_("Cụm"), str(criteria.cluster or "")),
        (N_("Tài khoản"), _some(acting, [str(account) for account in criteria.accounts])),
        (N_("Mã phiếu"), _some(acting, codes)),
        (N_("Bài dự thi"), "; ".join(titles.get(entry, str(entry)) for entry in criteria.entries)),
        (N_("Nhận từ lúc"), _moment(acting, criteria.cast_from)),
        (N_("Nhận trước lúc"), _moment(acting, criteria.cast_until)),
        (N_("Cách đăng nhập"), "; ".join(acting.say(PROOFS[proof]) for proof in criteria.proofs if proof in PROOFS)),
        (N_("Dấu thiết bị"), acting.say(_ERASED) if "device" in criteria.erased else criteria.device or ""),
        (N_("Dải mạng"), acting.say(_ERASED) if "network" in criteria.erased else criteria.network or ""),
        (N_("Phiếu phục hồi từ lá phiếu"), acting.say(N_("chỉ những phiếu này")) if criteria.recovered else ""),
        (N_("Phiếu thử (mint-sessions)"), acting.say(N_("chỉ những phiếu này")) if criteria.minted else ""),
    ]
    return [(acting.say(name), value) for name, value in rows if value]


def _some(acting: Acting, items: list[str]) -> str:
    shown = ", ".join(items[:_SHOWN])
    more = len(items) - _SHOWN
    return shown if more <= 0 else acting.say(N_("%(shown)s và %(more)s mục khác"), shown=shown, more=more)


def _moment(acting: Acting, at: datetime | None) -> str:
    return acting.language.moment(milliseconds(at)) if at else ""
