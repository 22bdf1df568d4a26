"""Alarms of the live view, told from its figures alone: a pure function. Each says in a sentence what is wrong and has
its own place in the help (`/operator/help#<code>`) that says what it means and what to do.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from api.operators.language import N_, Language

BAD, WARN = "bad", "warn"
BOX_AGE_S = 3.0
LEDGER_AGE_S = 20.0
SCRATCH_AGE_S = 5.0
BOOKS_AGE_S = 15.0
LAG_S = 10.0
MEMORY_WARN, MEMORY_BAD = 0.70, 0.90
DISK_WARN, DISK_BAD = 0.10, 0.03
DISK_BAD_BYTES = 1024**3
CLAIMS_S = 30.0
SETTLE_S = 5.0
"""Scratch that has just come back does not know the processes yet."""
REFUSED_SHARE = 0.01
GUESSES = 10
"""Wrong tries at the console's login within an hour. Who has forgotten a password is shut out after five."""
BUSY_CODES = ("busy", "not_ready", "not_confirmed")

SENTENCES = {
    "box_away": N_("Hòm phiếu không trả lời: chưa nhận được phiếu nào lúc này. Số liệu dưới đây là của lần đọc cuối."),
    "ledger_away": N_("Sổ phiếu (PostgreSQL) không trả lời. Phiếu vẫn được nhận và giữ trong hòm."),
    "scratch_away": N_("Bộ nhớ tạm (scratch) không trả lời: không ai đăng nhập được và phiếu chưa được ghi sổ."),
    "not_ready": N_("Máy chủ %(host)s (tiến trình %(pid)s) không nhận phiếu."),
    "drift": N_("Hòm phiếu và sổ phiếu lệch nhau %(votes)s phiếu."),
    "proof": N_("Lần chứng minh số phiếu gần nhất không khớp từng dòng."),
    "fault": N_("Việc sửa sổ chưa đưa được hòm và sổ về khớp nhau."),
    "parked": N_("%(events)s sự kiện bị tạm giữ vì sổ phiếu từ chối dữ liệu."),
    "conflicts": N_("%(votes)s phiếu trong sổ nhận đã có sẵn trong sổ phiếu: có gì đó được ghi hai lần."),
    "ticker": N_("Bộ hẹn giờ đã im lặng: việc ghi sổ và các quyết định mới đang dừng."),
    "worker": N_("Không có tiến trình nào xử lý hàng đợi “%(queue)s”."),
    "books_old": N_("Chưa đối chiếu được hòm và sổ từ %(seconds)s giây nay."),
    "lag": N_("Ghi sổ đang chậm %(seconds)s giây; %(events)s sự kiện còn chờ."),
    "memory": N_("Hòm phiếu đã dùng %(percent)s %% bộ nhớ; còn chỗ cho khoảng %(votes)s phiếu."),
    "scratch_memory": N_("Bộ nhớ tạm (scratch) đã dùng %(percent)s %%; khi đầy sẽ không ai đăng nhập được."),
    "disk": N_("Ổ đĩa của máy %(host)s chỉ còn trống %(gigabytes)s GB (%(percent)s %%)."),
    "refusing": N_("Đang phải từ chối %(percent)s %% lượt bình chọn vì quá tải; người bình chọn được mời thử lại."),
    "claims": N_("%(claims)s báo mất phiếu đang chờ được ghi vào sổ."),
    "failed_jobs": N_("%(jobs)s công việc nền bị lỗi trong một giờ qua."),
    "late_claims": N_("%(claims)s báo mất phiếu đã quá hạn trả lời."),
    "late_requests": N_("%(requests)s yêu cầu về dữ liệu cá nhân đã quá hạn trả lời."),
    "guessing": N_("%(tries)s lần nhập sai mật khẩu hoặc mã ở trang đăng nhập điều hành trong một giờ qua."),
}
"""Code → what is said."""


@dataclass(frozen=True)
class Alarm:
    """`values`: what its sentence is filled with; whole numbers are written as the language does."""

    code: str
    level: str
    values: dict[str, Any] = field(default_factory=dict)

    def told(self, language: Language) -> dict[str, str]:
        values = {
            name: language.number(value) if isinstance(value, int) and name != "pid" else value
            for name, value in self.values.items()
        }
        return {
            "code": self.code,
            "level": self.level,
            "text": language.text(SENTENCES[self.code], **values) if values else language.text(SENTENCES[self.code]),
        }


