"""Reading spreadsheets: what is read of good ones, and nothing of hostile ones, quickly and in little memory."""

import random
import re
import resource
import struct
import time
import tracemalloc
import unicodedata
import zipfile
from datetime import date
from io import BytesIO

import pytest
from openpyxl.comments import Comment

from models.entry_sheet import HEADINGS
from models.sheet import MAX_BYTES, MAX_ROWS, Cell, SheetError
from models.sheet_file import read_sheet
from tests.models.pictures import PDF, picture
from tests.models.sheets import SHEET, sheet_xml, with_part, with_strings, xlsx

GOOD = [["Tên bài dự thi", "Lĩnh vực"], ["Máy lọc nước", "Chung"]]


def read(content: bytes) -> dict[int, dict[int, Cell]]:
    return {row.number: row.cells for row in read_sheet(content, HEADINGS).rows}


def texts(content: bytes) -> list[list[str]]:
    return [[cell.text for cell in cells.values()] for cells in read(content).values()]


def code(content: bytes) -> str:
    with pytest.raises(SheetError) as caught:
        read_sheet(content, HEADINGS)
    return caught.value.code


def test_cells_say_what_they_are():
    content = xlsx(
        GOOD[0],
        ["=1+1", 7, True, date(2026, 5, 10), 0.5, "#N/A", "+84", "-x", "@y", None, "<b>chữ</b>\nhai"],
    )
    cells = read(content)[2]
    assert [cell.kind for cell in cells.values()] == [
        *("formula", "number", "boolean", "number", "number", "error", "text", "text", "text", "text"),
    ]
    assert cells[0].text == ""  # whatever was kept with a formula
    assert cells[6].text == "+84"
    assert 9 not in cells
    assert cells[10].text == "<b>chữ</b>\nhai"


def test_a_text_that_begins_like_a_formula_is_text_in_xlsx():
    def text(workbook):
        workbook.active["A2"].data_type = "s"

    content = xlsx(GOOD[0], ["=x"], change=text)
    assert read(content)[2][0] == Cell("=x")


def test_a_formula_is_none_whatever_value_was_kept_with_it():
    row = b'<row r="1"><c r="A1" t="str"><f>HYPERLINK("x")</f><v>May</v></c><c r="B1"><f>1</f><v>2</v></c></row>'
    assert [cell.kind for cell in read(with_part(xlsx(*GOOD), SHEET, sheet_xml(row)))[1].values()] == ["formula"] * 2


def test_the_sheet_with_the_entries_is_read_else_the_first_that_is_seen():
    def more(workbook):
        workbook.create_sheet("Khác", 0).append(["khác"])

    assert texts(xlsx(*GOOD, change=more)) == GOOD

    def hidden(workbook):
        workbook.create_sheet("Hiện").append(["hiện"])
        workbook.active.sheet_state = "hidden"
        workbook.active = 1

    assert texts(xlsx(*GOOD, title="Ẩn", change=hidden)) == [["hiện"]]


def test_hidden_rows_and_columns_are_told():
    def hide(workbook):
        workbook.active.row_dimensions[2].hidden = True
        workbook.active.column_dimensions["B"].hidden = True

    sheet = read_sheet(xlsx(*GOOD, change=hide), HEADINGS)
    assert [row.hidden for row in sheet.rows] == [False, True]
    assert sheet.hidden_columns == {1}


def test_what_else_a_workbook_holds_is_of_no_matter():
    def more(workbook):
        workbook.active["A1"].comment = Comment("ghi chú", "ai")
        workbook.active["A2"].hyperlink = "https://example.org/"
        workbook.create_sheet("x")

    assert texts(xlsx(*GOOD, change=more)) == GOOD


def test_rich_text_spoken_text_and_escapes():
    shared = (
        '<sst xmlns="x"><si><r><t>Máy </t></r><r><t>lọc</t></r><rPh sb="0"><t>spoken</t></rPh></si>'
        "<si><t>một_x000D_\nhai</t></si></sst>"
    ).encode()
    row = b'<row><c t="s"><v>0</v></c><c t="s"><v>1</v></c><c t="inlineStr"><is><t>trong</t></is></c></row>'
    content = with_part(with_strings(xlsx(*GOOD), shared), SHEET, sheet_xml(row))
    assert texts(content) == [["Máy lọc", "một\nhai", "trong"]]


