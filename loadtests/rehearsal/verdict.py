"""Go or no-go: every check with what was seen, what is allowed, and what it means, in Vietnamese and English."""

from collections import Counter
from dataclasses import dataclass

from loadtests.rehearsal.books import IN_LEDGER, Books
from loadtests.rehearsal.counts import percentile, total
from loadtests.rehearsal.limits import Limits
from loadtests.rehearsal.watching import Sample

GO, NO_GO = "ĐẠT", "KHÔNG ĐẠT"


@dataclass(frozen=True)
class Check:
    """`ok`: None where it could not be checked, which decides nothing and is said."""

    name: str
    ok: bool | None
    vi: str
    en: str
    seen: str
    allowed: str


@dataclass(frozen=True)
class Seen:
    """Everything that a verdict is about. `planned`: kind → people; `restarts`: None for an installation elsewhere."""

    counts: Counter[str]
    samples: list[Sample]
    books: Books
    planned: dict[str, int]
    restarts: list[str] | None


def passed(checks: list[Check]) -> bool:
    return all(check.ok is not False for check in checks)


def judge(seen: Seen, limits: Limits) -> list[Check]:
    return [*_books(seen.books, limits), *_answers(seen.counts, limits), *_system(seen, limits), *_load(seen, limits)]


def _books(books: Books, limits: Limits) -> list[Check]:
    off = {
        entry: counted
        for entry, (known, unknown, counted) in books.by_entry.items()
        if counted is not None and not known <= counted <= known + unknown
    }
    counted = books.counted
    number = "—" if counted is None else f"{counted:,}"
    told = f"{books.acknowledged:,} → {number}" + (f" (± {books.unknown:,})" if books.unknown else "")
    inside = [books.box, books.ledger, books.pending, books.parked, books.drift]
    sample, wanted = sum(books.receipts.values()), min(limits.least_sample, books.acknowledged)
    let_in = sum(books.intrusions.values())
    return [
        Check(
            "acknowledged_is_counted",
            ok=None if counted is None else not off and books.acknowledged > 0,
            vi="Mọi phiếu đã báo nhận đều được đếm, không thừa, không thiếu, ở từng bài",
            en="Every acknowledged vote is counted, none more and none less, for each entry",
            seen=told + (f"; off: {off}" if off else ""),
            allowed="=",
        ),
        Check(
            "box_is_ledger",
            ok=None if None in inside else books.box == books.ledger and inside[2:] == [0, 0, 0] and books.proof == "",
            vi="Hòm phiếu khớp sổ phiếu, kể cả khi đếm lại từng dòng",
            en="Box and ledger agree, counted by rows and ballots too",
            seen=f"{books.box} / {books.ledger}, pending {books.pending}, parked {books.parked}, drift {books.drift}"
            + (f"; {books.proof}" if books.proof else ""),
            allowed="=, 0, 0, 0",
        ),
        Check(
            "nobody_twice",
            ok=books.twice == 0 and books.changed_receipts == 0,
            vi="Không ai được đếm hai lần; bấm lại nhận đúng mã phiếu cũ",
            en="Nobody is counted twice; a repeat gets the same receipt",
            seen=f"{books.twice}, {books.changed_receipts}",
            allowed="0, 0",
        ),
        Check(
            "receipts_in_ledger",
            ok=sample >= wanted and books.receipts == ({IN_LEDGER: sample} if sample else {}),
            vi="Mã phiếu lấy mẫu đều tra được trong sổ phiếu",
            en="Sampled receipts are all in the ledger",
            seen=", ".join(f"{status} {times:,}" for status, times in sorted(books.receipts.items())) or "0",
            allowed=f"in_ledger ≥ {wanted:,}",
        ),
        Check(
            "bots_refused",
            ok=let_in == 0,
            vi="Mọi yêu cầu giả mạo đều bị từ chối",
            en="Every forged request was refused",
            seen=str(books.intrusions or 0),
            allowed="0",
        ),
        Check(
            "nobody_refused_for_good",
            ok=not books.refused and books.earlier == 0,
            vi="Không cử tri hợp lệ nào bị từ chối; không mã đăng nhập nào đã dùng từ trước",
            en="No genuine voter was refused; no token had voted before",
            seen=f"{books.refused or 0}, {books.earlier}",
            allowed="0, 0",
        ),
        Check(
            "nobody_gave_up",
            ok=books.gave_up <= limits.gave_up * max(1, books.acknowledged),
            vi="Không ai phải bỏ cuộc sau 45 giây bấm lại",
            en="Nobody gave up after 45 s of trying again",
            seen=f"{books.gave_up:,}",
            allowed=f"{limits.gave_up:.1%}",
        ),
    ]


