"""Settings: from the environment and from files, and one line where one is wrong."""

import stat
from pathlib import Path

import pytest

from models.settings import Settings, SettingsError, load_settings, read_env_file

GIB = 1024**3
SERVERS = ("DATABASE_URL", "BALLOT_BOX_URL", "SCRATCH_URL")


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(f"{name.upper()}_FILE", raising=False)


def test_unset_is_embedded() -> None:
    settings = load_settings()
    assert (settings.environment, settings.host, settings.port, settings.contest) == ("demo", "127.0.0.1", 8000, None)
    assert settings.database_url is settings.ballot_box_url is settings.scratch_url is None
    assert settings.web_concurrency >= 1
    assert settings.data_dir.is_absolute()


def test_what_is_set_to_nothing_is_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "")
    monkeypatch.setenv("DATABASE_URL", "")
    assert (load_settings().port, load_settings().database_url) == (8000, None)


def test_a_setting_may_stand_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "url").write_text("unix:///run/box.sock\n")
    monkeypatch.setenv("BALLOT_BOX_URL_FILE", str(tmp_path / "url"))
    assert load_settings().box() == "unix:///run/box.sock"
    assert load_settings(ballot_box_url="unix:///other").box() == "unix:///other"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("ENVIRONMENT", "staging"),
        ("WEB_CONCURRENCY", "0"),
        ("BOX_MAXMEMORY", "1024"),
        ("SCRATCH_MAXMEMORY", "1024"),
        ("CODE_CONNECTIONS", "0"),
        ("CODE_CONNECTIONS", "101"),
        ("SESSION_DAYS", "31"),
        ("LOG_LEVEL", "loud"),
        ("TRUSTED_PROXIES", "*"),
        ("TRUSTED_PROXIES", "10.0.0.1, *"),
        ("TRUSTED_PROXIES", "10.0.0.1, nginx"),
        ("SESSION_KEYS", " , ,"),
        ("DATABASE_URL", "postgres://user:secret@host/binhchon"),
        ("DATABASE_URL", "postgresql+psycopg://user:secret@host:port/binhchon"),
        ("BALLOT_BOX_URL", "box:6379"),
        ("SCRATCH_URL", "/run/scratch.sock"),
        ("PUBLIC_ORIGIN", "binhchon.example.vn"),
        ("PUBLIC_ORIGIN", "https://binhchon.example.vn/thi"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert str(refused.value).startswith(f"{name}: ")
    assert "\n" not in str(refused.value)
    assert "secret" not in str(refused.value)
    assert "Value error" not in str(refused.value)


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff\xfe"], ids=["missing", "empty", "blank", "no text"])
def test_a_file_that_holds_nothing_to_be_used_is_one_line(tmp_path: Path, monkeypatch, content: bytes | None) -> None:
    """An empty secret must not quietly become a generated one: accounts would change."""
    path = tmp_path / "identity_key"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("IDENTITY_KEY_FILE", str(path))
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert str(refused.value).startswith("IDENTITY_KEY_FILE: ")
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


STRONG = "9fCpWq3LxT0vYb7NsR2mKe5HzJ8uAdG4tFiQoX1wSVk"
ADDRESS = "https://binhchon.example.vn"


def _refused(**values: str) -> list[str]:
    """The lines of why production does not start with `values`; none where it does."""
    fit = {"identity_key": STRONG, "session_keys": STRONG, "public_origin": ADDRESS}
    mail = {"smtp_url": "smtp://relay", "mail_from": "binhchon@example.vn"}
    try:
        load_settings(environment="production", **fit | mail | values).require_complete()
    except SettingsError as refused:
        return str(refused).splitlines()
    return []


def test_production_has_an_official_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    with pytest.raises(SettingsError, match=r"^PUBLIC_ORIGIN must be set in production, for example https://\S+\n"):
        load_settings()
    monkeypatch.setenv("PUBLIC_ORIGIN", f"{ADDRESS}/")
    assert load_settings().origin() == ADDRESS


@pytest.mark.parametrize(
    "origin", ["http://binhchon.example.vn", "http://192.168.1.7:8000", "http://localhost.example"]
)
def test_production_is_reached_by_https(origin: str) -> None:
    [line] = _refused(public_origin=origin)
    assert line.startswith("PUBLIC_ORIGIN must begin with https:// in production")
    assert load_settings(public_origin=origin).origin() == origin, "a demo may"


@pytest.mark.parametrize("origin", [ADDRESS, "http://127.0.0.1:8000", "http://localhost", "http://[::1]:8000"])
def test_who_tries_production_on_one_machine_may(origin: str) -> None:
    assert _refused(public_origin=origin) == []


@pytest.mark.parametrize("name", ["identity_key", "session_keys", "metrics_token"])
@pytest.mark.parametrize(
    ("value", "why"),
    [("a", "holds less"), (STRONG[:-1], "holds less"), ("a" * 64, "looks like"), ("changeme", "looks like")],
)
def test_production_refuses_a_secret_that_is_none(name: str, value: str, why: str) -> None:
    [line] = _refused(**{name: value})
    assert line.startswith(f"{name.upper()} {why}")
    assert value not in line.partition(" ")[2].replace("a placeholder", "") or value == "a"
    assert load_settings(**{name: value}), "a demo may"


def test_each_of_several_session_keys_counts() -> None:
    [line] = _refused(session_keys=f"{STRONG},old")
    assert line.startswith("SESSION_KEYS: key 2 holds less")


def test_all_that_is_wrong_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {"public_origin": "http://binhchon.example.vn", "identity_key": "x", "metrics_token": "y"}
    with pytest.raises(SettingsError) as refused:
        load_settings(environment="production", **wrong)
    starts = (
        "PUBLIC_ORIGIN ",
        "IDENTITY_KEY ",
        "METRICS_TOKEN ",
        "IDENTITY_KEY and SESSION_KEYS ",
        "SMTP_URL, SMS_URL ",
    )
    lines = str(refused.value).splitlines()
    assert len(lines) == len(starts)
    assert all(line.startswith(start) for line, start in zip(lines, starts, strict=True))
    monkeypatch.setenv("PORT", "eighty")
    monkeypatch.setenv("SESSION_DAYS", "31")
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert [line.partition(":")[0] for line in str(refused.value).splitlines()] == ["PORT", "SESSION_DAYS"]


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IDENTITY_KEY", "SESSION_KEYS", "METRICS_TOKEN"):
        monkeypatch.setenv(name, "do-not-show")
    for name in SERVERS:
        monkeypatch.setenv(name, f"{'postgresql+psycopg' if name == 'DATABASE_URL' else 'redis'}://:do-not-show@host/0")
    assert "do-not-show" not in repr(load_settings()) + str(load_settings())


def test_keys_come_from_the_environment_or_are_generated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generated = load_settings(data_dir=tmp_path).keys()
    assert load_settings(data_dir=tmp_path).keys() == generated
    for name in ("identity_key", "session_keys"):
        assert stat.S_IMODE((tmp_path / "secrets" / name).stat().st_mode) == 0o600
    monkeypatch.setenv("IDENTITY_KEY", "mine")
    monkeypatch.setenv("SESSION_KEYS", "new, old ,")
    keys = load_settings(data_dir=tmp_path).keys()
    assert (keys.identity_key, keys.session_keys) == ("mine", ("new", "old"))


def test_server_addresses_come_from_the_environment_before_the_running_stack(tmp_path: Path, monkeypatch) -> None:
    with pytest.raises(SettingsError, match=r"no running stack .* BALLOT_BOX_URL, DATABASE_URL, SCRATCH_URL not set"):
        load_settings(data_dir=tmp_path).require_stack()
    (tmp_path / "stack.env").write_text("# made by up\n" + "".join(f"{name}=embedded={name}\n" for name in SERVERS))
    monkeypatch.setenv("SCRATCH_URL", "unix:///mine")
    settings = load_settings(data_dir=tmp_path).require_stack()
    assert (settings.database(), settings.box()) == ("embedded=DATABASE_URL", "embedded=BALLOT_BOX_URL")
    assert settings.scratch() == "unix:///mine"


def test_the_address_of_the_pages_is_that_of_the_running_stack(tmp_path: Path, monkeypatch) -> None:
    servers = "".join(f"{name}=embedded={name}\n" for name in SERVERS)
    (tmp_path / "stack.env").write_text(f"{servers}HOST=127.0.0.2\nPORT=8123\n")
    assert load_settings(data_dir=tmp_path).require_stack().origin() == "http://127.0.0.2:8123"
    monkeypatch.setenv("PORT", "9000")
    assert load_settings(data_dir=tmp_path).require_stack().origin() == "http://127.0.0.2:9000"
    monkeypatch.setenv("PUBLIC_ORIGIN", "https://binhchon.example.vn")
    assert load_settings(data_dir=tmp_path).require_stack().origin() == "https://binhchon.example.vn"


def test_a_server_address_that_is_missing_is_named() -> None:
    for name, ask in zip(SERVERS, (Settings.database, Settings.box, Settings.scratch), strict=True):
        with pytest.raises(SettingsError, match=f"{name} is not set"):
            ask(load_settings())


def test_an_env_file_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert read_env_file(tmp_path / "none") == {}


@pytest.mark.parametrize(
    ("machine", "scratch"), [(2 * GIB, GIB // 2), (4 * GIB, GIB // 2), (16 * GIB, 2 * GIB), (64 * GIB, 4 * GIB)]
)
def test_scratch_may_use_an_eighth_of_the_machine(monkeypatch: pytest.MonkeyPatch, machine: int, scratch: int) -> None:
    monkeypatch.setattr("os.sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": machine // 4096}.__getitem__)
    assert load_settings().scratch_maxmemory == scratch
    monkeypatch.setenv("SCRATCH_MAXMEMORY", str(GIB))
    assert load_settings().scratch_maxmemory == GIB
