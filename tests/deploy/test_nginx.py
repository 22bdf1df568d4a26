"""The nginx configuration, in a real nginx before a stand-in for the API. Skipped where nginx is not installed."""

import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO

import pytest

from api.answers import SECURITY
from api.head import MOST_FIELDS
from api.outcomes import REFUSALS, Code
from loadtests.ports import free_port
from tests.deploy.nginx import (
    CONFIGURATION,
    HOST,
    Ports,
    Response,
    ask,
    checked,
    make_certificate,
    needs_nginx,
    running_nginx,
    said_to,
    unchecked,
    version,
)

pytestmark = needs_nginx


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


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with Api() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def start_nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[int], Ports]]:
    """`start_nginx(api_port)`."""
    with ExitStack() as stack:
        yield lambda api_port: stack.enter_context(running_nginx(tmp_path_factory.mktemp("nginx"), api_port))


@pytest.fixture(scope="module")
def ports(start_nginx: Callable[[int], Ports], api: Api) -> Ports:
    return start_nginx(api.server_port)


@pytest.fixture(scope="module")
def ports_without_api(start_nginx: Callable[[int], Ports]) -> Ports:
    return start_nginx(free_port())


def test_the_file_as_it_is(tmp_path):
    if version() < (1, 29, 8):
        pytest.skip("this nginx is too old")
    make_certificate(tmp_path)
    text = CONFIGURATION.read_text(encoding="utf-8").replace("/tmp/", f"{tmp_path}/")
    (tmp_path / "nginx.conf").write_text(text.replace("/run/secrets/", f"{tmp_path}/"), encoding="utf-8")
    assert "successful" in checked(tmp_path)


