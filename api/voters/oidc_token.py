"""The ID token of an OpenID provider, and all that must be right about it (OpenID Connect Core 1.0, 3.1.3.7)."""

from dataclasses import dataclass
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from models.oidc import Provider

LEEWAY_S = 120  # between the provider's clock and ours
LONGEST_SUB = 255  # letters, all ASCII (Core, 2)
ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")


class ProviderWrong(Exception):  # noqa: N818 - a state of the provider, as its callers speak of it
    """The provider answers what cannot be believed."""


@dataclass(frozen=True)
class Subject:
    """Who logged in. `email`: one that the provider verified, or ""."""

    iss: str
    sub: str
    email: str


class _OnlyAllowed(JWSRegistry):
    """Takes exactly the algorithms it was given: no recommended ones beside them, and no warning about EdDSA's name."""

    max_header_length = 8192

    def get_alg(self, name: str) -> Any:
        if name not in (self.allowed or ()):
            raise UnsupportedAlgorithmError(f"algorithm {name!r:.20}")
        return self.algorithms[name]


def read_id_token(
    token: str, keys: KeySet, *, provider: Provider, nonce: str, access_token: str | None, algorithms: tuple[str, ...]
) -> Subject:
    """The subject of a genuine ID token that was made for this login.

    Errors: JoseError (InvalidKeyIdError: signed with a key that is not in `keys`), ProviderWrong.
    """
    registry = _OnlyAllowed(algorithms=algorithms, strict_check_header=False)
    try:
        found = jwt.decode(token, keys, registry=registry)
    except (ValueError, RecursionError) as error:  # what hostile tokens do to a parser
        raise ProviderWrong(f"ID token: {type(error).__name__}") from None
    issuer, client_id = provider.issuer, provider.client_id
    claims = CodeIDToken(
        found.claims,
        found.header,
        {
            "iss": {"essential": True, "value": issuer},
            "aud": {"essential": True, "value": client_id},
            "sub": {"essential": True},
        },
        {"nonce": nonce, "client_id": client_id, "access_token": access_token},
    )
    try:
        claims.validate(leeway=LEEWAY_S)  # type: ignore[no-untyped-call]
    except (ValueError, TypeError) as error:
        raise ProviderWrong(f"ID token: {type(error).__name__}") from None
    if len(claims["sub"]) > LONGEST_SUB or not claims["sub"].isascii():
        raise ProviderWrong("ID token: sub is too long, or not ASCII")
    email = claims.get("email") if claims.get("email_verified") is True else ""
    return Subject(issuer, claims["sub"], email if isinstance(email, str) else "")


def public_keys(found: dict[str, Any]) -> KeySet:
    """The keys of a JWK Set document that tokens may be signed with. Errors: ProviderWrong."""
    listed = found.get("keys")
    keys = [key for key in listed if isinstance(key, dict)] if isinstance(listed, list) else []
    # A symmetric key has no place in a public list: who has read it could sign.
    usable = [key for key in keys if key.get("kty") in ("RSA", "EC", "OKP") and key.get("use", "sig") == "sig"]
    try:
        return KeySet.import_key_set({"keys": usable})
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise ProviderWrong(f"keys: {type(error).__name__}") from None
