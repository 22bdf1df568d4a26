"""Sharing an entry over real HTTP: addresses of the official domain, QR code, the picture for social networks."""

import asyncio
import json
import os
import re
import threading
import xml.etree.ElementTree as ET
from io import BytesIO
from pathlib import Path

import pytest
import redis
from PIL import Image

from api.outcomes import VoterProblem
from api.voters.share import MOST_IN_FOLDER, MOST_WAITING, Gallery, _forget_oldest, qr_code
from api.voters.share_image import Words
from models.ballot_box.keys import site_key
from models.contest_file import MAX_ENTRIES
from models.media import MediaFolder
from tests.api.contest import CONTEST_ID
from tests.models.pictures import PDF, noisy, picture, write

ORIGIN = "http://binhchon.example.vn"
LIAR = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def contents(open_box, folder):
    """The first entry has two pictures, a video and an attachment, the second a photograph, the others nothing."""
    media = MediaFolder(folder / "media")
    sizes = media.take_picture(write(folder, "a", picture(800, 500)))
    detailed = media.take_picture(noisy())
    attachment = media.take_attachment(write(folder, "a.pdf", PDF))
    with redis.Redis.from_url(open_box) as client:
        before = client.get(site_key(CONTEST_ID))
        site = json.loads(before)
        site["entries"][0] |= {
            "title_en": "Entry one",
            "summary": "Dòng một\nDòng hai <b>",
            "pictures": [
                {"alt": "Đồi chè", "alt_en": "Tea hills", "sizes": sizes},
                {"alt": "", "alt_en": "", "sizes": sizes},
            ],
            "video": "https://video.example/xem?v=1&t=2",
            "attachments": [{"title": "Bản vẽ <i>", "title_en": "", **attachment}],
        }
        site["entries"][1] |= {"pictures": [{"alt": "Ảnh chụp", "alt_en": "", "sizes": detailed}]}
        client.set(site_key(CONTEST_ID), json.dumps(site | {"version": 2}))
        yield {"sizes": sizes, "detailed": detailed, "attachment": attachment}
        client.set(site_key(CONTEST_ID), before)


@pytest.fixture
def shared(open_box, contents, start_api, folder):
    running = start_api(open_box, public_origin=ORIGIN, data_dir=folder)
    running.wait_ready()
    return running


def test_the_pictures_of_an_entry(shared, contents):
    page = shared.client.get("/bai-du-thi/bai-1").text
    first, second = re.findall(r"<img[^>]*>", page.split('class="pictures"')[1].split("</div>")[0])
    widths = [size["width"] for size in contents["sizes"]]
    assert widths == [320, 640, 800]
    for image in (first, second):
        assert all(f"{size['address']} {size['width']}w" in image for size in contents["sizes"])
        assert 'width="800"' in image
        assert 'height="500"' in image
    assert 'alt="Đồi chè"' in first
    assert 'fetchpriority="high"' in first
    assert "lazy" not in first
    assert 'loading="lazy"' in second
    assert 'alt="Bài 1 &lt;script&gt;"' in second  # a link needs a name
    english = shared.client.get("/en/bai-du-thi/bai-1").text
    assert 'alt="Tea hills"' in english
    assert "pictures" not in shared.client.get("/bai-du-thi/bai-3").text.split('class="others"')[0]


def test_a_photograph_is_offered_as_avif_first(shared, contents):
    page = shared.client.get("/bai-du-thi/bai-2").text
    (source,) = re.findall(r"<source[^>]*>", page.split('class="pictures"')[1].split("</div>")[0])
    assert 'type="image/avif"' in source
    assert all(f"{size['avif']} {size['width']}w" in source for size in contents["detailed"])
    answer = shared.client.get(contents["detailed"][0]["avif"])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/avif")
    assert answer.content[4:12] == b"ftypavif"
    (small,) = re.findall(r"<source[^>]*>", shared.client.get("/binh-chon").text)  # the drawing has none
    assert contents["detailed"][0]["avif"] in small


def test_the_list_has_a_small_picture_of_each_entry(shared, contents):
    page = shared.client.get("/binh-chon").text
    assert page.count('class="card-picture"') == 5
    assert page.count(contents["sizes"][0]["address"]) == 1
    assert contents["sizes"][1]["address"] not in page


