"""Static files of the voters' pages and of the console: each under an address that carries the hash of its bytes, so
that it may be kept for ever and a new one is a new address. They are read, and made as small as they get, once at
start.

A file of ours names another as `"./name"` (an import, a worker, a picture of the style sheet); what is served has the
address with the hash there. So a file's hash changes with everything that it needs.
"""

import hashlib
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from api.answers import answer
from api.cached import FOR_EVER, VARY, Cached
from api.compression import CODINGS, compressed
from models.settings import ROOT

_TYPES = {
    ".css": b"text/css; charset=utf-8",
    ".ico": b"image/x-icon",
    ".js": b"text/javascript; charset=utf-8",
    ".png": b"image/png",
    ".svg": b"image/svg+xml",
}
_TEXTS = (".css", ".js", ".svg")
_NAMED = re.compile(rb"""(?<=["'])\./([\w.-]+)(?=["'])""")
_SOURCE_MAP = re.compile(rb"\n?//# sourceMappingURL=\S*\s*$")
_PACKAGES = {
    "altcha.js": "altcha/dist/external/altcha.min.js",
    "altcha-worker.js": "altcha/dist/workers/pbkdf2.js",
    "uplot.css": "uplot/dist/uPlot.min.css",
    "uplot.js": "uplot/dist/uPlot.esm.js",
}
"""Name here → file of an npm package."""


class AssetError(Exception):
    """A static file is missing, or names one that there is not; the text is one line for people."""


class Asset(NamedTuple):
    address: str
    cached: Cached


def load(sources: Mapping[str, Path]) -> dict[str, Asset]:
    """Name → asset, for the files of `sources` by name. Errors: AssetError."""
    loaded: dict[str, Asset] = {}
    for name in sorted(sources):
        _load(name, sources, loaded, ())
    return loaded


def _load(name: str, sources: Mapping[str, Path], loaded: dict[str, Asset], within: tuple[str, ...]) -> Asset:
    """Loads what a file needs before the file itself. `within`: the files that need this one."""
    if name in within:
        raise AssetError(f"{' → '.join((*within, name))}: static files need each other in a circle")
    if name in loaded:
        return loaded[name]
    if name not in sources:
        raise AssetError(f"{within[-1]} names ./{name}, and there is no such static file")
    suffix = Path(name).suffix
    if suffix not in _TYPES:
        raise AssetError(f"{name}: nobody has said of what type this static file is")
    body = _read(sources[name])
    if suffix in _TEXTS:
        body = _SOURCE_MAP.sub(b"\n", body)
    if suffix in (".css", ".js") and name not in _PACKAGES:
        body = _NAMED.sub(
            lambda found: _beside(_load(found[1].decode(), sources, loaded, (*within, name)).address), body
        )
    loaded[name] = _asset(name, suffix, body)
    return loaded[name]


def _beside(address: str) -> bytes:
    return b"./" + address.rpartition("/")[2].encode()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise AssetError(f"{path} is missing: make install") from None


def _asset(name: str, suffix: str, body: bytes) -> Asset:
    digest = hashlib.blake2b(body, digest_size=8).hexdigest()
    full = answer(200, _TYPES[suffix], body, ((b"etag", b'"%s"' % digest.encode()), VARY, FOR_EVER))
    smaller = compressed(body) if suffix in _TEXTS else {}
    encode = (lambda _body, coding: smaller[coding]) if len(smaller) == len(CODINGS) else None
    address = f"/static/{name.removesuffix(suffix)}.{digest}{suffix}"
    return Asset(address, Cached(b'"%s"' % digest.encode(), full, encode))


def _sources() -> dict[str, Path]:
    """Everything in the two folders `static/`, and what the pages need of npm's packages."""
    own = [Path(str(files(package).joinpath("static"))) for package in ("api.voters", "api.operators")]
    packages = {name: ROOT / "node_modules" / path for name, path in _PACKAGES.items()}
    return {path.name: path for folder in own for path in folder.iterdir() if path.suffix in _TYPES} | packages


_LOADED = load(_sources())
ASSETS: dict[str, Cached] = {asset.address: asset.cached for asset in _LOADED.values()}
"""Address → answer."""


def address_of(name: str) -> str:
    """The address of the static file `name`. Errors: KeyError."""
    return _LOADED[name].address
