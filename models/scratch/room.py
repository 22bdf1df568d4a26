"""How much of its memory scratch uses: while it is full nobody can log in, and no nudge reaches a worker."""

from dataclasses import dataclass

from models.scratch.connection import AsyncScratchClient, scratch_errors

KEPT_FROM = 0.9
"""Share of the memory from which on no new login begins."""


@dataclass(frozen=True)
class Room:
    """Bytes: what is used, and how much may be; `limit` 0: as much as there is."""

    used: int
    limit: int

    @property
    def is_short(self) -> bool:
        """Whether logins must wait: what is left is for the nudges of the flush, operators and what is under way."""
        return bool(self.limit) and self.used >= KEPT_FROM * self.limit


async def read_room(client: AsyncScratchClient) -> Room:
    """Errors: ScratchAway."""
    with scratch_errors():
        found = await client.info("memory")
    return Room(int(found["used_memory"]), int(found["maxmemory"]))