def alarms(figures: dict[str, Any]) -> list[Alarm]:
    """What is wrong, worst first. `figures`: as `live_document.figures` makes them."""
    pipeline = figures["pipeline"]
    parts = (_stores, _processes, _books, _room, _refusing, _people)
    found = [alarm for part in parts for alarm in part(pipeline)]
    return sorted(found, key=lambda alarm: alarm.level != BAD)


def _away(store: dict[str, Any], limit_s: float) -> bool:
    return store["problem"] is not None or (store["age_s"] is not None and store["age_s"] > limit_s)


def _stores(pipeline: dict[str, Any]) -> Iterator[Alarm]:
    for name, limit_s in (("box", BOX_AGE_S), ("ledger", LEDGER_AGE_S), ("scratch", SCRATCH_AGE_S)):
        if _away(pipeline[name], limit_s):
            yield Alarm(f"{name}_away", BAD)


def _processes(pipeline: dict[str, Any]) -> Iterator[Alarm]:
    for api in pipeline["api"] or ():
        if api["unready"]:
            yield Alarm("not_ready", BAD, {"host": api["host"], "pid": api["pid"]})
    if pipeline["known_for_s"] < SETTLE_S:
        return
    if pipeline["ticker"] is not None and not pipeline["ticker"]:
        yield Alarm("ticker", BAD)
    if pipeline["workers"] is not None:
        there = {queue for queue, _host, _pid in pipeline["workers"]}
        for queue in pipeline["queues"]:
            if queue not in there:
                yield Alarm("worker", BAD, {"queue": queue})


def _books(pipeline: dict[str, Any]) -> Iterator[Alarm]:
    books = pipeline["books"]
    if books is None:
        return
    if books["drift"]:
        yield Alarm("drift", BAD, {"votes": books["drift"]})
    if books["proof"] == "failed":
        yield Alarm("proof", BAD)
    if books["fault"]:
        yield Alarm("fault", BAD)
    for code, name in (("parked", "events"), ("conflicts", "votes")):
        if books[code]:
            yield Alarm(code, BAD, {name: books[code]})
    yield from _waiting(books)


def _waiting(books: dict[str, Any]) -> Iterator[Alarm]:
    """What has not been done in time, or not at all."""
    if books["age_s"] is not None and books["age_s"] > BOOKS_AGE_S:
        yield Alarm("books_old", WARN, {"seconds": round(books["age_s"])})
    if books["flush_lag_s"] and books["flush_lag_s"] > LAG_S:
        yield Alarm("lag", WARN, {"seconds": round(books["flush_lag_s"]), "events": books["pending"] or 0})
    if books["claims"] and books["claims_for_s"] > CLAIMS_S:
        yield Alarm("claims", WARN, {"claims": books["claims"]})
    if books["failed_jobs"]:
        yield Alarm("failed_jobs", WARN, {"jobs": books["failed_jobs"]})


def _room(pipeline: dict[str, Any]) -> Iterator[Alarm]:
    box = pipeline["box"]
    if box["limit"]:
        used = box["used"] / box["limit"]
        if used > MEMORY_WARN:
            values = {"percent": round(used * 100), "votes": box["votes_left"]}
            yield Alarm("memory", BAD if used > MEMORY_BAD else WARN, values)
    scratch = pipeline["scratch"]
    if scratch["limit"]:
        used = scratch["used"] / scratch["limit"]
        if used > MEMORY_WARN:
            yield Alarm("scratch_memory", BAD if used > MEMORY_BAD else WARN, {"percent": round(used * 100)})
    for host, free, total in pipeline["disks"] or ():
        share = free / total
        if share < DISK_WARN:
            values = {"host": host, "gigabytes": free // 1024**3, "percent": round(share * 100)}
            yield Alarm("disk", BAD if share < DISK_BAD or free < DISK_BAD_BYTES else WARN, values)


def _refusing(pipeline: dict[str, Any]) -> Iterator[Alarm]:
    answers = (pipeline["votes"] or {}).get("answers") or {}
    every = sum(answers.values())
    refused = sum(answers.get(code, 0.0) for code in BUSY_CODES)
    if every and refused / every > REFUSED_SHARE:
        yield Alarm("refusing", WARN, {"percent": max(1, round(refused * 100 / every))})


def _people(pipeline: dict[str, Any]) -> Iterator[Alarm]:
    """Who waits for an answer, and who tries to get in."""
    late = pipeline["late"] or {}
    for what in ("claims", "requests"):
        if late.get(what):
            yield Alarm(f"late_{what}", WARN, {what: late[what]})
    if (pipeline["wrong_tries"] or 0) >= GUESSES:
        yield Alarm("guessing", WARN, {"tries": pipeline["wrong_tries"]})
