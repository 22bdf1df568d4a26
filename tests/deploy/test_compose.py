"""docker-compose.yml against the Compose specification, and against the files and commands that it names."""

import re
from typing import Any

import pytest
from compose_spec import PyOptions
from typer.testing import CliRunner

from models.settings import ROOT, Settings

TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
OURS = ("migrate", "api", "flush", "books", "tasks", "codes", "ticker")
COMMANDS = {
    "migrate": ["migrate"],
    "api": ["api"],
    "flush": ["worker", "flush.0"],
    "books": ["worker", "books"],
    "tasks": ["worker", "tasks"],
    "codes": ["worker", "codes"],
    "ticker": ["ticker"],
}


def parsed(text: str) -> dict[str, Any]:
    """The file as the Compose specification understands it. Errors: ValueError."""
    compose = PyOptions(apply_merge=True).from_yaml(text)
    compose.validate()
    compose.to_spec()
    return compose.to_dict()


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return parsed(TEXT)


@pytest.fixture(scope="module")
def services(compose) -> dict[str, Any]:
    return compose["services"]


def test_it_has_every_process(services):
    assert set(services) == {"box", "scratch", "postgres", "nginx", *OURS}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("stop_grace_period: 60s", "stop_grace_period: soon"),
        ("    command: [", "    comand: ["),
        ("secrets: [scratch_password]", "secrets: [scratch_pasword]"),
        ("networks: [door]", "networks: [window]"),
    ],
)
def test_the_validator_finds_mistakes(old, new):
    assert old in TEXT
    with pytest.raises(ValueError, match=r"."):
        parsed(TEXT.replace(old, new))


@pytest.mark.parametrize("service", OURS)
def test_every_command_is_one_of_binhchon(services, service):
    from scripts.cli import app  # noqa: PLC0415  the command line is asked for here only

    program, *arguments = services[service]["command"]
    assert program == "binhchon"
    assert arguments == COMMANDS[service]
    result = CliRunner().invoke(app, [*arguments, "--help"])
    assert result.exit_code == 0, result.output
    assert "Usage" in result.output


def test_the_health_check_of_the_workers_is_a_command(services):
    from scripts.cli import app  # noqa: PLC0415  as above

    result = CliRunner().invoke(app, ["status", "--help"])
    assert result.exit_code == 0
    assert "--json" in result.output
    for service in ("flush", "books", "tasks", "codes", "ticker"):
        assert services[service]["healthcheck"]["test"] == ["CMD", "binhchon", "status", "--json"]


