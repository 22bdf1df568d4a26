"""A real nginx with the configuration of deploy/nginx before an API of a test."""

import http.client
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from pathlib import Path
from typing import NamedTuple

import pytest

from loadtests.ports import free_port
from models.settings import ROOT
from tests.servers import wait_for

CONFIGURATION = ROOT / "deploy" / "nginx" / "nginx.conf"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
OPENSSL = shutil.which("openssl")
HOST = "binhchon.example.vn"
FIRST_S, NEXT_S = 3.0, 0.25  # how long an answer is waited for, and one behind it

needs_nginx = pytest.mark.skipif(not (NGINX and OPENSSL), reason="nginx or openssl is not installed")


class Ports(NamedTuple):
    http: int
    https: int


class Response(NamedTuple):
    status: int
    headers: Message
    body: bytes


def version() -> tuple[int, ...]:
    said = subprocess.run([str(NGINX), "-v"], capture_output=True, text=True, check=True).stderr
    found = re.search(r"nginx/(\d+)\.(\d+)\.(\d+)", said)
    assert found, said
    return tuple(int(part) for part in found.groups())


def adapted(folder: Path, ports: Ports, api_port: int) -> str:
    """The configuration with ports, files and upstream of a test, and without what an older nginx does not know."""
    http2 = version() >= (1, 25, 1)
    counts = version() >= (1, 29, 8) or b"\0max_headers\0" in Path(str(NGINX)).read_bytes()  # as Debian has it
    changes = {
        "/tmp/": f"{folder}/",
        "/run/secrets/": f"{folder}/",
        "listen 8080": f"listen 127.0.0.1:{ports.http}",
        "listen 8443 ssl": f"listen 127.0.0.1:{ports.https} ssl" + ("" if http2 else " http2"),
        "api:8000 resolve": f"127.0.0.1:{api_port}",
        "http2 on;": "http2 on;" if http2 else "",
        "max_headers 90;": "max_headers 90;" if counts else "",
    }
    text = CONFIGURATION.read_text(encoding="utf-8")
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def make_certificate(folder: Path) -> None:
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost"]
    files = ["-keyout", folder / "tls_key", "-out", folder / "tls_certificate"]
    subprocess.run([str(OPENSSL), "req", *kind, *files], check=True, capture_output=True)


def checked(folder: Path) -> str:
    """What `nginx -t` says. Errors: AssertionError when it refuses the configuration in `folder` or warns of it."""
    done = subprocess.run([*command(folder), "-t"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr
    return done.stderr


def command(folder: Path) -> list[str]:
    return [str(NGINX), "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]


@contextmanager
def running_nginx(folder: Path, api_port: int, changes: dict[str, str] | None = None) -> Iterator[Ports]:
    """An nginx before the API at `api_port`. `changes`: what stands otherwise in its configuration."""
    ports = Ports(free_port(), free_port())
    make_certificate(folder)
    text = adapted(folder, ports, api_port)
    for old, new in (changes or {}).items():
        assert old in text, old
        text = text.replace(old, new)
    (folder / "nginx.conf").write_text(text, encoding="utf-8")
    checked(folder)
    with subprocess.Popen(command(folder), stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(lambda: listening(ports.https), what="nginx listens")
            yield ports
        finally:
            process.terminate()
            process.wait(10)


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def unchecked() -> ssl.SSLContext:
    """TLS with whoever answers."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def ask(
    port: int, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> Response:
    """One request over TLS."""
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=unchecked())
    try:
        connection.request(method, path, body, {"Host": HOST, **(headers or {})})
        response = connection.getresponse()
        return Response(response.status, response.headers, response.read())
    finally:
        connection.close()


def said_to(port: int, sent: bytes, *, tls: bool = True) -> bytes:
    """All that is answered to bytes as they are, until the server closes or says nothing more. Where it waits for more,
    nothing ever comes: hence an end to waiting.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        connection = unchecked().wrap_socket(plain) if tls else plain
        connection.settimeout(FIRST_S)
        came = b""
        try:
            connection.sendall(sent)
            while more := connection.recv(65_536):
                came += more
                connection.settimeout(NEXT_S)
        except OSError:  # time is up, or it closed before all was sent
            pass
        if tls:
            connection.close()
        return came