def test_video_and_attachments(shared, contents):
    page = shared.client.get("/bai-du-thi/bai-1").text
    links = page.split('class="entry-links"')[1].split("</section>")[0]
    assert 'href="https://video.example/xem?v=1&amp;t=2"' in links
    assert "video.example)" in links
    assert f'href="{contents["attachment"]["address"]}"' in links
    assert "Bản vẽ &lt;i&gt;" in links
    assert "(PDF, 1 KB)" in links
    assert "<iframe" not in page
    assert 'class="entry-links"' not in shared.client.get("/bai-du-thi/bai-2").text


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_the_buttons_share_the_official_address_whatever_the_request_said(shared, prefix):
    page = shared.client.get(f"{prefix}/bai-du-thi/bai-1", headers=LIAR).text
    assert "evil.example" not in page
    address = f"{ORIGIN}{prefix}/bai-du-thi/bai-1"
    share = page.split('class="share"')[1].split("</section>")[0]
    assert share.count(f'data-url="{address}"') == 2
    escaped = address.replace(":", "%3A").replace("/", "%2F")
    assert f'href="https://www.facebook.com/sharer/sharer.php?u={escaped}"' in share
    assert re.findall(r"<button[^>]* hidden>", share) == re.findall(r"<button[^>]*>", share)  # they need a script
    assert f">{address}<" in share


def meta(page: str) -> dict[str, str]:
    return dict(re.findall(r'<meta (?:name|property)="([^"]+)" content="([^"]*)">', page))


def test_what_networks_read_of_an_entry(shared):
    page = shared.client.get("/bai-du-thi/bai-1", headers=LIAR).text
    said = meta(page)
    assert said["og:title"] == "Bài 1 &lt;script&gt;"
    assert said["og:description"] == said["description"] == "Dòng một Dòng hai &lt;b&gt;"
    assert said["og:url"] == f"{ORIGIN}/bai-du-thi/bai-1"
    assert said["og:image"] == f"{ORIGIN}/bai-du-thi/bai-1/anh.jpg"
    assert (said["og:image:width"], said["og:image:height"]) == ("1200", "630")
    assert (said["og:type"], said["og:locale"]) == ("article", "vi_VN")
    assert said["og:site_name"] == "Cuộc thi thử &lt;b&gt;"
    assert said["twitter:card"] == "summary_large_image"
    english = meta(shared.client.get("/en/bai-du-thi/bai-1").text)
    assert (english["og:title"], english["og:locale"], english["og:site_name"]) == ("Entry one", "en_US", "Trial")
    assert english["og:image"] == f"{ORIGIN}/en/bai-du-thi/bai-1/anh.jpg"


@pytest.mark.parametrize(
    ("path", "here"),
    [
        ("/", "/"),
        ("/binh-chon?q=bai&trang=2", "/binh-chon"),
        ("/bai-du-thi/bai-1", "/bai-du-thi/bai-1"),
        ("/bai-du-thi/bai-1/binh-chon", "/bai-du-thi/bai-1"),
        ("/the-le", "/the-le"),
    ],
)
def test_every_page_names_its_one_address_in_both_languages(shared, path, here):
    for prefix in ("", "/en"):
        page = shared.client.get(prefix + path, headers=LIAR).text
        assert re.findall(r'<link rel="canonical" href="([^"]+)">', page) == [ORIGIN + prefix + here]
        assert dict(re.findall(r'<link rel="alternate" hreflang="([^"]+)" href="([^"]+)">', page)) == {
            "vi": ORIGIN + here,
            "en": f"{ORIGIN}/en{here}",
            "x-default": ORIGIN + here,
        }
        assert page.count("og:image:width") == 1


@pytest.mark.parametrize(
    "path", ["/bai-du-thi/bai-1/anh.jpg", "/en/bai-du-thi/bai-2/anh.jpg", "/anh.jpg", "/en/anh.jpg"]
)
def test_the_picture_for_networks(shared, path):
    answer = shared.client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert Image.open(BytesIO(answer.content)).size == (1200, 630)
    assert answer.headers["cache-control"].startswith("public, max-age=3600")
    assert shared.client.get(path, headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
    head = shared.client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) == len(answer.content)


def test_pictures_differ_by_entry_and_language(shared):
    paths = [f"{prefix}/bai-du-thi/bai-{number}/anh.jpg" for prefix in ("", "/en") for number in (1, 2)]
    assert len({shared.client.get(path).content for path in paths}) == 4


