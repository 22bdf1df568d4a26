"""The addition to docker-compose.yml for codes by SMS."""

import re

from models.settings import ROOT, Settings
from tests.deploy import test_compose

TEXT = (ROOT / "deploy" / "sms.yml").read_text(encoding="utf-8")


def test_it_adds_settings_to_the_services_that_take_requests_for_codes_and_send_them():
    known = {field.upper() for field in Settings.model_fields}
    services = test_compose.parsed(TEXT)["services"]
    assert set(services) == {"api", "codes"} <= set(test_compose.OURS)
    for service in services.values():
        assert {variable.removesuffix("_FILE") for variable in service["environment"]} <= known
        files = {value for value in service["environment"].values() if value.startswith("/run/secrets/")}
        assert files == {f"/run/secrets/{name}" for name in service["secrets"]}


def test_its_secrets_are_files_and_its_variables_are_explained():
    guide = (ROOT / "deploy" / "README.md").read_text(encoding="utf-8")
    secrets = test_compose.parsed(TEXT)["secrets"]
    assert set(secrets) == {"sms_url", "sms_headers", "sms_body"}
    for name in (*secrets, *re.findall(r"\$\{([A-Z_]+)", TEXT)):
        assert f"`{name}`" in guide, name
