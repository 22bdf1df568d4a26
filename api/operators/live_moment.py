"""What is known at one moment: all that the live view's document is made of."""

from dataclasses import dataclass

from api.operators.live_facts import Facts
from api.operators.live_history import History
from models.ballot_box.reading import Reading


@dataclass(frozen=True)
class Moment:
    """What a document is made of. `reading_age_s`: None where the box was never read. `box_problem`: why it is not."""

    reading: Reading | None
    reading_age_s: float | None
    box_problem: str | None
    history: History
    facts: Facts
    queues: tuple[str, ...]
    """Queues that each need a worker."""
