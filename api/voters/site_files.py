"""Files that browsers and search engines ask for by fixed names: robots.txt, sitemap, manifest of the web app, icon."""

from functools import lru_cache
from urllib.parse import quote
from xml.sax.saxutils import escape

import orjson

from api.cached import AN_HOUR, Cached, cached
from api.voters.assets import ASSETS, address_of
from api.voters.language import LANGUAGES, N_, VI, Language, language_of
from api.voters.listing import LIST
from api.voters.page import ENTRY
from api.voters.view import Catalogue, View

MANIFEST = "/manifest.webmanifest"
_LISTED = ("/", LIST, "/the-le", "/ket-qua", "/tro-giup", "/nhan-biet", "/rieng-tu")
# What is personal, what is no page, and pages whose addresses hold receipts.
_NOT_LISTED = (
    "/phieu-cua-toi",
    "/dang-nhap",
    "/login",
    "/tra-cuu?",
    "/bai-du-thi/*/binh-chon",
    "/bai-du-thi/*/da-binh-chon",
)
_NOT_FOR_ROBOTS = ("/api/", "/operator", "/demo", "/metrics", "/health")
_COLOUR, _GROUND = "#14603f", "#f7f8f5"


def _icon() -> Cached:
    body = ASSETS[address_of("favicon.ico")].full.body["body"]
    return cached(b"image/x-icon", body, body, (AN_HOUR,))


ICON = {"/favicon.ico": _icon()}
"""The file that browsers ask for unasked."""


def site_file(view: View, path: str) -> Cached | None:
    """The file at `path`; None where there is none."""
    if path == "/robots.txt":
        return _robots(view.origin)
    if path == "/sitemap.xml":
        return _sitemap(view.catalogue, view.origin)
    language, bare = language_of(path)
    return _manifest(view.catalogue, language) if bare == MANIFEST else None


@lru_cache(maxsize=2)
def _robots(origin: str) -> Cached:
    hidden = [*_NOT_FOR_ROBOTS, *(language.path(path) for language in LANGUAGES for path in _NOT_LISTED)]
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in hidden), "", f"Sitemap: {origin}/sitemap.xml", ""]
    body = "\n".join(lines).encode()
    return cached(b"text/plain; charset=utf-8", body, body, (AN_HOUR,))


@lru_cache(maxsize=2)  # one contest, and the one before it while readers still have it
def _sitemap(catalogue: Catalogue, origin: str) -> Cached:
    """Every page that is for everybody, in every language, each naming the others (sitemaps.org, hreflang)."""
    paths = [*_LISTED, *(ENTRY + quote(entry["slug"]) for entry in catalogue.entries)]
    body = "".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" ',
            'xmlns:xhtml="http://www.w3.org/1999/xhtml">\n',
            *(_place(origin, path) for path in paths),
            "</urlset>\n",
        ]
    ).encode()
    return cached(b"application/xml", body, body, (AN_HOUR,))


def _place(origin: str, path: str) -> str:
    addresses = {language.code: escape(origin + language.path(path)) for language in LANGUAGES}
    link = '<xhtml:link rel="alternate" hreflang="{}" href="{}"/>'.format
    others = "".join(link(code, address) for code, address in addresses.items()) + link("x-default", addresses[VI.code])
    return "".join(f"<url><loc>{address}</loc>{others}</url>\n" for address in addresses.values())


@lru_cache(maxsize=4)
def _manifest(catalogue: Catalogue, language: Language) -> Cached:
    """https://www.w3.org/TR/appmanifest/"""
    body = orjson.dumps(
        {
            "name": language.of(catalogue.contest, "title"),
            "short_name": language.text(N_("Bình chọn")),
            "lang": language.code,
            "start_url": language.path("/"),
            "scope": "/",
            "display": "minimal-ui",
            "theme_color": _COLOUR,
            "background_color": _GROUND,
            "icons": [
                _manifest_icon("icon-192.png", "image/png", "192x192"),
                _manifest_icon("icon-512.png", "image/png", "512x512"),
                _manifest_icon("icon-512.png", "image/png", "512x512") | {"purpose": "maskable"},
                _manifest_icon("icon.svg", "image/svg+xml", "any"),
            ],
        }
    )
    return cached(b"application/manifest+json", body, body, (AN_HOUR,))


def _manifest_icon(name: str, content_type: str, sizes: str) -> dict[str, str]:
    return {"src": address_of(name), "sizes": sizes, "type": content_type}
