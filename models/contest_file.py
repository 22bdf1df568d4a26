"""Contest files: a contest, its categories and entries, written by an organiser in TOML (docs/contest-files.md)."""

import difflib
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from models.contest_fields import FileName, Line, Moment, OptionalLine, Slug
from models.contest_texts import ContestTexts
from models.entry_fields import EntryFields
from models.toml_lines import line_of, toml_lines

MAX_BYTES = 5 * 1024**2
MAX_CATEGORIES = 100
MAX_ENTRIES = 10_000
MAX_PICTURES, MAX_ATTACHMENTS = 8, 5  # of one entry
MAX_PROBLEMS_SHOWN = 50
_LISTS = ("categories", "entries")


class ContestFileError(Exception):
    """A contest file cannot be used; the text is one line a problem: `demo.toml:41: entries[3].category: …`."""


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class FileContest(_Table, ContestTexts):
    """`[contest]`. Moments are in UTC; `closes_at` is the first moment that is too late."""

    slug: Slug
    title: Line
    opens_at: Moment
    closes_at: Moment
    result_policy: Literal["live", "hidden", "published"] = "live"
    minted_sessions: bool = False
    shards: int = Field(default=1, ge=1, le=64)

    @field_validator("closes_at")
    @classmethod
    def _after_opening(cls, value: datetime, info: ValidationInfo) -> datetime:
        if "opens_at" in info.data and value <= info.data["opens_at"]:
            raise PydanticCustomError("window", "must be later than opens_at")
        return value


class FileCategory(_Table):
    """One of `[[categories]]`."""

    slug: Slug
    title: Line
    title_en: OptionalLine = ""


class FilePicture(_Table):
    """A picture of an entry: a file beside the contest file, and what there is to see, for who cannot see it."""

    file: FileName
    alt: OptionalLine = ""
    alt_en: OptionalLine = ""


class FileAttachment(_Table):
    """An attachment of an entry: a PDF beside the contest file."""

    file: FileName
    title: Line
    title_en: OptionalLine = ""


class FileEntry(_Table, EntryFields):
    """One of `[[entries]]`; `category` is the slug of a category of the same file."""

    pictures: Annotated[tuple[FilePicture, ...], Field(max_length=MAX_PICTURES, strict=False)] = ()
    attachments: Annotated[tuple[FileAttachment, ...], Field(max_length=MAX_ATTACHMENTS, strict=False)] = ()
    published: bool = True


class ContestFile(_Table):
    """A whole contest file, valid in itself: slugs are unique, every entry's category exists."""

    contest: FileContest
    categories: Annotated[tuple[FileCategory, ...], Field(max_length=MAX_CATEGORIES, strict=False)]
    entries: Annotated[tuple[FileEntry, ...], Field(max_length=MAX_ENTRIES, strict=False)]


