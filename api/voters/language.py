"""The languages of the voters' pages. Vietnamese is the source: its texts stand in templates and code, and the gettext
catalogue of each other language (`locales/<code>.po`) has a translation of every one of them.

Pages of a language other than Vietnamese live below `/<code>`: `/en/binh-chon`.
"""

from datetime import datetime
from importlib.resources import files
from io import BytesIO
from typing import Any

from babel.dates import format_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import NullTranslations, Translations

from models.times import VIETNAM, from_ms

_MOMENTS = {"vi": "HH:mm 'ngày' dd/MM/yyyy", "en": "HH:mm 'on' d MMMM yyyy"}
_DAY_ENDS = {"vi": "'hết ngày' dd/MM/yyyy", "en": "'the end of' d MMMM yyyy"}


def N_(text: str) -> str:  # noqa: N802 - gettext's own name for it
    """Marks a text for the catalogue, where it is written; `Language.text` translates it, where it is shown."""
    return text


class Language:
    """One language: its texts, numbers and moments."""

    def __init__(self, code: str, name: str, prefix: str, translations: NullTranslations) -> None:
        self.code = code
        self.name = name
        """What its speakers call it."""
        self.prefix = prefix
        """What its pages' paths begin with."""
        self.translations = translations

    def text(self, marked: str, **values: object) -> str:
        """A marked text in this language, with `%(name)s` filled in where there are values."""
        text: str = self.translations.ugettext(marked)
        return text % values if values else text

    def number(self, value: int) -> str:
        """`12.345` or `12,345`."""
        text: str = format_decimal(value, locale=self.code)
        return text

    def votes(self, count: int) -> str:
        """`12.345 phiếu`, `1 vote`."""
        text: str = self.translations.ungettext("%(num)s phiếu", "%(num)s phiếu", count)
        return text % {"num": self.number(count)}

    def moment(self, ms: int) -> str:
        """`00:00 ngày 05/11/2025` or `00:00 on 5 November 2025`, by the clock of Viet Nam, from ms since 1970."""
        return self._format(from_ms(ms).astimezone(VIETNAM), _MOMENTS)

    def until(self, ms: int) -> str:
        """The first moment that is too late, as people say it: midnight is the end of the day before."""
        moment = from_ms(ms).astimezone(VIETNAM)
        if (moment.hour, moment.minute, moment.second) == (0, 0, 0):
            return self._format(from_ms(ms - 1).astimezone(VIETNAM), _DAY_ENDS)
        return self.moment(ms)

    def _format(self, moment: datetime, patterns: dict[str, str]) -> str:
        text: str = format_datetime(moment, patterns[self.code], locale=self.code)
        return text

    def path(self, path: str) -> str:
        """The address of this language's page that Vietnamese has at `path`."""
        return self.prefix + path

    def of(self, record: dict[str, Any], field: str) -> str:
        """The text `field` of a contest, category or entry: in this language where the organisers gave one."""
        text: str = self._own(record, field) or record[field]
        return text

    def code_of(self, record: dict[str, Any], field: str) -> str:
        """The code of the language in which `of` gives it."""
        return self.code if self._own(record, field) else VI.code

    def _own(self, record: dict[str, Any], field: str) -> str:
        text: str = "" if self is VI else record.get(f"{field}_{self.code}", "")
        return text


def catalogue(package: str, code: str) -> Translations:
    """The translations in `locales/<code>.po` of a package."""
    with files(package).joinpath("locales", f"{code}.po").open("rb") as source:
        messages = read_po(source, locale=code)
    compiled = BytesIO()
    write_mo(compiled, messages)
    compiled.seek(0)
    return Translations(compiled)


VI = Language("vi", "Tiếng Việt", "", NullTranslations())
EN = Language("en", "English", "/en", catalogue("api.voters", "en"))
LANGUAGES = (VI, EN)


def language_called(code: str) -> Language:
    """The language `code`; Vietnamese for any other text."""
    return next((language for language in LANGUAGES if language.code == code), VI)


def language_of(path: str) -> tuple[Language, str]:
    """The language of the page at `path`, and its path in Vietnamese."""
    for language in LANGUAGES[1:]:
        if path == language.prefix or path.startswith(language.prefix + "/"):
            return language, path[len(language.prefix) :] or "/"
    return VI, path
