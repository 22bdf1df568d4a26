"""How much of its memory scratch uses: while it is full nobody can log in, and no nudge reaches a worker."""

from dataclasses import dataclass

from models.scratch.connection import AsyncScratchClient, scratch_errors


@dataclass(frozen=True)
class Room:
    """Bytes: what is used, and how much may be; `limit` 0: as much as there is."""

    used: int
    limit: int


async def read_room(client: AsyncScratchClient) -> Room:
    """Errors: ScratchAway."""
    with scratch_errors():
        found = await client.info("memory")
    return Room(int(found["used_memory"]), int(found["maxmemory"]))
