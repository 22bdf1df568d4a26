"""Cached reads: answers that are made once and are the same for every reader."""

import hashlib
from collections.abc import Callable, Iterable, Mapping

from api.answers import Answer, Header, answer, bodiless
from api.compression import encoded

# A shared cache keeps a page for a second, and may show one that is a little older while it asks, or while we are away.
_CACHE_CONTROL = (b"cache-control", b"public, max-age=1, stale-while-revalidate=5, stale-if-error=60")
AN_HOUR: Header = (b"cache-control", b"public, max-age=3600, stale-if-error=86400")
FOR_EVER: Header = (b"cache-control", b"public, max-age=31536000, immutable")
"""For an address that carries the hash of what is there."""
VARY: Header = (b"vary", b"accept-encoding")
LEAST = 1_000  # bytes of a body that is worth compressing
MOST_MADE = 2_000
"""Pages kept at a time: an address with a question can be thought out by anybody."""


class Cached:
    """A cached read: the whole answer, made smaller for who takes that, the one to HEAD and the one to a reader who has
    it already. Smaller ones are made when they are first asked for.

    `tag`: the quoted part of the ETag; empty for what nobody may keep.
    """

    __slots__ = ("_encode", "_encoded", "full", "tag", "unchanged")

    def __init__(self, tag: bytes, full: Answer, encode: Callable[[bytes, bytes], bytes] | None = encoded) -> None:
        self.tag = tag
        self.full = full
        self.unchanged = bodiless(full, 304) if tag else full
        self._encode = encode if len(full.body["body"]) >= LEAST else None
        self._encoded: dict[tuple[bytes, bool], Answer] = {}

    def to(self, fields: Mapping[bytes, bytes], *, head: bool = False) -> Answer:
        """The answer to a request with these header fields."""
        known = fields.get(b"if-none-match")
        if known and self.tag and (self.tag in known or known.strip() == b"*"):
            return self.unchanged
        coding = _coding(fields.get(b"accept-encoding", b"")) if self._encode else b""
        if not coding and not head:
            return self.full
        ready = self._encoded.get((coding, head))
        if ready is None:
            ready = self._encoded[coding, head] = self._made(coding, head=head)
        return ready

    def _made(self, coding: bytes, *, head: bool) -> Answer:
        if head:
            return bodiless(self._made(coding, head=False))
        if not coding or self._encode is None:
            return self.full
        body = self._encode(self.full.body["body"], coding)
        kept = [header for header in self.full.start["headers"] if header[0] != b"content-length"]
        headers = [*kept, (b"content-length", b"%d" % len(body)), (b"content-encoding", coding)]
        return Answer({**self.full.start, "headers": headers}, {"type": "http.response.body", "body": body})


def _coding(accepted: bytes) -> bytes:
    """The best coding that a reader takes (RFC 9110, 12.5.3), b"" for none."""
    if b"q=0" in accepted:  # q=0, and q=0.5 as well: rare enough to be served whole
        return b""
    return b"br" if b"br" in accepted else b"gzip" if b"gzip" in accepted else b""


def cached(content_type: bytes, body: bytes, shown: bytes, headers: Iterable[Header] = (_CACHE_CONTROL,)) -> Cached:
    """`shown` decides about the tag. It is weak (RFC 9110, 8.8.1): the time in the body may differ."""
    tag = b'"%s"' % hashlib.blake2b(shown, digest_size=12).hexdigest().encode()
    return Cached(tag, answer(200, content_type, body, ((b"etag", b"W/" + tag), VARY, *headers)))


def untagged(ready: Answer) -> Cached:
    """An answer that no reader may keep: a refusal, or a page that says to come back."""
    return Cached(b"", ready, None)


class Pages:
    """Cached reads by path. What is not in `fixed` is made by `make` when it is first asked for: nobody pays for the
    pages of a thousand entries twice a second.
    """

    def __init__(
        self,
        fixed: Mapping[str, Cached],
        make: Callable[[str], Cached | None],
        made: dict[str, Cached] | None = None,
    ) -> None:
        self._fixed = fixed
        self._make = make
        self._made: dict[str, Cached] = {} if made is None else made

    def at_hand(self, path: str) -> Cached | None:
        """The page if it need not be made."""
        return self._fixed.get(path) or self._made.get(path)

    def get(self, path: str) -> Cached | None:
        found = self.at_hand(path)
        if found is None:
            found = self._make(path)
            if found is not None:
                if len(self._made) >= MOST_MADE:
                    self._made.clear()
                self._made[path] = found
        return found

    def __getitem__(self, path: str) -> Cached:
        """Errors: KeyError."""
        return self._fixed[path]

    def beside(self, fixed: Mapping[str, Cached]) -> "Pages":
        """The same made pages beside other fixed ones."""
        return Pages(fixed, self._make, self._made)
