"""The dry run of a correction: which votes it means, what that would do, and whether it may be proposed at all.

All of it is one transaction: who dies in it has written nothing down, and the next run counts anew. Millions of votes
take longer than a task may be silent.
"""

from typing import Any

from models.audit import record
from models.correction import Correction, find_correction, move
from models.correction_criteria import Criteria
from models.correction_votes import Numbers, freeze, numbers_now
from models.database import transaction
from workers.beat import beating
from workers.work import TaskFailedError, Work

LARGE_SHARE = 0.2
"""Of all votes of the contest: a void of more must be typed by who approves it."""
LARGE_SHARE_OF_ENTRY = 0.5
"""And of one entry's."""
NOTHING = "Không có phiếu nào khớp với các tiêu chí này."
EVERYTHING = "Các tiêu chí này khớp với mọi phiếu đang được tính của cuộc thi. Hãy thu hẹp tiêu chí."
UNKNOWN = "Không có đề nghị này."


def count_correction(work: Work) -> dict[str, Any]:
    """The task `correction.count`, payload `{"correction": id}`."""
    with beating(work, 1), transaction(work.engine) as connection:
        correction = find_correction(connection, work.task.payload["correction"], lock=True)
        if correction is None:
            raise TaskFailedError(UNKNOWN)
        if correction.state != "counting":
            return {}
        freeze(connection, correction, Criteria.model_validate(correction.criteria))
        numbers = numbers_now(connection, correction)
        problem = _refusal(correction, numbers)
        state = "refused" if problem else "proposed"
        values = {"numbers": numbers.stored(), "large": _is_large(correction, numbers), "problem": problem}
        move(connection, correction.id, "counting", state, **values)
        record(
            connection,
            work.task.actor,
            f"correction.{state}",
            f"correction:{correction.id}",
            contest_id=correction.contest_id,
            after={"votes": numbers.votes, "accounts": numbers.accounts},
            why=problem or correction.reason,
        )
    return {"votes": numbers.votes}


def _is_large(correction: Correction, numbers: Numbers) -> bool:
    return correction.voids and (numbers.share > LARGE_SHARE or numbers.greatest_share > LARGE_SHARE_OF_ENTRY)


def _refusal(correction: Correction, numbers: Numbers) -> str:
    """Why it cannot be proposed at all; empty where it can."""
    if not numbers.votes:
        return NOTHING
    if correction.voids and numbers.votes >= sum(numbers.counted.values()):
        return EVERYTHING
    return ""
