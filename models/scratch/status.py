"""What the workers last found out about the books, for metrics and for people: one hash in scratch.

Fields: `pending`, `parked`, `conflicts` (events, votes), `drift` (votes; empty: cannot be told), `flush_lag_s` (seconds),
`fault` (in words, empty: none), `at` (ms since 1970 by the box's clock), `proven_at` and `proof` (the nightly proof).
"""

from models.scratch.connection import AsyncScratchClient, ScratchClient, scratch_errors

STATUS = "status"
TTL_S = 24 * 3600

Value = float | int | str | None


def write_status(client: ScratchClient, values: dict[str, Value]) -> None:
    """Writes some fields; None clears one. Errors: ScratchAway."""
    flat = {name: "" if value is None else str(value) for name, value in values.items()}
    with scratch_errors():
        client.hset(STATUS, mapping=flat)
        client.expire(STATUS, TTL_S)


async def read_status(client: AsyncScratchClient) -> dict[str, Value]:
    """The fields that are known, numbers as numbers. Errors: ScratchAway."""
    with scratch_errors():
        found = await client.hgetall(STATUS)
    return {name.decode(): _value(text.decode()) for name, text in found.items()}


def _value(text: str) -> Value:
    if not text:
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
