"""What the fields of kept records are called, and what stands in them, for people: in the audit log and on the page for
a data subject. The records themselves, and the files for machines, keep the names and times that they have.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from api.operators import (
    categories,
    contest_words,
    correction_form,
    correction_words,
    entries,
    entry_page,
    requests,
    retention,
    signal_words,
    switch_words,
)
from api.operators.language import LANGUAGES, N_, Language
from models.times import milliseconds

FIELDS = {
    "account": N_("Tài khoản"),
    "accounts": N_("Tài khoản"),
    "action": N_("Việc"),
    "active": N_("Đang hoạt động"),
    "added": N_("Thêm vào"),
    "address": N_("Địa chỉ mạng"),
    "agreed": N_("Đã đồng ý (mục và phiên bản)"),
    "altered": N_("Số bài đã sửa"),
    "answer": N_("Câu trả lời số"),
    "answered_at": N_("Trả lời lúc"),
    "answers": N_("Các câu trả lời"),
    "args": N_("Dữ liệu của công việc"),
    "attachments": N_("Tài liệu"),
    "banner": N_("Thông báo"),
    "banner_en": N_("Thông báo (tiếng Anh)"),
    "blocked": N_("Bị khoá"),
    "blocked_at": N_("Khoá lúc"),
    "body": N_("Nội dung"),
    "by": N_("Tìm theo"),
    "by_entry": N_("Số phiếu theo bài (số của bài)"),
    "cast_at": N_("Bình chọn lúc"),
    "cast_from": N_("Nhận từ lúc"),
    "cast_until": N_("Nhận trước lúc"),
    "categories": N_("Số lĩnh vực"),
    "category": N_("Lĩnh vực"),
    "changed": N_("Đã thay đổi"),
    "check": N_("Lần kiểm tra số"),
    "cluster": N_("Cụm"),
    "contact": N_("Cách liên hệ"),
    "contest": N_("Cuộc thi"),
    "contest_id": N_("Cuộc thi số"),
    "correction": N_("Đề nghị số"),
    "created": N_("Tạo mới"),
    "criteria": N_("Những phiếu nào"),
    "decided_at": N_("Quyết định lúc"),
    "device": N_("Dấu thiết bị"),
    "domain": N_("Tên miền thư"),
    "done": N_("Phiếu đã đổi"),
    "draft": N_("Bản nháp"),
    "due_at": N_("Hạn trả lời"),
    "ended": N_("Số phiên đã kết thúc"),
    "ended_at": N_("Kết thúc lúc"),
    "entries": N_("Bài dự thi"),
    "entry": N_("Bài dự thi số"),
    "erased": N_("Đã xoá"),
    "erased_at": N_("Xoá lúc"),
    "events": N_("Số dòng của sổ nhận"),
    "file": N_("Tệp"),
    "found_at": N_("Tìm thấy lúc"),
    "found_by": N_("Tìm theo"),
    "fragments": N_("Mảnh tên (đã mã hoá)"),
    "full_name": N_("Họ tên"),
    "gone": N_("Phiếu không còn"),
    "happened": N_("Chuyện đã xảy ra"),
    "hint": N_("Địa chỉ đã che"),
    "job": N_("Công việc"),
    "kind": N_("Yêu cầu"),
    "language": N_("Ngôn ngữ"),
    "late": N_("Mã của dòng ghi trễ"),
    "login_closed": N_("Tạm ngừng đăng nhập"),
    "made_at": N_("Viết lúc"),
    "minted": N_("Chỉ phiếu thử"),
    "moment": N_("Lúc xảy ra"),
    "name": N_("Tên"),
    "new": N_("Thêm mới"),
    "network": N_("Dải mạng"),
    "note": N_("Ghi chú"),
    "number": N_("Số"),
    "opened_at": N_("Đăng nhập lúc"),
    "openid": N_("Tài khoản liên kết"),
    "parts": N_("Dấu của bản sao lưu"),
    "password": N_("Mật khẩu"),
    "pictures": N_("Ảnh"),
    "place": N_("Vị trí"),
    "position": N_("Thứ tự"),
    "proof": N_("Cách đăng nhập"),
    "proof_floor": N_("Mức chống gửi mã tự động"),
    "proofs": N_("Cách đăng nhập"),
    "proposed_at": N_("Đề nghị lúc"),
    "proposed_by": N_("Người đề nghị"),
    "queue": N_("Hàng đợi"),
    "reason": N_("Lý do"),
    "reason_en": N_("Lý do (tiếng Anh)"),
    "receipt": N_("Mã phiếu"),
    "receipts": N_("Mã phiếu"),
    "received_at": N_("Nhận lúc"),
    "recovered": N_("Chỉ phiếu phục hồi từ lá phiếu"),
    "recovered_at": N_("Phục hồi từ lá phiếu lúc"),
    "recovery_codes": N_("Số mã dự phòng"),
    "reference": N_("Mã báo"),
    "removed": N_("Bỏ đi"),
    "role": N_("Vai trò"),
    "same": N_("Phiếu vốn đã như vậy"),
    "second_factor": N_("Xác thực hai lớp"),
    "sent_at": N_("Gửi lúc"),
    "sha256": N_("Dấu kiểm của biên bản"),
    "signals": N_("Dấu hiệu"),
    "sms": N_("Gửi mã qua tin nhắn"),
    "state": N_("Trạng thái"),
    "title": N_("Tên bài dự thi"),
    "unchanged": N_("Không đổi"),
    "undoes": N_("Đảo lại đề nghị số"),
    "version": N_("Phiên bản"),
    "void_reason": N_("Lý do loại phiếu"),
    "voided_at": N_("Loại lúc"),
    "votes": N_("Số phiếu"),
    "waiting": N_("Phiếu còn chờ"),
    "way": N_("Trả lời qua"),
    "whole": N_("Xét mọi phiếu"),
    "withdrawn": N_("Số bài đã rút"),
    "wrong_codes": N_("Số lần sai mã"),
    "wrong_passwords": N_("Số lần sai mật khẩu"),
    "wrong_tries": N_("Số lần sai mật khẩu"),
    "contact_days": N_("Số ngày giữ cách liên hệ"),
    "early_reason": N_("Lý do xoá trước khi chốt kết quả"),
    "evidence_days": N_("Số ngày giữ dấu vết mạng và thiết bị"),
    "personal_days": N_("Số ngày giữ dữ liệu cá nhân khác"),
    "counting": N_("Giữ mã của tài khoản và phiếu để mỗi người chỉ được tính một lần"),
    "protection": N_("Giữ dấu vết để phát hiện gian lận"),
    "residence": N_("Sống, học tập hoặc làm việc tại địa phương"),
}
"""Field → words, whatever it is a field of."""

FIELDS_OF: dict[str, Mapping[str, str]] = {
    "import": {"changed": N_("Sửa")},
    "category": categories.LABELS | {"slug": N_("Tên ngắn")},
    "contest": contest_words.LABELS | {"entries": N_("Số bài dự thi")},
    "entry": entry_page.LABELS,
    "limits": {name: words.label for name, words in signal_words.LIMITS.items()},
    "result": contest_words.LABELS,
    "retention": retention.WHAT,
    "request": retention.WHAT | {"late": N_("Trả lời trễ hạn")},
    "switch": contest_words.LABELS,
}
"""Of what (the noun of an action, or of a record) → field → words; these go before FIELDS."""

_CLAIM_STATES = {"open": N_("Chưa trả lời"), "answered": N_("Đã trả lời"), "reopened": N_("Mở lại")}
STATES: dict[str, Mapping[str, str]] = {
    "box": switch_words.VOTING_STATES,
    "claim": _CLAIM_STATES,
    "cluster": signal_words.STATES,
    "contest": switch_words.VOTING_STATES,
    "correction": {state: words for state, (words, _look) in correction_words.STATES.items()},
    "entry": entries.STATES,
    "switch": switch_words.VOTING_STATES,
}
"""Of what → its states → words."""

_PROOFS = {proof.name.lower(): words for proof, words in correction_form.PROOFS.items()}
_PROOFS |= {"minted": N_("Phiếu thử (mint-sessions)")}
VALUES: dict[str, Mapping[Any, str]] = {
    "action": correction_form.ACTIONS,
    "by": requests.FOUND_WORDS | {"number": N_("Số tài khoản")},
    "found_by": requests.FOUND_WORDS,
    "kind": requests.KIND_WORDS,
    "language": {language.code: language.name for language in LANGUAGES},
    "password": {"given": N_("do người khác đặt lại"), "own": N_("tự chọn")},
    "proof": _PROOFS,
    "proof_floor": dict(enumerate(switch_words.PROOFS)),
    "proofs": {int(proof): words for proof, words in correction_form.PROOFS.items()},
    "result_policy": switch_words.COUNTS_STATES,
    "role": {"viewer": N_("Quan sát viên"), "moderator": N_("Kiểm duyệt viên"), "admin": N_("Quản trị viên")},
    "signals": {str(signal): words for signal, words in signal_words.SIGNALS.items()},
    "sms": {"on": N_("Bật"), "off": N_("Tắt")},
    "way": {"email": N_("thư điện tử"), "phone": N_("điện thoại")},
}
"""Field → its values → words."""

_YES, _NO = N_("có"), N_("không")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def field_words(language: Language, noun: str, name: str) -> str:
    """What the field of a `noun` is called; its own name where it has no words."""
    words = FIELDS_OF.get(noun, {}).get(name) or FIELDS.get(name)
    return language.text(words) if words else name


def value_words(language: Language, noun: str, name: str, value: Any) -> str:
    """What stands in the field, JSON, as a text: "" for nothing; moments by the clock of Viet Nam."""
    if isinstance(value, dict):
        told = {field_words(language, noun, key): value_words(language, noun, key, one) for key, one in value.items()}
        return "; ".join(f"{key}: {one}" for key, one in told.items() if one)
    if isinstance(value, list):
        return ", ".join(value_words(language, noun, name, one) for one in value)
    known = STATES.get(noun, {}) if name == "state" else VALUES.get(name, {})
    if value != "" and not isinstance(value, bool) and value in known:
        return language.text(known[value])
    if isinstance(value, str):
        return _moment(language, value) if _MOMENT.fullmatch(value) else value
    return _plain(language, value)


def _plain(language: Language, value: Any) -> str:
    if value is None:
        return ""
    return language.text(_YES if value else _NO) if isinstance(value, bool) else orjson.dumps(value).decode()


def _moment(language: Language, text: str) -> str:
    try:
        return language.moment(milliseconds(datetime.fromisoformat(text)))
    except ValueError:
        return text
