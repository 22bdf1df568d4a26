"""What a real SMTP server of the tests takes."""

import asyncio
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

Answer = Callable[[str], str]
"""What the server says about a recipient."""


def always(answer: str) -> Answer:
    return lambda _address: answer


class MailBox:
    """What was taken, each with its recipients; `answer` decides about each of these. A handler for aiosmtpd."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], EmailMessage]] = []
        self.answer = always("250 OK")

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        answer = self.answer(address)
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        parsed = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        self.mails.append((envelope.rcpt_tos, parsed))
        return "250 OK"


class HeldBox(MailBox):
    """Looks at the connections: `peers`, and how many have a mail `inside` that `held` keeps back until `let_go`. Those
    beyond the first `admitted` are told so when they begin, also not before `let_go`; `refused`: how often. None that
    `stays` is let go when it says QUIT.
    """

    def __init__(self) -> None:
        super().__init__()
        self.held = self.stays = False
        self.admitted = 1_000
        self.inside = self.refused = 0
        self.peers: list[Any] = []
        self._free = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def has_taken(self, mails: int) -> bool:
        return len(self.mails) >= mails

    def let_go(self) -> None:
        """To be called from another thread, once somebody is held."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._free.set)

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        self._loop = asyncio.get_running_loop()
        if session.peer not in self.peers:
            self.peers.append(session.peer)
        if self.peers.index(session.peer) >= self.admitted:
            await self._free.wait()
            self.refused += 1
            return "421 too many connections"
        envelope.mail_from = address
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.inside += 1
        if self.held:
            await self._free.wait()
        self.inside -= 1
        return await super().handle_DATA(server, session, envelope)

    async def handle_QUIT(self, _server: Any, _session: Any, _envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.stays:
            await asyncio.Event().wait()
        return "221 bye"
