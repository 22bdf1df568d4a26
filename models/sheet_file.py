"""Which kind of file it is, told by its bytes and never by its name."""

from models.sheet import MAX_BYTES, Sheet, SheetError, Tick, no_tick
from models.sheet_csv import read_csv
from models.sheet_xlsx import read_xlsx

_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # .xls of before 2007, and every .xlsx with a password
_PASSWORD = "EncryptedPackage".encode("utf-16-le")
_OTHERS = (
    b"%PDF-",
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"RIFF",
    b"{\\rtf",
    b"Rar!",
    b"7z\xbc\xaf",
    b"\x1f\x8b",
    b"PK\x05\x06",
)


def read_sheet(content: bytes, headings: frozenset[str], tick: Tick = no_tick) -> Sheet:
    """The sheet in a file. `headings`: those that are known, folded (`models.sheet_headings.folded`): CSV says neither
    its encoding nor its separator, and they tell. Errors: SheetError.
    """
    if len(content) > MAX_BYTES:
        raise SheetError("too_large", megabytes=MAX_BYTES // 1024**2)
    if not content.strip(b"\0\r\n\t \xef\xbb\xbf\xff\xfe"):
        raise SheetError("empty")
    if content.startswith(_ZIP):
        return read_xlsx(content, tick)
    if content.startswith(_OLE):
        raise SheetError("encrypted" if _PASSWORD in content else "old_xls")
    if content.startswith(_OTHERS) or content.lstrip()[:5].lower() in {b"<html", b"<?xml", b"<!doc"}:
        raise SheetError("not_a_sheet")
    return read_csv(content, headings, tick)
