"""What every way of sending a code has in common."""

from collections.abc import Awaitable, Callable

from models.scratch.outbox import Message

Send = Callable[[Message], Awaitable[None]]


class NeverError(Exception):
    """The message will never be taken; the text says why, without the address."""


class LaterError(Exception):
    """Another try may go well; the text says what is wrong, without the address. `trouble`: with the way as a whole,
    and not with this one message.
    """

    def __init__(self, problem: str, *, trouble: bool = True) -> None:
        super().__init__(problem)
        self.trouble = trouble