def test_merged_cells_are_named():
    def merge(workbook):
        workbook.active.merge_cells("A2:B3")

    with pytest.raises(SheetError) as caught:
        read_sheet(xlsx(*GOOD, change=merge), HEADINGS)
    assert (caught.value.code, caught.value.values_) == ("merged", {"cells": "A2:B3"})


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (b'<row r="1"><c r="A1"><f t="array" ref="A1:A9">B1</f><v>1</v></c></row>', "formulas"),
        (b'<row r="2"/><row r="1"/>', "broken"),
        (b'<row r="1"><c r="B1"><v>1</v></c><c r="A1"><v>1</v></c></row>', "broken"),
        (b'<row r="1"><c r="A2"><v>1</v></c></row>', "broken"),
        (b'<row r="1"><c r="A1" t="s"><v>999</v></c></row>', "broken"),
        (b'<row r="1"><c r="A1" t="s"><v>-1</v></c></row>', "broken"),
        (b'<row r="x"/>', "broken"),
        (b'<row r="%s"/>' % (b"9" * 5000), "broken"),
        (b'<row r="1"><c r="A1"', "broken"),
        (b'<row r="1048576"><c r="A1048576"><v>1</v></c></row>', "too_many_rows"),
        (b'<row r="1"><c r="XFD1"><v>1</v></c></row>', "too_many_columns"),
        (b'<row r="1"><c r="A1" t="inlineStr"><is><t>%s</t></is></c></row>' % (b"x" * 70_000), "too_long"),
        (b"<row>" * 1000, "broken"),
    ],
)
def test_sheets_that_no_program_writes(row, why):
    assert code(with_part(xlsx(*GOOD), SHEET, sheet_xml(row))) == why


def test_far_empty_rows_and_wide_empty_rows_cost_nothing():
    rows = b"".join(b'<row r="%d"><c r="A%d" s="1"/></row>' % (at, at) for at in range(1, 60_000))
    assert texts(with_part(xlsx(*GOOD), SHEET, sheet_xml(rows))) == []
    assert texts(with_part(xlsx(*GOOD), SHEET, sheet_xml(b'<row r="1"><c r="XFD1" s="1"/></row>'))) == []


