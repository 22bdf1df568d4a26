"""The SMS gateway as settings describe it."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from models.settings import SettingsError, load_settings
from models.sms import parse_sms_gateway

URL = "https://sms.example.vn/send"
TO = "+84912345678"
TEXT = 'a "b" \\ {to}&c=1 +ă'


def test_a_json_body_carries_the_text_as_it_is() -> None:
    gateway = parse_sms_gateway(URL, '{"Authorization": "Bearer x"}', '{"to": "{to_84}", "content": "{text}", "n": 1}')
    url, headers, body = gateway.call(TO, TEXT)
    assert (url, headers) == (URL, {"Authorization": "Bearer x", "Content-Type": "application/json"})
    assert body is not None
    assert json.loads(body) == {"to": "84912345678", "content": TEXT, "n": 1}


def test_a_form_carries_the_text_as_it_is() -> None:
    _, headers, body = parse_sms_gateway(URL, None, "phone={to_0}&text={text}&brand=BC").call(TO, TEXT)
    assert headers == {"Content-Type": "application/x-www-form-urlencoded"}
    assert body is not None
    assert parse_qs(body.decode()) == {"phone": ["0912345678"], "text": [TEXT], "brand": ["BC"]}


def test_an_address_carries_the_text_as_it_is() -> None:
    url, _, body = parse_sms_gateway(f"{URL}?to={{to}}&text={{text}}", None, None).call(TO, TEXT)
    assert parse_qs(urlsplit(url).query) == {"to": [TO], "text": [TEXT]}
    assert body is None


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"sms_url": "sms.example.vn"}, "SMS_URL"),
        ({"sms_url": "http://sms.example.vn/send"}, "SMS_URL"),
        ({"sms_url": "https://{to}.example.vn/{text}"}, "SMS_URL"),
        ({"sms_url": "https://sms.example.vn:x/"}, "SMS_URL"),
        ({"sms_url": URL}, "SMS_BODY"),
        ({"sms_url": URL, "sms_body": "to={to}"}, "SMS_BODY"),
        ({"sms_url": URL, "sms_body": '{"to": {to}, "text": {text}}'}, "SMS_BODY"),
        ({"sms_url": URL, "sms_body": '{"to": "{to}", "text": "{text}"'}, "SMS_BODY"),
        ({"sms_url": URL, "sms_body": "to={to}&text={text}", "sms_headers": "Authorization: s3cret"}, "SMS_HEADERS"),
        ({"sms_url": URL, "sms_body": "to={to}&text={text}", "sms_headers": '{"A": "s3cret\\nB: c"}'}, "SMS_HEADERS"),
        ({"sms_url": URL, "sms_body": "to={to}&text={text}", "sms_headers": '{"A b": "s3cret"}'}, "SMS_HEADERS"),
    ],
)
def test_what_is_wrong_is_named_and_not_repeated(values: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=f"^{named}: ") as caught:
        load_settings(**values)
    assert "s3cret" not in str(caught.value)


def test_nothing_of_it_is_shown() -> None:
    settings = load_settings(sms_url=f"{URL}?key=s3cret&to={{to}}&text={{text}}", sms_headers='{"K": "s3cret"}')
    assert "s3cret" not in repr(settings) + repr(settings.sms_gateway())


@pytest.mark.parametrize("host", ["127.0.0.1:1", "10.0.0.7", "localhost", "sms-gateway:8080"])
def test_without_tls_only_inside_of_ones_own_network(host: str) -> None:
    assert load_settings(sms_url=f"http://{host}/?to={{to}}&text={{text}}").sms_gateway() is not None


def test_switched_off_in_the_settings_there_is_none() -> None:
    assert load_settings(sms_url=f"{URL}?to={{to}}&text={{text}}", sms_enabled="false").sms_gateway() is None
