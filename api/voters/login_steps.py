"""Login by code, as functions of what was typed: the JSON calls and the forms are two ways to the same steps.

Nothing here asks the ledger, and no answer says whether an identity is known: there is no list of identities.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api.access import Access
from api.openings import Openings
from api.outcomes import Code, VoterProblem
from api.sessions import Session
from api.snapshot import Snapshot, Watch
from api.voters.language import N_, VI, Language
from models.agreement import Agreed
from models.identity import Identity, InvalidIdentityError, Proven, normalise
from models.proof_of_work import Proofs
from models.scratch import codes
from models.scratch.codes import Asked, Asking
from models.scratch.connection import ScratchAway, async_scratch
from models.scratch.outbox import is_in_trouble
from models.secrets import KeyRing
from models.settings import Settings

DAY_S = 86_400
WRONG_ADDRESS = N_("Địa chỉ email chưa đúng. Ví dụ: ten@gmail.com")
WRONG_CODE = N_(
    "Mã không đúng, đã được dùng hoặc đã hết hạn. Hãy xem lại thư mới nhất; sau 5 lần nhập sai, bạn cần xin mã mới."
)
WRONG_KIND = N_("Hiện chỉ nhận mã qua email.")
WRONG_PROOF = N_("Bước kiểm tra tự động chưa xong, đã được dùng hoặc đã quá hạn. Hãy tải lại trang và thử lại.")
AWAY = N_("Chưa đăng nhập được lúc này. Mời bạn thử lại sau ít giây.")


@dataclass(frozen=True)
class LoggedIn:
    """`expires_at`: ms since 1970."""

    token: str
    expires_at: int
    max_age_s: int


class Login:
    """What the steps need: scratch, keys, the snapshot."""

    def __init__(self, settings: Settings, keys: KeyRing, access: Access, watch: Watch) -> None:
        self.access = access
        self.watch = watch
        self.proofs = Proofs(keys, settings.login_proof_cost)
        self.scratch = async_scratch(settings.scratch())
        self.shows_mails = settings.mail_server() is None
        """Whether this is a demo without a mail server, which shows its mails on a page."""
        self.providers = settings.openid_providers()
        self._openings = Openings(settings, keys, watch)
        self._keys = keys
        self._unproven = settings.login_unproven_per_hour
        self._life_s = settings.session_days * DAY_S

    async def stop(self) -> None:
        await self._openings.stop()
        await self.scratch.aclose()

    async def ask(self, kind: str, typed: str, altcha: str | None, language: Language = VI) -> tuple[Identity, Asked]:
        """Sends a code, unless a limit is against it. `altcha` None: without a proof of work. The message is written
        in `language`.

        Errors: VoterProblem (not_ready, invalid).
        """
        snapshot = self._ready()
        identity = self.identity(kind, typed)
        proof = None
        if altcha is not None:
            # In a thread: a derivation takes milliseconds, and votes share this process.
            proof = await asyncio.to_thread(self.proofs.verify, altcha)
            if proof is None:
                raise invalid("altcha", WRONG_PROOF)
        contest = language.of(snapshot.reading.site["contest"], "title") if snapshot.reading else ""
        try:
            asked = await codes.issue(
                self.scratch,
                self._keys,
                identity,
                proof=proof,
                unproven=self._unproven,
                contest=contest,
                language=language.code,
            )
        except ScratchAway:
            raise VoterProblem(Code.NOT_READY, detail=AWAY) from None
        if asked.outcome is Asking.SHUT and proof is not None:
            raise invalid("altcha", WRONG_PROOF)
        return identity, asked

    def identity(self, kind: str, typed: str) -> Identity:
        """The identity that was typed. Errors: VoterProblem (invalid)."""
        if kind != "email":
            raise invalid("kind", WRONG_KIND)
        try:
            return normalise("email", typed)
        except InvalidIdentityError:
            raise invalid("identity", WRONG_ADDRESS) from None

    async def codes_are_late(self) -> bool:
        """Whether the mail server is away just now: the page that waits for a code says so. Errors: VoterProblem."""
        try:
            return await is_in_trouble(self.scratch)
        except ScratchAway:
            raise VoterProblem(Code.NOT_READY, detail=AWAY) from None

    async def enter(self, kind: str, typed: str, guess: str, agreed: Agreed = ()) -> LoggedIn:
        """A session for whoever has the code. Errors: VoterProblem (not_ready, invalid)."""
        self._ready()
        identity = self.identity(kind, typed)
        digits = "".join(guess.split())
        if len(digits) != 6 or not (digits.isascii() and digits.isdigit()):
            raise invalid("code", WRONG_CODE)
        try:
            right = await codes.check(self.scratch, self._keys, identity, digits)
        except ScratchAway:
            raise VoterProblem(Code.NOT_READY, detail=AWAY) from None
        if not right:
            raise invalid("code", WRONG_CODE)
        return await self.session_for(identity.proven(self._keys), agreed)

    async def session_for(self, proven: Proven, agreed: Agreed) -> LoggedIn:
        """A session of the account of `proven`: the one place where a login ends, and is recorded with what was agreed
        to. Errors: VoterProblem (not_ready).
        """
        snapshot = self._ready()
        now_s = snapshot.now_ms() // 1000
        contest_id = snapshot.reading.contest_id if snapshot.reading else 0
        session = Session(contest_id, proven.account, proven.proof, now_s, now_s + self._life_s)
        await self._openings.record(proven, agreed)
        return LoggedIn(self.access.sessions.mint(session), session.expires_at * 1000, self._life_s)

    def _ready(self) -> Snapshot:
        """The snapshot that sessions are made for. Errors: VoterProblem."""
        snapshot = self.watch.current
        if snapshot.reading is None or self.watch.other_key:
            raise VoterProblem(Code.NOT_READY, detail=AWAY)
        return snapshot

    def own_call(self, fields: Mapping[bytes, bytes]) -> bool:
        """Whether a changing call comes from our own pages, or from a program: no other website can make a browser
        send `Authorization: Bearer`.
        """
        bearer = fields.get(b"authorization", b"")[:7].lower() == b"bearer "
        return bearer or self.access.same_origin(fields)

    def cookie(self, entered: LoggedIn | None) -> str:
        """The Set-Cookie field: the session, or with None the end of it (RFC 6265bis, 4.1)."""
        name = self.access.cookie.decode()
        secure = "; Secure" if name.startswith("__Host-") else ""
        value, age = (entered.token, entered.max_age_s) if entered else ("", 0)
        return f"{name}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}"


def invalid(field: str, sentence: str) -> VoterProblem:
    """`invalid`, with one field and what to do about it: a marked text, in Vietnamese for the JSON calls."""
    errors: list[dict[str, Any]] = [{"field": field, "problem": sentence}]
    return VoterProblem(Code.INVALID, detail=sentence, errors=errors)
