"""The vote lane: votes and cached reads answered from the bytes as they come, without a scope, a task or a future.

    bytes ─▶ a head that means one thing only (`api/head.py`)? ─▶ a vote ─▶ `Casting` ─▶ answered when it is decided
                │                                              └▶ a page in memory ─▶ answered at once
                └─ no ─▶ uvicorn's parser, the ASGI layer, FastAPI: the same functions, and the same bytes of answers

A connection is answered in order: what comes behind a vote that is not decided yet waits, and is looked at afterwards.
What is given to uvicorn's parser begins where a request begins; while that parser stands within a request, or one of
its requests is unanswered, everything is its.
"""

from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from api.answers import Answer, Header
from api.casting import VOTED_HEADERS, VOTED_STATUS, Voted, voted_body
from api.fast_path import FastPath
from api.head import READ_LINE, VOTE_LINE, header_fields
from api.outcomes import Code, refuse
from api.protocol import HEAD_LIMIT, BoundedHeads
from models.event import MAX_ENTRY

_END = b"\r\n\r\n"
_MOST_LATER = HEAD_LIMIT  # bytes that may wait behind a vote before the client is not read any more


class _Heads:
    """Status lines with the fields that uvicorn adds (the date), made anew when it has changed them."""

    def __init__(self) -> None:
        self._made_with: list[Header] | None = None
        self._added = b""
        self._voted: dict[bool, bytes] = {}

    def added(self, defaults: list[Header]) -> bytes:
        if defaults is not self._made_with:
            self._added = _fields(defaults)
            self._voted = {
                again: STATUS_LINE[status] + self._added + b"content-length: %d\r\n" + _fields(VOTED_HEADERS)
                for again, status in VOTED_STATUS.items()
            }
            self._made_with = defaults
        return self._added

    def voted(self, defaults: list[Header], *, again: bool) -> bytes:
        """With `%d` for the body's length."""
        self.added(defaults)
        return self._voted[again]


_HEADS = _Heads()


class VoteLane(BoundedHeads):
    """One connection."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        usual = not self.root_path and self.limit_concurrency is None and not self.config.access_log
        self._fast = self.app if usual and isinstance(self.app, FastPath) else None
        self._asked = False  # a vote is being decided
        self._later = b""  # what came behind it
        self._ending = False  # the server stops: what was asked in full is answered, no more
        self._answered_at = 0.0

    # what comes
    def data_received(self, data: bytes) -> None:
        if self._asked:
            self._wait(self._later + data)
        elif self._fast is None or self._inside or (self.cycle is not None and not self.cycle.response_complete):
            super().data_received(data)
        else:
            self._take(self._fast, data)

    def _take(self, fast: FastPath, data: bytes) -> None:
        """`data` begins where a request begins, and nothing is unanswered."""
        begin = 0  # one slice for each request: what stands behind it is not copied again and again
        while begin < len(data):
            end = data.find(_END, begin) + len(_END)
            if end < len(_END) or end - begin > HEAD_LIMIT or not self._answers(fast, data, begin, end):
                super().data_received(data[begin:] if begin else data)
                return
            begin = end
            if self._asked:
                self._wait(data[begin:])
                return

    def _wait(self, later: bytes) -> None:
        """`later` is looked at when the vote before it is decided."""
        self._later = later
        if len(later) > _MOST_LATER:
            self.flow.pause_reading()

    def _answers(self, fast: FastPath, data: bytes, begin: int, end: int) -> bool:
        """Whether the request from `begin` to `end` is the lane's: then it is answered, or asked for."""
        if self.flow.write_paused:
            return False  # a client that does not read is uvicorn's to wait for
        vote = VOTE_LINE.match(data, begin)
        if vote is not None:
            fields = header_fields(data[vote.end() : end - 2])
            if fields is None:
                return False
            self._asked = True
            entry = int(vote[1])
            fast.casting.vote(fields, self.client, entry if entry <= MAX_ENTRY else None, self._decided)
            return True
        read = READ_LINE.match(data, begin)
        page = fast.page_at_hand(read[1].decode()) if read is not None else None
        if read is None or page is None:
            return False
        fields = header_fields(data[read.end() : end - 2])
        if fields is None:
            return False
        self._write(page.to(fields))
        return True

    # what is answered
    def _decided(self, found: Voted | Code) -> None:
        self._asked = False
        if self.transport.is_closing():
            return  # the client has left; the vote stays
        if isinstance(found, Code):
            self._write(refuse(found))
        else:
            body = voted_body(found)
            head = _HEADS.voted(self.server_state.default_headers, again=found[0]) % len(body)
            self._send(head, body)
        if self._later and self._fast is not None and not self.transport.is_closing():
            later, self._later = self._later, b""
            self.flow.resume_reading()
            try:
                if self._ending:
                    super().data_received(later)  # what was asked in full is uvicorn's to answer, and to close behind
                    super().shutdown()
                else:
                    self._take(self._fast, later)
            except BaseException:
                self.transport.abort()  # as the loop does where what comes cannot be taken: nobody waits for ever
                raise

    def _write(self, ready: Answer) -> None:
        self._send(
            STATUS_LINE[ready.status] + _HEADS.added(self.server_state.default_headers) + ready.fields,
            ready.body["body"],
        )

    def _send(self, head: bytes, body: bytes) -> None:
        self.server_state.total_requests += 1
        if self._ending and _END not in self._later:
            self.transport.write(head + b"connection: close\r\n\r\n" + body)
            self.transport.close()
            return
        self.transport.write(head + b"\r\n" + body)
        self._answered_at = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._wake_in(self.timeout_keep_alive)

    # when it ends
    def timeout_keep_alive_handler(self) -> None:
        """One timer for many answers: it looks how long ago the last one was."""
        left = self._answered_at + self.timeout_keep_alive - self.loop.time()
        if self._asked or left > 0:
            self._wake_in(max(left, 1))
        else:
            super().timeout_keep_alive_handler()

    def _wake_in(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def shutdown(self) -> None:
        if self._asked:
            self._ending = True
        else:
            super().shutdown()

    def _ours(self) -> bool:
        return self._asked or super()._ours()

    # where uvicorn's parser stands
    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        if self.parser.should_upgrade():
            self._fast = None  # what follows is no request that we know


def _fields(headers: list[Header]) -> bytes:
    return b"".join(b"%b: %b\r\n" % header for header in headers)
