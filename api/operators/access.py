"""Who may do what in the console: each route names what it needs, and nothing of a request is read before that is met.

    @router.get("/operator/entries")
    def entries(acting: Annotated[Acting, MODERATOR]) -> Response: …

A test goes through all routes below `/operator` and fails for one without such a rule
(`tests/api/operators/test_access.py`).
"""

import hashlib
import hmac
import time
import unicodedata
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import structlog
from fastapi import Depends, Request
from starlette.convertors import IntegerConvertor, register_url_convertor
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from api.access import fields_of
from api.numbers import LARGEST_ID, whole
from api.operators.language import N_, VI, Language, language_called
from models.audit import Actor
from models.operator import Role
from models.scratch.operator_sessions import OperatorSession, find

if TYPE_CHECKING:
    from api.operators.console import Console

log = structlog.get_logger()

LOGIN = "/operator/login"
SESSION = "/operator/session"
LANGUAGE_COOKIE = "operator_language"
MAX_LOGIN = 16 * 1024  # bytes of a form of the login pages, which anybody may send
MAX_FORM = 1024**2  # bytes of a form without a file
MAX_UPLOAD = 25 * 1024**2  # bytes of one with files, from who may change something
MAX_FIELDS = 2_000
MAX_FILES = 20
SAFE = ("GET", "HEAD")
OWN_FIELDS = ("csrf", "press", "repeatable")
"""What the console itself puts into its forms (`templates/csrf.html`, `presses.py`)."""
_LONGEST_LENGTH = 18  # digits


class _Number(IntegerConvertor):
    """`{entry_id:int}`: as many digits as an account's number has. Python reads no number of thousands of them."""

    regex = "[0-9]{1,19}"


register_url_convertor("int", _Number())


class Standing(StrEnum):
    """How far somebody must have got at login, where a route needs no role."""

    ANYBODY = "anybody"
    """No session is needed: the login pages."""
    PASSWORD = "password"  # noqa: S105 - the name of a step
    """A session whose second factor may still be missing: where that one is given or set up."""


class ConsoleProblem(Exception):  # noqa: N818 - it carries a refusal to the operator, not a fault of ours
    """Ends a request of the console with a page that says why. `sentence`: marked by N_, with `values` filled in."""

    def __init__(self, status: int, sentence: str, **values: object) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.values_ = values


class LoginNeeded(Exception):  # noqa: N818 - as above
    """No session, or the second factor is missing: to the login page and back to `path`."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.address = f"{LOGIN}?next={quote(path, safe='/')}" if path else LOGIN


@dataclass
class Acting:
    """One request of the console: who acts, and what was sent. The form has been read and its CSRF token checked."""

    request: Request
    console: "Console"
    session: OperatorSession | None
    language: Language
    form: FormData = field(default_factory=FormData)

    @property
    def operator(self) -> OperatorSession:
        """Who acts, on a route that needs a session."""
        if self.session is None:
            raise LoginNeeded("")
        return self.session

    @property
    def actor(self) -> Actor:
        """Who acts, for the audit log."""
        return Actor(self.operator.name, self.operator.operator_id, self.address)

    @property
    def address(self) -> str:
        """The client's network address."""
        return self.console.evidence.address_of(self.request.client, fields_of(self.request.headers.raw))

    def may(self, role: Role) -> bool:
        """Whether who acts has at least `role`: for what a page shows, never instead of a route's rule."""
        return self.session is not None and self.session.full and self.session.role.may(role)

    def text(self, name: str, *, limit: int = 100_000) -> str:
        """The form's field `name`: NFC, with one kind of line end, without blanks around it; empty where it is missing.

        Errors: ConsoleProblem for one that is longer than `limit`.
        """
        value = self.secret(name, limit=limit)
        return unicodedata.normalize("NFC", value.replace("\r\n", "\n")).replace("\0", "\ufffd").strip()

    def secret(self, name: str, *, limit: int = 1_000) -> str:
        """The form's field `name` letter by letter as it was typed, for passwords; empty where it is missing.

        Errors: ConsoleProblem for one that is longer than `limit`.
        """
        value = self.form.get(name, "")
        if not isinstance(value, str):
            return ""
        if len(value) > limit:
            raise ConsoleProblem(422, N_("Nội dung nhập quá dài."))
        return value

    def number(self, name: str) -> int | None:
        """The whole number in the field `name`, as an id, a version or a place; None for anything else."""
        return whole(self.text(name))

    def texts(self, name: str) -> list[str]:
        """All values of a field that comes several times (check boxes)."""
        return [value for value in self.form.getlist(name) if isinstance(value, str)]

    def file(self, name: str) -> UploadFile | None:
        """The file of the field `name`; None where none was chosen."""
        value = self.form.get(name)
        return value if isinstance(value, UploadFile) and value.filename else None

    def files(self, name: str) -> list[UploadFile]:
        return [value for value in self.form.getlist(name) if isinstance(value, UploadFile) and value.filename]

    def say(self, text: str, **values: object) -> str:
        """A text marked by N_ in the operator's language."""
        return self.language.text(text, **values)


