"""The nginx configuration, in a real nginx before a stand-in for the API. Skipped where nginx is not installed."""

import http.client
import json
import re
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from loadtests.ports import free_port
from models.settings import ROOT
from tests.servers import wait_for

CONFIGURATION = ROOT / "deploy" / "nginx" / "nginx.conf"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
OPENSSL = shutil.which("openssl")

pytestmark = pytest.mark.skipif(not (NGINX and OPENSSL), reason="nginx or openssl is not installed")


class StandIn(BaseHTTPRequestHandler):
    """Answers with the headers that it was sent, as JSON; hangs up on /api/hang-up."""

    protocol_version = "HTTP/1.1"

    def _answer(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((self.command, self.path))
        if self.path == "/api/hang-up":
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        body = json.dumps(dict(self.headers)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_POST = _answer  # noqa: N815  http.server names its methods so

    def log_message(self, *arguments):
        """Nothing: the test looks at `asked`."""


class Api(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), StandIn)
        self.asked: list[tuple[str, str]] = []


def version() -> tuple[int, ...]:
    said = subprocess.run([str(NGINX), "-v"], capture_output=True, text=True, check=True).stderr
    found = re.search(r"nginx/(\d+)\.(\d+)\.(\d+)", said)
    assert found, said
    return tuple(int(part) for part in found.groups())


def adapted(folder: Path, http_port: int, https_port: int, api_port: int) -> str:
    """The configuration with ports, files and upstream of this test; older nginx lack `http2`."""
    changes = {
        "/tmp/": f"{folder}/",
        "/run/secrets/": f"{folder}/",
        "listen 8080": f"listen 127.0.0.1:{http_port}",
        "listen 8443": f"listen 127.0.0.1:{https_port}",
        "api:8000 resolve": f"127.0.0.1:{api_port}",
        "http2 on;": "http2 on;" if version() >= (1, 25, 1) else "",
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


def checked(command: list) -> str:
    """What `nginx -t` says. Errors: AssertionError when it refuses the configuration or warns of it."""
    done = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with Api() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def start_nginx(tmp_path_factory) -> Iterator:
    started = []

    def start(api_port: int) -> tuple[int, int]:
        """An nginx before the API at `api_port`; returns its ports for HTTP and HTTPS."""
        folder = tmp_path_factory.mktemp("nginx")
        ports = free_port(), free_port()
        make_certificate(folder)
        configuration = folder / "nginx.conf"
        configuration.write_text(adapted(folder, *ports, api_port), encoding="utf-8")
        command = [str(NGINX), "-e", "stderr", "-p", folder, "-c", configuration]
        checked(command)
        started.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))
        wait_for(lambda: listening(ports[1]), what="nginx listens")
        return ports

    yield start
    for process in started:
        process.terminate()
        process.wait(10)


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def ports(start_nginx, api) -> tuple[int, int]:
    return start_nginx(api.server_port)


@pytest.fixture(scope="module")
def ports_without_api(start_nginx) -> tuple[int, int]:
    return start_nginx(free_port())


