"""The media folder: what is kept of a picture, what is refused, what is never found."""

import re
import time
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from models.media import MAX_ATTACHMENT_BYTES, MAX_PICTURE_BYTES, MediaError, MediaFolder
from tests.models.pictures import PDF, bomb, noisy, picture, write


@pytest.fixture
def folder(tmp_path: Path) -> MediaFolder:
    return MediaFolder(tmp_path / "media")


def kept(folder: MediaFolder, address: str) -> bytes:
    path = folder.path_of(address.removeprefix("/media/"))
    assert path is not None
    return path.read_bytes()


def sizes_of(folder: MediaFolder, tmp_path: Path, content: bytes) -> list[tuple[int, int]]:
    sizes = folder.take_picture(write(tmp_path, "a", content))
    for size in sizes:
        assert Image.open(BytesIO(kept(folder, size["address"]))).size == (size["width"], size["height"])
    return [(size["width"], size["height"]) for size in sizes]


@pytest.mark.parametrize(
    ("width", "height", "made"),
    [
        (2000, 1000, [(320, 160), (640, 320), (1280, 640)]),
        (800, 500, [(320, 200), (640, 400), (800, 500)]),
        (320, 200, [(320, 200)]),
        (50, 40, [(50, 40)]),
        (500, 3000, [(320, 1920), (427, 2560)]),
        (3000, 2, [(320, 1), (640, 1), (1280, 1)]),
        (2, 20_000, [(1, 2560)]),
    ],
)
def test_a_picture_is_kept_in_each_width_up_to_its_own(folder, tmp_path, width, height, made):
    assert sizes_of(folder, tmp_path, picture(width, height, "PNG")) == made


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_kinds_of_pictures(folder, tmp_path, kind):
    (size,) = folder.take_picture(write(tmp_path, "a", picture(300, 200, kind)))
    image = Image.open(BytesIO(kept(folder, size["address"])))
    assert image.format == "WEBP"
    red, _, blue = image.convert("RGB").getpixel((150, 20))
    assert red > 200
    assert blue < 60
    assert re.fullmatch(r"/media/[0-9a-f]{32}\.webp", size["address"])


@pytest.mark.parametrize("mode", ["L", "CMYK", "1", "I;16", "LA", "RGBA", "P"])
def test_modes_of_colour(folder, tmp_path, mode):
    kind = "JPEG" if mode == "CMYK" else "PNG"
    content = picture(40, 30, kind, mode=mode, colour=0)
    assert sizes_of(folder, tmp_path, content) == [(40, 30)]


def test_a_photograph_is_drawn_as_avif_too_where_that_is_smaller(folder, tmp_path):
    sizes = folder.take_picture(write(tmp_path, "a", noisy()))
    assert [size["width"] for size in sizes] == [320, 640, 800]
    for size in sizes:
        small, other = kept(folder, size["avif"]), kept(folder, size["address"])
        with Image.open(BytesIO(small)) as image:
            assert (image.format, image.size) == ("AVIF", (size["width"], size["height"]))
        assert b"Hidden" not in small
        assert len(small) < len(other)


def test_a_lost_avif_is_drawn_again(folder, tmp_path):
    content = noisy()
    sizes = folder.take_picture(content)
    (tmp_path / "media" / sizes[0]["avif"].removeprefix("/media/")).unlink()
    assert folder.take_picture(content) == sizes
    kept(folder, sizes[0]["avif"])


def test_a_simple_drawing_is_left_at_one_format(folder, tmp_path):
    assert all("avif" not in size for size in folder.take_picture(picture()))


def test_the_largest_picture_takes_about_a_second(folder):
    begun = time.process_time()
    folder.take_picture(noisy(1280, 2560))
    assert time.process_time() - begun < 4  # 1.5 s on a quiet machine


def test_what_is_transparent_stays_so(folder, tmp_path):
    content = picture(40, 30, "PNG", mode="RGBA", colour=(0, 0, 0, 0))
    (size,) = folder.take_picture(write(tmp_path, "a", content))
    assert Image.open(BytesIO(kept(folder, size["address"]))).convert("RGBA").getpixel((5, 5))[3] == 0


