"""Answers of the fast path: built once, sent as they are."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Header = tuple[bytes, bytes]

JSON = b"application/json"
PROBLEM = b"application/problem+json"
HTML = b"text/html; charset=utf-8"

NO_SNIFF: Header = (b"x-content-type-options", b"nosniff")
SECURITY: tuple[Header, ...] = (
    NO_SNIFF,
    (b"referrer-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
)
PAGE_SECURITY: tuple[Header, ...] = (
    *SECURITY[:2],
    (
        b"content-security-policy",
        (
            b"default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; "
            b"child-src 'self'; "  # for workers in Safari before 15.5, which takes no word of script-src for them
            b"manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        ),
    ),
)
NO_STORE: Header = (b"cache-control", b"no-store")


@dataclass(slots=True)
class Answer:
    """The two ASGI messages of an answer. They are shared between requests: nobody may change them."""

    start: dict[str, Any]
    body: dict[str, Any]
    _fields: bytes | None = None

    @property
    def fields(self) -> bytes:
        """The header fields as HTTP/1.1 writes them, each with its CRLF. Kept: most answers are given many times."""
        if self._fields is None:
            self._fields = b"".join([b"%b: %b\r\n" % header for header in self.start["headers"]])
        return self._fields

    @property
    def status(self) -> int:
        status: int = self.start["status"]
        return status


def answer(status: int, content_type: bytes, body: bytes, headers: Iterable[Header] = (NO_STORE,)) -> Answer:
    """An answer with `body`; security headers according to its type."""
    security = PAGE_SECURITY if content_type is HTML else SECURITY
    return Answer(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", content_type),
                (b"content-length", b"%d" % len(body)),
                *headers,
                *security,
            ],
        },
        {"type": "http.response.body", "body": body},
    )


def bodiless(full: Answer, status: int | None = None) -> Answer:
    """The answer to HEAD, or with `status=304` the one to a reader who has the body already (RFC 9110, 15.4.5)."""
    headers = full.start["headers"]
    if status == 304:
        headers = [header for header in headers if header[0] not in (b"content-type", b"content-length")]
    return Answer(
        {"type": "http.response.start", "status": status or full.status, "headers": headers},
        {"type": "http.response.body", "body": b""},
    )
