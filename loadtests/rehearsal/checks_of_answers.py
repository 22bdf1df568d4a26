"""Whether voters were answered soon and well, and whether the system kept up with them."""

from collections import Counter

from loadtests.rehearsal.check import Check, Seen
from loadtests.rehearsal.counts import percentile
from loadtests.rehearsal.limits import Limits


def of_answers(counts: Counter[str], limits: Limits) -> list[Check]:
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
            seen=", ".join(f"{name}: {number:,}" for name, number in wrong.items()) or "0",
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
        _pages(counts, limits),
        _time(counts, "vote", 0.95, limits.vote_p95_ms),
        _time(counts, "vote", 0.99, limits.vote_p99_ms),
        _time(counts, "page", 0.95, limits.page_p95_ms),
    ]


def of_system(seen: Seen, limits: Limits) -> list[Check]:
    lags = [sample.lag_s for sample in seen.samples if sample.lag_s is not None]
    left, drained, elsewhere = seen.books.memory_left, seen.books.drained_s, seen.restarts is None
    return [
        Check(
            "flush_lag",
            ok=None if elsewhere and not lags else bool(lags) and max(lags) <= limits.lag_s,
            vi="Ghi sổ theo kịp: phiếu chờ lâu nhất (tính cả lúc hệ thống không báo gì về sổ)",
            en="The flush keeps up: the oldest vote that waited for the ledger (silence about it counts as waiting)",
            seen=f"{max(lags):.1f} s" if lags else "—",
            allowed=f"≤ {limits.lag_s:.0f} s",
        ),
        Check(
            "drained",
            ok=drained is not None and drained <= limits.drain_s,
            vi="Sau khi hết người, mọi phiếu vào sổ",
            en="After the load all votes reached the ledger",
            seen="không kịp thấy · not seen in time" if drained is None else f"{drained:.1f} s",
            allowed=f"≤ {limits.drain_s:.0f} s",
        ),
        Check(
            "memory_left",
            ok=None if elsewhere else left is not None and left >= limits.memory_left,
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
            seen="—" if seen.restarts is None else _grouped(seen.restarts) or "0",
            allowed="0",
        ),
    ]


def _pages(counts: Counter[str], limits: Limits) -> Check:
    """A page that a proxy refuses, or that never comes, has no time to be measured: it must be missed by number."""
    answers = {name: number for name, number in counts.items() if name.startswith(("status.page.", "status.asset."))}
    asked = counts["sent.page"] + counts["sent.asset"]
    well = sum(number for name, number in answers.items() if name.endswith((".200", ".304")))
    others = {name.removeprefix("status."): number for name, number in sorted(answers.items())}
    others = {name: number for name, number in others.items() if not name.endswith((".200", ".304"))}
    missing = max(0, asked - well)
    share = missing / asked if asked else 0.0
    return Check(
        "pages_served",
        ok=asked > 0 and share <= limits.pages_missing,
        vi="Trang và các tệp của trang đều đến nơi, không bị từ chối hay đứt kết nối",
        en="Pages and their files came, neither refused nor broken off",
        seen=f"{missing:,} / {asked:,} = {share:.2%}" + "".join(f"; {name}: {n:,}" for name, n in others.items()),
        allowed=f"≤ {limits.pages_missing:.1%}",
    )


def _grouped(restarts: list[str]) -> str:
    """What was started again, each once, with how often."""
    times = Counter(line.partition("; starting it again")[0] for line in restarts)
    return "; ".join(what + (f" × {number}" if number > 1 else "") for what, number in times.items())


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