def test_a_picture_is_turned_as_its_camera_was_and_nothing_hidden_is_left(folder, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    exif[0x010F] = "Hidden camera"
    exif.get_ifd(0x8825)[1] = "N"  # a place
    content = picture(300, 200, exif=exif, comment=b"Hidden note", icc_profile=b"Hidden profile" * 20)
    assert b"Hidden camera" in content
    (size,) = folder.take_picture(write(tmp_path, "a", content))
    assert (size["width"], size["height"]) == (200, 300)
    written = kept(folder, size["address"])
    for trace in (b"Hidden", b"EXIF", b"ICCP", b"XMP "):
        assert trace not in written
    assert Image.open(BytesIO(written)).convert("RGB").getpixel((20, 150))[2] > 200  # what was below is at the left


def test_the_same_picture_again_is_the_same_files_without_drawing(folder, tmp_path, monkeypatch):
    source = write(tmp_path, "a", picture())
    first = folder.take_picture(source)
    monkeypatch.setattr("models.media._drawn", None)
    assert folder.take_picture(source) == first


def test_a_file_that_was_lost_is_drawn_again(folder, tmp_path):
    source = write(tmp_path, "a", picture())
    first = folder.take_picture(source)
    (tmp_path / "media" / first[0]["address"].removeprefix("/media/")).unlink()
    assert folder.take_picture(source) == first
    kept(folder, first[0]["address"])


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is no picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "is no picture"),
        (b"GIF89a" + bytes(100), "is no picture"),
        (picture(kind="GIF"), "is no picture"),
        (b"GIF89a" + picture(), "is no picture"),
        (b"<html><script>alert(1)</script>" + picture(), "is no picture"),
        (picture()[:2000], "is no picture"),
        (picture(kind="PNG")[:300], "is no picture"),
        (picture(kind="WEBP")[:60], "is no picture"),
        (bomb(100, 100), "is no picture"),
        (bomb(0, 100), "is no picture"),
        (bomb(20_000, 10_000), "has more than 40 million pixels"),
        (bomb(8000, 8000), "has more than 40 million pixels"),
        (bomb(60_000, 60_000), "has more than 40 million pixels"),
        (bytes(MAX_PICTURE_BYTES + 1), "is larger than 20 MB"),
    ],
    ids=[
        "empty",
        "svg",
        "gif",
        "whole gif",
        "gif and jpeg",
        "html and jpeg",
        "jpeg cut",
        "png cut",
        "webp cut",
        "no pixels",
        "no width",
        "200 MP",
        "64 MP",
        "3600 MP",
        "large",
    ],
)
def test_what_is_no_picture_is_refused(folder, tmp_path, content, why):
    with pytest.raises(MediaError, match=why):
        folder.take_picture(write(tmp_path, "a", content))
    assert not (tmp_path / "media").exists()


def test_what_hangs_on_a_picture_is_left_behind(folder, tmp_path):
    (size,) = folder.take_picture(picture(300, 200) + b"<script>alert(1)</script>PK\3\4")
    assert b"script" not in kept(folder, size["address"])


def test_of_an_animation_the_first_picture_is_kept(folder, tmp_path):
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "blue")]
    written = BytesIO()
    frames[0].save(written, "WEBP", save_all=True, append_images=frames[1:])
    (size,) = folder.take_picture(written.getvalue())
    with Image.open(BytesIO(kept(folder, size["address"]))) as image:
        assert getattr(image, "n_frames", 1) == 1
        assert image.convert("RGB").getpixel((5, 5))[0] > 200


def test_an_attachment_is_kept_as_it_is(folder, tmp_path):
    attachment = folder.take_attachment(write(tmp_path, "a.pdf", PDF))
    assert attachment["bytes"] == len(PDF)
    assert kept(folder, attachment["address"]) == PDF


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"<html>%PDF-%%EOF", "is no whole PDF"),
        (PDF[:40], "is no whole PDF"),
        (b"%PDF-" + bytes(MAX_ATTACHMENT_BYTES), "is larger than 10 MB"),
    ],
)
def test_what_is_no_attachment_is_refused(folder, tmp_path, content, why):
    with pytest.raises(MediaError, match=why):
        folder.take_attachment(write(tmp_path, "a.pdf", content))


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "", "x.webp", "0" * 32 + ".json", "0" * 32 + ".webp\n"])
def test_nothing_but_what_was_kept_is_found(folder, tmp_path, name):
    folder.take_picture(write(tmp_path, "a", picture()))
    write(tmp_path, "secret", b"")
    write(tmp_path / "media", "0" * 32 + ".json", b"[]")
    assert folder.path_of(name) is None
