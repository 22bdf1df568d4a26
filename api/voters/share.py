"""What sharing an entry needs beside its page: its share image, and its address as a QR code.

Share images are drawn one at a time in a thread and kept, in memory and in a folder: a crawler that asks for all of
them costs the votes little, and who comes when too many wait is told to come back.
"""

import asyncio
import hashlib
import json
from collections import OrderedDict
from contextlib import suppress
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from urllib.parse import quote

import segno
from fastapi import APIRouter, HTTPException, Request, Response

from api.access import fields_of
from api.answers import Answer, answer
from api.cached import AN_HOUR, Cached, cached
from api.outcomes import Code, VoterProblem
from api.snapshot import Watch
from api.voters.language import LANGUAGES, N_, Language
from api.voters.page import ENTRY
from api.voters.responses import READS, respond
from api.voters.share_image import DESIGN, Words, draw
from api.voters.view import Entry, View
from models.contest_file import MAX_ENTRIES
from models.media import ADDRESS, MediaFolder

IMAGE, QR_CODE = "/anh.jpg", "/qr.svg"
"""What the addresses end with, after the entry's."""
MOST_WAITING = 30  # images to be drawn; a drawing takes about 0.1 s
MOST_IN_MEMORY = 200
MOST_IN_FOLDER = 4_000  # a thousand entries in both languages, twice over; some 60 KB each


class Gallery:
    """The share images, drawn when they are first asked for. `cache`: a folder that may be lost at any time."""

    def __init__(self, media: MediaFolder, cache: Path) -> None:
        self._media = media
        self._cache = cache
        self._ready: OrderedDict[str, Cached] = OrderedDict()
        self._lock = asyncio.Lock()
        self._waiting = 0

    async def image(self, words: Words, address: str = "") -> Cached:
        """The image with these words and the picture at `address`. Errors: VoterProblem (busy) when too many wait."""
        name = _name(words, address)
        ready = self._ready.get(name)
        if ready is not None:
            self._ready.move_to_end(name)
            return ready
        if self._waiting >= MOST_WAITING:
            raise VoterProblem(Code.BUSY)
        self._waiting += 1
        try:
            async with self._lock:
                if name not in self._ready:
                    body = await asyncio.to_thread(self._drawn, name, words, address)
                    self._keep(name, Cached(b'"%s"' % name.encode(), _answer(name, body), None))
                return self._ready[name]
        finally:
            self._waiting -= 1

    def _keep(self, name: str, ready: Cached) -> None:
        self._ready[name] = ready
        while len(self._ready) > MOST_IN_MEMORY:
            self._ready.popitem(last=False)

    def _drawn(self, name: str, words: Words, address: str) -> bytes:
        """The image `name` from the folder, else drawn and put there if it can be: a full disk stops no image."""
        kept = self._cache / f"{name}.jpg"
        with suppress(OSError):
            body = kept.read_bytes()
            if body.endswith(b"\xff\xd9"):  # a JPEG's end: another process may be writing it
                return body
        picture = None
        path = self._media.path_of(address.removeprefix(ADDRESS))
        with suppress(OSError):
            picture = path.read_bytes() if path else None
        body = draw(words, picture)
        with suppress(OSError):
            self._cache.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(body)
            _forget_oldest(self._cache)
        return body


def _name(words: Words, address: str) -> str:
    """The hash of all that is shown."""
    shown = json.dumps([DESIGN, words.title, words.category, words.author, words.contest, address])
    return hashlib.blake2b(shown.encode(), digest_size=16).hexdigest()


def _answer(name: str, body: bytes) -> Answer:
    return answer(200, b"image/jpeg", body, ((b"etag", b'"%s"' % name.encode()), AN_HOUR))


def _forget_oldest(folder: Path) -> None:
    """Keeps the folder within MOST_IN_FOLDER images."""
    images = list(folder.glob("*.jpg"))
    if len(images) > MOST_IN_FOLDER:
        for path in sorted(images, key=lambda path: path.stat().st_mtime)[: MOST_IN_FOLDER // 2]:
            path.unlink(missing_ok=True)


# Each takes milliseconds of the process that takes votes: it is made once, whoever asks for all of them in turn.
@lru_cache(maxsize=MAX_ENTRIES * len(LANGUAGES))
def qr_code(address: str) -> Cached:
    """The address as a QR code, black on white with its quiet zone, in SVG."""
    written = BytesIO()
    segno.make(address, error="m", micro=False).save(
        written, kind="svg", scale=8, border=4, light="#fff", xmldecl=False
    )
    return cached(b"image/svg+xml", written.getvalue(), written.getvalue(), (AN_HOUR,))


def words_of(view: View, language: Language, entry: Entry) -> Words:
    """What the share image of an entry says."""
    category = view.catalogue.by_category.get(entry["category"])
    return Words(
        title=language.of(entry, "title"),
        category=language.of(category, "title") if category else "",
        author=" – ".join(filter(None, (entry["author"], entry["unit"]))),
        contest=language.of(view.contest, "title"),
    )


def share_router(watch: Watch, gallery: Gallery, language: Language) -> APIRouter:
    """The routes of one language."""
    router = APIRouter(include_in_schema=False, prefix=language.prefix)

    def found(slug: str) -> tuple[View, Entry]:
        view = watch.current.view
        entry = view.catalogue.by_slug.get(slug) if view else None
        if view is None or entry is None:
            raise HTTPException(404)
        return view, entry

    @router.api_route(ENTRY + "{slug}" + IMAGE, methods=READS)
    async def image(slug: str, request: Request) -> Response:
        """The share image of an entry. Errors: 404; 503 when too many wait."""
        view, entry = found(slug)
        address = entry["pictures"][0]["sizes"][-1]["address"] if entry["pictures"] else ""
        ready = await gallery.image(words_of(view, language, entry), address)
        return respond(ready.to(fields_of(request.headers.raw), head=request.method == "HEAD"))

    @router.api_route(IMAGE, methods=READS)
    async def of_contest(request: Request) -> Response:
        """The share image of every other page. Errors: 404 without a contest; 503 when too many wait."""
        view = watch.current.view
        if view is None:
            raise HTTPException(404)
        title, organiser = (language.of(view.contest, field) for field in ("title", "organiser"))
        ready = await gallery.image(Words(title, organiser, language.text(N_("Mời bạn bình chọn")), ""))
        return respond(ready.to(fields_of(request.headers.raw), head=request.method == "HEAD"))

    @router.api_route(ENTRY + "{slug}" + QR_CODE, methods=READS)
    async def qr(slug: str, request: Request) -> Response:
        """The official address of an entry as a QR code. Errors: 404."""
        view, entry = found(slug)
        ready = qr_code(view.origin + language.path(ENTRY + quote(entry["slug"])))
        return respond(ready.to(fields_of(request.headers.raw), head=request.method == "HEAD"))

    return router
