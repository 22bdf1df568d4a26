"""The fields of a contest file: types that turn what an organiser wrote into values, or say what is wrong with it."""

import re
import unicodedata
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, LiteralString
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, StringConstraints, ValidationInfo
from pydantic_core import PydanticCustomError

from models.times import VIETNAM

SLUG_PATTERN = r"[a-z0-9]+(-[a-z0-9]+)*"
EARLIEST_YEAR, LATEST_YEAR = 2000, 2200

_TODAY = re.compile(r"today(?:\+([0-9]{1,4})d)?", re.ASCII)
_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:[Zz]|[+-]\d\d:\d\d)?)?",
    re.ASCII,
)
# They reorder or break the text around them on every page that shows it.
_BIDI_AND_BREAKS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2028\u2029\u2066\u2067\u2068\u2069")
_HOW_TO_WRITE: LiteralString = 'write a date and time such as 2025-11-05T00:00:00+07:00, a date, "today" or "today+16d"'


def _tidy(value: Any) -> Any:
    """Text in the composed form (NFC) with one kind of line end, without blanks around it."""
    if not isinstance(value, str):
        return value
    return unicodedata.normalize("NFC", value.replace("\r\n", "\n")).strip()


def _printable(value: str, allowed: str = "") -> str:
    for character in value:
        if character in allowed:
            continue
        if unicodedata.category(character) == "Cc" or character in _BIDI_AND_BREAKS:
            raise PydanticCustomError(
                "control_character",
                "must not contain the control character {character}",
                {"character": f"U+{ord(character):04X}"},
            )
    return value


def _printable_lines(value: str) -> str:
    return _printable(value, allowed="\n\t")


def _slug(value: str) -> str:
    if not re.fullmatch(SLUG_PATTERN, value):
        raise PydanticCustomError(
            "slug", 'must be small letters a-z, digits and single hyphens, such as "may-loc-nuoc"'
        )
    return value


def _moment(value: Any, info: ValidationInfo) -> Any:
    """A moment in UTC from a TOML date, date-time or text; `now` comes in the validation context."""
    if isinstance(value, str):
        value = _moment_from_text(value.strip(), info)
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, date):
        moment = datetime.combine(value, time.min)
    else:
        raise PydanticCustomError("moment", _HOW_TO_WRITE)
    if not EARLIEST_YEAR <= moment.year <= LATEST_YEAR:
        years = {"earliest": EARLIEST_YEAR, "latest": LATEST_YEAR}
        raise PydanticCustomError("year", "the year must be between {earliest} and {latest}", years)
    if moment.microsecond % 1000:
        raise PydanticCustomError("too_fine", "must not be finer than a millisecond")
    return (moment if moment.tzinfo else moment.replace(tzinfo=VIETNAM)).astimezone(UTC)


def _moment_from_text(text: str, info: ValidationInfo) -> date:
    now: datetime = (info.context or {})["now"]
    if match := _TODAY.fullmatch(text):
        return now.astimezone(VIETNAM).date() + timedelta(days=int(match[1] or 0))
    if not _RFC3339.fullmatch(text):
        raise PydanticCustomError("moment", _HOW_TO_WRITE)
    try:
        return datetime.fromisoformat(text.upper()) if len(text) > len("2025-11-05") else date.fromisoformat(text)
    except ValueError:
        raise PydanticCustomError("no_such_moment", "there is no such day or time") from None


def _beside(value: str) -> str:
    """The path of a file in the folder of the contest file, or below it."""
    parts = value.split("/")
    if "\\" in value or ":" in value or any(part in {"", ".", ".."} for part in parts):
        raise PydanticCustomError(
            "file_name", 'must be a file beside the contest file, such as "pictures/may-loc-nuoc.jpg"'
        )
    return value


def _link(value: str) -> str:
    if not value:
        return value
    try:
        parts = urlsplit(value)
        good = parts.scheme == "https" and parts.hostname and "." in parts.hostname and "@" not in parts.netloc
        _ = parts.port  # refuses one that is no number
    except ValueError:
        good = False
    if not good or not value.isascii() or re.search(r"[\s\"<>\\^`{|}]", value):
        raise PydanticCustomError(
            "link", 'must be an address that begins with https://, such as "https://example.com/video"'
        )
    return value


Slug = Annotated[str, StringConstraints(max_length=80), AfterValidator(_slug)]
_ONE_LINE = (BeforeValidator(_tidy), AfterValidator(_printable))
_LINES = (BeforeValidator(_tidy), AfterValidator(_printable_lines))
Line = Annotated[str, StringConstraints(min_length=1, max_length=300), *_ONE_LINE]
OptionalLine = Annotated[str, StringConstraints(max_length=300), *_ONE_LINE]
Summary = Annotated[str, StringConstraints(max_length=2000), *_LINES]
LongText = Annotated[str, StringConstraints(max_length=50_000), *_LINES]
Moment = Annotated[datetime, BeforeValidator(_moment)]
FileName = Annotated[str, StringConstraints(min_length=1, max_length=200), *_ONE_LINE, AfterValidator(_beside)]
Link = Annotated[str, StringConstraints(max_length=500), *_ONE_LINE, AfterValidator(_link)]