def test_fifty_thousand_rows_are_refused_early_and_in_little_memory():
    content = xlsx(GOOD[0], *(["Bài " + "x" * 50 + str(at), "Chung"] for at in range(50_000)))
    begun = time.process_time()
    tracemalloc.start()
    with pytest.raises(SheetError) as caught:
        read_sheet(content, HEADINGS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (caught.value.code, caught.value.values_) == ("too_many_rows", {"most": MAX_ROWS})
    assert peak < 40 * 1024**2
    assert time.process_time() - begun < 30  # tracing makes it slow; 0.02 s without
    rows = "Tên bài dự thi,Lĩnh vực\n" + "Bài,Chung\n" * 50_000
    assert code(rows.encode()) == "too_many_rows"


def test_two_thousand_rows_are_read():
    rows = [[f"Bài {at}", "Chung"] for at in range(MAX_ROWS)]
    assert len(texts(xlsx(GOOD[0], *rows))) == MAX_ROWS + 1
    assert code(xlsx(GOOD[0], *rows, ["Một nữa", "Chung"])) == "too_many_rows"


def bomb(megabytes: int) -> bytes:
    """A sheet of nothing but blanks."""
    return with_part(xlsx(*GOOD), SHEET, sheet_xml(b" " * (megabytes * 1024**2)))


def test_a_zip_bomb_is_not_opened():
    content = bomb(300)
    assert len(content) < 1024**2
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.process_time()
    assert code(content) == "bomb"
    assert time.process_time() - begun < 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024  # KB
    assert code(bomb(30)) == "bomb"  # less than all may have, but packed too well


def test_a_part_that_lies_about_its_size_is_not_read_on():
    content = bytearray(with_part(xlsx(*GOOD), SHEET, sheet_xml(b"<row/>" * 500_000)))
    at = content.rfind(b"PK\1\2", 0, content.rfind(SHEET.encode()))
    content[at + 24 : at + 28] = struct.pack("<L", 100)
    assert code(bytes(content)) == "broken"


def test_an_archive_of_too_many_parts():
    many = BytesIO()
    with zipfile.ZipFile(many, "w") as archive:
        for at in range(1_500):
            archive.writestr(f"{at}", b"")
    assert code(many.getvalue()) == "bomb"
    content = bytearray(xlsx(*GOOD))
    end = content.rfind(b"PK\5\6")
    content[end + 12 : end + 16] = struct.pack("<L", 2**31)
    assert code(bytes(content)) == "bomb"


def test_a_million_elements_in_bounded_time():
    content = with_part(xlsx(*GOOD), SHEET, sheet_xml(b"<a/>" * 4_000_000), compress_type=zipfile.ZIP_STORED)
    assert code(content) == "too_large"  # packed it is a bomb, as it is too large
    shared = b'<sst xmlns="x">' + b"".join(b"<si><t>%07d</t></si>" % at for at in range(250_000)) + b"</sst>"
    assert code(with_strings(xlsx(*GOOD), shared)) in {"too_many_rows", "bomb"}


def test_shared_texts_are_read_once_however_often_they_are_named():
    shared = b'<sst xmlns="x">' + b"<si><t>a</t></si>" * 2_000 + b"</sst>"
    relation = b'<Relationship Id="r%d" Type="http://x/relationships/sharedStrings" Target="%ssharedStrings.xml"/>'
    named = b"".join(relation % (at, b"./" * (at % 3)) for at in range(2_000))

    def name(relations: bytes) -> bytes:
        return relations.replace(b"</Relationships>", named + b"</Relationships>")

    content = with_part(with_strings(xlsx(*GOOD), shared), "xl/_rels/workbook.xml.rels", name)
    assert texts(content) == GOOD


@pytest.mark.parametrize(
    "part",
    [
        b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><worksheet>&a;</worksheet>',
        b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><worksheet/>',
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;">]><worksheet>&c;</worksheet>',
    ],
)
@pytest.mark.parametrize("name", [SHEET, "xl/workbook.xml", "xl/sharedStrings.xml", "_rels/.rels"])
def test_entities_are_never_taken(part, name):
    made = with_strings(xlsx(*GOOD), part) if "shared" in name else with_part(xlsx(*GOOD), name, part)
    assert code(made) == "hostile"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf\r\n", "empty"),
        (bytes(100), "empty"),
        (bytes(MAX_BYTES) + b"x", "too_large"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old_xls"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le"), "encrypted"),
        (picture(), "not_a_sheet"),
        (picture(kind="PNG"), "not_a_sheet"),
        (picture(kind="WEBP"), "not_a_sheet"),
        (PDF, "not_a_sheet"),
        (b"<html><table><tr><td>x</td></tr></table></html>", "not_a_sheet"),
        (b"PK\x03\x04" + picture(), "broken"),
        (xlsx(*GOOD)[:-500], "broken"),
        (xlsx(*GOOD)[:100], "broken"),
    ],
    ids=range(14),
)
def test_files_that_are_something_else(content, why):
    assert code(content) == why


def test_archives_that_are_something_else():
    def archive(*names: str) -> bytes:
        written = BytesIO()
        with zipfile.ZipFile(written, "w") as made:
            for name in names:
                made.writestr(name, b"<x/>")
        return written.getvalue()

    assert code(archive("mimetype", "content.xml")) == "ods"
    assert code(archive("xl/workbook.bin")) == "xlsb"
    assert code(archive("word/document.xml", "_rels/.rels")) == "not_a_sheet"
    assert code(archive("a.xlsx")) == "not_a_sheet"
    assert code(archive("../../etc/passwd", "/etc/passwd")) == "not_a_sheet"


def test_a_workbook_without_a_sheet_that_is_seen():
    def hide(workbook):
        workbook.create_sheet("trống")
        workbook.active.sheet_state = "hidden"
        workbook.active = 1

    content = xlsx(*GOOD, change=hide)

    def very(part: bytes) -> bytes:
        return part.replace(b'state="visible"', b'state="veryHidden"')

    assert code(with_part(content, "xl/workbook.xml", very)) == "no_sheet"


