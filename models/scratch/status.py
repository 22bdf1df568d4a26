"""What the workers last found out about the books, for metrics and for people: one hash in scratch.

Fields: `pending`, `parked` (events), `conflicts` (votes), `drift` (votes; empty: cannot be told), `flush_lag_s`
(seconds), `fault` (in words, empty: none), `ticked_at` (ms since 1970), `proof` (`holds`, `failed`), `claims`
(that wait for the ledger), `failed_jobs` (of RQ), `signals` (clusters that nobody has looked at).
"""

from typing import Any

from models.scratch.connection import AsyncScratchClient, ScratchClient, scratch_errors

STATUS = "status"
TTL_S = 24 * 3600

Value = float | int | str | None


def write_status(client: ScratchClient, values: dict[str, Value]) -> None:
    """Writes some fields; None clears one. Errors: ScratchAway."""
    flat: dict[Any, Any] = {name: "" if value is None else str(value) for name, value in values.items()}
    with scratch_errors():
        client.hset(STATUS, mapping=flat)
        client.expire(STATUS, TTL_S)


async def read_status(client: AsyncScratchClient) -> dict[str, Value]:
    """The fields that are known, numbers as numbers. Errors: ScratchAway."""
    with scratch_errors():
        found = await client.hgetall(STATUS)
    return {_text(name): _value(_text(value)) for name, value in found.items()}


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _value(text: str) -> Value:
    if not text:
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
