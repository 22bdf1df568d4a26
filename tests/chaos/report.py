"""docs/reliability.md from the results of the faults: `docs/reliability.json`, the last result of each.

python -m tests.chaos.report        writes the page anew
"""

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs"
RESULTS, PAGE = DOCS / "reliability.json", DOCS / "reliability.md"

_HEAD = """# Reliability
What was done to a whole stack under load, and what became of the votes. `make chaos` writes this page: each row is
the last run of one test. Each test starts a stack of its own (real Valkey, real PostgreSQL, two API processes, all
workers), lets voters vote over HTTP who write every try and every answer into a journal of their own, injects the
fault, heals it, and hands journal, box and ledger to a checker that has no code in common with the product
([decision 0032](decisions/0032-chaos.md)).

How to read it: *acknowledged* are votes whose voter has a receipt. *Lost*: of these, those that are not in the
ledger. *Doubled*: rows of the ledger beyond one for an account and entry. *Unknown* are tries that were never
answered, or `not_confirmed`: they are in the ledger at most once. *Pause*: the longest time without any
acknowledgement. *Recovery*: from the heal to the first vote cast after it. *Settled*: from the end of the load until
all is in the ledger. A run is repeated with `make chaos SEED=… FAULT=…`; the seed decides what is done, not how the
machine schedules it.

Each test keeps all of these promises, or says in its row which one it broke: every acknowledged vote in the ledger
once; no account twice for an entry; no vote that nobody cast or that was refused; rows, tallies, ballots and the
box's count the same, nothing pending or parked; each receipt its vote's own and found in the ledger over HTTP; no
answer outside the contract, and none of 5xx without `Retry-After`; no process ended that the fault did not end;
votes acknowledged again within 20 s of the heal.
"""
_BOUNDED = """
¹ The fault destroys the box's own disk under load: what it alone had is gone. Every vote that is missing was
acknowledged at most 3 s before the fault, and the workers' logs raise an alarm.
"""
_COLUMNS = (
    "fault",
    "test",
    "verdict",
    "acknowledged",
    "lost",
    "doubled",
    "unknown",
    "pause",
    "recovery",
    "settled",
    "seed",
)


def keep(path: Path, test: str, result: dict[str, Any]) -> None:
    """Puts one result into the file, in the place of the last one of that test."""
    results = load(path)
    results[test] = result
    temporary = path.with_suffix(".new")
    temporary.write_text(
        json.dumps(dict(sorted(results.items())), ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )
    temporary.replace(path)


def load(path: Path = RESULTS) -> dict[str, dict[str, Any]]:
    """Test → result."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def page(results: dict[str, dict[str, Any]]) -> str:
    rows = [_row(test, result) for test, result in results.items()]
    table = [_cells(_COLUMNS), _cells(("---", "---", "---", *["---:"] * 7, "---:")), *(_cells(row) for row in rows)]
    failed = {test: result for test, result in results.items() if result["outcome"] == "failed"}
    broken = [_why(test, result) for test, result in failed.items() if result.get("findings")]
    unfinished = [_why(test, result) for test, result in failed.items() if not result.get("findings")]
    ran = {test.partition("::")[0] for test in results}
    waiting = [f"- {path.name}" for path in sorted(HERE.glob("fault_*.py")) if path.name not in ran]
    skipped = waiting + [_why(test, result) for test, result in results.items() if result["outcome"] == "skipped"]
    text = _HEAD + f"\n## Last results\n{_summary(results)}\n\n" + "\n".join(table) + "\n"
    if any(result.get("bounded") for result in results.values()):
        text += _BOUNDED
    for title, lines in (
        ("Promises that were broken", broken),
        ("Not finished", unfinished),
        ("Not run", skipped),
    ):
        if lines:
            text += f"\n## {title}\n" + "\n".join(lines) + "\n"
    return text


def _summary(results: dict[str, dict[str, Any]]) -> str:
    outcomes = [result["outcome"] for result in results.values()]
    sums = {
        name: sum(result.get(name) or 0 for result in results.values())
        for name in ("acknowledged", "doubled", "let_in")
    }
    unbounded = sum(result.get("lost") or 0 for result in results.values() if not result.get("bounded"))
    bounded = sum(result.get("lost") or 0 for result in results.values() if result.get("bounded"))
    return (
        f"{len(outcomes)} tests: {outcomes.count('passed')} kept every promise, {outcomes.count('failed')} did not,"
        f" {outcomes.count('skipped')} could not run there. {sums['acknowledged']:,} votes acknowledged, {unbounded}"
        f" lost, {bounded} lost with the box's own disk, {sums['doubled']} doubled, {sums['let_in']} let in outside"
        " the voting time."
    )


def _row(test: str, result: dict[str, Any]) -> tuple[str, ...]:
    file, _, name = test.partition("::")
    failed = "**broken**" if result.get("findings") else "not finished"
    verdict = {"passed": "kept", "failed": failed, "skipped": "not run"}[result["outcome"]]
    lost = _number(result.get("lost")) + ("¹" if result.get("bounded") else "")
    numbers = (
        _number(result.get("acknowledged")),
        lost,
        _number(result.get("doubled")),
        _number(result.get("unknown")),
    )
    times = (_seconds(result.get(key)) for key in ("pause_s", "recovery_s", "settled_s"))
    short = f"`tests/chaos/{file}::{name.partition('[')[0]}`" + (f" [{name.partition('[')[2]}" if "[" in name else "")
    return (" ".join(result["fault"].split()), short, verdict, *numbers, *times, str(result["seed"]))


def _why(test: str, result: dict[str, Any]) -> str:
    found = [f"{one['promise']}: {one['text']}" for one in result.get("findings", [])]
    return f"- {test} (seed {result['seed']}): " + ("; ".join(found) or result["why"])


def _cells(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _number(value: int | None) -> str:
    return "—" if value is None else f"{value:,}"


def _seconds(value: float | None) -> str:
    return "—" if value is None else f"{value:.1f} s"


if __name__ == "__main__":
    PAGE.write_text(page(load()), encoding="utf-8")
