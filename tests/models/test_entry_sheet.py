"""What the rows of a spreadsheet say of entries, and every way in which they may say it wrongly."""

from io import BytesIO

import pytest
from openpyxl import load_workbook

from models.entry_sheet import COLUMNS, HEADINGS, MAX_FAULTS, Category, EntrySheet, read_entries
from models.entry_template import template_csv, template_xlsx
from models.sheet_file import read_sheet
from tests.models.sheets import entries, xlsx

CATEGORIES = [Category("giao-duc", "Giáo dục"), Category("moi-truong", "Môi trường")]
GOOD = {"title": "Máy lọc nước", "category": "Giáo dục"}


def read(content: bytes) -> EntrySheet:
    return read_entries(read_sheet(content, HEADINGS), CATEGORIES)


def faults(content: bytes) -> list[tuple[int, str, str]]:
    found = read(content)
    assert found.faults
    return [(fault.row, fault.column, fault.code) for fault in found.faults]


def test_a_row_is_an_entry():
    content = entries(GOOD | {"author": " Nhóm 1 ", "state": "công  bố"}, {"title": "Hai", "category": "moi-truong"})
    first, second = read(content).lines
    assert (first.row, second.row) == (2, 3)
    assert first.fields.model_dump() == {
        **dict.fromkeys(("unit", "summary", "text", "title_en", "summary_en", "text_en", "video"), ""),
        "slug": "may-loc-nuoc",
        "title": "Máy lọc nước",
        "category": "giao-duc",
        "author": "Nhóm 1",
    }
    assert (first.state, second.state) == ("published", "")
    assert first.columns == {"title", "category", "author", "state"}


def test_columns_in_another_order_and_headings_as_people_write_them():
    content = xlsx(["  LĨNH  VỰC *", "tên bài dự thi", "slug"], ["Môi trường", "Bể lắng", "be-lang-2"])
    (line,) = read(content).lines
    assert (line.fields.title, line.fields.category, line.fields.slug) == ("Bể lắng", "moi-truong", "be-lang-2")


@pytest.mark.parametrize(
    ("headings", "expected"),
    [
        (["Tên bài dự thi"], [(1, "category", "missing_column")]),
        (["Lĩnh vực", "Tác giả"], [(1, "title", "missing_column")]),
        (["Tên bài dự thi", "Lĩnh vực", "Lĩnh vực"], [(1, "category", "repeated_column")]),
        (["Tên bài dự thi", "Lĩnh vực", "title"], [(1, "title", "repeated_column")]),
        (["Tên bài dự thi", "Lĩnh vực", "Số điện thoại"], [(1, "", "unknown_column")]),
        (["Tên bài dự thi", "Lĩnh vực", 7], [(1, "", "unknown_column")]),
        (["x", "y"], [(1, "", "unknown_column")] * 2 + [(1, name, "missing_column") for name in ("title", "category")]),
    ],
)
def test_wrong_columns(headings, expected):
    assert faults(xlsx(headings, ["a", "b", "c"])) == expected


def test_a_heading_that_was_mistyped_is_guessed_at():
    (fault,) = read(xlsx(["Tên bài dự thi", "Lĩnh vực", "Tác gỉa"], ["a", "Giáo dục", "c"])).faults
    assert fault.values == {"place": "C", "heading": "Tác gỉa", "meant": "Tác giả"}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"title": ""}, [(2, "title", "empty_cell")]),
        ({"category": None}, [(2, "category", "empty_cell")]),
        ({"category": "Giao duc"}, [(2, "category", "no_such_category")]),
        ({"state": "có"}, [(2, "state", "unknown_state")]),
        ({"title": "x" * 301}, [(2, "title", "string_too_long")]),
        ({"title": "a\nb"}, [(2, "title", "control_character")]),
        ({"author": "a\u202eb"}, [(2, "author", "control_character")]),
        ({"title": 2030}, [(2, "title", "cell_number")]),
        ({"author": True}, [(2, "author", "cell_boolean")]),
        ({"author": "=cmd|' /C calc'!A0"}, [(2, "author", "cell_formula")]),
        ({"author": "#REF!"}, [(2, "author", "cell_error")]),
        ({"video": "http://example.com"}, [(2, "video", "link")]),
        ({"video": "javascript:alert(1)"}, [(2, "video", "link")]),
        ({"slug": "Máy lọc"}, [(2, "slug", "slug")]),
        ({"title": "", "state": "?", "author": 1}, None),
    ],
)
def test_wrong_cells(row, expected):
    content = entries(GOOD | row, columns=("title", "category", "author", "state", "video", "slug"))
    if expected is None:
        assert {(column, code) for _, column, code in faults(content)} == {
            ("title", "empty_cell"),
            ("state", "unknown_state"),
            ("author", "cell_number"),
        }
    else:
        assert faults(content) == expected
    assert read(content).lines == []


