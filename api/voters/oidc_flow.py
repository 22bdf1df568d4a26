"""A login by OpenID Connect under way: what the browser keeps from the button to the provider's answer.

It stands in a signed cookie of that browser and nowhere else. A callback without it is refused: so nobody is logged in
as somebody else by a link (login CSRF), and who begins many logins fills no memory of ours. Nonce and PKCE verifier are
keyed hashes of the state, made again when it comes back: neither the browser nor the provider ever sees the verifier
before it is used. Each login has a cookie of its own, so that two tabs do not disturb each other.
Why: docs/decisions/0009-openid-connect.md.
"""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from api.voters.language import VI, Language, language_called
from models.agreement import Agreed, Purpose
from models.scratch.flows import LIFE_S
from models.secrets import KeyRing

MOST = 4
"""Logins under way in one browser; one more ends the others, so that its cookies stay small."""
_NAMED = 12  # letters of the state in the cookie's name
_SIGNED_WITH = "HS256"


@dataclass(frozen=True)
class Flow:
    """`back`: the path of this site to go to after login; `bound`: the operator's session that links an identity."""

    state: str
    provider: str
    back: str
    agreed: Agreed
    language: Language = VI
    bound: str = ""


class Flows:
    """Seals and opens the cookies. `secure`: whether voters come by https; `of`: whose logins these are, for voters'
    and operators' must not be taken for each other.
    """

    def __init__(self, keys: KeyRing, *, secure: bool, of: str = "oidc") -> None:
        self._seal = OctKey.import_key(keys.derived(f"{of} flow"))
        self._derive = keys.derived(f"{of} nonce and verifier")
        self.prefix = f"__Host-{of}-" if secure else f"{of}-"
        self._attributes = "Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")

    def nonce(self, state: str) -> str:
        """What the ID token must repeat."""
        return self._derived("nonce", state)

    def verifier(self, state: str) -> str:
        """The code verifier of PKCE: 43 letters (RFC 7636, 4.1)."""
        return self._derived("verifier", state)

    def cookie(self, flow: Flow, now: float) -> str:
        """The Set-Cookie field of a login that begins."""
        claims = {
            "state": flow.state,
            "provider": flow.provider,
            "back": flow.back,
            "agreed": [[int(purpose), version] for purpose, version in flow.agreed],
            "language": flow.language.code,
            "bound": flow.bound,
            "exp": int(now) + LIFE_S,
        }
        sealed = jwt.encode({"alg": _SIGNED_WITH}, claims, self._seal, [_SIGNED_WITH])
        return f"{self._name(flow.state)}={sealed}; Max-Age={LIFE_S}; {self._attributes}"

    def find(self, cookies: Mapping[str, str], state: str, now: float) -> Flow | None:
        """The login that comes back with `state`, if this browser began it within the last ten minutes."""
        sealed = cookies.get(self._name(state), "")
        try:
            claims = jwt.decode(sealed, self._seal, [_SIGNED_WITH]).claims
        except (JoseError, ValueError):
            return None
        if not hmac.compare_digest(claims["state"].encode(), state.encode()) or now >= claims["exp"]:
            return None
        agreed = tuple((Purpose(purpose), version) for purpose, version in claims["agreed"])
        language = language_called(claims["language"])
        return Flow(state, claims["provider"], claims["back"], agreed, language, claims.get("bound", ""))

    def forget(self, state: str) -> str:
        """The Set-Cookie field that ends a login."""
        return f"{self._name(state)}=; Max-Age=0; {self._attributes}"

    def forget_crowd(self, cookies: Mapping[str, str]) -> list[str]:
        """Set-Cookie fields that make room for one more login: none, or one for each that is under way."""
        names = [name for name in cookies if name.startswith(self.prefix)]
        return [f"{name}=; Max-Age=0; {self._attributes}" for name in names] if len(names) >= MOST else []

    def _name(self, state: str) -> str:
        return self.prefix + state[:_NAMED]

    def _derived(self, what: str, state: str) -> str:
        digest = hmac.digest(self._derive, f"{what} {state}".encode(), hashlib.sha256)
        return urlsafe_b64encode(digest).decode().rstrip("=")


def new_state() -> str:
    """43 letters that nobody can guess."""
    return secrets.token_urlsafe(32)
