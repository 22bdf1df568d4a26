"""The mail server as settings name it."""

import pytest

from models.mail import parse_smtp_url
from models.settings import SettingsError, load_settings

FROM = "binhchon@example.vn"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://relay", ("relay", 25, False, None, None)),
        ("smtp://an:m%40t@relay", ("relay", 587, False, "an", "m@t")),
        ("smtps://an:x@relay", ("relay", 465, True, "an", "x")),
        ("smtp://127.0.0.1:2525/", ("127.0.0.1", 2525, False, None, None)),
    ],
)
def test_addresses_of_mail_servers(url: str, expected: tuple[object, ...]) -> None:
    server = parse_smtp_url(url, FROM)
    assert (server.host, server.port, server.tls, server.username, server.password) == expected
    assert "m@t" not in repr(server)


@pytest.mark.parametrize("url", ["relay:25", "http://relay", "smtp://", "smtp://relay:x", "smtp://an@relay"])
def test_addresses_that_are_none_are_not_repeated(url: str) -> None:
    with pytest.raises(SettingsError, match=r"^SMTP_URL: ") as caught:
        load_settings(smtp_url=url)
    assert "relay:" not in str(caught.value)


def test_a_mail_server_needs_a_sender() -> None:
    assert load_settings(environment="demo").mail_server() is None
    with pytest.raises(SettingsError, match="MAIL_FROM must be set"):
        load_settings(smtp_url="smtp://relay").mail_server()
    with pytest.raises(SettingsError, match=r"^MAIL_FROM: not an e-mail address"):
        load_settings(mail_from="binhchon")
    server = load_settings(smtp_url="smtp://relay", mail_from=FROM).mail_server()
    assert server is not None
    assert server.sender == FROM
