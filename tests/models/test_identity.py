"""Normalisation: which typed addresses are one account, and which must not be."""

import pytest

from models.identity import InvalidIdentityError, normalise, proven_by_oidc
from tests.workers.contests import KEYS


def address(typed: str) -> str:
    return normalise("email", typed).address


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (" An@Example.VN ", "an@example.vn"),
        ("a.n+vote@gmail.com", "an@gmail.com"),
        ("A.N@GoogleMail.com", "an@gmail.com"),
        ("an+x@outlook.com", "an@outlook.com"),
        ("a.n+x@outlook.com", "a.n@outlook.com"),
        ("an+x@icloud.com", "an@icloud.com"),
        ("an+x@protonmail.ch", "an@protonmail.ch"),
        ("bob@an.fastmail.com", "an@fastmail.com"),
        ("an+x@fastmail.com", "an@fastmail.com"),
        ("a.n-choi_1+x@proton.me", "anchoi1@proton.me"),
        ("an+x@hotmail.fr", "an@hotmail.fr"),
        ("a.n+x@outlook.com.vn", "a.n@outlook.com.vn"),
        ("An+x@ya.ru", "an@yandex.ru"),
        ("a.n@yandex.com", "a.n@yandex.ru"),
        ("an+x@zoho.com", "an@zoho.com"),
        ("an+x@hotmail.example", "an+x@hotmail.example"),
        ("an-x+y@yahoo.com.vn", "an-x+y@yahoo.com.vn"),
        ("bob+eve@example.vn", "bob+eve@example.vn"),
        ("b.ob@example.vn", "b.ob@example.vn"),
    ],
)
def test_aliases_of_known_providers_are_one_and_others_are_not(typed: str, meant: str) -> None:
    assert address(typed) == meant
    assert address(address(typed)) == address(typed), "normalising twice changes nothing"


@pytest.mark.parametrize(
    "typed",
    [
        *("", "an", "@example.vn", "an@", "an@localhost", "an@[127.0.0.1]", "an@example", "an@@example.vn"),
        *(
            "an@example.vn\nBcc: x@example.vn",
            "an@example.vn, binh@example.vn",
            '"a b"@example.vn',
            "+x@gmail.com",
            "-@pm.me",
        ),
        *("=?utf-8?q??=@example.vn", "=?utf-8?q?a=40b=2ecom=2c?=@example.vn", "=?utf-8?q?=00?=@gmail.com"),
        *("Ấn@example.vn", "An <an@example.vn>", "a" * 300 + "@example.vn", "an\x00@example.vn", "an@example.vn."),
    ],
)
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(InvalidIdentityError):
        address(typed)


def test_a_domain_in_vietnamese_has_one_spelling() -> None:
    assert address("an@bưuđiện.vn").startswith("an@xn--")
    assert address("an@BƯUĐIỆN.vn") == address("an@bưuđiện.vn") == address(address("an@bưuđiện.vn"))


def test_the_account_follows_the_normalised_address() -> None:
    one, same, other = (normalise("email", typed) for typed in ("a.n@gmail.com", "an@googlemail.com", "an@gmx.com"))
    assert one.account(KEYS) == same.account(KEYS) != other.account(KEYS)
    assert one.masked == "a•••@gmail.com"


def test_an_account_of_an_openid_provider_is_issuer_and_subject() -> None:
    def account(iss: str, sub: str, **more: str) -> int:
        return proven_by_oidc(KEYS, iss, sub, **({"email": "", "title": "Google"} | more)).account

    one = account("https://a.example", "1")
    assert one == account("https://a.example", "1", email="an@gmail.com", title="G")
    others = {account("https://a.example", "2"), account("https://b.example", "1"), account("https://a.example1", "")}
    assert len(others | {one}) == 4
    assert one != normalise("email", "an@gmail.com").account(KEYS)


def test_of_an_openid_login_no_more_is_kept_than_a_hint() -> None:
    proven = proven_by_oidc(KEYS, "https://accounts.google.com", "1", email="N.An+x@gmail.com", title="Google")
    assert (proven.hint, proven.domain, proven.name) == ("n•••@gmail.com", "accounts.google.com", "nan")
    for email in ("", "no address", "a\x00@example.vn"):
        proven = proven_by_oidc(KEYS, "https://accounts.google.com", "1", email=email, title="Google")
        assert (proven.hint, proven.name) == ("Google", "")
