"""Files that browsers and search engines ask for by fixed names."""

import json
import xml.etree.ElementTree as ET
from io import BytesIO
from pathlib import Path
from urllib.robotparser import RobotFileParser

import pytest
from PIL import Image, ImageChops

from api.voters import icons
from tests.servers import empty_valkey

ORIGIN = "http://binhchon.example.vn"
SITEMAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
XHTML = "{http://www.w3.org/1999/xhtml}"


@pytest.fixture
def official(open_box, start_api):
    running = start_api(open_box, public_origin=ORIGIN + "/")
    running.wait_ready()
    return running


def test_robots_may_read_the_pages_and_nothing_personal(official):
    answer = official.client.get("/robots.txt")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    rules = RobotFileParser()
    rules.parse(answer.text.splitlines())
    assert rules.site_maps() == [f"{ORIGIN}/sitemap.xml"]
    for path in ("/", "/binh-chon", "/binh-chon?q=x", "/bai-du-thi/bai-1", "/bai-du-thi/bai-1/anh.jpg", "/en/ket-qua"):
        assert rules.can_fetch("any", path), path
    for path in ("/api/entries", "/operator/live", "/phieu-cua-toi", "/en/phieu-cua-toi", "/dang-nhap/ma", "/demo/x"):
        assert not rules.can_fetch("any", path), path
    assert "Disallow: /tra-cuu?" in answer.text  # a receipt is nobody else's


def test_the_sitemap_names_every_page_in_every_language(official):
    answer = official.client.get("/sitemap.xml")
    assert answer.headers["content-type"] == "application/xml"
    places = ET.fromstring(answer.content).findall(f"{SITEMAP}url")
    addresses = [place.findtext(f"{SITEMAP}loc") for place in places]
    assert len(set(addresses)) == len(addresses) == 2 * (7 + 5)
    for path in ("/", "/en/", "/binh-chon", "/en/the-le", "/ket-qua", "/tro-giup", "/bai-du-thi/bai-5"):
        assert ORIGIN + path in addresses
    for place, address in zip(places, addresses, strict=True):
        links = {link.get("hreflang"): link.get("href") for link in place.findall(f"{XHTML}link")}
        assert set(links) == {"vi", "en", "x-default"}
        assert address in links.values()
        path = address.removeprefix(ORIGIN)
        assert official.client.get(path).status_code == 200, path


def test_the_manifest_and_its_icons(official):
    for prefix, name in (("", "Cuộc thi thử <b>"), ("/en", "Trial")):
        answer = official.client.get(f"{prefix}/manifest.webmanifest")
        assert answer.headers["content-type"] == "application/manifest+json"
        manifest = json.loads(answer.content)
        assert (manifest["name"], manifest["start_url"]) == (name, f"{prefix}/")
        assert {"192x192", "512x512"} <= {icon["sizes"] for icon in manifest["icons"]}
        for icon in manifest["icons"]:
            picture = official.client.get(icon["src"])
            assert (picture.status_code, picture.headers["content-type"]) == (200, icon["type"])
            if icon["type"] == "image/png":
                side = int(icon["sizes"].split("x")[0])
                assert Image.open(BytesIO(picture.content)).size == (side, side)


def test_every_page_names_them_and_the_policy_lets_the_manifest_in(official):
    page = official.client.get("/")
    assert '<link rel="manifest" href="/manifest.webmanifest">' in page.text
    assert '<link rel="icon" href="/favicon.ico"' in page.text
    assert "manifest-src 'self'" in page.headers["content-security-policy"]
    assert 'href="/en/manifest.webmanifest"' in official.client.get("/en/the-le").text


@pytest.mark.parametrize("path", ["/robots.txt", "/sitemap.xml", "/manifest.webmanifest", "/favicon.ico"])
def test_they_are_cached_reads(official, path):
    answer = official.client.get(path)
    assert answer.headers["cache-control"].startswith("public, max-age=3600")
    assert official.client.get(path, headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
    assert official.client.head(path).status_code == 200
    assert official.client.post(path).status_code == 405


def test_the_icon_is_there_without_a_contest(valkey_factory, start_api):
    box = valkey_factory("box")
    empty_valkey(box.url)
    running = start_api(box.url)
    assert running.client.get("/favicon.ico").headers["content-type"] == "image/x-icon"
    assert running.client.get("/sitemap.xml").status_code == 404
    assert running.client.get("/anh.jpg").status_code == 404


@pytest.mark.parametrize("size", [192, 512])
def test_the_icons_are_those_that_the_script_draws(size):
    kept = Image.open(Path(icons.__file__).parent / "static" / f"icon-{size}.png")
    assert ImageChops.difference(kept.convert("RGB"), icons.icon(size)).getbbox() is None
