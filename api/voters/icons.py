"""Draws the icons in `static/`: `python -m api.voters.icons`. A tick as on a ballot, over a tea hill.

`static/icon.svg` has the same shapes for browsers that take it; who changes one changes both.
"""

from pathlib import Path

from PIL import Image, ImageDraw

TEA, HILL, WHITE = "#14603f", "#24424f", "#ffffff"
_FINE = 4  # drawn larger and made smaller, for smooth edges
_STATIC = Path(__file__).parent / "static"


def icon(size: int) -> Image.Image:
    """A square of `size` pixels. Nothing of weight stands near its edge: telephones cut it to a circle."""
    scale = size * _FINE / 64
    image = Image.new("RGB", (size * _FINE, size * _FINE), TEA)
    canvas = ImageDraw.Draw(image)
    canvas.ellipse([scale * at for at in (-10, 44, 74, 128)], fill=HILL)
    points = [(18, 33), (28, 43), (47, 22)]
    canvas.line([(x * scale, y * scale) for x, y in points], fill=WHITE, width=round(7 * scale), joint="curve")
    for x, y in points:
        canvas.ellipse([scale * at for at in (x - 3.5, y - 3.5, x + 3.5, y + 3.5)], fill=WHITE)
    return image.resize((size, size), Image.Resampling.LANCZOS)


def main() -> None:
    for size in (192, 512):
        icon(size).save(_STATIC / f"icon-{size}.png", optimize=True)
    icon(48).save(_STATIC / "favicon.ico", sizes=[(16, 16), (32, 32), (48, 48)])


if __name__ == "__main__":
    main()
