"""The head of a request in the bytes as they came, where it can mean one thing only.

Whoever reads HTTP differently from the server behind him is smuggled past. So nothing here is lenient: what is
not plainly HTTP/1.1 without a body (RFC 9112) in its usual spelling is not read at all, and left to uvicorn's parser.
"""

import re
from collections.abc import Mapping

VOTE_LINE = re.compile(rb"PUT /api/entries/([1-9][0-9]{0,9})/vote HTTP/1\.1\r\n")
"""The request line of a vote; its group is the entry's id as the contract spells it, or a little too great."""
READ_LINE = re.compile(rb"GET (/(?:[A-Za-z0-9._~-][A-Za-z0-9/._~-]*)?) HTTP/1\.1\r\n")
"""That of a page, its path in plain letters: no query, no %, not //."""
MOST_FIELDS = 100  # header fields of a request; a browser sends about 20
_PLAIN = b"\t" + bytes(range(0x20, 0x7F))  # what a value may hold
_TOKEN = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_OTHERS = frozenset((b"transfer-encoding", b"expect", b"upgrade", b"proxy-connection", b"te", b"trailer"))
"""Fields that change how a request is read or answered."""


def header_fields(lines: bytes) -> Mapping[bytes, bytes] | None:
    """The fields of `lines` (each with its CRLF) by lower-case name; None where they are another's to read."""
    fields: dict[bytes, bytes] = {}
    parts = lines.split(b"\r\n")
    if parts.pop() or lines.translate(None, _PLAIN) != b"\r\n" * len(parts):
        return None
    for part in parts:
        name, colon, value = part.partition(b":")
        if not colon or not name:
            return None
        fields[name.lower()] = value.lstrip(b" \t")  # what stands behind a value stays, as uvicorn leaves it
    if len(fields) != len(parts) or len(parts) > MOST_FIELDS or b"".join(fields).translate(None, _TOKEN):
        return None  # named twice, too many, or no name
    if not _OTHERS.isdisjoint(fields) or fields.get(b"content-length", b"0") != b"0":
        return None
    if fields.get(b"connection", b"keep-alive").lower() != b"keep-alive":
        return None
    return fields
