"""A button that is pressed twice does what it does once; the second press leads to where the first did.

Every form of the console carries a number of its own (`templates/csrf.html`). The first press is noted in scratch
before anything is done, and after it where it led (`models/scratch/operator_presses.py`); the second waits for that.
What led to a page that says what is wrong changed nothing, and may be pressed again. A form that says `repeatable` is
done each time: the switches, which set what they set and must work at once.

What was done is told to the page by a cookie with the number, so that it need not keep what was typed any longer
(`static/forms.js`).
"""

import asyncio
import re
import time
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog
from fastapi import Request
from starlette.datastructures import FormData

from api.answers import Receive, Scope, Send
from api.fast_path import Application
from api.operators.access import LOGIN, ConsoleProblem
from api.operators.language import N_
from models.scratch.connection import ScratchAway
from models.scratch.operator_presses import begin, forget, led_to, press_of

if TYPE_CHECKING:
    from api.operators.console import Console

log = structlog.get_logger()

DONE_COOKIE = "operator_done_"
UNCLEAR = N_(
    "Nội dung này đã được gửi một lần và chưa rõ kết quả. Hãy xem nó đã được lưu chưa, rồi mới mở lại trang và gửi "
    "lần nữa."
)
WAIT_S = 10.0
LOOK_S = 0.1
_SCOPE = "console.press"
_NUMBER = re.compile(r"[A-Za-z0-9_-]{8,64}")


class PressedBefore(Exception):  # noqa: N818 - a redirection, no fault of ours
    """The same form came before, and led to `address`."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.address = address


@dataclass
class _Press:
    """One request's: `number`, as the form has it; `key`, "" where a second one is as good as the first."""

    number: str = ""
    key: str = ""


async def first_only(console: "Console", request: Request, session: str, form: FormData) -> None:
    """Lets only the first of equal presses through. `session`: its digest.

    Errors: PressedBefore, ConsoleProblem (409) where nobody can say what became of the first, ScratchAway.
    """
    number, press = form.get("press"), request.scope.get(_SCOPE)
    if not isinstance(number, str) or not _NUMBER.fullmatch(number) or press is None:
        return
    press.number = number
    if form.get("repeatable"):
        return
    key = press_of(session, request.url.path, [(name, _told(value)) for name, value in form.multi_items()])
    until = time.monotonic() + WAIT_S
    while (led := await begin(console.async_scratch, key)) is not None:
        if led:
            raise PressedBefore(led)
        if time.monotonic() > until:
            raise ConsoleProblem(409, UNCLEAR)
        await asyncio.sleep(LOOK_S)
    press.key = key


def _told(value: object) -> str:
    """A field's value; of a file its name and size."""
    if isinstance(value, str):
        return value
    return f"{getattr(value, 'filename', '')} {getattr(value, 'size', '')}"


def note_presses(app: Application, *, console: "Console") -> Application:
    """`app`, with what became of each press noted. An error that nobody foresaw leaves its press unclear."""

    async def noting(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].startswith("/operator/"):
            await app(scope, receive, send)
            return
        press = scope[_SCOPE] = _Press()

        async def send_noted(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start" and press.number:
                message = await _noted(console, press, message)
            await send(message)

        await app(scope, receive, send_noted)

    return noting


async def _noted(console: "Console", press: _Press, message: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """`message`, the beginning of the answer, with the cookie where the press did what it was for."""
    status, led = message["status"], dict(message["headers"]).get(b"location", b"").decode()
    ended = led.startswith(LOGIN)  # the session, before anything was done
    if press.key:
        try:
            if status == 303 and not ended:
                await led_to(console.async_scratch, press.key, led)
            elif status != 500:
                await forget(console.async_scratch, press.key)
        except ScratchAway as error:
            log.warning("what became of a press cannot be noted", problem=str(error))
    if status >= 400 or ended:
        return message
    secure = "; Secure" if console.secure else ""
    cookie = f"{DONE_COOKIE}{press.number}=1; Path=/operator; Max-Age=120; SameSite=Lax{secure}".encode()
    return {**message, "headers": [*message["headers"], (b"set-cookie", cookie)]}
