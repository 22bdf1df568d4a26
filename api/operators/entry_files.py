"""Pictures and attachments of an entry, on a page each: files are taken first and shown with what is still to be said
of them, and saved with that in one step. Until then nothing of the entry changes, and nothing typed is lost.
"""

from threading import BoundedSemaphore
from typing import Annotated

from fastapi import APIRouter, Response
from starlette.datastructures import UploadFile

from api.operators.access import MODERATOR, Acting
from api.operators.console import Console
from api.operators.entries import LIST, known_entry
from api.operators.entry_file_rows import (
    ATTACHMENTS,
    PICTURES,
    Kind,
    Row,
    Sheet,
    brought_together,
    check,
    content_of,
    in_order,
    rows_of,
    sheet_of,
)
from api.operators.language import N_
from api.voters.responses import see_other
from models.contest import contest_by_id
from models.entry import Entry, EntryChangedError, alter_entry, lock_entry
from models.media import MediaError

PATIENCE_S = 20.0
_DRAWING = BoundedSemaphore(1)  # of the cores of this machine all others are for votes
_WRONG = {
    "too_large": N_("“%(name)s” quá lớn: nhiều nhất là %(megabytes)s MB."),
    "too_many_pixels": N_("“%(name)s” có quá nhiều điểm ảnh: nhiều nhất là 40 triệu. Hãy thu nhỏ ảnh rồi gửi lại."),
    "no_picture": N_("“%(name)s” không phải là ảnh đọc được. Hãy gửi ảnh JPEG, PNG, WebP hoặc AVIF."),
    "no_pdf": N_("“%(name)s” không phải là tệp PDF đầy đủ."),
    "busy": N_("Máy chủ đang xử lý ảnh khác, nên “%(name)s” chưa được nhận. Hãy gửi lại sau ít giây."),
}


def entry_files_router(console: Console) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(LIST + "/{entry_id:int}/pictures")
    def pictures(acting: Annotated[Acting, MODERATOR], entry_id: int, saved: str = "") -> Response:
        return _page(console, acting, PICTURES, entry_id, saved)

    @router.post(LIST + "/{entry_id:int}/pictures")
    def change_pictures(acting: Annotated[Acting, MODERATOR], entry_id: int) -> Response:
        return _change(console, acting, PICTURES, entry_id)

    @router.get(LIST + "/{entry_id:int}/attachments")
    def attachments(acting: Annotated[Acting, MODERATOR], entry_id: int, saved: str = "") -> Response:
        return _page(console, acting, ATTACHMENTS, entry_id, saved)

    @router.post(LIST + "/{entry_id:int}/attachments")
    def change_attachments(acting: Annotated[Acting, MODERATOR], entry_id: int) -> Response:
        return _change(console, acting, ATTACHMENTS, entry_id)

    return router


def _page(console: Console, acting: Acting, kind: Kind, entry_id: int, saved: str) -> Response:
    entry = _entry(console, entry_id)
    return _shown(console, acting, kind, entry, sheet_of(kind, entry), saved=saved)


def _change(console: Console, acting: Acting, kind: Kind, entry_id: int) -> Response:
    """With files: takes them and shows the form again. Without: saves it."""
    entry = _entry(console, entry_id)
    sheet = _typed(console, acting, kind, entry)
    sent = acting.files("files")
    if sent:
        _take(console, acting, kind, sent, sheet)
        return _shown(console, acting, kind, entry, sheet, 422 if sheet.faults else 200)
    check(acting, kind, sheet)
    if sheet.faults:
        return _shown(console, acting, kind, entry, sheet, 422)
    try:
        with console.ledger() as connection:
            seen = lock_entry(connection, entry_id, sheet.version)
            now = alter_entry(
                connection, seen, {kind.name: content_of(kind, sheet)}, acting.actor, f"entry.{kind.name}"
            )
            contest = contest_by_id(connection, entry.contest_id)
    except EntryChangedError as error:
        return _somebody_else(console, acting, kind, error.entry, sheet)
    at_once = now.state != "published" or console.in_effect(contest)
    return see_other(f"{LIST}/{entry_id}/{kind.name}?saved={'now' if at_once else 'later'}")


def _somebody_else(console: Console, acting: Acting, kind: Kind, entry: Entry, sheet: Sheet) -> Response:
    """The entry has changed meanwhile: what is typed stays, beside what it has now, to be looked at and saved again."""
    brought_together(acting, sheet, sheet_of(kind, entry))
    sheet.faults[""] = acting.say(
        N_("Người khác vừa sửa bài dự thi này. Những gì bạn nhập vẫn còn dưới đây; hãy xem lại rồi bấm Lưu lần nữa.")
    )
    return _shown(console, acting, kind, entry, sheet, 409)


def _entry(console: Console, entry_id: int) -> Entry:
    """Errors: ConsoleProblem (404)."""
    with console.ledger() as connection:
        return known_entry(connection, entry_id)


def _typed(console: Console, acting: Acting, kind: Kind, entry: Entry) -> Sheet:
    """The form as it came. A row of a file that is not there any more is left out."""
    had = {row.key: row.content for row in rows_of(kind, entry)}
    rows = []
    for key in dict.fromkeys(acting.texts("key")):
        content = kind.taken(console.media, key[2:]) if key.startswith("n-") else had.get(key)
        if content is not None:
            rows.append(
                Row(
                    key,
                    content,
                    acting.text(f"text-{key}"),
                    acting.text(f"text_en-{key}"),
                    acting.number(f"place-{key}") or 0,
                    bool(acting.text(f"remove-{key}")),
                )
            )
    return Sheet(in_order(rows), acting.number("version") or 0, acting.text("marks"), acting.text("order").split())


def _take(console: Console, acting: Acting, kind: Kind, files: list[UploadFile], sheet: Sheet) -> None:
    """A new row for each file that can be shown, and what is wrong with each that cannot."""
    wrong = []
    for file in files:
        name = _short_name(file)
        if not _DRAWING.acquire(timeout=PATIENCE_S):
            wrong.append(acting.say(_WRONG["busy"], name=name))
            continue
        try:
            content = file.file.read(kind.most_bytes + 1)  # one at a time in memory, however many are sent at once
            kind.take(console.media, content)
        except MediaError as error:
            wrong.append(acting.say(_WRONG[error.code], name=name, megabytes=kind.most_bytes // 1024**2))
            continue
        finally:
            _DRAWING.release()
        key = f"n-{kind.key(content)}"
        if all(row.key != key for row in sheet.rows):
            sheet.rows.append(Row(key, kind.taken(console.media, key[2:])))
    if wrong:
        sheet.faults["files"] = " ".join(wrong)


def _short_name(file: UploadFile) -> str:
    """The file's name without the folders that some browsers send."""
    return (file.filename or "").replace("\\", "/").rpartition("/")[2][:80]


def _shown(
    console: Console, acting: Acting, kind: Kind, entry: Entry, sheet: Sheet, status: int = 200, *, saved: str = ""
) -> Response:
    return console.page(
        acting,
        f"entry_{kind.name}_edit.html",
        status,
        entry=entry,
        rows=sheet.rows,
        version=sheet.version,
        marks=sheet.marks,
        order=" ".join(sheet.order),
        faults=sheet.faults,
        most=kind.most,
        megabytes=kind.most_bytes // 1024**2,
        saved=saved,
    )