def test_the_code_leads_to_the_official_address(shared):
    answer = shared.client.get("/en/bai-du-thi/bai-1/qr.svg", headers=LIAR)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
    assert answer.content == qr_code(f"{ORIGIN}/en/bai-du-thi/bai-1").full.body["body"]
    assert answer.content != shared.client.get("/bai-du-thi/bai-1/qr.svg").content
    drawing = ET.fromstring(answer.content)
    assert drawing.tag == "{http://www.w3.org/2000/svg}svg"
    assert b"style" not in answer.content


def test_every_entry_has_room_for_its_qr_code_in_each_language():
    """Else who asks for all of them in turn has each drawn again, and votes wait."""
    assert qr_code.cache_info().maxsize >= 2 * MAX_ENTRIES


@pytest.mark.parametrize("name", ["anh.jpg", "qr.svg"])
@pytest.mark.parametrize("slug", ["khong-co", "%3Cscript%3E", "x" * 3000, "bai-1%00"])
def test_an_unknown_entry_has_neither(shared, name, slug):
    answer = shared.client.get(f"/bai-du-thi/{slug}/{name}")
    assert answer.status_code == 404
    assert "<script>" not in answer.text


def test_without_a_setting_the_origin_is_where_the_process_listens(open_box, start_api):
    running = start_api(open_box)
    running.wait_ready()
    page = running.client.get("/bai-du-thi/bai-2", headers=LIAR).text
    assert '<link rel="canonical" href="http://127.0.0.1:8000/bai-du-thi/bai-2">' in page


def gallery(folder: Path) -> Gallery:
    return Gallery(MediaFolder(folder / "media"), folder / "cache")


def test_a_picture_is_drawn_once_and_then_taken_from_memory_and_from_the_folder(tmp_path, monkeypatch):
    words = Words("Một", "Hai", "Ba", "Bốn")

    async def both() -> list[bytes]:
        first = gallery(tmp_path)
        drawn = await asyncio.gather(*(first.image(words) for _ in range(5)))
        monkeypatch.setattr("api.voters.share.draw", None)
        later = [await first.image(words), await gallery(tmp_path).image(words)]
        return [ready.full.body["body"] for ready in [*drawn, *later]]

    assert len(set(asyncio.run(both()))) == 1
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_a_folder_that_cannot_be_written_stops_no_picture(tmp_path):
    write(tmp_path, "cache", b"a file, no folder")
    ready = asyncio.run(gallery(tmp_path).image(Words("Một", "", "", "")))
    assert ready.full.status == 200


def test_half_a_picture_in_the_folder_is_drawn_anew(tmp_path):
    words = Words("Một", "", "", "")
    whole = asyncio.run(gallery(tmp_path).image(words)).full.body["body"]
    (path,) = (tmp_path / "cache").iterdir()
    path.write_bytes(whole[:1000])
    assert asyncio.run(gallery(tmp_path).image(words)).full.body["body"] == whole
    assert path.read_bytes() == whole


def test_one_is_drawn_at_a_time_and_a_storm_is_told_to_come_back(tmp_path, monkeypatch):
    running, another = [0], threading.Event()

    def slow(words: Words, _picture: bytes | None) -> bytes:
        running[0] += 1
        if running[0] > 1:
            another.set()
        elif words.title == "0":
            another.wait(0.2)  # as long as one that is drawn beside it would need to begin
        running[0] -= 1
        return words.title.encode()

    monkeypatch.setattr("api.voters.share.draw", slow)

    async def storm() -> list[object]:
        shown = gallery(tmp_path)
        asked = (shown.image(Words(str(number), "", "", "")) for number in range(MOST_WAITING + 20))
        return await asyncio.gather(*asked, return_exceptions=True)

    answers = asyncio.run(storm())
    assert not another.is_set()
    assert sum(isinstance(answer, VoterProblem) for answer in answers) == 20
    assert all(isinstance(answer, VoterProblem) for answer in answers[-20:])


def test_the_folder_forgets_the_oldest(tmp_path):
    for number in range(MOST_IN_FOLDER + 1):
        path = tmp_path / f"{number}.jpg"
        path.touch()
        os.utime(path, (number, number))
    _forget_oldest(tmp_path)
    kept = {int(path.stem) for path in tmp_path.iterdir()}
    assert kept == set(range(MOST_IN_FOLDER // 2, MOST_IN_FOLDER + 1))