class Needs:
    """The rule of a route, as a FastAPI dependency that gives the `Acting`.

    In this order: the session, whether it is enough, where the call comes from, the size, the form, the session again
    (who sends a form slowly may have been shown out meanwhile), its CSRF token, whether it came before.
    """

    def __init__(self, needed: Role | Standing) -> None:
        self.needed = needed

    async def __call__(self, request: Request) -> AsyncIterator[Acting]:
        console: Console = request.app.state.console
        fields = fields_of(request.headers.raw)
        token = _cookie(request, console.cookie)
        looks = request.method in SAFE and request.url.path == SESSION  # which keeps no session alive
        now, scratch = time.time(), console.async_scratch
        session = await find(scratch, token, now, keep_alive=not looks) if token else None
        request.state.operator = session.operator_id if session else None
        acting = Acting(request, console, session, language_of(request, session))
        self._admit(request, session)
        if any(isinstance(value, int) and value > LARGEST_ID for value in _ids(request)):
            raise ConsoleProblem(404, N_("Không có trang này."))
        if request.method not in SAFE:
            if not console.access.same_origin(fields):
                raise ConsoleProblem(403, N_("Yêu cầu không đến từ trang này. Hãy mở lại trang và thử lại."))
            acting.form = await _form(request, _most_bytes(request, self.needed))
        try:
            if request.method not in SAFE and session is not None:
                acting.session = await find(console.async_scratch, token, time.time(), keep_alive=False)
                self._admit(request, acting.session)
                if not _genuine(console, token, acting.form):
                    raise ConsoleProblem(403, N_("Trang đã cũ. Hãy mở lại trang và thử lại; chưa có gì thay đổi."))
                await console.only_first(request, session, acting.form)
            yield acting
        finally:
            await acting.form.close()  # the files that came with it

    def _admit(self, request: Request, session: OperatorSession | None) -> None:
        """Errors: LoginNeeded, ConsoleProblem."""
        if self.needed is Standing.ANYBODY:
            return
        back = _page_of(request)
        if session is None:
            raise LoginNeeded(back)
        if self.needed is Standing.PASSWORD:
            return
        if not session.full:
            raise LoginNeeded(back)
        if not session.role.may(Role(self.needed)):
            raise ConsoleProblem(403, N_("Tài khoản của bạn không có quyền làm việc này."))


ANYBODY = Depends(Needs(Standing.ANYBODY))
PASSWORD = Depends(Needs(Standing.PASSWORD))
VIEWER = Depends(Needs(Role.VIEWER))
MODERATOR = Depends(Needs(Role.MODERATOR))
ADMIN = Depends(Needs(Role.ADMIN))


def _page_of(request: Request) -> str:
    """The page that was asked for, or the one whose form was sent: where the operator goes on after a login."""
    try:
        asked = request.url if request.method in SAFE else urlsplit(request.headers.get("referer", ""))
    except ValueError:  # no browser of ours wrote it
        return ""
    return asked.path + (f"?{asked.query}" if asked.query else "")


def csrf_token(key: bytes, token: str) -> str:
    """What every form of this session carries; nothing is stored. `key`: of the installation."""
    return hashlib.blake2b(token.encode(), key=key, digest_size=16).hexdigest()


def _genuine(console: "Console", token: str, form: FormData) -> bool:
    sent = form.get("csrf", "")
    return isinstance(sent, str) and hmac.compare_digest(sent.encode(), csrf_token(console.csrf_key, token).encode())


def _ids(request: Request) -> list[object]:
    """The ids in the path. An account's number is none: it may be larger."""
    return [value for name, value in request.path_params.items() if name != "account"]


def _cookie(request: Request, name: str) -> str:
    return request.cookies.get(name, "")[:200]


def language_of(request: Request, session: OperatorSession | None) -> Language:
    """What this browser chose, else the operator's own setting, else Vietnamese."""
    chosen = request.cookies.get(LANGUAGE_COOKIE) or (session.language if session else "")
    return language_called(chosen) if chosen else VI


def _most_bytes(request: Request, needed: Role | Standing) -> int:
    """Files come from who may change something; what anybody may send is read in memory, and soon."""
    if isinstance(needed, Standing):
        return MAX_LOGIN
    multipart = request.headers.get("content-type", "").startswith("multipart/form-data")
    return MAX_UPLOAD if multipart and needed.may(Role.MODERATOR) else MAX_FORM


async def _form(request: Request, limit: int) -> FormData:
    """The form, within bounds that are checked before it is read. Errors: ConsoleProblem."""
    length = request.headers.get("content-length", "")
    if not length.isdecimal():
        raise ConsoleProblem(411, N_("Yêu cầu không cho biết độ dài."))
    if len(length) > _LONGEST_LENGTH or int(length) > limit:
        if limit < MAX_FORM:
            raise ConsoleProblem(413, N_("Nội dung nhập quá dài."))
        raise ConsoleProblem(413, N_("Tệp quá lớn: nhiều nhất là %(megabytes)s MB."), megabytes=limit // 1024**2)
    try:
        return await request.form(max_files=MAX_FILES, max_fields=MAX_FIELDS, max_part_size=MAX_FORM)
    except HTTPException:
        raise ConsoleProblem(400, N_("Không đọc được nội dung gửi lên. Hãy mở lại trang và thử lại.")) from None
    except OSError as error:
        log.warning("ALARM: no room for what an operator sends", problem=str(error))
        raise ConsoleProblem(507, N_("Máy chủ không còn chỗ cho tệp này. Hãy thử lại sau ít phút.")) from None


def values_of(form: Mapping[str, object]) -> dict[str, str]:
    """The texts of a form, to show it again as it was typed."""
    return {name: value for name, value in form.items() if isinstance(value, str) and name not in OWN_FIELDS}
