"""The form of an entry's pictures or attachments: a row for each file, what is typed in it, and what is wrong there.

A row is known by its key: `k-<name>` for what the entry has, `n-<hash>` for what the media folder took for this form.
Its fields are named after it: `text-<key>`, `text_en-<key>`, `place-<key>`, `remove-<key>`. What the entry had when the
form was made stands in `marks` (its texts) and `order` (its keys).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from api.operators.access import Acting
from api.operators.conflict import marks_of, resolved
from api.operators.language import N_
from models.contest_fields import OptionalLine
from models.contest_file import MAX_ATTACHMENTS, MAX_PICTURES
from models.entry import Entry
from models.media import (
    ADDRESS,
    MAX_ATTACHMENT_BYTES,
    MAX_PICTURE_BYTES,
    MediaFolder,
    key_of_attachment,
    key_of_picture,
)

_LINE: TypeAdapter[str] = TypeAdapter(OptionalLine)


class Kind(NamedTuple):
    """What the two pages differ in. `text`: what is said of a file, whose English may stay empty."""

    name: str
    text: str
    most: int
    most_bytes: int
    key: Callable[[bytes], str]
    take: Callable[[MediaFolder, bytes], Any]
    taken: Callable[[MediaFolder, str], Any]


PICTURES = Kind(
    *("pictures", "alt", MAX_PICTURES, MAX_PICTURE_BYTES, key_of_picture),
    take=MediaFolder.take_picture,
    taken=lambda folder, key: {"sizes": sizes} if (sizes := folder.picture_taken(key)) else None,
)
ATTACHMENTS = Kind(
    *("attachments", "title", MAX_ATTACHMENTS, MAX_ATTACHMENT_BYTES, key_of_attachment),
    take=MediaFolder.take_attachment,
    taken=MediaFolder.attachment_taken,
)


@dataclass
class Row:
    """A file as the form shows it. `content`: what the ledger keeps of it beside its texts."""

    key: str
    content: dict[str, Any]
    text: str = ""
    text_en: str = ""
    place: int = 0
    remove: bool = False

    @property
    def new(self) -> bool:
        return self.key.startswith("n-")


@dataclass
class Sheet:
    """The form. `faults`: name of the field → sentence."""

    rows: list[Row]
    version: int
    marks: str
    order: list[str]
    faults: dict[str, str] = field(default_factory=dict)


def rows_of(kind: Kind, entry: Entry) -> list[Row]:
    """A row for each file that the entry has, its address telling them apart."""
    rows: dict[str, Row] = {}
    for one in getattr(entry, kind.name):
        content = {name: value for name, value in one.items() if name not in {kind.text, f"{kind.text}_en"}}
        address = content["sizes"][0]["address"] if "sizes" in content else content["address"]
        name = address.removeprefix(ADDRESS).partition(".")[0]
        key = f"k-{name}" if f"k-{name}" not in rows else f"k-{name}-{len(rows)}"
        rows[key] = Row(key, content, one[kind.text], one[f"{kind.text}_en"])
    return list(rows.values())


def sheet_of(kind: Kind, entry: Entry) -> Sheet:
    """The form to which nobody has done anything yet."""
    rows = rows_of(kind, entry)
    return Sheet(rows, entry.version, marks_of(_texts(rows)), [row.key for row in rows])


def _texts(rows: list[Row]) -> dict[str, str]:
    return {f"{name}-{row.key}": getattr(row, name) for row in rows for name in ("text", "text_en")}


def brought_together(acting: Acting, sheet: Sheet, now: Sheet) -> None:
    """Brings into `sheet`, which was made of an older entry, what is new in `now`: files, texts and an order that the
    form left as they were. A text that both changed stays as it was typed, and its fault says what the other one is.
    """
    there = {row.key: row for row in now.rows}
    kept = [row for row in sheet.rows if row.key in there]
    theirs = [there[row.key] for row in kept]
    form, _, differing = resolved(_texts(kept), _texts(theirs), sheet.marks)
    for row in kept:
        row.text, row.text_en = form[f"text-{row.key}"], form[f"text_en-{row.key}"]
    mine = {row.key: row for row in kept}
    moved = list(mine) != [key for key in sheet.order if key in mine]
    order = [*mine, *(key for key in there if key not in mine)] if moved else list(there)
    sheet.rows = [mine.get(key, there[key]) for key in order] + [row for row in sheet.rows if row.new]
    sheet.version, sheet.marks, sheet.order = now.version, now.marks, now.order
    for name, _, text in differing:
        sentence = N_("Người khác vừa sửa mục này thành “%(theirs)s”. Bấm “Lưu” thì bản của bạn thay bản đó.")
        sheet.faults[name] = acting.say(sentence, theirs=text)


def in_order(rows: list[Row]) -> list[Row]:
    """By the places that were typed; of two with the same place, the one that was moved there goes before or after."""

    def place(at_row: tuple[int, Row]) -> tuple[float, int]:
        at, row = at_row
        moved = row.place - (at + 1) if row.place else 0
        return (row.place or at + 1) + (0.5 if moved > 0 else -0.5 if moved < 0 else 0), at

    return [row for _, row in sorted(enumerate(rows), key=place)]


def check(acting: Acting, kind: Kind, sheet: Sheet) -> None:
    """Writes the form's faults into it."""
    staying = [row for row in sheet.rows if not row.remove]
    if len(staying) > kind.most:
        sheet.faults[""] = acting.say(N_("Nhiều nhất là %(most)s tệp. Hãy bỏ bớt rồi lưu lại."), most=kind.most)
    for row in staying:
        for name, value in (("text", row.text), ("text_en", row.text_en)):
            field_name = f"{name}-{row.key}"
            if name == "text" and not value:
                sheet.faults[field_name] = acting.say(_NEEDED[kind.text], place=sheet.rows.index(row) + 1)
                continue
            try:
                _LINE.validate_python(value)
            except ValidationError:
                sheet.faults[field_name] = acting.say(
                    N_("Tệp thứ %(place)s: chỉ viết một dòng, nhiều nhất 300 ký tự."), place=sheet.rows.index(row) + 1
                )


_NEEDED = {
    "alt": N_("Ảnh thứ %(place)s: hãy mô tả ảnh cho người không nhìn thấy."),
    "title": N_("Tài liệu thứ %(place)s: hãy đặt tên."),
}


def content_of(kind: Kind, sheet: Sheet) -> list[dict[str, Any]]:
    """What the ledger keeps."""
    return [{kind.text: row.text, f"{kind.text}_en": row.text_en} | row.content for row in sheet.rows if not row.remove]