def test_what_is_no_formula_stays_text():
    cells = ("+84 912", "-5 độ", "@nhom", "<b>x</b>", '"; DROP TABLE entries; --')
    found = read(entries(*(GOOD | {"title": f"Bài {n}", "author": cell} for n, cell in enumerate(cells))))
    assert tuple(line.fields.author for line in found.lines) == cells


def test_the_same_address_twice():
    found = read(entries(GOOD, GOOD | {"title": "MÁY LỌC NƯỚC"}))
    assert [(fault.row, fault.code, fault.values) for fault in found.faults] == [
        (3, "repeated_row", {"slug": "may-loc-nuoc", "first": 2})
    ]


def test_cells_beside_the_table_and_hidden_rows():
    def more(workbook):
        workbook.active["C2"] = "lạc"
        workbook.active.row_dimensions[3].hidden = True

    content = xlsx(["Tên bài dự thi", "Lĩnh vực"], ["A", "Giáo dục"], ["B", "Giáo dục"], change=more)
    assert faults(content) == [(2, "", "no_heading"), (3, "", "hidden_row")]


def test_nothing_in_it():
    assert faults(xlsx(["Tên bài dự thi", "Lĩnh vực"])) == [(0, "", "no_rows")]
    assert faults(xlsx()) == [(0, "", "no_rows")]


def test_many_faults_are_told_in_the_order_of_the_rows_and_not_all():
    found = read(entries(*({"title": "", "category": "x"} for _ in range(300))))
    told = found.told()
    assert len(told) == MAX_FAULTS
    assert len(found.faults) == 600
    assert [one["row"] for one in told] == sorted(one["row"] for one in told)


@pytest.mark.parametrize("template", [template_xlsx, template_csv])
def test_the_template_is_read_and_its_example_passed_over(template):
    found = read(template([one.title for one in CATEGORIES]))
    assert [fault.code for fault in found.faults] == ["no_rows"]
    assert found.examples == 1


def test_a_filled_template_is_read():
    workbook = load_workbook(BytesIO(template_xlsx(["=Giáo dục", *(one.title for one in CATEGORIES)])))
    sheet = workbook["Bài dự thi"]
    assert [one.value.rstrip(" *") for one in sheet[1]] == [column.heading for column in COLUMNS]
    assert {str(rule.sqref) for rule in sheet.data_validations.dataValidation} == {"B2:B2001", "L2:L2001"}
    assert workbook["Lĩnh vực"]["A1"].data_type == "s"
    assert sheet["B2"].value == "=Giáo dục"
    assert sheet["B2"].data_type == "s"
    assert {row[0].value for row in workbook["Hướng dẫn"].iter_rows(min_row=2)} >= {one.heading for one in COLUMNS}
    sheet.append(["Máy lọc nước", "Giáo dục", "Nhóm 1"])
    written = BytesIO()
    workbook.save(written)
    (line,) = read(written.getvalue()).lines
    assert (line.row, line.fields.title, line.fields.author) == (301, "Máy lọc nước", "Nhóm 1")


def test_csv_begins_with_the_mark_that_excel_needs():
    assert template_csv(["=1+1"]).startswith(b"\xef\xbb\xbf")
    assert b",=1" not in template_csv(["=1+1"])
