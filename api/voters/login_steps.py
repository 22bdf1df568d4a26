"""Login by code, as functions of what was typed: the JSON calls and the forms are two ways to the same steps.

Nothing here asks the ledger, and no answer says whether an identity is known: there is no list of identities.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from fastapi import Response

from api.access import Access
from api.ended_sessions import EndedSessions, issued_at
from api.metrics import count_code, count_session
from api.openings import Openings
from api.outcomes import Code, VoterProblem
from api.sessions import Session
from api.snapshot import Snapshot, Watch
from api.voters.language import N_, VI, Language
from api.voters.login_conditions import LatestConditions
from api.voters.proving import Crowded, Proving
from models.agreement import Agreed
from models.contest_switches import NO_SWITCHES
from models.disposable import domains_of, is_disposable
from models.identity import Identity, InvalidIdentityError, Kind, Proven, kind_of, normalise
from models.proof_of_work import Proofs
from models.scratch import codes
from models.scratch.codes import Asked, Asking, Budgets
from models.scratch.connection import ScratchAway, async_scratch
from models.scratch.domain_list import is_listed
from models.scratch.outbox import is_in_trouble
from models.secrets import KeyRing
from models.settings import Settings

log = structlog.get_logger()

DAY_S = 86_400
CODE_LENGTH = 6
TAG_COOKIE = "signed_in"
WRONG_ADDRESS = N_("Địa chỉ email chưa đúng. Ví dụ: ten@gmail.com")
WRONG_EITHER = N_("Email hoặc số điện thoại chưa đúng. Ví dụ: ten@gmail.com hoặc 0912 345 678")
WRONG_NUMBER = N_(
    "Số điện thoại chưa đúng. Mã chỉ gửi được tới số di động của Việt Nam, không gửi được tới số cố định."
    " Ví dụ: 0912 345 678"
)
DISPOSABLE = N_(
    "Không đăng nhập được bằng địa chỉ email này. Mời bạn xem có gõ nhầm không, ví dụ gmial.com thay vì gmail.com."
    " Địa chỉ dùng tạm, ai cũng mở được, thì không được nhận."
)
SMS_OFF = N_("Hiện chưa gửi được mã qua tin nhắn SMS. Mời bạn dùng cách khác, hoặc thử lại sau.")
WRONG_CODE = N_(
    "Mã không đúng, đã được dùng hoặc đã hết hạn. Hãy xem lại mã mới nhất; sau 5 lần nhập sai, bạn cần xin mã mới."
)
WRONG_KIND = N_("Hiện không gửi mã bằng cách này.")
WRONG_PROOF = N_("Bước kiểm tra tự động chưa xong, đã được dùng hoặc đã quá hạn. Hãy tải lại trang và thử lại.")
CROWDED = N_("Hiện có quá nhiều người đăng nhập cùng lúc. Mời bạn thử lại sau ít phút; ai đã có mã vẫn đăng nhập được.")
STAYED = N_("Chưa đăng xuất được khỏi mọi thiết bị lúc này. Mời bạn thử lại sau ít giây.")
AWAY = N_("Chưa đăng nhập được lúc này. Mời bạn thử lại sau ít giây.")


@dataclass(frozen=True)
class LoggedIn:
    """`expires_at`: ms since 1970. `account_tag`: see `Sessions.account_tag`."""

    token: str
    account_tag: str
    expires_at: int
    max_age_s: int


class Login:
    """What the steps need: scratch, keys, the snapshot."""

    def __init__(self, settings: Settings, keys: KeyRing, access: Access, watch: Watch, ended: EndedSessions) -> None:
        self.access = access
        self._ended = ended
        self.watch = watch
        self.proofs = Proofs(keys, settings.login_proof_cost)
        self._proving = Proving(self.proofs)
        self.scratch = async_scratch(settings.scratch())
        self.channels = settings.channels()
        self.conditions = LatestConditions(self.scratch, settings.sms_per_hour if "sms" in self.channels.kinds else 0)
        self.providers = settings.openid_providers()
        self._openings = Openings(settings, keys, watch)
        self._keys = keys
        self._budgets = Budgets(settings.login_unproven_per_hour, settings.sms_per_hour)
        self._disposable = domains_of(settings.disposable_domains)
        self._life_s = settings.session_days * DAY_S

    async def stop(self) -> None:
        self._proving.stop()
        await self._openings.stop()
        await self.scratch.aclose()

    async def ask(
        self, kind: str, typed: str, altcha: str | None, language: Language = VI, flow: str = ""
    ) -> tuple[Identity, Asked]:
        """Sends a code, unless a limit is against it. `altcha` None: without a proof of work. The message is written
        in `language`. `flow`: see `codes.issue`.

        Errors: VoterProblem (not_ready, login_closed, invalid).
        """
        snapshot = self._open()
        identity = self.identity(kind, typed)
        await self.refuse_without_room()
        proof = await self._proven(altcha) if altcha is not None else None
        await self._not_listed(identity)
        contest = language.of(snapshot.reading.site["contest"], "title") if snapshot.reading else ""
        try:
            asked = await codes.issue(
                self.scratch,
                self._keys,
                identity,
                proof=proof,
                flow=flow,
                budgets=self._budgets,
                contest=contest,
                language=language.code,
                now=time.time(),
            )
        except ScratchAway:
            raise VoterProblem(Code.NOT_READY, detail=AWAY) from None
        count_code(identity.kind, asked.outcome.value)
        if asked.outcome is Asking.SHUT and proof is not None:
            raise invalid("altcha", WRONG_PROOF)
        if asked.outcome is Asking.OFF:
            raise invalid("identity", SMS_OFF)
        return identity, asked

    async def _proven(self, altcha: str) -> str:
        """The id of the solved proof of work. Errors: VoterProblem (invalid, not_ready)."""
        try:
            proof = await self._proving.id_of(altcha)
        except Crowded:
            raise VoterProblem(Code.NOT_READY, detail=AWAY) from None
        if proof is None:
            raise invalid("altcha", WRONG_PROOF)
        return proof

    async def refuse_without_room(self) -> None:
        """Errors: VoterProblem (not_ready) while scratch has room only for what is under way. Whoever has a code gets
        in: that makes room.
        """
        if (await self.conditions.now()).short:
            raise VoterProblem(Code.NOT_READY, detail=CROWDED)

    def identity(self, kind: str, typed: str) -> Identity:
        """The identity that was typed. Errors: VoterProblem (invalid)."""
        known: Kind | None = next((one for one in self.channels.kinds if one == kind), None)
        if known is None:
            raise invalid("kind", WRONG_KIND)
        try:
            identity = normalise(known, typed)
        except InvalidIdentityError:
            either = "sms" in self.kinds and "@" not in typed
            wrong = WRONG_NUMBER if known == "sms" else WRONG_EITHER if either else WRONG_ADDRESS
            raise invalid("identity", wrong) from None
        if known == "email" and is_disposable(identity.address.partition("@")[2], self._disposable):
            count_code(known, "disposable")
            raise invalid("identity", DISPOSABLE)
        return identity

    async def _not_listed(self, identity: Identity) -> None:
        """Errors: VoterProblem (invalid, not_ready) for an address of a domain that operators put on their list."""
        if identity.kind != "email":
            return
        try:
            listed = await is_listed(self.scratch, identity.address.partition("@")[2])
        except ScratchAway:
            raise VoterProblem(Code.NOT_READY, detail=AWAY) from None
        if listed:
            count_code("email", "disposable")
            raise invalid("identity", DISPOSABLE)

    def kind_of(self, typed: str) -> str:
        """The kind of identity that was typed into the one field; where there is one kind only, it is that."""
        meant, kinds = kind_of(typed), self.channels.kinds
        return meant if meant in kinds or not kinds else kinds[0]

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What codes are sent to just now, as the conditions last were."""
        return tuple(kind for kind in self.channels.kinds if kind != "sms" or self.conditions.last.sms)

    async def codes_are_late(self, kind: Kind) -> bool:
        """Whether the mail server or the SMS gateway is away just now: the page that waits for a code says so.

        Errors: VoterProblem.
        """
        try:
            return await is_in_trouble(self.scratch, kind)
        except ScratchAway:
            raise VoterProblem(Code.NOT_READY, detail=AWAY) from None

    async def enter(self, kind: str, typed: str, guess: str, agreed: Agreed = (), flow: str = "") -> LoggedIn:
        """A session for whoever has the code, and asked for it with the same `flow`.

        Errors: VoterProblem (not_ready, login_closed, invalid).
        """
        self._open()
        identity = self.identity(kind, typed)
        digits = "".join(guess.split())
        if len(digits) != CODE_LENGTH or not (digits.isascii() and digits.isdigit()):
            raise invalid("code", WRONG_CODE)
        try:
            right = await codes.check(self.scratch, self._keys, identity, digits, flow)
        except ScratchAway:
            raise VoterProblem(Code.NOT_READY, detail=AWAY) from None
        if not right:
            raise invalid("code", WRONG_CODE)
        return await self.session_for(identity.proven(self._keys), agreed)

    async def session_for(self, proven: Proven, agreed: Agreed) -> LoggedIn:
        """A session of the account of `proven`: the one place where a login ends, and is recorded with what was agreed
        to. Errors: VoterProblem (not_ready, login_closed).
        """
        snapshot = self._open()
        count_session(proven.proof.name.lower())
        now_s = snapshot.now_ms() // 1000
        contest_id, sessions_from = (
            (snapshot.reading.contest_id, snapshot.reading.sessions_from) if snapshot.reading else (0, 0)
        )
        issued = issued_at(now_s, sessions_from, self.access.ended.get(proven.account))
        session = Session(contest_id, proven.account, proven.proof, issued, now_s + self._life_s)
        await self._openings.record(proven, agreed)
        sessions = self.access.sessions
        tag = sessions.account_tag(contest_id, proven.account)
        return LoggedIn(sessions.mint(session), tag, session.expires_at * 1000, self._life_s)

    async def leave(self, fields: Mapping[bytes, bytes], *, everywhere: bool = False) -> None:
        """Ends the session of this call, or with `everywhere` every session of its account; where there is none in
        force there is nothing to end.

        Errors: VoterProblem (cross_site; not_ready where it cannot be told to the other processes).
        """
        if not self.own_call(fields):
            raise VoterProblem(Code.CROSS_SITE)
        snapshot = self.watch.current
        session = self.access.voter(fields, snapshot, changes=True)
        if isinstance(session, Code):
            if everywhere and session is Code.NOT_READY:
                raise VoterProblem(Code.NOT_READY, detail=STAYED)
            return
        try:
            await self._ended.end(session, snapshot.now_ms(), everywhere=everywhere)
        except ScratchAway:
            if everywhere:
                raise VoterProblem(Code.NOT_READY, detail=STAYED) from None
            log.warning("a log-out took the cookie alone: the token lasts until it expires")

    @property
    def switches(self) -> dict[str, Any]:
        """What operators have switched, as the published document says it (`models/contest_switches.py`)."""
        reading = self.watch.current.reading
        switches: dict[str, Any] = reading.site["contest"]["switches"] if reading else NO_SWITCHES
        return switches

    def refuse_closed(self) -> None:
        """Errors: VoterProblem (login_closed), while an operator keeps all logins closed."""
        if self.switches["login_closed"]:
            raise VoterProblem(Code.LOGIN_CLOSED)

    def _open(self) -> Snapshot:
        """The snapshot that sessions are made for. Errors: VoterProblem (not_ready, login_closed)."""
        snapshot = self.watch.current
        if snapshot.reading is None or self.watch.other_key:
            raise VoterProblem(Code.NOT_READY, detail=AWAY)
        self.refuse_closed()
        return snapshot

    def own_call(self, fields: Mapping[bytes, bytes]) -> bool:
        """Whether a changing call comes from our own pages, or from a program: no other website can make a browser
        send `Authorization: Bearer`.
        """
        bearer = fields.get(b"authorization", b"")[:7].lower() == b"bearer "
        return bearer or self.access.same_origin(fields)

    def with_cookies(self, answer: Response, entered: LoggedIn | None) -> Response:
        """`answer` with the session's cookie, and beside it one that scripts read: that there is a session, and whose
        (its tag). None: the end of both (RFC 6265bis, 4.1).
        """
        name = self.access.cookie.decode()
        secure = "; Secure" if name.startswith("__Host-") else ""
        token, tag, age = (entered.token, entered.account_tag, entered.max_age_s) if entered else ("", "", 0)
        kept = f"Path=/; Max-Age={age}"
        answer.headers.append("Set-Cookie", f"{name}={token}; {kept}; HttpOnly; SameSite=Lax{secure}")
        answer.headers.append("Set-Cookie", f"{TAG_COOKIE}={tag}; {kept}; SameSite=Lax{secure}")
        return answer


def invalid(field: str, sentence: str) -> VoterProblem:
    """`invalid`, with one field and what to do about it: a marked text, in Vietnamese for the JSON calls."""
    errors: list[dict[str, Any]] = [{"field": field, "problem": sentence}]
    return VoterProblem(Code.INVALID, detail=sentence, errors=errors)
