"""The fast path: the vote and the cached reads, in an ASGI layer in front of FastAPI. It works under any server; where
uvicorn serves, the lane (`api/lane.py`) answers most of them before there is a scope.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from starlette.routing import BaseRoute

from api.access import fields_of
from api.answers import Answer, Receive, Scope, Send
from api.cached import Cached
from api.casting import Casting, Voted, answer_to, parse_entry
from api.outcomes import Code, problem, refuse
from api.sessions import Session
from api.snapshot import Snapshot, Watch
from api.turns import Turns
from api.voters.language import LANGUAGES
from api.voters.listing import LIST, question_of
from api.voters.media import Shelf
from api.voters.page import CONFIRM
from models.media import ADDRESS

Application = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_LIMIT = 65_536  # bytes of a vote's body that are discarded; more is refused
_LISTS = tuple(language.path(LIST) for language in LANGUAGES)
PREFIX, SUFFIX = "/api/entries/", "/vote"
_HEALTH = "/health/"
_WRONG_VOTE = problem(Code.WRONG_METHOD, allow=b"PUT")
_WRONG_READ = problem(Code.WRONG_METHOD, allow=b"GET, HEAD")


class FastPath:
    """ASGI application: answers the hottest routes itself and passes everything else on to `app`."""

    def __init__(
        self,
        app: Application,
        *,
        casting: Casting,
        watch: Watch,
        shelf: Shelf,
        routes: Sequence[BaseRoute],
    ) -> None:
        self._app = app
        self.routes = routes
        """Of `app`, for those who ask what there is."""
        self.casting = casting
        self._watch = watch
        self._shelf = shelf
        self._turns = Turns()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = scope["path"]
            if path.startswith(PREFIX) and path.endswith(SUFFIX):
                ready = await self._vote(scope, receive, path[len(PREFIX) : -len(SUFFIX)])
                if ready is not None:
                    await send(ready.start)
                    await send(ready.body)
                return
            page = self._at_hand(scope, path)
            if page is None and not path.startswith(_HEALTH):  # a process that is busy is up
                await self._turns.next()
                page = self._page(scope, path)
            if page is not None:
                ready = _read(scope, page)
                await send(ready.start)
                await send(ready.body)
                return
        await self._app(scope, receive, send)

    def _at_hand(self, scope: Scope, path: str) -> Cached | None:
        """The cached read at `path` if it is in memory. A list is another for each question; elsewhere a query changes
        nothing.
        """
        if path in _LISTS:
            return self.page_at_hand(_question(scope, path))
        if scope["method"] == "POST" and path.endswith(CONFIRM):
            return None  # the form of the very page
        return self.page_at_hand(path)

    def _page(self, scope: Scope, path: str) -> Cached | None:
        """The cached read at `path`, made where it is not in memory."""
        pages = self._watch.current.pages
        if path in _LISTS:
            return pages.get(_question(scope, path)) or pages.get(path)  # without a contest all have one answer
        if scope["method"] == "POST" and path.endswith(CONFIRM):
            return None  # the form of the very page
        return pages.get(path)

    def page_at_hand(self, path: str) -> Cached | None:
        """The cached read at `path`, asked for without a query, if it is in memory."""
        if path.startswith(ADDRESS):
            return self._shelf.at_hand(path[len(ADDRESS) :])  # else the route reads it, in a thread
        return self._watch.current.pages.at_hand(path)

    async def _vote(self, scope: Scope, receive: Receive, entry_id: str) -> Answer | None:
        """The answer to a vote; None when the client left before it had asked in full."""
        fields = fields_of(scope["headers"])
        if scope["method"] != "PUT":
            self.casting.refused(Code.WRONG_METHOD)
            return _unread(fields, _WRONG_VOTE)
        if fields.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in fields:
            size = await _discard_body(fields, receive)
            if size is None:
                return None
            if size > BODY_LIMIT:
                self.casting.refused(Code.TOO_LARGE)
                return _unread(fields, refuse(Code.TOO_LARGE))
        decided: asyncio.Future[Voted | Code] = asyncio.get_running_loop().create_future()
        self.casting.vote(fields, scope["client"], parse_entry(entry_id), partial(_settle, decided))
        return answer_to(await decided)

    async def cast(self, voter: Session, entry: int, snapshot: Snapshot, evidence: bytes) -> Voted | Code:
        """A vote whose voter is known, from its beginning to its outcome."""
        decided: asyncio.Future[Voted | Code] = asyncio.get_running_loop().create_future()
        self.casting.cast(voter, entry, snapshot, evidence, partial(_settle, decided))
        return await decided


def _settle(decided: asyncio.Future[Voted | Code], found: Voted | Code) -> None:
    if not decided.done():  # cancelled while the process shuts down
        decided.set_result(found)


def _question(scope: Scope, path: str) -> str:
    """The address of a list, in the one spelling of what it was asked for."""
    query = scope["query_string"]
    return path + question_of(query) if query else path


def _read(scope: Scope, page: Cached) -> Answer:
    if scope["method"] not in ("GET", "HEAD"):
        return _WRONG_READ
    return page.to(fields_of(scope["headers"]), head=scope["method"] == "HEAD")


def _unread(fields: Mapping[bytes, bytes], ready: Answer) -> Answer:
    """`ready` for a request whose body was not read. Who waits for "100 Continue" may never send it, and the next
    request would be taken for it: that connection ends.
    """
    if b"expect" not in fields:
        return ready
    headers = [*ready.start["headers"], (b"connection", b"close")]
    return Answer(ready.start | {"headers": headers}, ready.body)


async def _discard_body(fields: Mapping[bytes, bytes], receive: Receive) -> int | None:
    """Bytes of the body, read to its end or to the limit; None when the client left. One that says beforehand that it
    is larger is not read at all: the server discards what still comes.
    """
    declared = fields.get(b"content-length", b"")
    if declared.isdigit() and (len(declared) > 9 or int(declared) > BODY_LIMIT):
        return BODY_LIMIT + 1
    size = 0
    while size <= BODY_LIMIT:
        message = await receive()
        if message["type"] != "http.request":
            return None
        size += len(message.get("body", b""))
        if not message.get("more_body", False):
            break
    return size
