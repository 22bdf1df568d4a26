"""Telephone numbers: every spelling of one is one account, and codes go to Vietnamese mobiles alone."""

import pytest

from models.event import Proof
from models.identity import InvalidIdentityError, kind_of, normalise
from tests.workers.contests import KEYS

NUMBER = "+84912345678"


@pytest.mark.parametrize(
    "typed",
    [
        *("0912345678", " 0912 345 678 ", "091.234.5678", "091-234-5678", "(091) 234 5678", "+84912345678"),
        *(
            "+84 91 234 5678",
            "84912345678",
            "0084912345678",
            "+84 (0) 91 234 5678",
            "０９１２３４５６７８",
            "0912\u00a0345\u2009678",
        ),
    ],
)
def test_every_spelling_is_one_number(typed: str) -> None:
    assert kind_of(typed) == "sms"
    assert normalise("sms", typed).address == NUMBER


@pytest.mark.parametrize(
    "typed",
    [
        *("", "0912", "0208 385 1234", "+84 24 3825 1234", "1900 1234", "113", "0111 234 567", "091234567890"),
        *("+1 415 555 2671", "+86 138 0013 8000", "+855 12 345 678", "+84912345678 ext 5", "tel:0912345678"),
        *("0912345678;x=1", "0912345678\n0987654321", "an@example.vn", "0912-CALL-ME", "+" * 40),
    ],
)
def test_everything_else_is_refused(typed: str) -> None:
    with pytest.raises(InvalidIdentityError):
        normalise("sms", typed)


@pytest.mark.parametrize("typed", ["an@example.vn", "0912345678@example.vn", "", "an", "a0912345678", "0912"])
def test_an_address_is_no_number(typed: str) -> None:
    assert kind_of(typed) == "email"


def test_what_is_kept_of_a_number() -> None:
    identity = normalise("sms", "0912 345 123")
    proven = identity.proven(KEYS)
    assert identity.masked == proven.hint == "09•• ••• 123"
    assert (proven.proof, proven.domain, proven.name) == (Proof.SMS, "+8491", "")
    assert proven.account == identity.account(KEYS) != normalise("sms", "0912 345 124").account(KEYS)
