"""What a voter has typed into a login that is under way: kept by the voter's own browser, in a cookie, for ten minutes.
So each page of the login has an address of its own: it can be loaded again, Back leads to it, and a wrong code is not
sent a second time by a reload. Nothing in it is a secret from the voter, and nothing in it is believed: it is shown in
a form, and what the form sends is judged. But for `flow`: it is random, ties a code to the browser that asked for it,
and comes from this cookie alone, never from a form.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode

import orjson
from fastapi import Request, Response

from api.voters.forms import Typed
from models.agreement import Purpose

LIFE_S = 600
_LONGEST = 2_048  # letters of the cookie
FLOW = "flow"
_KEPT = (FLOW, "identity", "next", *(purpose.name.lower() for purpose in Purpose))


def name_of(session_cookie: str) -> str:
    """The cookie's name; bound to this very host where the session's is."""
    return "__Host-login" if session_cookie.startswith("__Host-") else "login"


def keep(answer: Response, name: str, typed: Typed | None) -> Response:
    """`answer` with the cookie; None ends it."""
    value = ""
    if typed:
        kept = {field: typed[field][:512] for field in _KEPT if field in typed}
        value = urlsafe_b64encode(orjson.dumps(kept)).decode()
    life = LIFE_S if value and len(value) <= _LONGEST else 0
    secure = "; Secure" if name.startswith("__Host-") else ""
    answer.headers.append(
        "Set-Cookie", f"{name}={value if life else ''}; Path=/; Max-Age={life}; HttpOnly; SameSite=Lax{secure}"
    )
    return answer


def with_flow(typed: Typed, flow: str) -> Typed:
    """What is to be kept: as it was typed, and the flow of this browser whatever the form said."""
    return {field: text for field, text in typed.items() if field != FLOW} | {FLOW: flow}


def kept(request: Request, name: str) -> Typed:
    """What was kept; nothing for a cookie that is none of ours."""
    value = request.cookies.get(name, "")
    if not value or len(value) > _LONGEST:
        return {}
    try:
        found = orjson.loads(urlsafe_b64decode(value.encode()))
    except (binascii.Error, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {field: text for field, text in found.items() if field in _KEPT and isinstance(text, str)}
