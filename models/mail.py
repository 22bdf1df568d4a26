"""The mail server that login codes go through, as `SMTP_URL` and `MAIL_FROM` name it."""

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True)
class MailServer:
    """`tls` from the first byte (`smtps://`); else the connection is upgraded where the server offers it, and must be
    where a password is sent.
    """

    host: str
    port: int
    tls: bool
    sender: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)


def parse_smtp_url(url: str, sender: str) -> MailServer:
    """`smtp://[user:password@]host[:port]` or `smtps://…`. Errors: ValueError, which does not repeat the address."""
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError:
        raise ValueError("not smtp:// or smtps:// with a host") from None
    if parts.scheme not in ("smtp", "smtps") or not host or parts.path.strip("/") or parts.query:
        raise ValueError("not smtp:// or smtps:// with a host")
    if (parts.username is None) != (parts.password is None):
        raise ValueError("a user without a password, or the other way round")
    tls = parts.scheme == "smtps"
    return MailServer(
        host=host,
        port=port or (465 if tls else 587 if parts.username else 25),
        tls=tls,
        sender=sender,
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
    )
