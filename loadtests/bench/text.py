"""What was measured, as tables for people."""

from statistics import median
from typing import Any

from loadtests.bench.report import RATES


def as_text(summary: dict[str, Any]) -> str:
    """All tables."""
    parts = (_rates, _ledger, _latencies, _costs, _weights, _audits, _aims)
    return "\n\n".join("\n".join(part(summary)) for part in parts)


def _rates(summary: dict[str, Any]) -> list[str]:
    lines = [f"{'':<32}{'each second':>12}{'votes/it':>10}{'p50 ms':>9}{'p99 ms':>9}{'gen.':>7}{'others':>8}"]
    for name, rate in RATES.items():
        ratio = summary["ratios"].get(f"durable_votes_per_s / {rate}", 1.0)
        latency = summary["closed_loop_latency_ms"][name]
        lines.append(
            f"{rate:<32}{summary[rate]:>12,.0f}{ratio:>10.2f}{latency['p50']:>9.1f}{latency['p99']:>9.1f}"
            f"{summary['generator_share'][name]:>7.0%}{median(summary['others_share'][name]):>8.0%}"
        )
    lines.append(
        f"(latency as the generator sees it with {summary['plan']['connections']} connections that each wait for their"
        " answer: requests that were not sent meanwhile are missing; gen., others: shares of the machine that the"
        " generator and other work took)"
    )
    lines.append(
        f"job_per_vote_per_s: jobs queued; done, until the last: {summary['jobs_done_per_s']:,.0f} each second"
    )
    return lines


def _ledger(summary: dict[str, Any]) -> list[str]:
    names = ("flush_rows_per_s", "flush_rows_per_s_cpu", "copy_rows_per_s")
    waits = summary["ack_to_ledger_s"]
    return [
        *(f"{name:<32}{summary[name]:>12,.0f}" for name in names),
        f"{'ack_to_ledger_s':<32}p50 {waits['p50']:.2f}, p99 {waits['p99']:.2f}",
    ]


def _latencies(summary: dict[str, Any]) -> list[str]:
    columns = (
        f"{'p50 ms':>9}{'p99 ms':>9}{'p99.9 ms':>10}{'late p50':>10}{'late p99':>10}{'ledger p50 s':>14}{'p99 s':>7}"
    )
    lines = [f"{'open loop':<18}{'offered/s':>10}{columns}"]
    rows = {f"{share} % of capacity": seen for share, seen in summary["latency_ms"].items()}
    if summary["province_ms"]:
        rows["a province, 60 s"] = summary["province_ms"]
    for name, seen in rows.items():
        lines.append(
            f"{name:<18}{seen['offered_per_s']:>10,.0f}{seen['p50']:>9.1f}{seen['p99']:>9.1f}"
            f"{seen['p99.9']:>10.1f}{seen['generator_late_p50']:>10.2f}{seen['generator_late_p99']:>10.2f}"
            f"{seen['ledger_p50_s']:>14.2f}{seen['ledger_p99_s']:>7.2f}"
        )
        if seen["refused"] or seen["unanswered"]:
            lines.append(f"   of them refused: {seen['refused']:,}, not answered: {seen['unanswered']:,}")
    return [*lines, "(late: how long after its moment the generator itself sent a request, in ms)"]


def _costs(summary: dict[str, Any]) -> list[str]:
    return [
        f"{'cpu_us_per_vote':<28}{_spent(summary['cpu_us_per_vote'])}",
        *(line for cost in summary["cost_by_stored_votes"] for line in (_cost(cost), *_checkpoint(cost))),
        f"{'cpu_us_per_login':<28}{_spent(summary['cpu_us_per_login'])} (the API aside: see logins_per_s)",
        f"{'':<28}postgres {summary['postgres_us_per_login_fresh']:.1f} in a ledger that it has not analysed yet",
    ]


def _cost(cost: dict[str, Any]) -> str:
    together = f"together {cost['cpu_us']:.1f} ({cost['ratio']:.2f}), {cost['votes_per_s']:,.0f} votes/s"
    return f"beside {cost['stored']:>10,} stored     {_spent(cost['cpu_us_per_vote'])}; {together}"


def _checkpoint(cost: dict[str, Any]) -> list[str]:
    seen = cost["checkpoint"]
    if seen is None:
        return []
    following = f"then postgres {seen['next_us']:.1f} for each of the next {seen['votes']:,} votes"
    return [f"{'':<28}a checkpoint {seen['own_s']:.2f} s of processor time, {following}"]


def _spent(roles: dict[str, float]) -> str:
    return ", ".join(f"{role} {us:.1f}" for role, us in roles.items())


def _weights(summary: dict[str, Any]) -> list[str]:
    names = (
        "box_bytes_per_account",
        "box_bytes_per_vote",
        "log_bytes_per_vote",
        "ledger_bytes_per_vote",
        "wal_bytes_per_vote",
        "aof_bytes_per_vote",
        "log_bytes_per_login",
        "aof_bytes_per_login",
        "ledger_bytes_per_login",
        "wal_bytes_per_login",
        "scratch_bytes_per_login",
    )
    return [f"{name:<32}{summary[name]:>12,.0f}" for name in names]


def _audits(summary: dict[str, Any]) -> list[str]:
    return [
        f"audit: {audit['answers'].get('counted', 0):,} acknowledged + {audit['cast_directly']:,} cast directly,"
        f" {audit['box']:,} in the box, {audit['rows']:,} rows in the ledger, drift {audit['drift']}"
        for audit in summary["audits"]
    ]


def _aims(summary: dict[str, Any]) -> list[str]:
    lines = []
    for aim in summary["aims"]:
        bound = f"≥ {aim['least']:,.6g}" if aim["least"] is not None else f"≤ {aim['greatest']:,.6g}"
        lines.append(f"{'reached' if aim['reached'] else 'missed '} {aim['name']} {bound}: {aim['value']:,.6g}")
    return lines
