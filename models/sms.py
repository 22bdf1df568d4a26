"""The HTTP gateway that login codes go through as SMS, as `SMS_URL`, `SMS_HEADERS` and `SMS_BODY` describe its call.

`{text}` and the number, as `{to}` (+84912345678), `{to_84}` (84912345678) or `{to_0}` (0912345678), may stand in the
address and in the body. They are put in escaped: for the address by percent-encoding, for the body as its Content-Type
says (JSON, else a form).
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import quote, urlsplit

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
_PLACE = re.compile(r"\{(to|to_84|to_0|text)\}")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # a token (RFC 9110, 5.6.2)


class SmsCall(NamedTuple):
    """One request. `body` None: a GET."""

    url: str
    headers: dict[str, str]
    body: bytes | None


@dataclass(frozen=True)
class SmsGateway:
    """A gateway. All of it may hold secrets, so none of it is shown."""

    url: str = field(repr=False)
    headers: dict[str, str] = field(repr=False)
    body: str | None = field(repr=False)
    accepted: str = ""
    """What stands in the answer to a message that was taken; empty: the status tells."""

    def call(self, to: str, text: str) -> SmsCall:
        """What sends `text` to `to`, a number in E.164 form."""
        values = {"to": to, "to_84": to.removeprefix("+"), "to_0": "0" + to.removeprefix("+84"), "text": text}
        url = _filled(self.url, values, _percent)
        if self.body is None:
            return SmsCall(url, self.headers, None)
        kind = next(value for name, value in self.headers.items() if name.lower() == "content-type")
        escape = _as_json if _is_json(kind) else _percent
        return SmsCall(url, self.headers, _filled(self.body, values, escape).encode())


def parse_sms_gateway(url: str, headers: str | None, body: str | None, accepted: str = "") -> SmsGateway:
    """`headers` is a JSON object of texts. Errors: ValueError, which begins with the name of the setting and repeats
    nothing of it.
    """
    _check_url(url)
    named = _headers(headers)
    if body is not None and not any(name.lower() == "content-type" for name in named):
        named["Content-Type"] = JSON if body.lstrip()[:1] in ("{", "[") else FORM
    gateway = SmsGateway(url, named, body, accepted)
    places = set(_PLACE.findall(url + (body or "")))
    if "text" not in places or len(places) < 2:
        raise ValueError("SMS_BODY: neither it nor SMS_URL says where {text} and {to} go")
    sample = gateway.call("+84912345678", 'a "b"\\')
    if sample.body is not None and any(_is_json(v) for n, v in named.items() if n.lower() == "content-type"):
        try:
            json.loads(sample.body)
        except ValueError:
            raise ValueError("SMS_BODY: not JSON; {to} and {text} stand inside of quotation marks") from None
    return gateway


def _check_url(url: str) -> None:
    """Codes go through it: in clear text only to this machine or a private address."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("SMS_URL: not an address") from None
    if parts.scheme not in ("http", "https") or not host or _PLACE.search(parts.netloc) or parts.fragment:
        raise ValueError("SMS_URL: not https:// with a host")
    if parts.scheme == "http" and not _is_inside(host):
        raise ValueError("SMS_URL: http:// only inside of one's own network: codes would be read on the way")


def _is_inside(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return "." not in host  # `localhost`, or a service of the same Docker network
    return address.is_private


def _headers(text: str | None) -> dict[str, str]:
    try:
        found = json.loads(text or "{}")
        known = isinstance(found, dict) and all(
            _HEADER.fullmatch(name) and isinstance(value, str) and value.isascii() and value.isprintable()
            for name, value in found.items()
        )
    except ValueError:
        known = False
    if not known:
        raise ValueError('SMS_HEADERS: not a JSON object of texts, as in {"Authorization": "Bearer …"}')
    return dict(found)


def _is_json(content_type: str) -> bool:
    media = content_type.partition(";")[0].strip().lower()
    return media == JSON or media.endswith("+json")


def _as_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _percent(text: str) -> str:
    return quote(text, safe="")


def _filled(template: str, values: dict[str, str], escape: Callable[[str], str]) -> str:
    """In one pass: braces in a text are no places."""
    return _PLACE.sub(lambda place: escape(values[place[1]]), template)
