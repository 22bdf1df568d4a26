"""The picture for social networks: its size, its letters, and that whatever is written stays inside."""

from dataclasses import replace
from io import BytesIO

import pytest
from PIL import Image, ImageChops

from api.voters.share_image import MOST_BYTES, SIZE, Words, draw, shortened, wrapped
from tests.models.pictures import picture

EDGE = 64
WORDS = Words("Máy lọc nước cho vùng cao", "Môi trường", "Lê Thị Ẵm – Trường minh hoạ", "Cuộc thi “Sáng kiến”")
MARKED = "ẴặỡễợữựẪỸỳẵẶỘấỔẩỨừỷđĐỐỖ"


def drawn(words: Words, own: bytes | None = None) -> Image.Image:
    body = draw(words, own)
    assert len(body) <= MOST_BYTES
    image = Image.open(BytesIO(body))
    assert (image.format, image.size) == ("JPEG", SIZE)
    return image.convert("RGB")


def ink(words: Words, own: bytes | None = None) -> tuple[int, int, int, int]:
    """The box around all that is written: what differs from the picture without words."""
    empty = drawn(Words("", "", "", " "), own)
    differs = ImageChops.difference(drawn(words, own), empty).convert("L").point(lambda value: 255 * (value > 60))
    box = differs.getbbox()
    assert box is not None
    return box


def test_the_same_words_are_the_same_bytes():
    own = picture(640, 400, "WEBP")
    assert draw(WORDS, own) == draw(WORDS, own)
    assert draw(WORDS, None) == draw(WORDS, None)
    assert draw(WORDS, own) != draw(WORDS, None)


def test_every_mark_is_seen():
    """A font without the letters would draw one and the same box for all of them."""
    letters = {*MARKED, "A", "a", "e", "o", "u", "\U0001f375"}
    assert len({draw(Words(letter, "", "", ""), None) for letter in letters}) == len(letters)


@pytest.mark.parametrize(
    "words",
    [
        Words("Ẵ ặ " * 50, "Ẫ" * 300, "Ựg" * 200, "Ẩy " * 100),
        Words("W" * 300, "W" * 300, "W" * 300, "W" * 300),
        replace(WORDS, title="Nghiên cứu ứng dụng trí tuệ nhân tạo để dự báo lũ ống và sạt lở đất " * 4),
    ],
    ids=["short words", "one word", "title of 270 letters"],
)
@pytest.mark.parametrize("own", [None, picture(640, 400, "WEBP")], ids=["alone", "beside a picture"])
def test_long_texts_stay_inside(words, own):
    left, top, right, bottom = ink(words, own)
    assert left >= EDGE - 4
    assert top >= 40
    assert right <= (SIZE[0] if own is None else 760) - EDGE + 4
    assert bottom <= SIZE[1] - 20


def test_the_entrys_picture_fills_its_side():
    for width, height in ((640, 400), (100, 1000), (1000, 100), (1, 1)):
        image = drawn(WORDS, picture(width, height, "WEBP"))
        red, _, blue = image.getpixel((1190, 10))
        assert red > 150 or blue > 150


def test_a_picture_with_transparency_stands_on_white():
    own = picture(64, 64, "WEBP", mode="RGBA", colour=(0, 0, 0, 0))
    assert min(drawn(WORDS, own).getpixel((1000, 300))) > 240


class Fixed:
    """A font whose letters are all ten pixels wide."""

    def getlength(self, text: str) -> float:
        return 10.0 * len(text)


def test_lines_break_between_words_and_long_words_within():
    assert wrapped("một hai ba bốn", Fixed(), 70) == ["một hai", "ba bốn"]
    assert wrapped("x abcdefghijklm y", Fixed(), 50) == ["x", "abcde", "fghij", "klm y"]
    assert wrapped("", Fixed(), 50) == []
    assert wrapped("ab", Fixed(), 5) == ["a", "b"]


def test_what_is_left_out_is_an_ellipsis():
    assert shortened("một hai ba bốn", Fixed(), 70, 2) == ["một hai", "ba bốn"]
    assert shortened("một hai ba bốn", Fixed(), 70, 1) == ["một ha…"]
    assert shortened("một, hai ba", Fixed(), 50, 1) == ["một…"]
