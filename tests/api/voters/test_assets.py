"""Static files: addresses with hashes, also inside the files; what is small on the way; errors at start."""

import gzip
import subprocess
import sys
from pathlib import Path

import brotli
import pytest

from api.voters.assets import ASSETS, AssetError, address_of, load
from tests.api.voters.markup import BROWSER, parsed

NODE = Path(sys.executable).with_name("node")


def files_in(folder: Path, **texts: str) -> dict[str, Path]:
    """`site_js="…"` becomes the file `site.js`."""
    made = {}
    for name, text in texts.items():
        path = folder / name.replace("_", ".")
        path.write_text(text)
        made[path.name] = path
    return made


def body(asset):
    return asset.cached.full.body["body"].decode()


def test_a_file_names_others_by_their_addresses(tmp_path):
    loaded = load(
        files_in(
            tmp_path,
            a_js='import { b } from "./b.js";\nimport("./c.js");\nnew URL("./c.js", import.meta.url);',
            b_js="export const b = 1;",
            c_js="export {};",
        )
    )
    b, c = (loaded[name].address.removeprefix("/static/") for name in ("b.js", "c.js"))
    assert body(loaded["a.js"]) == (
        f'import {{ b }} from "./{b}";\nimport("./{c}");\nnew URL("./{c}", import.meta.url);'
    )


def test_an_address_changes_with_what_the_file_needs(tmp_path):
    sources = files_in(tmp_path, a_js='import "./b.js";', b_js="1;", c_js="1;")
    before = load(sources)
    sources["b.js"].write_text("2;")
    after = load(sources)
    assert before["a.js"].address != after["a.js"].address
    assert before["b.js"].address != after["b.js"].address
    assert before["c.js"].address == after["c.js"].address


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ({"a_js": 'import "./b.js";', "b_js": 'import "./a.js";'}, "a.js → b.js → a.js"),
        ({"a_js": 'import "./gone.js";'}, r"a.js names ./gone.js"),
        ({"a_txt": "text"}, "a.txt"),
    ],
)
def test_files_that_cannot_be_served_are_an_error_at_start(tmp_path, texts, words):
    with pytest.raises(AssetError, match=words):
        load(files_in(tmp_path, **texts))


def test_a_package_that_is_not_installed_says_what_to_do(tmp_path):
    with pytest.raises(AssetError, match="make install"):
        load({"altcha.js": tmp_path / "node_modules" / "altcha.min.js"})


def test_a_source_map_that_nobody_serves_is_not_named(tmp_path):
    loaded = load(files_in(tmp_path, a_js="let a;\n//# sourceMappingURL=a.js.map\n"))
    assert body(loaded["a.js"]) == "let a;\n"


@pytest.mark.parametrize("address", ASSETS)
def test_every_file_is_served_small_typed_and_for_ever(api, address):
    sent = api.client.get(address, headers={"Accept-Encoding": "identity"})
    assert sent.status_code == 200
    assert "immutable" in sent.headers["cache-control"]
    assert sent.headers["x-content-type-options"] == "nosniff"
    kinds = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml", "png": "image/png"}
    assert sent.headers["content-type"].startswith(kinds.get(address.rpartition(".")[2], "image/"))
    for coding, decode in (("br", brotli.decompress), ("gzip", gzip.decompress)):
        with api.client.stream("GET", address, headers={"Accept-Encoding": coding}) as smaller:
            raw = b"".join(smaller.iter_raw())
        if smaller.headers.get("content-encoding") == coding:
            assert decode(raw) == sent.content
            assert len(raw) < len(sent.content)
        else:
            assert len(sent.content) < 1000 or address.endswith((".png", ".ico"))
    again = api.client.get(address, headers={"If-None-Match": sent.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("address", [address for address in ASSETS if address.endswith(".js")])
def test_every_script_is_understood_by_node(tmp_path, address):
    """Syntax only: what the scripts do is tested in a browser (tests/journeys)."""
    script = tmp_path / "script.mjs"
    script.write_bytes(ASSETS[address].full.body["body"])
    checked = subprocess.run([NODE, "--check", script], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_pages_name_only_files_that_there_are(api):
    for path in ("/", "/binh-chon", "/bai-du-thi/bai-1", "/en/"):
        page = api.client.get(path, headers=BROWSER)
        named = [address for address in parsed(page).addresses if address.startswith("/static/")]
        assert address_of("site.css") in named
        assert set(named) <= set(ASSETS)
