"""Typed settings, read from the environment in this file and nowhere else.

Every setting has the environment variable of the same name in capitals; what is unset is embedded or generated.
A setting `X` may also be given as `X_FILE`, the path of a file that holds it (how Docker hands over secrets).
"""

import os
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from email_validator import EmailNotValidError, validate_email
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from models.channels import Channels
from models.disposable import domains_of
from models.key_strength import Doubt, doubt_of
from models.mail import MailServer, parse_smtp_url
from models.oidc import Provider, provider_names, provider_of
from models.secrets import KeyRing, generated_secret
from models.sms import SmsGateway, parse_sms_gateway

ROOT = Path(__file__).resolve().parent.parent
EMBEDDED_ENV = "stack.env"  # written by `binhchon up` into DATA_DIR: the addresses of its servers and of its own pages


_MAKE_ONE = "`openssl rand -hex 32` makes one"
_DOUBTS = {
    Doubt.SHORT: f"holds less than 32 random bytes, which are 64 hex digits or 43 letters of base64 ({_MAKE_ONE})",
    Doubt.PLACEHOLDER: f"looks like a placeholder, not like 32 random bytes ({_MAKE_ONE})",
}


class SettingsError(Exception):
    """Settings are wrong; the text is for people, one line for each."""


class Settings(BaseSettings):
    """All settings of an installation. Durations are in seconds, sizes in bytes."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore")

    environment: Literal["demo", "production"] = "demo"
    data_dir: Path = ROOT / ".data"
    media_dir: Path | None = None
    """Pictures and attachments of entries; every API process reads it, an import writes it. Unset: DATA_DIR/media."""
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    web_concurrency: int = Field(default_factory=lambda: max(1, min(os.cpu_count() or 1, 16)), ge=1, le=256)
    contest: str | None = None
    """Slug of the one contest that this installation serves; unset: the newest."""

    database_url: SecretStr | None = None
    """`postgresql+psycopg://…`; unset: embedded."""
    ballot_box_url: SecretStr | None = None
    """`unix://…` or `redis://…` of the box; unset: embedded."""
    scratch_url: SecretStr | None = None
    box_maxmemory: int = Field(default=2 * 1024**3, ge=16 * 1024**2)
    """Memory of the embedded box: about 80 bytes an account, 100 bytes a vote not yet in the ledger."""
    scratch_maxmemory: int = Field(default_factory=lambda: _scratch_share(_machine_memory()), ge=16 * 1024**2)
    """Memory of the embedded scratch: about 1,290 bytes a login, for as long as its code and marks stand."""

    flush_workers: int = Field(default=1, ge=1, le=64)
    """Flush workers that run, one for each shard of the contest at best: shards share those that there are."""

    identity_key: SecretStr | None = None
    """Keyed hash of identities; never changes while a contest counts. Unset: generated into DATA_DIR/secrets."""
    session_keys: SecretStr | None = None
    """Comma-separated, newest first; a token names the key it was signed with. Unset: generated."""
    public_origin: str | None = None
    """`https://binhchon.example.vn`: scheme and host that voters see; unset: the request's own Host, never so in
    production.
    """
    trusted_proxies: str = ""
    """Comma-separated addresses or networks whose X-Forwarded-For is believed; never `*`."""
    smtp_url: SecretStr | None = None
    """`smtp://user:password@host:587` or `smtps://…`: where login codes are handed over. Unset: the demo shows them."""
    code_connections: int = Field(default=16, ge=1, le=100)
    """Mails or SMS with login codes that a worker of codes sends at a time, each mail over a connection of its own. At
    most: it opens one only when the others are busy. The gateway's client has no more than 100.
    """
    mail_from: str | None = None
    """Whom the mails with login codes come from; needed with SMTP_URL."""
    sms_url: SecretStr | None = None
    """Where the SMS gateway is called; with SMS_HEADERS and SMS_BODY as models/sms.py says. Unset: no codes by SMS."""
    sms_headers: SecretStr | None = None
    sms_body: SecretStr | None = None
    sms_accepted: str | None = None
    """What stands in the gateway's answer to a message that it took, where it says 200 to those that it did not."""
    sms_enabled: bool = True
    """False: as if SMS_URL were unset. `binhchon sms --off` acts without a restart."""
    sms_per_hour: int = Field(default=1000, ge=0, le=10_000_000)
    """Codes by SMS an hour for everybody together: each costs money."""
    login_proof_cost: int = Field(default=5000, ge=1, le=1_000_000)
    """Proof of work before a code is sent: PBKDF2 iterations, about 256 times over."""
    login_unproven_per_hour: int = Field(default=300, ge=0, le=10_000_000)
    """Codes an hour, for everybody together, that are asked for without a proof of work: by forms alone."""
    oidc_providers: Annotated[tuple[Provider, ...], NoDecode] = ()
    """OpenID Connect providers: `load_settings` makes them of names, comma separated, and of `OIDC_<NAME>_ISSUER`,
    `_CLIENT_ID`, `_CLIENT_SECRET`, `_TITLE`, `_SCOPE` for each.
    """
    claims_per_hour: int = Field(default=600, ge=0, le=1_000_000)
    """Claims of lost votes an hour from everybody who is not logged in, and as many from those who are."""
    disposable_domains: str = ""
    """Comma-separated mail domains that nobody may log in with, besides those of the public list."""
    session_days: int = Field(default=3, ge=1, le=30)
    metrics_token: SecretStr | None = None
    """`/metrics` answers on loopback, or to `Authorization: Bearer` with this token."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("trusted_proxies")
    @classmethod
    def _named_proxies(cls, value: str) -> str:
        if "*" in value:
            raise ValueError("name the proxies' addresses: '*' would let every client choose its own address")
        for part in filter(None, (part.strip() for part in value.split(","))):
            ip_network(part, strict=False)
        return value

    @field_validator("database_url")
    @classmethod
    def _ledger(cls, value: SecretStr | None) -> SecretStr | None:
        return _address(value, ("postgresql+psycopg",))

    @field_validator("ballot_box_url", "scratch_url")
    @classmethod
    def _valkey(cls, value: SecretStr | None) -> SecretStr | None:
        return _address(value, ("unix", "redis", "rediss"))

    @field_validator("smtp_url")
    @classmethod
    def _mail_server(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            parse_smtp_url(value.get_secret_value(), "")
        return value

    @model_validator(mode="after")
    def _sms(self) -> "Settings":
        self.sms_gateway()
        return self

    @model_validator(mode="after")
    def _fit_for_production(self) -> "Settings":
        if self.environment == "production" and (unfit := self._unfit()):
            raise ValueError("\n".join([*unfit, *self._missing()]))
        return self

    def _unfit(self) -> list[str]:
        """What production must not start with, in sentences. What is missing is for those who need it to say."""
        found = []
        if self.public_origin is None:
            found.append("PUBLIC_ORIGIN must be set in production, for example https://binhchon.example.vn")
        elif not self._is_public() and not _is_loopback(self.public_origin):
            found.append(
                "PUBLIC_ORIGIN must begin with https:// in production: by http, cookies and codes are there to be read"
            )
        for name, secret in self._secrets():
            if doubt := doubt_of(secret):
                found.append(f"{name} {_DOUBTS[doubt]}")
        return found

    def _secrets(self) -> list[tuple[str, str]]:
        """(how it is spoken of, the secret), of those that are set."""
        named = (("IDENTITY_KEY", self.identity_key), ("METRICS_TOKEN", self.metrics_token))
        found = [(name, secret.get_secret_value()) for name, secret in named if secret is not None]
        keys = _listed(self.session_keys.get_secret_value()) if self.session_keys else ()
        of_several = len(keys) > 1
        for number, key in enumerate(keys, start=1):
            found.append((f"SESSION_KEYS: key {number}" if of_several else "SESSION_KEYS", key))
        return found

    def _missing(self) -> list[str]:
        """What an installation cannot do without and is not set, in sentences."""
        found = []
        for need in (self.keys, self.channels):
            try:
                need()
            except SettingsError as error:
                found.append(str(error))
        return found

    def require_complete(self) -> "Settings":
        """These settings, if nothing is missing that an installation needs. Errors: SettingsError, one line for each
        thing: whoever sets up an installation hears of all at once.
        """
        if missing := self._missing():
            raise SettingsError("\n".join(missing))
        return self

    @field_validator("disposable_domains")
    @classmethod
    def _domains(cls, value: str) -> str:
        domains_of(value)
        return value

    @field_validator("mail_from")
    @classmethod
    def _sender(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                validate_email(value, check_deliverability=False, test_environment=True)
            except EmailNotValidError as error:
                raise ValueError(f"not an e-mail address: {error}") from None
        return value

    @field_validator("public_origin")
    @classmethod
    def _scheme_and_host(cls, value: str | None) -> str | None:
        if value is not None:
            parts = urlsplit(value)
            if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/") or parts.query:
                raise ValueError(f"not scheme and host, as in https://binhchon.example.vn: {value}")
        return value

    @field_validator("session_keys")
    @classmethod
    def _some_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().replace(",", "").strip():
            raise ValueError("there is no key in it")
        return value

    @field_validator("data_dir", "media_dir")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return value.expanduser().absolute() if value else None

    def require_stack(self) -> "Settings":
        """These settings with the three server addresses, HOST and PORT filled in: from the environment, else from
        the stack that runs on this machine.

        Errors: SettingsError when neither gives the address of a server.
        """
        missing = {name for name in ("database_url", "ballot_box_url", "scratch_url") if getattr(self, name) is None}
        running = read_env_file(self.data_dir / EMBEDDED_ENV)
        values: dict[str, Any] = {name: SecretStr(running[name.upper()]) for name in missing if name.upper() in running}
        if len(values) < len(missing):
            names = ", ".join(sorted(name.upper() for name in missing - values.keys()))
            raise SettingsError(f"no running stack in {self.data_dir} (start it with `make run`), and {names} not set")
        given = {"host": running.get("HOST"), "port": int(running["PORT"]) if "PORT" in running else None}
        values |= {name: value for name, value in given.items() if value and name not in self.model_fields_set}
        return self.model_copy(update=values)

    def origin(self) -> str:
        """Scheme and host of the addresses that are shared, without a slash at the end: never from a request's Host."""
        return (self.public_origin or f"http://{self.host}:{self.port}").rstrip("/")

    def media(self) -> Path:
        """The folder of pictures and attachments."""
        return self.media_dir or self.data_dir / "media"

    def database(self) -> str:
        return _required(self.database_url, "DATABASE_URL")

    def box(self) -> str:
        return _required(self.ballot_box_url, "BALLOT_BOX_URL")

    def scratch(self) -> str:
        return _required(self.scratch_url, "SCRATCH_URL")

    def keys(self) -> KeyRing:
        """The two secrets of the installation, generated into DATA_DIR/secrets (0600) where they are unset.

        Errors: SettingsError in production without them: several machines would each make their own.
        """
        if self.environment == "production" and not (self.identity_key and self.session_keys):
            raise SettingsError(f"IDENTITY_KEY and SESSION_KEYS must be set in production ({_MAKE_ONE})")
        secrets_dir = self.data_dir / "secrets"
        identity = self.identity_key.get_secret_value() if self.identity_key else None
        sessions = self.session_keys.get_secret_value() if self.session_keys else None
        return KeyRing(
            identity_key=identity or generated_secret(secrets_dir / "identity_key"),
            session_keys=_listed(sessions or generated_secret(secrets_dir / "session_keys")),
        )

    def channels(self) -> Channels:
        """The ways that login codes go.

        Errors: SettingsError in production when there is no way to log in at all, for a demo that all the world could
        reach and that would show everybody's codes, and where nobody is named as the sender of mails.
        """
        mail, sms = self.mail_server(), self.sms_gateway()
        if mail or sms or (self.oidc_providers and (self.environment == "production" or self._is_public())):
            return Channels(mail, sms, shown=False)
        if self.environment == "production":
            raise SettingsError("SMTP_URL, SMS_URL or OIDC_PROVIDERS must be set in production: nobody could log in")
        if self._is_public():
            raise SettingsError("SMTP_URL or SMS_URL must be set with an https PUBLIC_ORIGIN: all would see all codes")
        return Channels(None, None, shown=True)

    def _is_public(self) -> bool:
        return self.public_origin is not None and urlsplit(self.public_origin).scheme == "https"

    def sms_gateway(self) -> SmsGateway | None:
        """Errors: ValueError, which names the setting and repeats nothing of it."""
        if self.sms_url is None or not self.sms_enabled:
            return None
        headers, body = (one.get_secret_value() if one else None for one in (self.sms_headers, self.sms_body))
        return parse_sms_gateway(self.sms_url.get_secret_value(), headers, body, self.sms_accepted or "")

    def mail_server(self) -> MailServer | None:
        """The server that login codes go through by e-mail. Errors: SettingsError where nobody is named as sender."""
        if self.smtp_url is None:
            return None
        if self.mail_from is None:
            raise SettingsError("MAIL_FROM must be set with SMTP_URL, for example binhchon@example.vn")
        return parse_smtp_url(self.smtp_url.get_secret_value(), self.mail_from)

    def openid_providers(self) -> tuple[Provider, ...]:
        """The providers that a voter may log in with; none unless they are set."""
        return self.oidc_providers