def test_broken_archives_of_all_kinds_are_refused_in_words():
    """Whatever byte is another, the answer is a sheet or a SheetError."""
    content, dice = xlsx(*GOOD), random.Random(7)
    outcomes = set()
    for _ in range(1_500):
        changed = bytearray(content)
        for _ in range(dice.choice((1, 1, 3, 20))):
            changed[dice.randrange(4, len(changed))] = dice.randrange(256)
        try:
            read_sheet(bytes(changed), HEADINGS)
            outcomes.add("read")
        except SheetError as error:
            outcomes.add(error.code)
    assert {"read", "broken"} <= outcomes


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1258"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_in_every_encoding_and_with_every_separator(encoding, separator):
    text = f'Tên bài dự thi{separator}Lĩnh vực\r\n"Máy lọc nước; ""vùng cao"", thật\nhai dòng"{separator}Giáo dục\r\n'
    if encoding == "cp1258":
        text = decomposed(text)
    assert texts(text.encode(encoding)) == [
        ["Tên bài dự thi", "Lĩnh vực"],
        ['Máy lọc nước; "vùng cao", thật\nhai dòng', "Giáo dục"],
    ]


def decomposed(text: str) -> str:
    """As Windows-1258 has it: a letter, its tone behind it."""
    parts = unicodedata.normalize("NFD", text)
    # A mark that is no tone belongs to its letter again, whichever of the two came first.
    moved = re.sub(f"([{_TONES}])([\u0302\u0306\u031b])", r"\2\1", parts)
    return "".join(unicodedata.normalize("NFC", one) for one in re.split(f"([{_TONES}])", moved))


_TONES = "\u0300\u0301\u0303\u0309\u0323"


def test_csv_that_names_its_separator_and_keeps_the_numbers_of_rows():
    assert list(read("sep=;\r\nTên bài dự thi;Lĩnh vực\r\n\r\nA;B\r\n".encode())) == [2, 4]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"Ten bai,Linh vuc\nx,y\n", "encoding"),
        ("Tên bài dự thi,Lĩnh vực\nx,y\n".encode().decode("latin-1").encode(), "encoding"),
        ("Tên bài dự thi,Lĩnh vực\nx,y\n".encode("utf-16-le")[:-1], "encoding"),
        ('Tên bài dự thi,Lĩnh vực\n"x,y\n'.encode(), "csv"),
        ("Tên bài dự thi,Lĩnh vực\n".encode() + b"x" * 2000 + b"\0\1\2", "not_a_sheet"),
        ("Tên bài dự thi,Lĩnh vực\n".encode() + b"x" * 61_000, "too_long"),
        ("Tên bài dự thi,Lĩnh vực\n".encode() + b"x" * 200_000, "csv"),
        ("Tên bài dự thi,Lĩnh vực\nx".encode() + b"," * 200 + b"y", "too_many_columns"),
    ],
    ids=range(8),
)
def test_csv_that_cannot_be_read(content, why):
    assert code(content) == why


def test_in_csv_what_begins_with_an_equals_sign_is_a_formula():
    cells = read("Tên bài dự thi,Lĩnh vực\n=1+1,+84\n-x,@y\n".encode())
    assert [cell.kind for row in (2, 3) for cell in cells[row].values()] == ["formula", "text", "text", "text"]


def test_what_waits_is_told_now_and_then_and_can_end_it():
    class EnoughError(Exception):
        pass

    def tick() -> None:
        raise EnoughError

    rows = b"".join(b'<row r="%d"><c r="A%d" s="1"/></row>' % (at, at) for at in range(1, 60_000))
    with pytest.raises(EnoughError):
        read_sheet(with_part(xlsx(*GOOD), SHEET, sheet_xml(rows)), HEADINGS, tick)
    with pytest.raises(EnoughError):
        read_sheet("Tên bài dự thi,Lĩnh vực\n".encode() + b"x,y\n" * 600, HEADINGS, tick)
