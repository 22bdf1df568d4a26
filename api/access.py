"""Who is asking: header fields → session, or the code of the refusal. Bearer wins over the cookie."""

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from api.answers import Header
from api.ended_sessions import NONE, Ended
from api.outcomes import Code
from api.sessions import Session, Sessions, in_force
from api.snapshot import Snapshot

_JOINED = {b"cookie": b"; "}  # RFC 9113, 8.2.3; every other list is joined by commas (RFC 9110, 5.3)


def fields_of(headers: list[Header]) -> dict[bytes, bytes]:
    """Header fields by their lower-case name; those that come several times are joined in order."""
    fields = dict(headers)
    if len(fields) == len(headers):
        return fields
    return _joined(headers)


def _joined(headers: Iterable[Header]) -> dict[bytes, bytes]:
    values: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        values.setdefault(name, []).append(value)
    return {name: _JOINED.get(name, b", ").join(found) for name, found in values.items()}


class Access:
    """Knows how sessions are presented on this installation.

    `public_origin`: scheme and host that voters see; None: the request's own Host decides what is same-origin.
    `ended`: account → which of its sessions are over, as it is at any moment.
    """

    def __init__(self, sessions: Sessions, public_origin: str | None, ended: Mapping[int, Ended] = NONE) -> None:
        self.sessions = sessions
        self.ended = ended
        origin = public_origin.rstrip("/").lower() if public_origin else ""
        self._origin = origin.encode()
        secure = urlsplit(origin).scheme == "https"
        self.cookie = b"__Host-session" if secure else b"session"

    def voter(self, fields: Mapping[bytes, bytes], snapshot: Snapshot, *, changes: bool) -> Session | Code:
        """The session that is in force, else why there is none.

        `changes`: the call changes something, so a cookie alone is not enough: another website could make the browser
        send it.
        """
        authorization = fields.get(b"authorization")
        if authorization is not None and authorization[:7].lower() == b"bearer ":
            token = authorization[7:].strip()
        else:
            cookie = fields.get(b"cookie")
            found = _cookie(cookie, self.cookie) if cookie else None
            if not found:
                return Code.NO_SESSION
            if changes and not self.same_origin(fields):
                return Code.CROSS_SITE
            token = found
        session = self.sessions.read(token)
        if session is None:
            return Code.NO_SESSION
        reading = snapshot.reading
        if reading is None:
            return Code.NOT_READY
        if not in_force(
            session, reading.contest_id, snapshot.now_ms(), reading.sessions_from, snapshot.minted_sessions
        ):
            return Code.NO_SESSION
        ended = self.ended.get(session.account)
        return session if ended is None or not ended.covers(session.issued_at) else Code.NO_SESSION

    def same_origin(self, fields: Mapping[bytes, bytes]) -> bool:
        """`Sec-Fetch-Site: same-origin` (Fetch Metadata), or where it is missing an Origin of our own."""
        site = fields.get(b"sec-fetch-site")
        if site is not None:
            return site == b"same-origin"
        origin = fields.get(b"origin")
        if origin is None:
            return False
        origin = origin.lower()
        if self._origin:
            return origin == self._origin
        host = fields.get(b"host", b"").lower()
        return bool(host) and origin in (b"http://" + host, b"https://" + host)


def _cookie(header: bytes, name: bytes) -> bytes | None:
    """The value of one cookie (RFC 6265, 5.4)."""
    if name not in header:
        return None
    for part in header.split(b";"):
        key, _, value = part.strip().partition(b"=")
        if key == name:
            return value.strip(b'"')
    return None
