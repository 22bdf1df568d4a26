"""The fast path: the vote and the cached reads, in an ASGI layer in front of FastAPI.

A vote, step by step; the first step that fails answers:
method → size of the body → session → `For-Account` → entry id → box ready → the box decides (`Intake.put`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from starlette.routing import BaseRoute

from api.access import Access, fields_of
from api.answers import JSON, NO_SNIFF, NO_STORE, Answer, Receive, Scope, Send
from api.cached import Cached
from api.evidence import Evidence
from api.metrics import Metrics
from api.outcomes import REFUSED, VOTED, Code, problem, refuse
from api.sessions import Session
from api.snapshot import Snapshot, Watch
from api.turns import Turns
from api.voters.language import LANGUAGES
from api.voters.listing import LIST, question_of
from api.voters.media import Shelf
from api.voters.page import CONFIRM
from models.ballot_box.intake import Intake
from models.event import MAX_ENTRY, pack_cast
from models.media import ADDRESS
from models.outcomes import Outcome

Application = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_LIMIT = 65_536  # bytes of a vote's body that are discarded; more is refused
_LISTS = tuple(language.path(LIST) for language in LANGUAGES)
_PREFIX, _SUFFIX = "/api/entries/", "/vote"
_HEALTH = "/health/"
_WRONG_VOTE = problem(Code.WRONG_METHOD, allow=b"PUT")
_WRONG_READ = problem(Code.WRONG_METHOD, allow=b"GET, HEAD")
# Every header costs uvicorn two regular expressions. This answer is JSON to a PUT: no browser shows it as a page, so
# the policies for pages would guard nothing.
_VOTE_HEADERS = [(b"content-type", JSON), NO_STORE, NO_SNIFF]
# Hashing an enum is a call into Python: the two outcomes of nearly every vote are told apart by identity.
_COUNTED, _AGAIN = Outcome.COUNTED, Outcome.ALREADY_VOTED
_NEW, _REPEAT = ((status, f'{{"status":"{outcome.value}","entry_id":'.encode()) for outcome, status in VOTED.items())


class FastPath:
    """ASGI application: answers the hottest routes itself and passes everything else on to `app`."""

    def __init__(
        self,
        app: Application,
        *,
        access: Access,
        evidence: Evidence,
        watch: Watch,
        intake: Intake,
        metrics: Metrics,
        shelf: Shelf,
        routes: Sequence[BaseRoute],
    ) -> None:
        self._app = app
        self.routes = routes
        """Of `app`, for those who ask what there is."""
        self._access = access
        self._evidence = evidence
        self._watch = watch
        self._intake = intake
        self._metrics = metrics
        self._shelf = shelf
        self._turns = Turns()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = scope["path"]
            if path.startswith(_PREFIX) and path.endswith(_SUFFIX):
                ready = await self._vote(scope, receive, path[len(_PREFIX) : -len(_SUFFIX)])
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
        if path.startswith(ADDRESS):
            return self._shelf.at_hand(path[len(ADDRESS) :])  # else the route reads it, in a thread
        if path in _LISTS:
            return self._watch.current.pages.at_hand(_question(scope, path))
        if scope["method"] == "POST" and path.endswith(CONFIRM):
            return None  # the form of the very page
        return self._watch.current.pages.at_hand(path)

    def _page(self, scope: Scope, path: str) -> Cached | None:
        """The cached read at `path`, made where it is not in memory."""
        pages = self._watch.current.pages
        if path in _LISTS:
            return pages.get(_question(scope, path)) or pages.get(path)  # without a contest all have one answer
        if scope["method"] == "POST" and path.endswith(CONFIRM):
            return None  # the form of the very page
        return pages.get(path)

    async def _vote(self, scope: Scope, receive: Receive, entry_id: str) -> Answer | None:
        """The answer to a vote; None when the client left before it had asked in full."""
        fields = fields_of(scope["headers"])
        if scope["method"] != "PUT":
            return self._refused(Code.WRONG_METHOD, _unread(fields, _WRONG_VOTE))
        if fields.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in fields:
            size = await _discard_body(fields, receive)
            if size is None:
                return None
            if size > BODY_LIMIT:
                return self._refused(Code.TOO_LARGE, _unread(fields, refuse(Code.TOO_LARGE)))
        snapshot = self._watch.current
        examined = self._examine(fields, snapshot, entry_id)
        if isinstance(examined, Code):
            return self._refused(examined)
        voter, entry = examined
        return await self.cast(voter, entry, snapshot, self._evidence.of(scope["client"], fields))

    def _examine(self, fields: Mapping[bytes, bytes], snapshot: Snapshot, entry_id: str) -> tuple[Session, int] | Code:
        """Who votes and for what, from the request alone; else the first reason against it."""
        voter = self._access.voter(fields, snapshot, changes=True)
        if isinstance(voter, Code):
            return voter
        wanted = fields.get(b"for-account")
        if wanted is not None and wanted != self._access.sessions.account_tag(voter[0], voter[1]).encode():
            return Code.OTHER_ACCOUNT
        entry = parse_entry(entry_id)
        if entry is None:
            return Code.UNKNOWN_ENTRY
        return voter, entry

    async def cast(self, voter: Session, entry: int, snapshot: Snapshot, evidence: bytes) -> Answer:
        """Puts the vote into the pending batch and waits for its outcome. A caller who leaves takes nothing back."""
        if snapshot.receipts is None or self._watch.other_key:
            return self._refused(Code.NOT_READY)
        account = voter.account
        number = snapshot.receipts.number(account, entry)
        decided: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

        def settle(outcome: Outcome) -> None:
            if not decided.done():  # cancelled while the process shuts down
                decided.set_result(outcome)

        self._intake.put(account, entry, pack_cast(account, entry, number, voter.proof, evidence), settle)
        outcome = await decided
        if outcome is _COUNTED or outcome is _AGAIN:
            self._metrics.voted(again=outcome is _AGAIN)
            return _voted(_NEW if outcome is _COUNTED else _REPEAT, entry, snapshot.receipts.code(number))
        if outcome is Outcome.NOT_READY:
            self._watch.refresh_soon()
        return self._refused(REFUSED[outcome])

    def _refused(self, code: Code, ready: Answer | None = None) -> Answer:
        self._metrics.refused(code.value)
        return ready or refuse(code)


def _question(scope: Scope, path: str) -> str:
    """The address of a list, in the one spelling of what it was asked for."""
    query = scope["query_string"]
    return path + question_of(query) if query else path


def _read(scope: Scope, page: Cached) -> Answer:
    if scope["method"] not in ("GET", "HEAD"):
        return _WRONG_READ
    return page.to(fields_of(scope["headers"]), head=scope["method"] == "HEAD")


def _voted(word: tuple[int, bytes], entry: int, receipt: str) -> Answer:
    status, start = word
    body = b'%b%d,"receipt":"%b"}' % (start, entry, receipt.encode())
    headers = [(b"content-length", b"%d" % len(body)), *_VOTE_HEADERS]
    return Answer(
        {"type": "http.response.start", "status": status, "headers": headers},
        {"type": "http.response.body", "body": body},
    )


def parse_entry(text: str) -> int | None:
    """An entry's id as the contract spells it: 1 to 2³¹-1, digits only, no leading zero."""
    if not text or len(text) > 10 or not (text.isascii() and text.isdigit()) or text[0] == "0":
        return None
    entry = int(text)
    return entry if entry <= MAX_ENTRY else None


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
