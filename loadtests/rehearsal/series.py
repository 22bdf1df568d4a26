"""What was counted in each second, as the lines of the charts."""

from collections import Counter

from loadtests.rehearsal.charts import Line, chart
from loadtests.rehearsal.counts import percentile, total
from loadtests.rehearsal.watching import Sample


def charts(counts: dict[int, Counter[str]], samples: list[Sample]) -> list[str]:
    """The charts of the report."""
    last = max([*counts, *(sample.s for sample in samples), 1])
    rows = [counts.get(second, Counter[str]()) for second in range(last + 1)]
    by_second = {sample.s: sample for sample in samples}
    looks = [by_second.get(second) for second in range(last + 1)]
    refused = [float(total(row, "code.") + row["status.vote.0"]) for row in rows]
    return [
        chart(
            "Yêu cầu gửi đi, phiếu gửi đi, phiếu được báo nhận · Requests sent, votes sent, votes acknowledged",
            "1/s",
            [
                Line("yêu cầu · requests", [float(total(row, "sent.")) for row in rows], 1),
                Line("phiếu gửi · votes sent", [float(row["sent.vote"]) for row in rows], 2),
                Line("báo nhận · acknowledged", [float(row["ack"]) for row in rows], 3),
            ],
        ),
        chart(
            "Thời gian trả lời một lượt bỏ phiếu · Time to answer a vote",
            "ms",
            [
                Line("p50", [percentile(row, "ms.vote.", 0.50) for row in rows], 1),
                Line("p95", [percentile(row, "ms.vote.", 0.95) for row in rows], 2),
                Line("p99", [percentile(row, "ms.vote.", 0.99) for row in rows], 3),
            ],
        ),
        chart(
            "Lượt bị hẹn lại, kết nối đứt · Votes refused or broken",
            "1/s",
            [Line("hẹn lại, đứt · refused, broken", refused, 4)],
        ),
        chart(
            "Phiếu chờ vào sổ · Votes that wait for the ledger",
            "phiếu · votes",
            [Line("chờ · waiting", [look.pending if look else None for look in looks], 2)],
        ),
    ]
