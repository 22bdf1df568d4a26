"""`binhchon resume`: let voting go on."""

import sys

from models.decisions import resume
from models.settings import Settings
from scripts.contest_parts import contest_parts


def run(settings: Settings) -> int:
    """Returns 0 when voting goes on, 1 when the contest was not paused."""
    with contest_parts(settings) as parts:
        if resume(parts.engine, parts.box, parts.contest, why="binhchon resume"):
            print(f"Voting goes on: {parts.contest.slug}")
            return 0
    print(f"binhchon: {parts.contest.slug} is not paused", file=sys.stderr)
    return 1
