"""The one table from outcomes and refusals to HTTP: problem details (RFC 9457), each with a `code` of a closed list."""

import random
from enum import StrEnum
from typing import NamedTuple

import orjson

from api.answers import NO_STORE, PROBLEM, Answer, Header, answer
from api.voters.language import N_
from models.outcomes import Outcome


class Code(StrEnum):
    """Every code that an error can carry. The values are the contract; none is ever renamed."""

    MALFORMED = "malformed"
    NO_SESSION = "no_session"
    NOT_OPEN_YET = "not_open_yet"
    CLOSED = "closed"
    PAUSED = "paused"
    BLOCKED = "blocked"
    LOGIN_CLOSED = "login_closed"
    CROSS_SITE = "cross_site"
    NOT_FOUND = "not_found"
    UNKNOWN_ENTRY = "unknown_entry"
    UNKNOWN_RECEIPT = "unknown_receipt"
    WRONG_METHOD = "wrong_method"
    OTHER_ACCOUNT = "other_account"
    TOO_SLOW = "too_slow"
    TOO_LARGE = "too_large"
    INVALID = "invalid"
    TOO_MANY = "too_many"
    HEAD_TOO_LARGE = "head_too_large"
    INTERNAL = "internal"
    BUSY = "busy"
    NOT_READY = "not_ready"
    NOT_CONFIRMED = "not_confirmed"
    LEDGER_AWAY = "ledger_away"


class Refusal(NamedTuple):
    """How a code looks to a client. `retry_after`: least and most seconds, between which chance decides, so that
    those who were sent away together do not come back together.
    """

    status: int
    title: str
    detail: str
    retry_after: tuple[int, int] | None = None


REFUSALS: dict[Code, Refusal] = {
    Code.MALFORMED: Refusal(400, "Malformed request", N_("Yêu cầu không đúng định dạng.")),
    Code.NO_SESSION: Refusal(401, "No session, or it is over", N_("Bạn cần đăng nhập để bình chọn.")),
    Code.NOT_OPEN_YET: Refusal(403, "Voting has not begun", N_("Chưa đến thời gian bình chọn.")),
    Code.CLOSED: Refusal(403, "Voting is closed", N_("Đã hết thời gian bình chọn.")),
    Code.PAUSED: Refusal(403, "Voting is paused", N_("Việc bình chọn đang tạm dừng. Mời bạn quay lại sau.")),
    Code.BLOCKED: Refusal(403, "This account may not vote", N_("Tài khoản này không được bình chọn.")),
    Code.LOGIN_CLOSED: Refusal(
        403,
        "Login is closed for now",
        N_("Việc đăng nhập đang tạm dừng. Ai đã đăng nhập vẫn bình chọn được. Mời bạn quay lại sau ít phút."),
    ),
    Code.CROSS_SITE: Refusal(
        403, "The request comes from another website", N_("Yêu cầu không đến từ trang bình chọn. Hãy mở lại trang.")
    ),
    Code.NOT_FOUND: Refusal(404, "Not found", N_("Không tìm thấy nội dung này.")),
    Code.UNKNOWN_ENTRY: Refusal(404, "No such entry may be voted for", N_("Không có bài dự thi này.")),
    Code.UNKNOWN_RECEIPT: Refusal(404, "No such receipt", N_("Mã phiếu không đúng. Hãy kiểm tra lại từng ký tự.")),
    Code.WRONG_METHOD: Refusal(405, "Method not allowed", N_("Cách gọi này không được hỗ trợ.")),
    Code.TOO_SLOW: Refusal(408, "The request did not come in time", N_("Yêu cầu đến quá chậm. Mời bạn thử lại.")),
    Code.OTHER_ACCOUNT: Refusal(
        409, "The session is another account's", N_("Lần bấm này thuộc về một tài khoản khác. Hãy bấm lại.")
    ),
    Code.TOO_LARGE: Refusal(413, "Request body too large", N_("Yêu cầu quá lớn.")),
    Code.INVALID: Refusal(422, "Invalid request", N_("Nội dung yêu cầu không hợp lệ.")),
    Code.TOO_MANY: Refusal(429, "Too many requests", N_("Bạn thao tác quá nhanh. Mời bạn thử lại sau."), (5, 15)),
    Code.HEAD_TOO_LARGE: Refusal(431, "Request head too large", N_("Phần đầu của yêu cầu quá lớn.")),
    Code.INTERNAL: Refusal(500, "Internal error", N_("Hệ thống gặp lỗi. Mời bạn thử lại.")),
    Code.BUSY: Refusal(503, "Too many votes at once", N_("Hệ thống đang rất đông. Phiếu chưa được ghi."), (1, 4)),
    Code.NOT_READY: Refusal(
        503, "The ballot box is not ready", N_("Hòm phiếu chưa sẵn sàng. Mời bạn thử lại."), (1, 5)
    ),
    Code.NOT_CONFIRMED: Refusal(
        503,
        "The vote may or may not be counted; repeat it to know",
        N_("Chưa xác nhận được phiếu. Hãy bấm lại: mỗi phiếu chỉ được tính một lần."),
        (1, 4),
    ),
    Code.LEDGER_AWAY: Refusal(
        503, "The ledger does not answer", N_("Chưa tra cứu được sổ phiếu lúc này. Phiếu của bạn vẫn an toàn."), (5, 15)
    ),
}

VOTED: dict[Outcome, int] = {Outcome.COUNTED: 201, Outcome.ALREADY_VOTED: 200}
"""Outcomes that come with a receipt, and their status. Every other outcome is the refusal of the same name."""

REFUSED: dict[Outcome, Code] = {outcome: Code(outcome.value) for outcome in Outcome if outcome not in VOTED}


def problem_body(code: Code, **more: object) -> bytes:
    """The problem document of `code`; `more` are members of its own (a reason, a field)."""
    refusal = REFUSALS[code]
    document = {
        "type": f"urn:binhchon:problem:{code.value}",
        "title": refusal.title,
        "status": refusal.status,
        "code": code.value,
        "detail": refusal.detail,
    }
    return orjson.dumps(document | more)


def problem_headers(code: Code, *, allow: bytes = b"") -> list[Header]:
    """Headers that belong to a refusal: never cached, when to come back, how to prove oneself, what is allowed."""
    headers: list[Header] = [NO_STORE]
    refusal = REFUSALS[code]
    if refusal.retry_after:
        headers.append((b"retry-after", b"%d" % random.randint(*refusal.retry_after)))  # noqa: S311 - spreads load
    if code is Code.NO_SESSION:
        headers.append((b"www-authenticate", b"Bearer"))
    if allow:
        headers.append((b"allow", allow))
    return headers


def problem(code: Code, *, allow: bytes = b"", **more: object) -> Answer:
    """The whole answer of a refusal."""
    return answer(REFUSALS[code].status, PROBLEM, problem_body(code, **more), problem_headers(code, allow=allow))


_READY: dict[Code, Answer] = {code: problem(code) for code, refusal in REFUSALS.items() if not refusal.retry_after}


def refuse(code: Code) -> Answer:
    """Like `problem(code)`, made once where nothing in it is left to chance."""
    return _READY.get(code) or problem(code)


class VoterProblem(Exception):  # noqa: N818 - it carries a refusal to the client, not a fault of ours
    """Ends a request of the slower routes with a refusal; `more` are members of the problem document."""

    def __init__(self, code: Code, **more: object) -> None:
        super().__init__(code.value)
        self.code = code
        self.more = more
