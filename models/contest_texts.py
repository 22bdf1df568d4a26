"""What a contest and an entry say beside their titles, and what the published document has where they say nothing.

The one list of a contest's texts: the contest file, the ledger's JSON, the published document and the API's schema are
all made of `ContestTexts`. English texts end in `_en`; where one is empty the Vietnamese one is shown.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict

from models.contest_fields import LongText, OptionalLine, Summary
from models.contest_switches import NO_SWITCHES


class ContestTexts(BaseModel):
    """The texts of a contest, all of them optional."""

    model_config = ConfigDict(frozen=True, strict=True)

    title_en: OptionalLine = ""
    organiser: OptionalLine = ""
    organiser_en: OptionalLine = ""
    area: OptionalLine = ""
    area_en: OptionalLine = ""
    help_line: OptionalLine = ""
    privacy_contact: OptionalLine = ""
    summary: Summary = ""
    summary_en: Summary = ""
    rules: LongText = ""
    rules_en: LongText = ""
    voters_note: Summary = ""
    voters_note_en: Summary = ""
    recognise: LongText = ""
    recognise_en: LongText = ""


TEXTS = tuple(ContestTexts.model_fields)
"""Names of a contest's texts."""

_NO_TEXTS = dict.fromkeys(TEXTS, "")
_NO_CONTENTS: dict[str, Any] = {
    "title_en": "",
    "summary_en": "",
    "text_en": "",
    "pictures": [],
    "video": "",
    "attachments": [],
}


def completed(site: dict[str, Any]) -> dict[str, Any]:
    """A published document with every field that this version knows, empty where an older version left it out."""
    return site | {
        "contest": _NO_TEXTS | site["contest"] | {"switches": NO_SWITCHES | site["contest"].get("switches", {})},
        "entries": [_NO_CONTENTS | entry for entry in site["entries"]],
        "corrections": site.get("corrections", []),
        "results": site.get("results"),
    }