def _answers(counts: Counter[str], limits: Limits) -> list[Check]:
    sent = counts["sent.vote"]
    away = counts["status.vote.503"] + counts["status.vote.429"] + counts["status.vote.0"]
    share = away / sent if sent else 0.0
    wrong = {
        name.removeprefix("status."): number
        for name, number in sorted(counts.items())
        if name.startswith("status.") and name.rpartition(".")[2].startswith("5") and not name.endswith(".503")
    }
    if counts["bare503"]:
        wrong["503 without Retry-After"] = counts["bare503"]
    return [
        Check(
            "no_other_5xx",
            ok=not wrong,
            vi="Không có lỗi máy chủ nào khác ngoài lời hẹn thử lại (503 kèm Retry-After)",
            en="No server error but the request to come back (503 with Retry-After)",
            seen=str(wrong or 0),
            allowed="0",
        ),
        Check(
            "turned_away",
            ok=sent > 0 and share <= limits.turned_away,
            vi="Rất ít lượt bấm bị hẹn lại hoặc đứt kết nối",
            en="Few presses were asked to come back, or lost their connection",
            seen=f"{away:,} / {sent:,} = {share:.2%}",
            allowed=f"≤ {limits.turned_away:.1%}",
        ),
        _time(counts, "vote", 0.95, limits.vote_p95_ms),
        _time(counts, "vote", 0.99, limits.vote_p99_ms),
        _time(counts, "page", 0.95, limits.page_p95_ms),
    ]


def _system(seen: Seen, limits: Limits) -> list[Check]:
    lags = [sample.lag_s for sample in seen.samples if sample.lag_s is not None]
    left, drained = seen.books.memory_left, seen.books.drained_s
    return [
        Check(
            "flush_lag",
            ok=max(lags) <= limits.lag_s if lags else None,
            vi="Ghi sổ theo kịp: phiếu chờ lâu nhất",
            en="The flush keeps up: the oldest vote that waited for the ledger",
            seen=f"{max(lags):.1f} s" if lags else "—",
            allowed=f"≤ {limits.lag_s:.0f} s",
        ),
        Check(
            "drained",
            ok=drained is not None and drained <= limits.drain_s,
            vi="Sau khi hết người, mọi phiếu vào sổ",
            en="After the load all votes reached the ledger",
            seen="> 90 s" if drained is None else f"{drained:.1f} s",
            allowed=f"≤ {limits.drain_s:.0f} s",
        ),
        Check(
            "memory_left",
            ok=None if left is None else left >= limits.memory_left,
            vi="Bộ nhớ còn lại của hòm phiếu",
            en="Memory that the box has left",
            seen="—" if left is None else f"{left:.1%}",
            allowed=f"≥ {limits.memory_left:.0%}",
        ),
        Check(
            "no_restarts",
            ok=None if seen.restarts is None else not seen.restarts,
            vi="Không tiến trình nào phải khởi động lại",
            en="No process had to be started again",
            seen="—" if seen.restarts is None else "; ".join(seen.restarts) or "0",
            allowed="0",
        ),
    ]


def _load(seen: Seen, limits: Limits) -> list[Check]:
    """Whether the load was what it is called: a rehearsal that did not happen proves nothing."""
    counts = seen.counts
    late = percentile(counts, "late.", 0.99)
    came, planned = total(counts, "come."), sum(seen.planned.values())
    done, failed = counts["login.done"], counts["login.failed"]
    return [
        Check(
            "everybody_came",
            ok=came == planned and counts["error"] == 0,
            vi="Đủ số người theo kế hoạch, chương trình diễn tập không lỗi",
            en="All planned people came, without a fault of the rehearsal's own programs",
            seen=f"{came:,} / {planned:,}, {counts['error']}",
            allowed=f"{planned:,}, 0",
        ),
        Check(
            "on_time",
            ok=late is not None and late <= limits.late_p99_ms,
            vi="Người đến đúng lúc (p99): máy tạo tải theo kịp",
            en="They came on time (p99): the load generator kept up",
            seen="—" if late is None else f"{late:,.0f} ms",
            allowed=f"≤ {limits.late_p99_ms:,.0f} ms",
        ),
        Check(
            "logins",
            ok=failed <= limits.failed_logins * (done + failed) if done + failed else None,
            vi="Đăng nhập thật bằng mã",
            en="Real logins by code",
            seen=f"{done} / {done + failed}",
            allowed=f"≥ {1 - limits.failed_logins:.0%}",
        ),
    ]


def _time(counts: Counter[str], what: str, share: float, most_ms: float) -> Check:
    found = percentile(counts, f"ms.{what}.", share)
    names = {"vote": ("Bỏ phiếu", "Votes"), "page": ("Trang", "Pages")}[what]
    return Check(
        f"{what}_p{share * 100:.0f}",
        ok=found is not None and found <= most_ms,
        vi=f"{names[0]}: {share:.0%} được trả lời trong",
        en=f"{names[1]}: {share:.0%} answered within",
        seen="—" if found is None else f"{found:,.0f} ms",
        allowed=f"≤ {most_ms:,.0f} ms",
    )
