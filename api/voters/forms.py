"""Forms of the voters' pages: read within bounds, and shown again with all that was typed where they do not go on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from fastapi import Request

from api.access import fields_of
from api.answers import Header
from api.outcomes import Code, VoterProblem, problem_headers
from api.voters.login_steps import Login

BODY_LIMIT = 16_384  # bytes
_FIELDS = 16
Typed = dict[str, str]
"""Name of a field → what was typed into it."""


@dataclass(frozen=True)
class Turned:
    """What a form is answered with when it does not go on: the status, a sentence for all of it or one for each field
    that is wrong (in the language of the page), further headers.
    """

    status: int
    sentence: str = ""
    faults: Mapping[str, str] = field(default_factory=dict)
    headers: tuple[Header, ...] = ()
    reason: str = ""
    """For the log."""


async def bounded_body(request: Request, limit: int = BODY_LIMIT) -> bytes:
    """The body, read to its end; `limit` in bytes. Errors: VoterProblem (too_large)."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > limit:
            raise VoterProblem(Code.TOO_LARGE)
    return bytes(body)


async def read_form(login: Login, request: Request, *, limit: int = BODY_LIMIT, errors: str = "strict") -> Typed:
    """The fields of a form of ours, of a body of at most `limit` bytes. `errors`: what becomes of bytes that are no
    UTF-8, as `bytes.decode` has it. Errors: VoterProblem (cross_site, too_large, malformed).
    """
    if not login.own_call(fields_of(request.headers.raw)):
        raise VoterProblem(Code.CROSS_SITE)
    try:
        body = (await bounded_body(request, limit)).decode(errors=errors)
        fields = parse_qs(body, keep_blank_values=True, max_num_fields=_FIELDS)
    except ValueError:
        raise VoterProblem(Code.MALFORMED) from None
    return {name: values[0] for name, values in fields.items()}


def retry_after(code: Code) -> tuple[Header, ...]:
    """The Retry-After of a refusal, where it has one."""
    return tuple(header for header in problem_headers(code) if header[0] == b"retry-after")
