"""Where the minutes are signed."""

import re

from models.minutes_paper import BODY, BOTTOM, FONT, LEFT, LINE, RIGHT, SMALL, TOP, Paper

_OFFICE = re.compile(r"\s+[–—-]\s+")  # between a person's name and office


def signatures(paper: Paper, persons: list[str]) -> None:
    """A place for each person, two beside each other; without persons one for whoever leads the organisers.

    They stand on one page with the sentence above them, as long as it holds them: who signs sees what, and with whom.
    """
    signers = [_signer(person) for person in persons] or [("", "Thư ký"), ("", "Trưởng ban tổ chức")]
    width = (paper.w - LEFT - RIGHT) / 2
    rows = [signers[first : first + 2] for first in range(0, len(signers), 2)]
    heights = [_heights(paper, width, row) for row in rows]
    written = 2 * LINE + 4 + sum(office + 5 + name + 3 for office, name in heights)
    page = paper.h - TOP - BOTTOM
    space = max(5.0, min(20.0, (page - written) / len(rows)))  # to sign in
    if paper.get_y() + written + space * len(rows) > paper.h - BOTTOM:
        paper.add_page()
    paper.say(
        "Biên bản được lập xong sau khi kiểm phiếu, đọc lại cho các thành phần cùng nghe, thống nhất và ký tên dưới"
        " đây.",
    )
    paper.ln(4)
    for row, (office, name) in zip(rows, heights, strict=True):
        height = office + 5 + space + name
        if paper.get_y() + height > paper.h - BOTTOM:
            paper.add_page()
        top = paper.get_y()
        for column, signer in enumerate(row):
            _signature(paper, LEFT + column * width, (top, top + office, top + office + 5 + space), width, signer)
        paper.set_xy(LEFT, top + height + 3)


def _signer(person: str) -> tuple[str, str]:
    """The name, and the office in capitals."""
    name, *office = _OFFICE.split(person, maxsplit=1)
    return name, (office[0] if office else "Người ký").upper()


def _heights(paper: Paper, width: float, row: list[tuple[str, str]]) -> tuple[float, float]:
    """What the longest office and the longest name of a row take, mm."""
    paper.set_font(FONT, "B", BODY)
    tall = [[paper.height(text, width) for text in signer] for signer in row]
    return max(office for _name, office in tall), max(name for name, _office in tall)


def _signature(
    paper: Paper, left: float, tops: tuple[float, float, float], width: float, signer: tuple[str, str]
) -> None:
    """`tops`: of the office, the words below it, the name."""
    name, office = signer
    for top, text, style, size, line in (
        (tops[0], office, "B", BODY, LINE),
        (tops[1], "(Ký, ghi rõ họ tên)", "I", SMALL, 5),
        (tops[2], name, "B", BODY, LINE),
    ):
        paper.set_xy(left, top)
        paper.set_font(FONT, style, size)
        paper.multi_cell(width, line, text, align="C")
