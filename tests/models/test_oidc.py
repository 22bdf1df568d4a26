"""Settings of OpenID providers: names, and variables for each."""

import os
from pathlib import Path

import pytest

from models.oidc import is_provider_address
from models.settings import SettingsError, load_settings

GOOGLE = {
    "OIDC_PROVIDERS": "google",
    "OIDC_GOOGLE_ISSUER": "https://accounts.google.com",
    "OIDC_GOOGLE_CLIENT_ID": "1-a.apps.googleusercontent.com",
    "OIDC_GOOGLE_CLIENT_SECRET": "secret-of-google",
}


@pytest.fixture(autouse=True)
def google(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("OIDC_"):
            monkeypatch.delenv(name)
    for name, value in GOOGLE.items():
        monkeypatch.setenv(name, value)


def test_unset_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OIDC_PROVIDERS", "")
    assert load_settings().openid_providers() == ()


def test_what_is_not_set_has_a_use(monkeypatch: pytest.MonkeyPatch) -> None:
    [provider] = load_settings().openid_providers()
    assert (provider.name, provider.title, provider.scope) == ("google", "Google", "openid email")
    assert provider.issuer == "https://accounts.google.com"
    assert provider.client_secret.get_secret_value() == "secret-of-google"
    assert "secret-of-google" not in repr(load_settings())


def test_a_secret_may_stand_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text("from the file\n")
    monkeypatch.setenv("OIDC_GOOGLE_CLIENT_SECRET_FILE", str(tmp_path / "secret"))
    [provider] = load_settings().openid_providers()
    assert provider.client_secret.get_secret_value() == "from the file"
    (tmp_path / "names").write_text("google\n")
    monkeypatch.delenv("OIDC_PROVIDERS")
    monkeypatch.setenv("OIDC_PROVIDERS_FILE", str(tmp_path / "names"))
    assert len(load_settings().openid_providers()) == 1


def test_any_number_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OIDC_PROVIDERS", " tinh , google,")
    monkeypatch.setenv("OIDC_TINH_ISSUER", "http://127.0.0.1:9000/realms/tinh")
    monkeypatch.setenv("OIDC_TINH_CLIENT_ID", "a")
    monkeypatch.setenv("OIDC_TINH_CLIENT_SECRET", "b")
    monkeypatch.setenv("OIDC_TINH_TITLE", "Cổng của tỉnh")
    monkeypatch.setenv("OIDC_TINH_SCOPE", "openid profile")
    first, second = load_settings().openid_providers()
    assert (first.name, first.title, first.scope) == ("tinh", "Cổng của tỉnh", "openid profile")
    assert second.name == "google"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OIDC_PROVIDERS", "Google"),
        ("OIDC_PROVIDERS", "google,google"),
        ("OIDC_PROVIDERS", "google,a/b"),
        ("OIDC_GOOGLE_ISSUER", ""),
        ("OIDC_GOOGLE_ISSUER", "accounts.google.com"),
        ("OIDC_GOOGLE_ISSUER", "http://accounts.google.com"),
        ("OIDC_GOOGLE_ISSUER", "https://user:secret@accounts.google.com"),
        ("OIDC_GOOGLE_ISSUER", "https://accounts.google.com?a=b"),
        ("OIDC_GOOGLE_CLIENT_ID", ""),
        ("OIDC_GOOGLE_CLIENT_SECRET", " "),
        ("OIDC_GOOGLE_CLIENT_SECRET_FILE", "/nonexistent"),
        ("OIDC_GOOGLE_TITLE", "a" * 41),
        ("OIDC_GOOGLE_SCOPE", "email"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert str(refused.value).startswith(f"{name}: ")
    assert "\n" not in str(refused.value)
    assert "secret-of-google" not in str(refused.value)


@pytest.mark.parametrize("address", ["https://a.example", "http://127.0.0.1:1/x", "http://[::1]:1", "http://localhost"])
def test_a_code_may_go_to(address: str) -> None:
    assert is_provider_address(address)


@pytest.mark.parametrize(
    "address",
    [
        *("http://a.example", "http://127.0.0.1.example", "http://localhost.example", "ftp://a.example", "//a.example"),
        *("https://", "https://a.example:port", "https://a.example/#x", "https://a example", "https://a@b.example"),
        *("https://ấ.example", "https://a.example/\n", "https://[", "", None, 7, ["https://a.example"]),
    ],
)
def test_a_code_may_not_go_to(address: object) -> None:
    assert not is_provider_address(address)
