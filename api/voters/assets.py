"""Static files of the voters' pages: each under an address that carries the hash of its bytes, so that it may be kept
for ever and a new one is a new address.
"""

import hashlib
from importlib.resources import files

from api.answers import Answer, answer, bodiless
from api.cached import Cached

_FOR_EVER = (b"cache-control", b"public, max-age=31536000, immutable")
_CSS = b"text/css; charset=utf-8"


def _asset(name: str, content_type: bytes) -> tuple[str, Cached]:
    """Address and answer of the file `name` in `static/`."""
    body = files("api.voters").joinpath("static", name).read_bytes()
    digest = hashlib.blake2b(body, digest_size=8).hexdigest()
    stem, _, suffix = name.rpartition(".")
    tag = f'"{digest}"'.encode()
    full: Answer = answer(200, content_type, body, ((b"etag", tag), _FOR_EVER))
    return f"/static/{stem}.{digest}.{suffix}", Cached(tag, full, bodiless(full), bodiless(full, 304))


STYLESHEET, _stylesheet = _asset("site.css", _CSS)
ASSETS: dict[str, Cached] = {STYLESHEET: _stylesheet}
"""Address → answer."""
