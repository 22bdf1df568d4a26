"""deploy/google.yml turns on a provider that the settings take."""

import re
from pathlib import Path
from typing import Any

import pytest
from compose_spec import PyOptions

from models.settings import ROOT, load_settings

TEXT = (ROOT / "deploy" / "google.yml").read_text(encoding="utf-8")


def test_its_variables_are_a_provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    overlay: dict[str, Any] = PyOptions().from_yaml(TEXT).to_dict()
    for name, value in overlay["services"]["api"]["environment"].items():
        monkeypatch.setenv(name, re.sub(r"^\$\{.*\}$", "made-up", value))
    secret = tmp_path / "secret"
    secret.write_text("made-up secret\n")
    monkeypatch.setenv("OIDC_GOOGLE_CLIENT_SECRET_FILE", str(secret))
    monkeypatch.setenv("PUBLIC_ORIGIN", "https://binhchon.example.vn")
    [provider] = load_settings().openid_providers()
    assert (provider.name, provider.issuer) == ("google", "https://accounts.google.com")
    assert provider.client_secret.get_secret_value() == "made-up secret"


def test_the_secret_is_a_file_of_the_secrets_folder_and_the_guide_names_all() -> None:
    overlay: dict[str, Any] = PyOptions().from_yaml(TEXT).to_dict()
    [(name, secret)] = overlay["secrets"].items()
    assert secret == {"file": f"./deploy/secrets/{name}"}
    assert overlay["services"]["api"]["secrets"] == [name]
    assert overlay["services"]["api"]["environment"]["OIDC_GOOGLE_CLIENT_SECRET_FILE"] == f"/run/secrets/{name}"
    guide = (ROOT / "deploy" / "README.md").read_text(encoding="utf-8")
    for word in (name, "deploy/google.yml", "`OIDC_GOOGLE_CLIENT_ID`", "/login/oidc/google/callback"):
        assert word in guide, word
