# noqa: INP001 - a script that stands alone
"""Draws the made-up pictures and the made-up attachment of `demo.toml`: `python contests/draw_pictures.py`.

Calm abstract views of tea hills, water, steel, books and networks, another for each entry: its slug is the seed. They
are drawn here, so they are nobody's. Run it again after adding an entry, and name the files in `demo.toml`.
"""

import math
import random
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).resolve().parent
FONTS = HERE.parent / "node_modules" / "@expo-google-fonts" / "be-vietnam-pro"
WIDTH, HEIGHT, FINE = 640, 400, 3  # pixels; drawn larger and made smaller, for smooth edges
SHOTS = {0: 3, 12: 3, 22: 3}  # entry → its pictures; the others have one, every third one two

Colour = tuple[int, int, int]
PALETTES: dict[str, list[list[str]]] = {
    "chuyen-doi-so": [
        ["e4edf0", "24424f", "4f7d8c", "9dbcc6", "d9902f"],
        ["eaf0ec", "1f4a5a", "3f8f8a", "a5cfc6", "e0a23c"],
        ["eceef3", "2b3f63", "5d78a8", "b3c1dc", "d9694a"],
    ],
    "giao-duc": [
        ["fbf1dd", "7a3e1d", "c9762b", "e9b872", "2f6b52"],
        ["f7efe6", "5b2f4a", "a8577a", "dca6b8", "3c7a6b"],
        ["f3f1e0", "4c4a1f", "a39a3a", "d9d28c", "24626e"],
    ],
    "nong-nghiep-moi-truong": [
        ["e9f2e4", "14603f", "3f8a55", "9cc58b", "f0b84a"],
        ["e3efe9", "0f5148", "3b8b78", "93c4ae", "ee9d5b"],
        ["f2f3df", "3d5a1c", "7a9a3a", "bccb7c", "e38b3c"],
    ],
    "y-te-cong-dong": [
        ["e3f0f2", "12576b", "3d93a6", "a3d0d8", "e7897a"],
        ["eaeff5", "2c4a7c", "6a8fc0", "b7cce6", "e8a15c"],
        ["e6f2ee", "1b6058", "56a596", "b0d9cd", "d9667b"],
    ],
    "cong-nghiep-du-lich": [
        ["eceef0", "2e3d47", "5f7480", "aebbc3", "e0702c"],
        ["f0ebe4", "4a3a33", "8a6f5f", "c9b6a6", "d9512f"],
        ["e7ecee", "223f4e", "4b7a8c", "9fbcc7", "f0a030"],
    ],
}


class Canvas:
    """A picture in units of its own width: x from 0 to 1, y from 0 (top) to 0.625."""

    def __init__(self, seed: str, palette: list[str]) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - a drawing, not a secret
        self.ground, self.deep, self.middle, self.pale, self.accent = (
            tuple(bytes.fromhex(colour)) for colour in palette
        )
        self._scale = WIDTH * FINE
        self.image = Image.new("RGB", (WIDTH * FINE, HEIGHT * FINE), self.ground)
        self._draw = ImageDraw.Draw(self.image)

    def shape(self, points: list[tuple[float, float]], colour: Colour) -> None:
        self._draw.polygon([(x * self._scale, y * self._scale) for x, y in points], fill=colour)

    def disc(self, x: float, y: float, radius: float, colour: Colour) -> None:
        scale = self._scale
        self._draw.ellipse(
            [(x - radius) * scale, (y - radius) * scale, (x + radius) * scale, (y + radius) * scale], colour
        )

    def line(self, points: list[tuple[float, float]], width: float, colour: Colour) -> None:
        scaled = [(x * self._scale, y * self._scale) for x, y in points]
        self._draw.line(scaled, fill=colour, width=max(1, round(width * self._scale)), joint="curve")

    def tile(self, x: float, y: float, width: float, height: float, colour: Colour, corner: float = 0.012) -> None:
        scale = self._scale
        box = [x * scale, y * scale, (x + width) * scale, (y + height) * scale]
        self._draw.rounded_rectangle(box, corner * scale, colour)

    def finished(self) -> Image.Image:
        return self.image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)


