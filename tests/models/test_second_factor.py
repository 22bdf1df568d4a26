"""Codes of an app, and recovery codes."""

import pyotp
import pytest

from models.operator import Role
from models.second_factor import (
    app_address,
    is_needed,
    new_recovery_codes,
    new_secret,
    offer,
    offered,
    opened_of_operator,
    recovery_digest,
    sealed_for_operator,
    step_of,
)
from models.secrets import KeyRing

KEYS = KeyRing("made up for tests", ("made up too",))
OTHER = KeyRing("another installation", ("made up too",))
NOW = 1_800_000_015.0
STEP = 60_000_000


def test_everybody_who_can_change_something_needs_one() -> None:
    assert [is_needed(role) for role in Role] == [False, True, True]


@pytest.mark.parametrize(("at", "step"), [(-1, STEP - 1), (0, STEP), (1, STEP + 1), (-2, None), (2, None)])
def test_a_code_is_good_for_its_step_and_one_on_either_side(at: int, step: int | None) -> None:
    secret = new_secret()
    assert step_of(secret, pyotp.TOTP(secret).at(int(NOW) + 30 * at), NOW) == step


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "12 34 5", "½½½½½½"])
def test_what_is_no_code_is_refused(typed: str) -> None:
    assert step_of(new_secret(), typed, NOW) is None


def test_a_code_may_be_typed_in_groups() -> None:
    secret = new_secret()
    code = pyotp.TOTP(secret).at(int(NOW))
    assert step_of(secret, f" {code[:3]} {code[3:]} ", NOW) == STEP


def test_the_known_values_of_the_rfc() -> None:
    """RFC 6238, appendix B: SHA-1, of which an app shows the last six digits."""
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    assert step_of(secret, "287082", 59.0) == 1
    assert step_of(secret, "081804", 1111111109.0) == 37037036


def test_a_secret_is_kept_for_its_operator_alone() -> None:
    sealed = sealed_for_operator(KEYS, 7, "SECRET")
    assert b"SECRET" not in sealed
    assert opened_of_operator(KEYS, 7, sealed) == "SECRET"
    assert opened_of_operator(KEYS, 8, sealed) is None
    assert opened_of_operator(OTHER, 7, sealed) is None
    assert opened_of_operator(KEYS, 7, b"") is None
    assert sealed != sealed_for_operator(KEYS, 7, "SECRET")


@pytest.mark.parametrize("forged", ["", "x", "é", "AAAA", "A" * 400, "=" * 9])
def test_an_offer_is_good_in_its_session_alone(forged: str) -> None:
    made = offer(KEYS, "digest", "SECRET")
    assert offered(KEYS, "digest", made) == "SECRET"
    assert offered(KEYS, "other", made) is None
    assert offered(KEYS, "digest", forged) is None
    assert opened_of_operator(KEYS, 7, made.encode()) is None


def test_recovery_codes_are_read_however_they_are_typed() -> None:
    codes = new_recovery_codes()
    assert len(set(codes)) == 10
    digest = recovery_digest(KEYS, 7, codes[0])
    assert digest
    assert digest == recovery_digest(KEYS, 7, f" {codes[0].lower().replace('-', ' ')}")
    assert recovery_digest(KEYS, 7, "0O1IL-00000") == recovery_digest(KEYS, 7, "00111-00000")
    assert digest != recovery_digest(KEYS, 8, codes[0])
    assert digest != recovery_digest(OTHER, 7, codes[0])


@pytest.mark.parametrize("typed", ["", "123456", "0123456789A", "UUUUU-UUUUU", "ááááá-ááááá"])
def test_what_is_no_recovery_code_has_no_digest(typed: str) -> None:
    assert recovery_digest(KEYS, 7, typed) == ""


def test_the_app_is_told_whose_code_it_is() -> None:
    read = pyotp.parse_uri(app_address(new_secret(), "lan.nguyen"))
    assert (read.issuer, read.name) == ("Bình Chọn", "lan.nguyen")