def ask(port, method, path, body=None, headers=None):
    """(status, headers, body) of one HTTPS request."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)
    try:
        connection.request(method, path, body, {"Host": "binhchon.example.vn", **(headers or {})})
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def test_the_file_as_it_is(tmp_path):
    if version() < (1, 27, 3):
        pytest.skip("this nginx is too old for `resolve`")
    make_certificate(tmp_path)
    text = CONFIGURATION.read_text(encoding="utf-8").replace("/tmp/", f"{tmp_path}/")
    (tmp_path / "nginx.conf").write_text(text.replace("/run/secrets/", f"{tmp_path}/"), encoding="utf-8")
    assert "successful" in checked([NGINX, "-e", "stderr", "-p", tmp_path, "-c", tmp_path / "nginx.conf"])


def test_http_is_sent_to_https(ports):
    connection = http.client.HTTPConnection("127.0.0.1", ports[0], timeout=10)
    try:
        connection.request("GET", "/the-le?a=1", headers={"Host": "binhchon.example.vn"})
        response = connection.getresponse()
        assert (response.status, response.headers["Location"]) == (308, "https://binhchon.example.vn/the-le?a=1")
    finally:
        connection.close()


def test_what_a_client_claims_about_its_address_ends_here(ports):
    claims = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "evil.example"}
    status, headers, body = ask(ports[1], "GET", "/api/contest", headers=claims)
    seen = json.loads(body)
    assert status == 200
    assert seen["X-Forwarded-For"] == "127.0.0.1"
    assert seen["X-Forwarded-Proto"] == "https"
    assert seen["X-Forwarded-Host"] == seen["Host"] == "binhchon.example.vn"
    assert headers["Strict-Transport-Security"]


def test_a_vote_passes_with_its_headers(ports, api):
    sent = {
        "Authorization": "Bearer x",
        "For-Account": "a",
        "Sec-Fetch-Site": "same-origin",
        "Cookie": "__Host-session=t",
    }
    status, _, body = ask(ports[1], "PUT", "/api/entries/12/vote", headers=sent)
    assert status == 200
    assert json.loads(body).items() >= sent.items()
    assert ("PUT", "/api/entries/12/vote") in api.asked


def test_a_body_beyond_64_kb_is_refused_in_the_words_of_the_contract(ports, api):
    before = len(api.asked)
    status, headers, body = ask(ports[1], "PUT", "/api/entries/12/vote", body=b"x" * (64 * 1024 + 1))
    assert (status, headers["Content-Type"], json.loads(body)["code"]) == (413, "application/problem+json", "too_large")
    status, headers, _ = ask(ports[1], "POST", "/dang-nhap", body=b"x" * (64 * 1024 + 1))
    assert (status, headers["Content-Type"]) == (413, "text/html; charset=utf-8")
    assert len(api.asked) == before
    assert ask(ports[1], "PUT", "/api/entries/12/vote", body=b"x" * 64 * 1024)[0] == 200


def test_operators_hand_in_files_that_voters_may_not(ports, api):
    files = b"x" * 25 * 1024**2
    assert ask(ports[1], "POST", "/operator/imports", body=files)[0] == 200
    assert ask(ports[1], "POST", "/operator/imports", body=b"x" * (26 * 1024**2 + 1))[0] == 413


@pytest.mark.parametrize("path", ["login", "logout", "second-factor/set-up", "new-password", "openid/google"])
def test_what_anybody_may_send_to_the_console_is_small(ports, api, path):
    assert ask(ports[1], "POST", f"/operator/{path}", body=b"x" * 16 * 1024)[0] == 200
    before = len(api.asked)
    assert ask(ports[1], "POST", f"/operator/{path}", body=b"x" * (16 * 1024 + 1))[0] == 413
    assert len(api.asked) == before
    assert ask(ports[1], "POST", f"/operator/accounts/{path}", body=b"x" * 17 * 1024)[0] == 200


@pytest.mark.parametrize(
    ("method", "code"), [("PUT", "not_confirmed"), ("POST", "not_confirmed"), ("GET", "not_ready")]
)
def test_without_an_api_the_answer_is_503_and_when_to_come_back(ports_without_api, method, code):
    status, headers, body = ask(ports_without_api[1], method, "/api/entries/12/vote")
    assert (status, headers["Content-Type"], json.loads(body)["code"]) == (503, "application/problem+json", code)
    assert 1 <= int(headers["Retry-After"]) <= 4
    assert headers["Cache-Control"] == "no-store"


def test_without_an_api_a_page_says_so_in_vietnamese(ports_without_api):
    status, headers, body = ask(ports_without_api[1], "GET", "/binh-chon")
    assert (status, headers["Content-Type"]) == (503, "text/html; charset=utf-8")
    assert "Hệ thống chưa trả lời được" in body.decode()
    assert headers["Retry-After"]


def test_an_api_that_hangs_up_leaves_a_vote_unconfirmed(ports):
    status, _, body = ask(ports[1], "PUT", "/api/hang-up")
    assert (status, json.loads(body)["code"]) == (503, "not_confirmed")


def test_metrics_are_not_for_the_public(ports, api):
    before = len(api.asked)
    assert ask(ports[1], "GET", "/metrics")[0] == 404
    assert len(api.asked) == before