def read_contest_file(path: Path, now: datetime) -> ContestFile:
    """The contest in the file at `path`; `now` (with a time zone) says which day `"today"` is.

    Errors: ContestFileError, for everything that can be wrong with the file.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ContestFileError(f"{path}: cannot read the file: {reason}") from None
    return parse_contest_file(content, path.name, now)


def parse_contest_file(content: bytes, name: str, now: datetime) -> ContestFile:
    """As `read_contest_file`, from the bytes of a file called `name`."""
    if len(content) > MAX_BYTES:
        raise ContestFileError(f"{name}:1: the file is larger than {MAX_BYTES // 1024**2} MB")
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")  # Windows' editors put a mark before UTF-8
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ContestFileError(f"{name}:{line}: the file is not UTF-8 text; save it with the encoding UTF-8") from None
    data = _parsed(text, name)
    # Not left to pydantic, whose "at least 1" counts only the entries that are right.
    problems: list[Problem] = [((part,), "there must be at least 1") for part in _LISTS if data.get(part) == []]
    for part in _LISTS:
        problems += _duplicates(data, part)
    problems += _unknown_categories(data)
    try:
        contest = ContestFile.model_validate(data, context={"now": now})
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        problems += [(one["loc"], _in_words(one, hints=at < MAX_PROBLEMS_SHOWN)) for at, one in enumerate(found)]
    else:
        if not problems:
            return contest
    raise ContestFileError(report(name, text, problems))


Problem = tuple[tuple[str | int, ...], str]
"""Where (path of the field) and what, in words."""


def _parsed(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        what = str(error)
        place = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", what)
        line = (place[1] if place else None) or str(text.count("\n") + 1)
        raise ContestFileError(f"{name}:{line}: {what[: place.start()] if place else what}") from None
    except (ValueError, RecursionError):  # a number of thousands of digits, or brackets thousands deep
        raise ContestFileError(f"{name}:1: the file holds a number too long or brackets too deep to read") from None


def _tables(data: Mapping[str, Any], name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    tables = data.get(name)
    if isinstance(tables, list):
        yield from ((index, table) for index, table in enumerate(tables[:MAX_ENTRIES]) if isinstance(table, dict))


def _duplicates(data: Mapping[str, Any], name: str) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for index, table in _tables(data, name):
        slug = table.get("slug")
        if isinstance(slug, str) and first.setdefault(slug, index) != index:
            yield (name, index, "slug"), f"{_shown(slug)} is already the slug of {name}[{first[slug]}]"


def _unknown_categories(data: Mapping[str, Any]) -> Iterator[Problem]:
    known = {table["slug"] for _, table in _tables(data, "categories") if isinstance(table.get("slug"), str)}
    hints = MAX_PROBLEMS_SHOWN
    for index, table in _tables(data, "entries"):
        category = table.get("category")
        if isinstance(category, str) and category not in known:
            hint = _did_you_mean(category, known) if hints > 0 else ""
            hints -= 1
            yield ("entries", index, "category"), f"unknown category {_shown(category)}{hint}"


_WORDS = {
    "missing": "is missing",
    "string_type": "must be text in quotes",
    "bool_type": "must be true or false, without quotes",
    "int_type": "must be a whole number, without quotes",
    "string_too_short": "must not be empty",
    "string_too_long": "must be at most {max_length} characters long",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "too_long": "there may be at most {max_length}",
    "tuple_type": "must be written as [[{field}]]",
    "model_type": "must be a table of its own",
}


_OWNERS: dict[str | int, type[_Table]] = {
    "contest": FileContest,
    "categories": FileCategory,
    "entries": FileEntry,
    "pictures": FilePicture,
    "attachments": FileAttachment,
}


def _in_words(error: ErrorDetails, *, hints: bool) -> str:
    """`hints` costs time: for the problems that are shown, not for the thousands after them."""
    kind, where = error["type"], error["loc"]
    field = str(where[-1]) if where else ""
    if kind == "extra_forbidden":
        owner = next((_OWNERS[part] for part in reversed(where[:-1]) if part in _OWNERS), ContestFile)
        return f"unknown field{_did_you_mean(field, owner.model_fields) if hints else ''}"
    if kind not in _WORDS:
        return str(error["msg"])
    return _WORDS[kind].format(field=field, **error.get("ctx", {}))


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word[:80], sorted(known), n=1)
    return f"; did you mean {_shown(close[0])}?" if close else ""


def _shown(value: str) -> str:
    return json.dumps(value if len(value) <= 80 else value[:79] + "…", ensure_ascii=False)


def report(name: str, text: str, problems: list[Problem]) -> str:
    """One line a problem, in the order of the file; beyond MAX_PROBLEMS_SHOWN their number only."""
    lines = toml_lines(text)
    placed = sorted((line_of(lines, path), _field(path), what) for path, what in problems)
    shown = [f"{name}:{line}: {field}: {what}" for line, field, what in placed[:MAX_PROBLEMS_SHOWN]]
    if len(placed) > MAX_PROBLEMS_SHOWN:
        shown.append(f"{name}: and {len(placed) - MAX_PROBLEMS_SHOWN} more problems")
    return "\n".join(shown)


def _field(path: tuple[str | int, ...]) -> str:
    """`entries[3].category`, with what is no plain word in quotes."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{_plain(part)}" for part in path)
    return "".join(parts).removeprefix(".")


def _plain(part: str) -> str:
    return part if re.fullmatch(r"[A-Za-z0-9_-]{1,80}", part) else _shown(part)
