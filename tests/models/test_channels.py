"""Nothing starts that nobody could log in to, or whose codes all could read."""

from typing import Any

import pytest
from pydantic import SecretStr

from models.oidc import Provider
from models.settings import SettingsError, load_settings

MAIL = {"smtp_url": "smtp://relay", "mail_from": "binhchon@example.vn"}
SMS = {"sms_url": "https://sms.example.vn/?to={to}&text={text}"}
PUBLIC = {"public_origin": "https://binhchon.example.vn"}


@pytest.fixture
def openid() -> dict[str, Any]:
    return {"oidc_providers": (Provider("one", "One", "https://one.example", "id", SecretStr("secret")),)}


@pytest.mark.parametrize(
    ("values", "kinds", "shown"),
    [
        ({}, ("email",), True),
        ({"public_origin": "http://192.168.1.7:8000"}, ("email",), True),
        (MAIL, ("email",), False),
        (SMS, ("sms",), False),
        (MAIL | SMS, ("email", "sms"), False),
        (MAIL | PUBLIC, ("email",), False),
        (SMS | PUBLIC | {"environment": "production"}, ("sms",), False),
        (MAIL | PUBLIC | {"environment": "production"}, ("email",), False),
    ],
)
def test_what_codes_are_sent_to(values: dict[str, str], kinds: tuple[str, ...], shown: bool) -> None:
    channels = load_settings(**values).channels()
    assert (channels.kinds, channels.shown) == (kinds, shown)


def test_with_openid_alone_no_codes_are_sent(openid: dict[str, Any]) -> None:
    for values in ({"environment": "production"} | PUBLIC, PUBLIC):
        assert load_settings(**values, **openid).channels().kinds == ()
    assert load_settings(**openid).channels().shown, "a demo on one's own machine has both"


@pytest.mark.parametrize("values", [PUBLIC, PUBLIC | SMS | {"sms_enabled": "false"}])
def test_production_needs_a_way_to_log_in(values: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="SMTP_URL, SMS_URL or OIDC_PROVIDERS must be set in production"):
        load_settings(environment="production", **values).channels()


def test_a_demo_that_all_the_world_reaches_does_not_show_the_codes() -> None:
    with pytest.raises(SettingsError, match="SMTP_URL or SMS_URL must be set with an https PUBLIC_ORIGIN"):
        load_settings(**PUBLIC).channels()
