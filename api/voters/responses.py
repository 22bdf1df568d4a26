"""Pages made for one request, as FastAPI's responses."""

from fastapi import Response
from fastapi.responses import RedirectResponse

from api.answers import Answer

READS = ["GET", "HEAD"]
"""Methods of a page that is read."""


def respond(ready: Answer) -> Response:
    """`ready` with exactly its headers."""
    response = Response(ready.body["body"], ready.status)
    response.raw_headers = ready.start["headers"]
    return response


def see_other(address: str) -> RedirectResponse:
    """303 to an address of ours; never kept."""
    return RedirectResponse(address, 303, {"cache-control": "no-store"})