def mixed(one: Colour, other: Colour, share: float) -> Colour:
    """`share` 0 is `one`, 1 is `other`."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def ridge(canvas: Canvas, base: float, height: float) -> Callable[[float], float]:
    """The line of a range of hills: x → y."""
    waves = [
        (canvas.chance.uniform(0.5, 1), canvas.chance.uniform(1.5, 5) * math.pi, canvas.chance.uniform(0, 6))
        for _ in range(3)
    ]
    whole = sum(strength for strength, _, _ in waves)
    return lambda x: base - height * sum(s * (0.5 + 0.5 * math.sin(f * x + p)) for s, f, p in waves) / whole


def below(line: Callable[[float], float]) -> list[tuple[float, float]]:
    return [*((step / 80, line(step / 80)) for step in range(81)), (1, 0.7), (0, 0.7)]


def tea_hills(canvas: Canvas) -> None:
    """Hills one behind the other, the nearer ones with rows of tea."""
    chance = canvas.chance
    canvas.disc(chance.uniform(0.2, 0.8), chance.uniform(0.12, 0.2), chance.uniform(0.05, 0.08), canvas.accent)
    layers = 4
    for layer in range(layers):
        line = ridge(canvas, 0.28 + layer * 0.11, 0.13)
        share = layer / (layers - 1)
        colour = (
            mixed(canvas.pale, canvas.middle, share * 1.6) if share < 0.6 else mixed(canvas.middle, canvas.deep, share)
        )
        canvas.shape(below(line), colour)
        if layer >= 1:
            for row in range(1, 9):
                offset = row * (0.014 + 0.004 * layer)
                points = [
                    (step / 60, line(step / 60) + offset + 0.1 * offset * math.sin(step / 7)) for step in range(61)
                ]
                canvas.line(points, 0.0022 + 0.0012 * layer, mixed(colour, canvas.ground, 0.22))


def network(canvas: Canvas) -> None:
    """Points that are joined, over a quiet grid of tiles."""
    chance = canvas.chance
    columns, rows = 9, 6
    for column in range(columns):
        for row in range(rows):
            if chance.random() < 0.33:
                canvas.tile(
                    column / columns + 0.012, row * 0.111 - 0.02, 0.088, 0.088, mixed(canvas.ground, canvas.pale, 0.45)
                )
    nodes = [
        ((column + chance.uniform(0.25, 0.75)) / 5, (row + chance.uniform(0.2, 0.8)) * 0.2)
        for column in range(5)
        for row in range(3)
    ]
    for at, (x, y) in enumerate(nodes):
        near = sorted(nodes[at + 1 :], key=lambda other: math.dist((x, y), other))[:2]
        for other in near:
            canvas.line([(x, y), other], 0.005, canvas.middle)
    for at, (x, y) in enumerate(nodes):
        radius = chance.uniform(0.014, 0.034)
        canvas.disc(x, y, radius + 0.008, canvas.ground)
        canvas.disc(x, y, radius, canvas.accent if at % 5 == 3 else canvas.deep if at % 2 else canvas.middle)


def books(canvas: Canvas) -> None:
    """A shelf of books before a rising sun."""
    chance = canvas.chance
    x, y = chance.uniform(0.2, 0.8), 0.2
    for ring in range(6, 0, -1):
        canvas.disc(x, y, 0.06 * ring, mixed(canvas.ground, canvas.pale, 0.85 - 0.13 * ring))
    canvas.disc(x, y, 0.075, canvas.accent)
    place = 0.03
    while place < 0.95:
        width, height = chance.uniform(0.03, 0.065), chance.uniform(0.15, 0.3)
        colour = chance.choice([canvas.deep, canvas.middle, canvas.pale, mixed(canvas.deep, canvas.middle, 0.5)])
        canvas.tile(place, 0.53 - height, width, height + 0.02, colour, 0.006)
        canvas.tile(place, 0.53 - height * 0.82, width, 0.012, mixed(colour, canvas.ground, 0.5), 0)
        place += width + chance.choice([0.004, 0.004, 0.004, 0.07])
    canvas.tile(-0.1, 0.53, 1.2, 0.2, canvas.deep, 0)
    canvas.tile(-0.1, 0.53, 1.2, 0.014, mixed(canvas.deep, canvas.pale, 0.4), 0)


def water(canvas: Canvas) -> None:
    """Waves, and rings as of drops."""
    chance = canvas.chance
    for _ in range(3):
        x, y, radius = chance.uniform(0.1, 0.9), chance.uniform(0.08, 0.26), chance.uniform(0.05, 0.1)
        for ring in (1.0, 0.72, 0.44):
            canvas.disc(x, y, radius * ring, mixed(canvas.ground, canvas.pale, 1.1 - ring * 0.6))
    canvas.disc(chance.uniform(0.15, 0.85), chance.uniform(0.12, 0.22), 0.05, canvas.accent)
    for layer in range(5):
        start, wide = chance.uniform(0, 6), chance.uniform(8, 13)
        level = 0.27 + layer * 0.075
        share = layer / 4
        colour = (
            mixed(canvas.pale, canvas.middle, share * 2)
            if share < 0.5
            else mixed(canvas.middle, canvas.deep, share * 2 - 1)
        )
        rise = 0.018 + 0.004 * layer

        def wave(x: float, start: float = start, wide: float = wide, level: float = level, rise: float = rise) -> float:
            return level + rise * math.sin(wide * x + start)

        canvas.shape(below(wave), colour)


def steel(canvas: Canvas) -> None:
    """A mill before mountains, its metal glowing."""
    chance = canvas.chance
    canvas.shape(below(ridge(canvas, 0.4, 0.26)), mixed(canvas.ground, canvas.pale, 0.55))
    canvas.shape(below(ridge(canvas, 0.46, 0.16)), canvas.pale)
    place = -0.02
    while place < 1:
        width, height = chance.uniform(0.09, 0.2), chance.uniform(0.07, 0.16)
        roof, colour = 0.5 - height, chance.choice([canvas.deep, canvas.middle])
        teeth = chance.choice([1, 2, 3])
        outline = [(place, 0.66), (place, roof)]
        for tooth in range(teeth):
            outline += [
                (place + width * (tooth + 0.05) / teeth, roof - 0.035),
                (place + width * (tooth + 1) / teeth, roof),
            ]
        canvas.shape([*outline, (place + width, 0.66)], colour)
        if chance.random() < 0.55:
            chimney = place + width * chance.uniform(0.2, 0.7)
            top = roof - chance.uniform(0.1, 0.2)
            canvas.shape(
                [(chimney, roof), (chimney + 0.006, top), (chimney + 0.024, top), (chimney + 0.03, roof)], colour
            )
            canvas.tile(chimney + 0.004, top - 0.008, 0.022, 0.012, canvas.accent, 0.002)
        for window in range(int(width / 0.035)):
            lit = chance.random() < 0.3
            shade = canvas.accent if lit else mixed(colour, canvas.ground, 0.25)
            canvas.tile(place + 0.012 + window * 0.034, roof + 0.03, 0.02, 0.022, shade, 0.002)
        place += width + chance.uniform(0, 0.012)
    canvas.tile(-0.1, 0.52, 1.2, 0.2, mixed(canvas.deep, (0, 0, 0), 0.25), 0)
    canvas.tile(-0.1, 0.555, 1.2, 0.01, canvas.accent, 0)
    canvas.tile(-0.1, 0.585, 1.2, 0.006, mixed(canvas.deep, canvas.accent, 0.5), 0)


VIEWS: dict[str, Callable[[Canvas], None]] = {
    "chuyen-doi-so": network,
    "giao-duc": books,
    "nong-nghiep-moi-truong": tea_hills,
    "y-te-cong-dong": water,
    "cong-nghiep-du-lich": steel,
}


def shots(position: int) -> int:
    """How many pictures the entry at this place of the file has."""
    return SHOTS.get(position, 2 if position % 3 == 1 else 1)


def draw_pictures() -> None:
    """Writes `pictures/<slug>-<number>.webp`."""
    entries = tomllib.loads((HERE / "demo.toml").read_text(encoding="utf-8"))["entries"]
    for position, entry in enumerate(entries):
        palettes = PALETTES[entry["category"]]
        for number in range(1, shots(position) + 1):
            name = f"{entry['slug']}-{number}"
            canvas = Canvas(name, palettes[(position + number) % len(palettes)])
            VIEWS[entry["category"]](canvas)
            canvas.finished().save(HERE / "pictures" / f"{name}.webp", quality=72, method=6)


def draw_attachment() -> None:
    """Writes `pictures/ho-so-minh-hoa.pdf`, one page."""
    page = Image.new("L", (1240, 1754), 255)
    draw = ImageDraw.Draw(page)
    y = 170
    for face, size, words in (
        ("700Bold/BeVietnamPro_700Bold", 58, "Hồ sơ minh hoạ"),
        ("400Regular/BeVietnamPro_400Regular", 34, "Tài liệu này đi kèm một bài dự thi hư cấu của cuộc thi minh hoạ."),
        ("400Regular/BeVietnamPro_400Regular", 34, "Mọi tên gọi và số liệu trong bài đều được đặt ra."),
        ("400Regular/BeVietnamPro_400Regular", 34, "This document belongs to a made-up entry of a demonstration."),
    ):
        draw.text((150, y), words, fill=0, font=ImageFont.truetype(FONTS / f"{face}.ttf", size))
        y += 110 if size > 50 else 64
    for step in range(7):
        draw.rounded_rectangle(
            [150, 620 + step * 120, 1090 - (step * 53) % 300, 680 + step * 120], 14, outline=0, width=3
        )
    page.convert("1").save(
        HERE / "pictures" / "ho-so-minh-hoa.pdf", resolution=150, creationDate=time.gmtime(0), modDate=time.gmtime(0)
    )


if __name__ == "__main__":
    (HERE / "pictures").mkdir(exist_ok=True)
    draw_pictures()
    draw_attachment()
