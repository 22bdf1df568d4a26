"""What is taken for a secret, and what is not."""

import base64
import secrets

import pytest

from models.key_strength import Doubt, doubt_of


@pytest.mark.parametrize(
    "make",
    [
        lambda: secrets.token_hex(32),
        lambda: secrets.token_hex(32).upper(),
        lambda: secrets.token_urlsafe(32),
        lambda: base64.b64encode(secrets.token_bytes(32)).decode(),
        lambda: "".join(str(secrets.randbelow(10)) for _ in range(78)),
    ],
    ids=["hex", "HEX", "base64url", "base64", "decimal"],
)
def test_what_was_made_by_chance_is_taken(make) -> None:
    made = [make() for _ in range(2000)]
    assert [secret for secret in made if doubt_of(secret)] == []


@pytest.mark.parametrize(
    "secret",
    ["", "x", "s3cret", secrets.token_hex(31), secrets.token_urlsafe(31), "7391058264" * 3, "correct horse battery"],
)
def test_what_is_shorter_than_32_bytes_is_not(secret: str) -> None:
    assert doubt_of(secret) is not None


def test_one_byte_less_is_too_short() -> None:
    assert {doubt_of(secrets.token_hex(31)), doubt_of(secrets.token_urlsafe(31))} == {Doubt.SHORT}


@pytest.mark.parametrize(
    "secret",
    [
        "a" * 64,
        "changeme",
        "ChangeMe-" + secrets.token_hex(32),
        "0123456789abcdef" * 4,
        "deadbeef" * 8,
        "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
        "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLM",
        "qwertyuiopasdfghjklzxcvbnm" * 2,
        "0" * 63 + "1",
        "put-your-secret-here-" + "x" * 40,
    ],
)
def test_what_was_typed_is_not_taken_however_long(secret: str) -> None:
    assert doubt_of(secret) is Doubt.PLACEHOLDER
