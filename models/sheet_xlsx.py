"""XLSX, from its own XML: read once from beginning to end, within bounds of bytes, rows and cells, nothing computed.

A reader of our own, because the question here is what a file hides: openpyxl's streaming reader tells nothing of merged
cells and hidden rows and fills every gap, its other one unpacks everything first (docs/decisions/0018-spreadsheets.md).
"""

import struct
import zipfile
import zlib
from collections.abc import Callable
from io import BytesIO
from posixpath import join, normpath
from typing import Any, NamedTuple
from xml.sax import SAXException
from xml.sax.handler import ContentHandler

from defusedxml import DefusedXmlException, sax  # type: ignore[import-untyped]

from models.sheet import Sheet, SheetError, Tick, no_tick
from models.sheet_xml import CellReader, StringReader, local

MAX_PARTS = 1_000
MAX_DIRECTORY = 256 * 1024  # bytes of the archive's list of parts
MAX_UNPACKED = 64 * 1024**2  # bytes that all parts together may claim, and any of them may have
MAX_RATIO = 200  # bytes unpacked for one packed, of a part of more than a megabyte
PREFERRED = "Bài dự thi"
"""The sheet of this name, else the first that is not hidden."""

_END, _END_64 = b"PK\x05\x06", b"PK\x06\x07"
_END_SIZE, _END_64_SIZE = 22, 20
_BROKEN = (
    *(zipfile.BadZipFile, zlib.error, struct.error, SAXException),
    *(KeyError, ValueError, EOFError, NotImplementedError, OverflowError),
)
_PACKED_WITH = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


class _Tab(NamedTuple):
    name: str
    state: str
    relation: str


class _Attributes(ContentHandler):
    """Calls `told(name, attributes)` for each element."""

    def __init__(self, told: Callable[[str, dict[str, str]], None]) -> None:
        super().__init__()
        self._told = told

    def startElement(self, name: str, attrs: Any) -> None:  # noqa: N802 - SAX's name
        self._told(local(name), {local(key): value for key, value in attrs.items()})


class _Bounded:
    """A part as a file that ends in SheetError where it has more than it may, whatever the archive claims."""

    def __init__(self, file: Any, limit: int) -> None:
        self._file = file
        self._left = limit

    def read(self, size: int = -1) -> bytes:
        chunk: bytes = self._file.read(min(size if size >= 0 else 65_536, 65_536))
        self._left -= len(chunk)
        if self._left < 0:
            raise SheetError("bomb")
        return chunk

    def close(self) -> None:
        self._file.close()


def read_xlsx(content: bytes, tick: Tick = no_tick) -> Sheet:
    """Errors: SheetError."""
    _check_directory(content)
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            _check_parts(archive)
            return _read(archive, tick)
    except DefusedXmlException:
        raise SheetError("hostile") from None
    except _BROKEN:
        raise SheetError("broken") from None


def _check_directory(content: bytes) -> None:
    """The list of parts is read whole by zipfile, so its size comes first. Errors: SheetError."""
    at = content.rfind(_END)
    if at < 0 or len(content) - at < _END_SIZE:
        raise SheetError("broken")
    (size,) = struct.unpack("<L", content[at + 12 : at + 16])
    if size > MAX_DIRECTORY or content[max(0, at - _END_64_SIZE) : at].startswith(_END_64):
        raise SheetError("bomb")


def _check_parts(archive: zipfile.ZipFile) -> None:
    """What the archive claims. Errors: SheetError."""
    parts = archive.infolist()
    if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED:
        raise SheetError("bomb")
    for part in parts:
        if part.flag_bits & 1:
            raise SheetError("encrypted")
        if part.compress_type not in _PACKED_WITH:
            raise SheetError("broken")
        if part.file_size > max(1024**2, MAX_RATIO * part.compress_size):
            raise SheetError("bomb")
    names = [part.filename for part in parts]
    if len(set(names)) != len(names):
        raise SheetError("broken")
    if "mimetype" in names or "content.xml" in names:
        raise SheetError("ods")
    if any(name.endswith("workbook.bin") for name in names):
        raise SheetError("xlsb")


def _read(archive: zipfile.ZipFile, tick: Tick) -> Sheet:
    workbook = next(iter(_relations(archive, "", "officeDocument").values()), "")
    tabs: list[_Tab] = []

    def told(name: str, attributes: dict[str, str]) -> None:
        if name == "sheet":
            tabs.append(_Tab(attributes.get("name", ""), attributes.get("state", "visible"), attributes["id"]))

    if not workbook or workbook not in archive.namelist():
        raise SheetError("not_a_sheet")
    _parse(archive, workbook, _Attributes(told))
    parts = _relations(archive, workbook, "worksheet")
    seen = [tab for tab in tabs if tab.state == "visible" and tab.relation in parts]
    if not seen:
        raise SheetError("no_sheet")
    tab = next((tab for tab in seen if tab.name == PREFERRED), seen[0])
    strings = StringReader(tick)
    for part in set(_relations(archive, workbook, "sharedStrings").values()):  # each once, however often it is named
        _parse(archive, part, strings)
    cells = CellReader(strings.strings, tick)
    _parse(archive, parts[tab.relation], cells)
    return cells.sheet()


def _relations(archive: zipfile.ZipFile, of: str, kind: str) -> dict[str, str]:
    """Relation id → path, of the parts of that kind that the part `of` names."""
    folder, _, name = of.rpartition("/")
    found: dict[str, str] = {}

    def told(element: str, attributes: dict[str, str]) -> None:
        inside = attributes.get("TargetMode") != "External"
        if element == "Relationship" and inside and attributes.get("Type", "").rpartition("/")[2] == kind:
            target = attributes["Target"]
            found[attributes["Id"]] = normpath(target if target.startswith("/") else join(folder, target)).lstrip("/")

    path = join(folder, "_rels", f"{name}.rels")
    if path in archive.namelist():
        _parse(archive, path, _Attributes(told))
    return found


def _parse(archive: zipfile.ZipFile, path: str, handler: ContentHandler) -> None:
    with archive.open(path) as part:
        sax.parse(_Bounded(part, MAX_UNPACKED), handler, forbid_dtd=True, forbid_entities=True, forbid_external=True)
