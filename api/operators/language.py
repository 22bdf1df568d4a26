"""The languages of the console. As on the voters' pages Vietnamese is the source and the catalogue of English has a
translation of every text; the addresses are the same in both, the operator's own setting decides.
"""

from api.voters import language as voters
from api.voters.language import N_ as N_  # noqa: PLC0414 - one mark for both catalogues
from api.voters.language import Language as Language  # noqa: PLC0414 - the same
from api.voters.language import catalogue

VI = voters.VI
_ENGLISH = catalogue("api.operators", "en")
_ENGLISH.add_fallback(voters.EN.translations)  # what both kinds of pages say: numbers of votes, refusals
EN = Language("en", "English", "", _ENGLISH)
LANGUAGES = (VI, EN)


def language_called(code: str) -> Language:
    """The language `code`; Vietnamese for any other text."""
    return EN if code == EN.code else VI