def test_every_service_is_watched_and_comes_back(services):
    for name, service in services.items():
        assert service["logging"]["options"]["max-size"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["read_only"] is True, name
        if name == "migrate":
            assert service["restart"] == "on-failure"
        else:
            assert service["restart"] == "unless-stopped", name
            assert service["healthcheck"]["test"][0] == "CMD", name


def test_only_nginx_is_reached_from_outside(compose, services):
    assert [name for name, service in services.items() if service.get("ports")] == ["nginx"]
    assert services["nginx"]["networks"] == ["door"]
    assert compose["networks"]["stores"]["internal"] is True
    for name in ("box", "scratch", "postgres"):
        assert services[name]["networks"] == ["stores"], name
    assert [name for name, service in services.items() if "mail" in service["networks"]] == ["codes"]


def test_the_api_believes_the_network_of_nginx_and_no_other(compose, services):
    (subnet,) = compose["networks"]["door"]["ipam"]["config"]
    assert services["api"]["environment"]["TRUSTED_PROXIES"] == subnet["subnet"]


def test_the_ledger_outlives_its_container(compose, services):
    assert "ledger:/var/lib/postgresql" in services["postgres"]["volumes"]
    assert services["postgres"]["image"] == "postgres:18"
    for name in ("box", "scratch"):
        assert f"{name}:/data" in services[name]["volumes"]
    named = {
        volume.split(":")[0]
        for service in services.values()
        for volume in service.get("volumes", [])
        if not volume.startswith(".")
    }
    assert set(compose["volumes"]) == named == {"box", "scratch", "ledger", "media"}


def test_every_mounted_file_exists(services):
    mounted = [
        volume.split(":")[0]
        for service in services.values()
        for volume in service.get("volumes", [])
        if volume.startswith(".")
    ]
    assert len(mounted) >= 6
    for path in mounted:
        assert (ROOT / path).is_file(), path
        if path.endswith(".sh"):
            assert (ROOT / path).stat().st_mode & 0o111 == 0o111, f"{path} must be executable"


def test_every_secret_is_defined_explained_and_given_to_whom_reads_it(compose, services):
    assert set(compose["secrets"]) == {name for service in services.values() for name in service.get("secrets", [])}
    for name, secret in compose["secrets"].items():
        assert secret == {"file": f"./deploy/secrets/{name}"}
        assert (ROOT / "deploy" / "secrets" / f"{name}.example").read_text(encoding="utf-8").strip()
    for name, service in services.items():
        assert set(re.findall(r"/run/secrets/(\w+)", str(service))) <= set(service.get("secrets", [])), name
    read_by_nginx = re.findall(r"/run/secrets/(\w+)", (ROOT / "deploy/nginx/nginx.conf").read_text(encoding="utf-8"))
    assert set(read_by_nginx) == set(services["nginx"]["secrets"])


def test_each_process_knows_only_its_own_way_into_the_stores(services):
    for name in OURS:
        ledger = {"api": "api_database_url", "migrate": "database_url"}.get(name, "worker_database_url")
        box = "api_ballot_box_url" if name == "api" else "ballot_box_url"
        given = {secret for secret in services[name]["secrets"] if re.search("database|box|ledger|postgres", secret)}
        assert given == {ledger, box}, name


def test_no_secret_stands_in_the_file_itself(services):
    for name, service in services.items():
        for variable, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|KEY|TOKEN|_URL", variable):
                assert variable.endswith("_FILE"), (name, variable)
                assert value.startswith("/run/secrets/"), (name, variable)


def test_every_variable_is_a_setting(services):
    known = {field.upper() for field in Settings.model_fields}
    for name in OURS:
        environment = services[name]["environment"]
        assert {variable.removesuffix("_FILE") for variable in environment} <= known
        assert environment["ENVIRONMENT"] == "production"
    for needed in ("DATABASE_URL", "BALLOT_BOX_URL", "SCRATCH_URL", "IDENTITY_KEY", "SESSION_KEYS", "SMTP_URL"):
        assert f"{needed}_FILE" in environment


def test_every_variable_of_the_operator_is_explained():
    guide = (ROOT / "deploy" / "README.md").read_text(encoding="utf-8")
    variables = set(re.findall(r"\$\{([A-Z_]+)", TEXT))
    assert {"PUBLIC_ORIGIN", "BOX_MAXMEMORY"} <= variables
    for variable in variables:
        assert f"`{variable}`" in guide, variable


def test_nothing_is_migrated_or_flushed_too_early(services):
    assert services["migrate"]["depends_on"]["postgres"]["condition"] == "service_healthy"
    for name in ("api", "flush", "books", "tasks", "codes", "ticker"):
        assert services[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully", name
    assert "box" not in services["api"]["depends_on"], "the API starts with the box away"
    assert services["api"]["deploy"]["replicas"] >= 2


def settings_of(path: str) -> dict[str, str]:
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    return dict(line.split(maxsplit=1) for line in lines if line.strip() and not line.startswith("#"))


def test_the_box_is_configured_as_the_design_demands(services):
    box = settings_of("deploy/valkey/box.conf")
    assert box["appendonly"] == "yes"
    assert box["appendfsync"] == "always"
    assert box["no-appendfsync-on-rewrite"] == "no"
    assert box["maxmemory-policy"] == "noeviction"
    assert box["io-threads"] == "1"
    assert "--maxmemory" in services["box"]["command"]
    scratch = settings_of("deploy/valkey/scratch.conf")
    assert (scratch["appendonly"], scratch["appendfsync"]) == ("yes", "everysec")
    assert scratch["maxmemory-policy"] == "noeviction"


def test_the_image_is_made_of_files_that_exist_and_are_sent_to_docker():
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    assert "--require-hashes" in dockerfile
    assert re.search(r"^USER binhchon$", dockerfile, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK ", dockerfile, re.MULTILINE)
    sent = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    sources = re.findall(r"^COPY ([\w./]+) ", dockerfile, re.MULTILINE)
    assert {"requirements.lock", "pyproject.toml", "models", "api", "workers", "scripts"} <= set(sources)
    for source in sources:
        assert (ROOT / source).exists(), source
        assert f"!{source}" in sent, source