def _address(value: SecretStr | None, schemes: tuple[str, ...]) -> SecretStr | None:
    """`value`, the address of a server. Errors: ValueError, which does not repeat it: there may be a password in it."""
    if value is not None:
        try:
            parts = urlsplit(value.get_secret_value())
            known = parts.scheme in schemes
            _ = parts.port  # refuses one that is no number
        except ValueError:
            known = False
        if not known:
            raise ValueError(f"not an address that begins with {' or '.join(f'{scheme}://' for scheme in schemes)}")
    return value


def _listed(text: str) -> tuple[str, ...]:
    """What stands between commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _is_loopback(origin: str) -> bool:
    """Whether the address is one of this machine alone."""
    host = urlsplit(origin).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _machine_memory() -> int:
    """Bytes of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _scratch_share(memory: int) -> int:
    """An eighth of the machine's `memory`, at least 512 MiB and at most 4 GiB, in bytes."""
    return max(512 * 1024**2, min(memory // 8, 4 * 1024**3))


def _required(value: SecretStr | None, name: str) -> str:
    if value is None:
        raise SettingsError(f"{name} is not set")
    return value.get_secret_value()


def environment_with(files: Mapping[str, Path]) -> dict[str, str]:
    """The environment of a child that is to read some settings, named in capitals, from files of its own."""
    kept = {name: value for name, value in os.environ.items() if name not in files}
    return kept | {f"{name}_FILE": str(path) for name, path in files.items()}


def read_env_file(path: Path) -> dict[str, str]:
    """`NAME=value` lines of a file; an absent file is empty."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def load_settings(**overrides: Any) -> Settings:
    """Settings from the environment (and `*_FILE`), with `overrides` on top.

    Errors: SettingsError, one line for each variable that is wrong, naming it.
    """
    from_files: dict[str, Any] = {}
    for name in Settings.model_fields:
        path = os.environ.get(f"{name.upper()}_FILE")
        if path:
            from_files[name] = _content(name, Path(path))
    from_files["oidc_providers"] = _providers(from_files.get("oidc_providers") or os.environ.get("OIDC_PROVIDERS", ""))
    try:
        return Settings(**(from_files | overrides))
    except ValidationError as error:
        raise SettingsError("\n".join(_sentence(wrong["loc"], wrong["msg"]) for wrong in error.errors())) from None


def _sentence(place: tuple[int | str, ...], what: str) -> str:
    name = ".".join(str(part) for part in place).upper()
    what = what.removeprefix("Value error, ")
    return f"{name}: {what}" if name else what


def _providers(names: str) -> tuple[Provider, ...]:
    """The OpenID Connect providers of these names, each from variables of its own. Errors: SettingsError."""

    def setting(name: str) -> str:
        path = os.environ.get(f"{name}_FILE")
        return _content(name, Path(path)) if path else os.environ.get(name, "").strip()

    try:
        named = provider_names(names)
    except ValueError as error:
        raise SettingsError(f"OIDC_PROVIDERS: {error}") from None
    try:
        return tuple(provider_of(name, setting) for name in named)
    except ValueError as error:
        raise SettingsError(str(error)) from None


def _content(name: str, path: Path) -> str:
    """What the file of the setting `name` holds. Errors: SettingsError."""
    try:
        content = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingsError(f"{name.upper()}_FILE: cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{name.upper()}_FILE: {path} is no UTF-8 text") from None
    if not content:  # an empty secret would quietly become a generated one
        raise SettingsError(f"{name.upper()}_FILE: {path} is empty")
    return content


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The process's settings, read once: for entry points only; below them settings are arguments."""
    return load_settings()
