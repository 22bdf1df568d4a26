"""Pictures and attachments over real HTTP: kept for ever, of the right kind, harmless, and nothing else of the disk."""

import asyncio

import pytest

from api.voters.media import Shelf
from models.media import MediaFolder
from tests.models.pictures import PDF, picture, write


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("media")


@pytest.fixture
def kept(folder, tmp_path):
    """Addresses of a picture and of an attachment."""
    media = MediaFolder(folder)
    (size,) = media.take_picture(write(tmp_path, "a", picture(300, 200)))
    return size["address"], media.take_attachment(write(tmp_path, "a.pdf", PDF))["address"]


@pytest.fixture
def media_api(open_box, start_api, folder):
    return start_api(open_box, media_dir=folder)


def test_a_picture(media_api, kept):
    answer = media_api.client.get(kept[0])
    assert answer.status_code == 200
    assert answer.content[8:12] == b"WEBP"
    assert answer.headers["content-type"] == "image/webp"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    at_hand = media_api.client.get(kept[0])  # from memory now
    assert at_hand.content == answer.content
    assert {**at_hand.headers, "date": ""} == {**answer.headers, "date": ""}
    again = media_api.client.get(kept[0], headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    head = media_api.client.head(kept[0])
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(answer.content)))


def test_an_attachment_is_shown_and_can_do_nothing(media_api, kept):
    answer = media_api.client.get(kept[1])
    assert answer.content == PDF
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"].startswith('inline; filename="tai-lieu-')
    assert answer.headers.get_list("content-security-policy") == [answer.headers["content-security-policy"]]
    for rule in ("default-src 'none'", "sandbox", "frame-ancestors 'none'"):
        assert rule in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "name",
    [
        "0" * 32 + ".webp",
        "0" * 32 + ".json",
        "secret.webp",
        "..%2Fsecret",
        "%2E%2E%2Fsecret",
        "..%5Csecret",
        "%00.webp",
        "x" * 5000,
    ],
)
def test_nothing_else_is_found(media_api, folder, name):
    write(folder, "0" * 32 + ".json", b"[]")
    write(folder, "secret.webp", b"secret")
    write(folder.parent, "secret", b"secret")
    answer = media_api.client.get(f"/media/{name}")
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"
    assert b"secret" not in answer.content


def test_only_reads(media_api, kept):
    for _ in range(2):
        assert media_api.client.put(kept[0]).status_code == 405
        assert media_api.client.get(kept[0]).status_code == 200


def test_memory_is_bounded_and_keeps_what_was_asked_for_last(tmp_path):
    media = MediaFolder(tmp_path / "media")
    names = []
    for number in range(4):
        content = PDF.replace(b"%%EOF", b"%d%%%%EOF" % number)
        address = media.take_attachment(write(tmp_path, "a.pdf", content))["address"]
        names.append(address.removeprefix("/media/"))
    size = len(PDF) + 1

    async def ask() -> list[bool]:
        shelf = Shelf(media, limit=2 * size)
        for number in (0, 1, 0, 2, 3, 0):
            found = await shelf.get(names[number])
            assert found is not None
            assert shelf.bytes <= 2 * size
        for name in names:
            (tmp_path / "media" / name).unlink()
        return [await shelf.get(name) is not None for name in names]

    assert asyncio.run(ask()) == [True, False, False, True]


def test_many_at_once_keep_it_once(tmp_path):
    media = MediaFolder(tmp_path / "media")
    name = media.take_attachment(write(tmp_path, "a.pdf", PDF))["address"].removeprefix("/media/")

    async def ask() -> int:
        shelf = Shelf(media)
        assert all(await asyncio.gather(*(shelf.get(name) for _ in range(50))))
        return shelf.bytes

    assert asyncio.run(ask()) == len(PDF)
