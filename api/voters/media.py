"""`/media/<hash>.webp`, `.avif`, `.pdf`: pictures and attachments of entries, from the media folder by way of memory.

A file is read in a thread, once for as long as it stays in memory: the votes do not wait for a disk. What is in memory
is served by the fast path.
"""

import asyncio
from collections import OrderedDict

from fastapi import APIRouter, HTTPException, Request, Response

from api.access import fields_of
from api.answers import Answer, Header, answer
from api.cached import FOR_EVER, Cached
from api.voters.responses import READS, respond
from models.media import ADDRESS, MediaFolder

MEMORY_BYTES = 64 * 1024**2
# An attachment may hold scripts: it is shown by the browser's own viewer and may load, send and frame nothing.
_ATTACHMENT_POLICY: Header = (
    b"content-security-policy",
    (
        b"default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
        b"form-action 'none'; sandbox"
    ),
)

_MINUTES = {
    "json": (b"application/json", b'attachment; filename="bien-ban.json"'),
    "sig": (b"application/octet-stream", b'attachment; filename="bien-ban.json.sig"'),
}
"""Files of signed minutes: their type and what they are called when they are saved."""


class Shelf:
    """Files of the media folder as ready answers, at most `limit` bytes of them: those that were asked for last."""

    def __init__(self, folder: MediaFolder, limit: int = MEMORY_BYTES) -> None:
        self._folder = folder
        self._limit = limit
        self._ready: OrderedDict[str, Cached] = OrderedDict()
        self.bytes = 0

    def at_hand(self, name: str) -> Cached | None:
        """The answer of the file `name` if it is in memory."""
        ready = self._ready.get(name)
        if ready is not None:
            self._ready.move_to_end(name)
        return ready

    async def get(self, name: str) -> Cached | None:
        """The answer of the file `name`; None where there is none."""
        ready = self.at_hand(name)
        if ready is not None:
            return ready
        content = await asyncio.to_thread(self._read, name)
        if content is None:
            return None
        ready = _answer(name, content)
        if name not in self._ready and len(content) <= self._limit:
            self._ready[name] = ready
            self.bytes += len(content)
            while self.bytes > self._limit:
                _, oldest = self._ready.popitem(last=False)
                self.bytes -= len(oldest.full.body["body"])
        return ready

    def _read(self, name: str) -> bytes | None:
        path = self._folder.path_of(name)
        try:
            return path.read_bytes() if path else None
        except OSError:
            return None


def media_router(shelf: Shelf) -> APIRouter:
    """The route for what is not in memory yet; the fast path serves what is."""
    router = APIRouter(include_in_schema=False)

    @router.api_route(ADDRESS + "{name}", methods=READS)
    async def media(name: str, request: Request) -> Response:
        """A picture or attachment. Errors: 404."""
        found = await shelf.get(name)
        if found is None:
            raise HTTPException(404)
        return respond(found.to(fields_of(request.headers.raw), head=request.method == "HEAD"))

    return router


def _answer(name: str, content: bytes) -> Cached:
    digest, _, suffix = name.rpartition(".")
    tag = b'"%s"' % digest.encode()
    kept: tuple[Header, ...] = ((b"etag", tag), FOR_EVER)
    if suffix in {"webp", "avif"}:
        return Cached(tag, answer(200, b"image/" + suffix.encode(), content, kept), None)
    if suffix in _MINUTES:
        media_type, called = _MINUTES[suffix]
        return Cached(tag, answer(200, media_type, content, (*kept, (b"content-disposition", called))), None)
    shown_as = b'inline; filename="tai-lieu-%s.pdf"' % digest[:8].encode()
    ready = answer(200, b"application/pdf", content, (*kept, (b"content-disposition", shown_as)))
    headers = [header for header in ready.start["headers"] if header[0] != _ATTACHMENT_POLICY[0]]
    return Cached(tag, Answer({**ready.start, "headers": [*headers, _ATTACHMENT_POLICY]}, ready.body), None)
