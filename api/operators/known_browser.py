"""Browsers in which an operator has logged in before: a signed cookie says so. It opens nothing.

Wrong passwords from such a browser are counted apart, and its logins have places of their own: strangers who know an
operator's name, or flood the login page, keep out strangers (OWASP, “Slow Down Online Guessing Attacks with Device
Cookies”). Who guesses has no such cookie, for it takes a whole login to get one.
"""

import hashlib
import hmac
import secrets
from ipaddress import ip_address, ip_network

from fastapi import Request, Response

from api.operators.console import Console

COOKIE = "operator_browser"
LIFE_S = 180 * 86_400
_NETWORK_V6 = 48  # bits: what one customer of a provider may have for the asking
_LONGEST = 200  # letters


def remember(console: Console, response: Response, name: str, now: float) -> Response:
    """`response` with the cookie that makes this browser known as one of the operator `name`."""
    mark = f"{int(now)}-{secrets.token_hex(8)}"
    response.set_cookie(
        COOKIE,
        f"{mark}.{_sealed(console, name, mark)}",
        max_age=LIFE_S,
        path="/operator",
        secure=console.secure,
        httponly=True,
        samesite="strict",
    )
    return response


def mark_of(console: Console, request: Request, name: str, now: float) -> str:
    """What names this browser, if the operator `name` (as typed, in small letters) has logged in there; else ""."""
    mark, _, seal = request.cookies.get(COOKIE, "")[:_LONGEST].partition(".")
    if not hmac.compare_digest(seal.encode(), _sealed(console, name, mark).encode()):
        return ""
    return mark if now < int(mark.partition("-")[0]) + LIFE_S else ""


def network_of(address: str) -> str:
    """Who shares the places of strangers: an IPv4 address, the whole network of an IPv6 one."""
    try:
        ip = ip_address(address)
    except ValueError:
        return "none"
    return str(ip_network((ip, _NETWORK_V6), strict=False)) if ip.version == 6 else str(ip)


def _sealed(console: Console, name: str, mark: str) -> str:
    key = console.keys.derived("operator browser")
    return hashlib.blake2b(f"{mark} {name}".encode(), key=key, digest_size=16).hexdigest()
