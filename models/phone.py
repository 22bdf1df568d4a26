"""Vietnamese mobile numbers: every spelling of one → its E.164 form, `+84912345678`."""

import re
import unicodedata

import phonenumbers

_SPELLING = re.compile(r"[+(]{0,2}[0-9][0-9 .()\-]{7,30}")
_REGION = "VN"


def looks_like_a_number(typed: str) -> bool:
    """Whether this is meant as a telephone number, and not as an address."""
    return _SPELLING.fullmatch(_plain(typed)) is not None


def mobile_number(typed: str) -> str | None:
    """The E.164 form; None for everything that is no Vietnamese mobile number: no code can be sent to a landline, and
    one to another country costs ten times as much and may be a fraud on the sender (SMS pumping).
    """
    text = _plain(typed)
    if not _SPELLING.fullmatch(text):
        return None
    try:
        number = phonenumbers.parse(text, _REGION)
    except phonenumbers.NumberParseException:
        return None
    mobile = phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.MOBILE
    if not mobile or not phonenumbers.is_valid_number_for_region(number, _REGION):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _plain(typed: str) -> str:
    """With the digits of any keyboard as ASCII digits, and spaces of any width as spaces."""
    return " ".join(unicodedata.normalize("NFKC", typed).split())
