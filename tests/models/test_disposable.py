"""Throw-away mail."""

import pytest

from models.disposable import domains_of, is_disposable
from models.settings import SettingsError, load_settings


def test_the_public_list_and_its_subdomains() -> None:
    assert is_disposable("mailinator.com")
    assert is_disposable("x.y.mailinator.com")
    for domain in ("gmail.com", "yahoo.com.vn", "thainguyen.gov.vn", "mailinator.com.example", "com", "vn"):
        assert not is_disposable(domain), domain


def test_the_operators_own_list() -> None:
    own = domains_of(" Relay.Example , thư-tạm.vn ,")
    assert is_disposable("relay.example", own)
    assert is_disposable("a.relay.example", own)
    assert is_disposable("thư-tạm.vn".encode("idna").decode(), own)
    assert not is_disposable("example", own)


@pytest.mark.parametrize("text", ["relay", "x@relay.example", "relay.example other.example", "a..b"])
def test_what_is_no_domain_is_refused_at_start(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^DISPOSABLE_DOMAINS: "):
        load_settings(disposable_domains=text)
