"""What an organiser says of an entry, wherever it is written: contest file, form of the console, spreadsheet."""

import re
import unicodedata
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from models.contest_fields import Line, Link, LongText, OptionalLine, Slug, Summary

LONGEST_SLUG = 80
_APART = str.maketrans({"đ": "d", "Đ": "d"})  # letters of their own, which no decomposition takes apart


class EntryFields(BaseModel):
    """`category` is the slug of a category of the same contest; `video` is a link or empty."""

    model_config = ConfigDict(frozen=True, strict=True)

    slug: Slug
    title: Line
    category: Slug
    author: OptionalLine = ""
    unit: OptionalLine = ""
    summary: Summary = ""
    text: LongText = ""
    title_en: OptionalLine = ""
    summary_en: Summary = ""
    text_en: LongText = ""
    video: Link = ""


class Fault(NamedTuple):
    """What is wrong with one field. `code` is pydantic's type of error, or one of ours (`models/contest_fields.py`);
    the console puts it into words (`api/operators/fault_words.py`). JSON as it is.
    """

    field: str
    code: str
    values: dict[str, Any]


def faults_of(error: ValidationError) -> list[Fault]:
    """Every fault, in the order of the fields."""
    return [
        Fault(
            str(one["loc"][0]) if one["loc"] else "",
            one["type"],
            {name: value for name, value in one.get("ctx", {}).items() if isinstance(value, str | int | float)},
        )
        for one in error.errors(include_url=False, include_input=False)
    ]


def slug_of(title: str, otherwise: str = "bai") -> str:
    """The last part of an address, made of a title: `Máy lọc nước` becomes `may-loc-nuoc`; `otherwise` where no letter
    or digit of the title can stand in one.
    """
    letters = unicodedata.normalize("NFD", title.translate(_APART)).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", letters)[:LONGEST_SLUG].strip("-") or otherwise
