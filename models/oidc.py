"""OpenID Connect providers that an installation names in its settings."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from pydantic import SecretStr

SCOPE = "openid email"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_LONGEST_TITLE = 40


@dataclass(frozen=True)
class Provider:
    """One provider. `name` stands in addresses, `title` on its button; `issuer` is exactly what its tokens say."""

    name: str
    title: str
    issuer: str
    client_id: str
    client_secret: SecretStr
    scope: str = SCOPE


def provider_names(text: str) -> tuple[str, ...]:
    """The names of a comma-separated list. Errors: ValueError, one line."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if not _NAME.fullmatch(name):
            raise ValueError(f"not a name of small letters, digits and _: {name}")
    if len(set(names)) < len(names):
        raise ValueError("a name stands twice")
    return tuple(names)


def provider_of(name: str, setting: Callable[[str], str]) -> Provider:
    """The provider `name`. `setting("OIDC_GOOGLE_ISSUER")` gives the value of a variable, "" where it is unset.

    Errors: ValueError, one line that begins with the variable.
    """

    def required(what: str) -> str:
        value = setting(f"OIDC_{name.upper()}_{what}")
        if not value:
            raise ValueError(f"OIDC_{name.upper()}_{what}: must be set, since OIDC_PROVIDERS names {name}")
        return value

    issuer, title = required("ISSUER"), setting(f"OIDC_{name.upper()}_TITLE") or name.capitalize()
    scope = setting(f"OIDC_{name.upper()}_SCOPE") or SCOPE
    if not is_provider_address(issuer) or urlsplit(issuer).query:
        raise ValueError(f"OIDC_{name.upper()}_ISSUER: not an address like https://accounts.google.com: {issuer}")
    if len(title) > _LONGEST_TITLE or not title.isprintable():
        raise ValueError(f"OIDC_{name.upper()}_TITLE: not one line of at most {_LONGEST_TITLE} letters")
    if "openid" not in scope.split():
        raise ValueError(f"OIDC_{name.upper()}_SCOPE: openid is missing: {scope}")
    return Provider(name, title, issuer, required("CLIENT_ID"), SecretStr(required("CLIENT_SECRET")), scope)


def is_provider_address(address: object) -> bool:
    """Whether a code or a secret may be sent to `address`: https, or http that does not leave this machine."""
    if not isinstance(address, str) or not address.isascii() or not address.isprintable() or " " in address:
        return False
    try:
        parts = urlsplit(address)
        _ = parts.port  # refuses one that is no number
    except ValueError:
        return False
    if not parts.hostname or parts.fragment or "@" in parts.netloc:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
