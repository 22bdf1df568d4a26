"""`GET /api/ballot`: the entries that this account has voted for."""

from fastapi import APIRouter, Request, Response

from api.access import Access, fields_of
from api.openapi import SESSION, problems
from api.outcomes import Code, VoterProblem
from api.schemas import Ballot, BallotVote
from api.snapshot import Watch
from models.ballot_box.connection import BoxAway, BoxRefused


def ballot_router(access: Access, watch: Watch) -> APIRouter:
    router = APIRouter(tags=["voters"])

    @router.get(
        "/api/ballot",
        summary="What this account has voted for",
        responses=problems(Code.NO_SESSION, Code.NOT_READY),
        openapi_extra={"security": SESSION},
    )
    async def ballot(request: Request, response: Response) -> Ballot:
        """The account's votes with their receipts, voided ones included, in the order of the entries' ids."""
        response.headers["cache-control"] = "no-store"
        return await read_votes(access, watch, request.headers.raw)

    return router


async def read_votes(access: Access, watch: Watch, headers: list[tuple[bytes, bytes]]) -> Ballot:
    """The ballot of who is asking. Errors: VoterProblem (no_session, not_ready)."""
    snapshot = watch.current
    voter = access.voter(fields_of(headers), snapshot, changes=False)
    if isinstance(voter, Code):
        raise VoterProblem(voter)
    if snapshot.receipts is None or watch.other_key:
        raise VoterProblem(Code.NOT_READY)
    try:
        entries = await watch.ballot(voter.account)
    except (BoxAway, BoxRefused):
        raise VoterProblem(Code.NOT_READY) from None
    if entries is None:
        raise VoterProblem(Code.NOT_READY)
    receipts = snapshot.receipts
    return Ballot(
        account_tag=access.sessions.account_tag(voter.contest_id, voter.account),
        votes=[
            BallotVote(entry_id=entry, receipt=receipts.code(receipts.number(voter.account, entry)))
            for entry in entries
        ],
    )
