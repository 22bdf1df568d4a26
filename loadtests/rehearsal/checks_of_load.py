"""Whether the load was what it is called: a rehearsal that did not happen proves nothing."""

from loadtests.rehearsal.check import Check, Seen
from loadtests.rehearsal.counts import percentile, total
from loadtests.rehearsal.limits import Limits


def of_load(seen: Seen, limits: Limits) -> list[Check]:
    counts = seen.counts
    late = percentile(counts, "late.", 0.99)
    came, planned = total(counts, "come."), sum(seen.planned.values())
    done, failed = counts["login.done"], counts["login.failed"]
    tricks = counts["sent.bot"]
    refused = sum(number for name, number in counts.items() if name.startswith("status.bot.4"))
    return [
        Check(
            "bots_refused",
            ok=not seen.books.intrusions and refused > 0,
            vi="Mọi yêu cầu giả mạo đều bị từ chối",
            en="Every forged request was refused",
            seen=f"{_named(seen.books.intrusions)} / {tricks:,}, 4xx: {refused:,}",
            allowed="0",
        ),
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
            vi="Người đến đúng lúc (p99): đến trễ thì tải nhẹ hơn tên gọi",
            en="They came on time (p99): late ones make the load lighter than it is called",
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


def _named(intrusions: dict[str, int]) -> str:
    """Trick and how often it worked."""
    return ", ".join(f"{trick} {times:,}" for trick, times in intrusions.items()) or "0"