def plainly(port: int, path: str) -> Response:
    """One request without TLS."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers={"Host": HOST})
        response = connection.getresponse()
        return Response(response.status, response.headers, response.read())
    finally:
        connection.close()


def test_http_is_sent_to_https(ports: Ports) -> None:
    answer = plainly(ports.http, "/the-le?a=1")
    assert (answer.status, answer.headers["Location"]) == (308, f"https://{HOST}/the-le?a=1")
    assert_safe(answer, tls=False)


def test_a_call_over_http_is_refused_and_not_sent_on(ports: Ports) -> None:
    """So that nobody writes a client whose first request shows its session to the whole way."""
    answer = plainly(ports.http, "/api/entries/1/vote")
    assert_problem(answer, Code.NOT_FOUND, tls=False)
    assert "Location" not in answer.headers


def assert_safe(answer: Response, *, tls: bool = True) -> None:
    """An answer that nginx makes is as safe as one of the API, and nobody keeps it."""
    for name, value in SECURITY:
        assert answer.headers.get_all(name.decode()) == [value.decode()], name
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers.get_all("Strict-Transport-Security") == (["max-age=31536000"] if tls else None)
    assert (answer.headers["Retry-After"] is not None) == (answer.status >= 500)
    assert answer.headers["Server"] == "nginx"


def assert_problem(answer: Response, code: Code, *, tls: bool = True, words: bool = True) -> None:
    """The problem document of `code`, in the words of the API where they are the same."""
    refusal = REFUSALS[code]
    assert_safe(answer, tls=tls)
    assert answer.headers["Content-Type"] == "application/problem+json"
    document = json.loads(answer.body)
    told = (answer.status, document["status"], document["code"], document["type"])
    assert told == (refusal.status, refusal.status, code, f"urn:binhchon:problem:{code}")
    if words:
        assert (document["title"], document["detail"]) == (refusal.title, refusal.detail)


def assert_page(answer: Response, status: int, heading: str) -> None:
    assert_safe(answer)
    assert (answer.status, answer.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert f"<h1>{heading}</h1>" in answer.body.decode()


def first_of(came: bytes) -> Response:
    """The first answer of some bytes."""
    head, _, body = came.partition(b"\r\n\r\n")
    line, _, fields = head.partition(b"\r\n")
    headers = http.client.parse_headers(BytesIO(fields + b"\r\n\r\n"))
    return Response(int(line.split()[1]), headers, body[: int(headers["Content-Length"])])


def test_what_is_no_request_is_refused_in_the_words_of_the_contract(ports: Ports, api: Api) -> None:
    before = len(api.asked)
    for sent, code in (
        (b"GET / HTTP/1.1\r\n\r\n", Code.MALFORMED),  # no host
        (b"GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n", Code.MALFORMED),
        (b"GET / HTTP/3.3\r\nHost: x\r\n\r\n", Code.MALFORMED),
        (b"nonsense\r\n\r\n", Code.MALFORMED),
        (b"PUT /api/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", Code.MALFORMED),
        (b"TRACE /api/x HTTP/1.1\r\nHost: x\r\n\r\n", Code.WRONG_METHOD),
        (b"GET /api/x HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 9_000 + b"\r\n\r\n", Code.HEAD_TOO_LARGE),
        (b"GET /api/" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", Code.HEAD_TOO_LARGE),
        (b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", None),
    ):
        answer = first_of(said_to(ports.https, sent))
        if code is None:
            assert_page(answer, 404, "Không tìm thấy nội dung này.")
        else:
            assert_problem(answer, code)
    in_clear = said_to(ports.https, b"GET /api/x HTTP/1.1\r\nHost: x\r\n\r\n", tls=False)
    assert_problem(first_of(in_clear), Code.MALFORMED, tls=False)
    assert len(api.asked) == before


def test_so_many_fields_pass_and_the_api_takes_them_with_those_of_nginx(ports: Ports, api: Api) -> None:
    most = 90

    def sent(path: bytes, fields: int) -> bytes:
        more = b"".join(b"A%d: b\r\n" % number for number in range(fields - 1))
        return b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n" + more + b"\r\n"

    answer = first_of(said_to(ports.https, sent(b"/api/x", most)))
    assert answer.status == 200
    assert most <= len(json.loads(answer.body)) <= MOST_FIELDS
    before = len(api.asked)
    assert_problem(first_of(said_to(ports.https, sent(b"/api/x", most + 1))), Code.HEAD_TOO_LARGE)
    assert_page(first_of(said_to(ports.https, sent(b"/x", most + 1))), 431, "Phần đầu của yêu cầu quá lớn.")
    assert len(api.asked) == before


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"PUT /api/entries/1/vote HTTP/1.1\r\nHost: x\r\n",
        b"PUT /api/entries/1/vote HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhe",
        b"PUT /api/entries/1/vote HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe",
    ],
    ids=["nothing", "half a head", "half a body", "half a chunk"],
)
def test_who_is_slow_is_cut_off_here_and_the_api_never_hears_of_it(quick: Ports, api: Api, sent: bytes) -> None:
    before = len(api.asked)
    with (
        socket.create_connection(("127.0.0.1", quick.https), timeout=10) as plain,
        unchecked().wrap_socket(plain) as connection,
    ):
        connection.sendall(sent)
        with suppress(ConnectionResetError):
            assert connection.recv(4_096) == b""
    assert len(api.asked) == before


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory, api: Api) -> Iterator[Ports]:
    """An nginx with less patience than the file has."""
    times = {f"client_{part}_timeout 10s;": f"client_{part}_timeout 300ms;" for part in ("header", "body")}
    with running_nginx(tmp_path_factory.mktemp("nginx"), api.server_port, times) as ports:
        yield ports


def test_what_a_client_claims_about_its_address_ends_here(ports):
    claims = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "evil.example"}
    status, headers, body = ask(ports[1], "GET", "/api/contest", headers=claims)
    seen = json.loads(body)
    assert status == 200
    assert seen["X-Forwarded-For"] == "127.0.0.1"
    assert seen["X-Forwarded-Proto"] == "https"
    assert seen["X-Forwarded-Host"] == seen["Host"] == "binhchon.example.vn"
    assert headers.get_all("Strict-Transport-Security") == ["max-age=31536000"]
    for name in ("X-Content-Type-Options", "Content-Security-Policy", "Cache-Control", "Retry-After"):
        assert name not in headers, "what the API says or not is its own"


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
    too_large = b"x" * (64 * 1024 + 1)
    assert_problem(ask(ports[1], "PUT", "/api/entries/12/vote", too_large), Code.TOO_LARGE)
    assert_page(ask(ports[1], "POST", "/dang-nhap", too_large), 413, "Yêu cầu quá lớn.")
    assert_page(ask(ports[1], "POST", "/operator/imports", b"x" * (26 * 1024**2 + 1)), 413, "Yêu cầu quá lớn.")
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
    ("method", "code"), [("PUT", Code.NOT_CONFIRMED), ("POST", Code.NOT_CONFIRMED), ("GET", Code.NOT_READY)]
)
def test_without_an_api_the_answer_is_503_and_when_to_come_back(ports_without_api, method, code):
    for _ in range(2):  # the second time nginx does not even try
        answer = ask(ports_without_api[1], method, "/api/entries/12/vote")
        assert_problem(answer, code, words=False)
        assert 1 <= int(answer.headers["Retry-After"]) <= 4


def test_without_an_api_a_page_says_so_in_vietnamese(ports_without_api: Ports) -> None:
    for path in ("/binh-chon", "/operator/", "/operator/login", "/operator/live", "/health/ready"):
        assert_page(ask(ports_without_api[1], "GET", path), 503, "Hệ thống chưa trả lời được")


def test_an_api_that_hangs_up_leaves_a_vote_unconfirmed(ports):
    status, _, body = ask(ports[1], "PUT", "/api/hang-up")
    assert (status, json.loads(body)["code"]) == (503, "not_confirmed")


def test_metrics_are_not_for_the_public(ports, api):
    before = len(api.asked)
    assert ask(ports[1], "GET", "/metrics")[0] == 404
    assert len(api.asked) == before
