"""The paper of the minutes: A4 with the margins, letters and tables of an official document."""

from collections.abc import Sequence
from typing import cast

from fpdf import FPDF, FontFace
from fpdf.enums import MethodReturnValue

from models.settings import ROOT

_FONTS = ROOT / "node_modules" / "@expo-google-fonts" / "be-vietnam-pro"
FONT = "BeVietnamPro"
_STYLES = {
    "": "400Regular/BeVietnamPro_400Regular.ttf",
    "B": "600SemiBold/BeVietnamPro_600SemiBold.ttf",
    "I": "400Regular_Italic/BeVietnamPro_400Regular_Italic.ttf",
}
LEFT, RIGHT, TOP, BOTTOM = 30, 18, 20, 20  # mm, as the decree has them
BODY, SMALL = 10.5, 8.5  # points
LINE, SMALL_LINE = 6.0, 4.6  # mm


class Paper(FPDF):
    """Empty pages, with the number of the minutes and the page at the foot. Errors: OSError without the fonts."""

    def __init__(self, number: str) -> None:
        super().__init__(format="A4")
        self._number = number
        self.set_lang("vi")
        for style, name in _STYLES.items():
            self.add_font(FONT, style, _FONTS / name)
        self.set_margins(LEFT, TOP, RIGHT)
        self.set_auto_page_break(auto=True, margin=BOTTOM)

    def footer(self) -> None:
        self.set_y(-14)
        self.set_font(FONT, "", SMALL)
        name = f"Biên bản số {self._number}" if self._number else "Biên bản kiểm phiếu"
        self.cell(0, 6, f"{name} – trang {self.page_no()}/{{nb}}", align="C")

    def centred(self, text: str, size: float, style: str) -> None:
        self.set_font(FONT, style, size)
        self.multi_cell(0, size * 0.55, text, align="C", new_x="LMARGIN", new_y="NEXT")

    def heading(self, text: str, *, room: float = 30) -> None:
        """`room`: mm that must be left on the page, else it begins the next one."""
        if self.get_y() + room > self.h - BOTTOM:
            self.add_page()
        self.ln(2)
        self.set_font(FONT, "B", BODY)
        self.multi_cell(0, LINE, text, align="L", new_x="LMARGIN", new_y="NEXT")
        self.ln(1)

    def say(self, text: str, *, style: str = "") -> None:
        self.set_font(FONT, style, BODY)
        self.multi_cell(0, LINE, text, align="L", new_x="LMARGIN", new_y="NEXT")

    def height(self, text: str, width: float) -> float:
        """What lines of the font in use take, mm."""
        lines = self.multi_cell(width, LINE, text, align="C", dry_run=True, output=MethodReturnValue.LINES)
        return LINE * len(cast("list[str]", lines))

    def caption(self, text: str) -> None:
        self.ln(3)
        if self.get_y() + 25 > self.h - BOTTOM:
            self.add_page()
        self.say(text, style="I")

    def tabled(self, widths: Sequence[int], aligns: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """`aligns`: L or R for each column."""
        self.set_font(FONT, "", 9.5)
        names = tuple({"L": "LEFT", "R": "RIGHT"}[align] for align in aligns)
        with self.table(
            col_widths=tuple(widths),
            text_align=names,
            line_height=5.2,
            align="LEFT",
            width=self.epw,
            padding=(0.8, 1.6),
            headings_style=FontFace(emphasis="BOLD", fill_color=(236, 236, 236)),
        ) as table:
            for row in [head, *rows]:
                table.row(row)
